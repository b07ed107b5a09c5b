"""Entries made offline: each exactly once however often and from wherever they come, conflicts shown, none lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from runtime import audit, idempotency, records, sync_kept
from runtime.apps import RunningApp
from runtime.context import RunContext, User
from runtime.database import Database
from runtime.errors import Conflict, Invalid, NotFound, UserError
from runtime.sync_entries import MOST, read_batch
from tests.runtime.rules.firm import BOSS, NOON, context, open_firm

CLERK = User(account=3, name="clerk", roles=frozenset({"clerk"}))
MADE = "2026-03-02T09:00:00+08:00"
Row = dict[str, Any]
_numbers = count(1)


@pytest.fixture(scope="module")
def app(module_database: Database) -> RunningApp:
    return open_firm(module_database)


class Device:
    """Somebody who brings batches."""

    def __init__(self, app: RunningApp, user: User = BOSS, moment: datetime = NOON) -> None:
        self.app, self.user, self.moment = app, user, moment

    @property
    def ctx(self) -> RunContext:
        """The context of a call; connections are opened for each entry."""
        return context(self.app, None, self.user, self.moment)  # type: ignore[arg-type]

    def send(self, *entries: Row) -> list[Row]:
        """The fates of a batch."""
        return sync_kept.take_batch(self.ctx, read_batch(self.ctx, {"entries": list(entries)}), described)

    def within(self, work: Callable[[RunContext], Any]) -> Any:
        """Something done in a transaction."""
        return self.app.database.run(lambda c: work(replace(self.ctx, connection=c)))

    def open(self) -> list[sync_kept.Kept]:
        """What was not taken in."""
        found: list[sync_kept.Kept] = self.within(sync_kept.not_taken_in)
        return found

    def settle(self) -> None:
        """Away with all that is open."""
        for one in self.open():
            self.within(lambda ctx, id=one.id: sync_kept.discard(ctx, id))


@pytest.fixture
def device(app: RunningApp) -> Iterator[Device]:
    """The boss's device; what it leaves open is settled in the end."""
    found = Device(app)
    yield found
    found.settle()


def described(error: UserError) -> Row:
    return {"codes": [f.code for f in error.faults], "fields": [f.field for f in error.faults]}


def new(entity: str, key: str = "", **values: object) -> Row:
    return {"key": key or fresh(), "made_at": MADE, "kind": "create", "entity": entity, "values": values}


def change(entity: str, id: object, version: object, key: str = "", **values: object) -> Row:
    row = {"key": key or fresh(), "made_at": MADE, "kind": "change", "entity": entity, "id": id, "values": values}
    return row if version is None else {**row, "version": version}


def act(entity: str, id: object, action: str, key: str = "", **more: object) -> Row:
    return {"key": key or fresh(), "made_at": MADE, "kind": "act", "entity": entity, "id": id, "action": action, **more}


def made_by(key: str) -> Row:
    return {"$entry": key}


def fresh() -> str:
    return f"k{next(_numbers)}"


def fates(answers: Sequence[Row]) -> list[str]:
    return [one["fate"] for one in answers]


def item(device: Device, **values: object) -> tuple[int, int]:
    """A new item: its id and version."""
    code = fresh().upper()
    saved = device.within(lambda ctx: records.create(ctx, "item", {"code": code, "name": code, **values}))
    return saved.id, saved.version


def load(device: Device, entity: str, id: int) -> Row:
    found: Row = device.within(lambda ctx: records.load(ctx, entity, id))
    return found


def told(device: Device, rule: str, record: int) -> list[str]:
    """What a rule said about a record."""
    table = device.app.tables.system.outbox
    query = select(table.c.text_zh).where(table.c.origin == f"rule:{rule}", table.c.record == record)
    return list(device.within(lambda ctx: ctx.connection.execute(query.order_by(table.c.id)).scalars().all()))


def test_a_document_made_changed_and_moved_on_offline_comes_in_once_and_its_rules_fire_once(device: Device) -> None:
    order, changed, approved = fresh(), fresh(), fresh()
    batch = (
        new("order", order, partner={"code": "K"}, lines=[{"item": {"code": "A"}, "qty": 20}]),
        change("order", made_by(order), None, changed, due="2026-04-01"),
        act("order", made_by(changed), "approve", approved),
    )
    first = device.send(*batch)
    assert fates(first) == ["done", "done", "done"]
    id = first[0]["id"]
    assert (first[0]["code"], first[2]["status"], {one["id"] for one in first}) == (f"SO-{id:04}", "approved", {id})
    again = device.send(*batch)
    assert fates(again) == ["already", "already", "already"]
    assert [{**one, "fate": ""} for one in again] == [{**one, "fate": ""} for one in first]
    assert told(device, "to_customer", id) == ["合计 20"]
    assert load(device, "order", id)["due"].isoformat() == "2026-04-01"


def test_the_trail_tells_when_it_was_made_and_that_it_came_by_sync(device: Device) -> None:
    (done,) = device.send(new("item", code=fresh().upper(), name="铜"))
    (entry,) = device.within(lambda ctx: audit.history(ctx, "item", done["id"]))
    assert (entry["source"], entry["account"]) == ("sync", BOSS.account)
    assert (entry["made_at"], entry["at"]) == (datetime(2026, 3, 2, 1, 0, tzinfo=UTC), NOON)


def test_a_change_of_other_fields_than_theirs_fits_and_the_same_field_is_a_conflict(device: Device) -> None:
    id, seen = item(device, cost="1.00")
    device.within(lambda ctx: records.update(ctx, "item", id, {"cost": "2.50"}))
    fitting, clashing, same = device.send(
        change("item", id, seen, safety="7"), change("item", id, seen, cost="9"), change("item", id, seen, cost="2.5")
    )
    assert (fitting["fate"], clashing["fate"], same["fate"]) == ("done", "conflict", "done")
    assert clashing["fields"] == [
        {"field": "cost", "label": "成本", "before": "1.00", "theirs": "2.50", "yours": "9.00"}
    ]
    assert clashing["problem"]["codes"] == ["sync_clash"]
    assert clashing["next"] == "在“离线未入账”里重做（以这一条为准）或作废"
    row = load(device, "item", id)
    assert (str(row["safety"].normalize()), str(row["cost"])) == ("7", "2.50")


def test_whoever_changes_a_record_twice_offline_does_not_collide_with_himself(device: Device) -> None:
    id, seen = item(device, cost="1.00")
    first = fresh()
    both = device.send(change("item", id, seen, first, cost="2"), change("item", id, seen, cost="3"))
    assert fates(both) == ["done", "done"]
    (later,) = device.send(change("item", id, made_by(first), cost="4"))
    assert later["fate"] == "conflict"  # the entry of 3 is not one that this entry says it knows of
    device.within(lambda ctx: records.update(ctx, "item", id, {"name": "别人改的"}))
    assert fates(device.send(change("item", id, both[1]["version"], name="我改的"))) == ["conflict"]


def test_a_conflict_is_redone_with_its_own_value_and_a_repeat_finds_it_done(device: Device) -> None:
    id, seen = item(device, cost="1.00")
    device.within(lambda ctx: records.update(ctx, "item", id, {"cost": "2"}))
    entry = change("item", id, seen, cost="9")
    (clash,) = device.send(entry)
    (kept,) = device.open()
    assert (kept.id, kept.key, kept.entry) == (clash["kept"], entry["key"], entry)
    done = device.within(lambda ctx: sync_kept.redo(ctx, kept.id))
    assert (done["fate"], str(load(device, "item", id)["cost"])) == ("done", "9.00")
    assert device.open() == []
    assert fates(device.send(entry)) == ["already"]


def test_what_is_refused_is_kept_with_its_reasons_and_what_stands_on_it_waits_and_follows(device: Device) -> None:
    order, approved = fresh(), fresh()
    code = fresh().upper()
    refused, waiting, other = device.send(
        new("order", order, partner={"code": code}),
        act("order", made_by(order), "approve", approved),
        new("item", code=fresh().upper(), name="铁"),
    )
    assert (refused["fate"], waiting["fate"], other["fate"]) == ("refused", "waiting", "done")
    assert refused["problem"] == {"codes": ["no_such_record"], "fields": ["partner"]}
    assert waiting["waits_for"] == order
    device.within(lambda ctx: records.create(ctx, "partner", {"code": code, "name": "新客户"}))
    with pytest.raises(Conflict, match="先处理那一条"):
        device.within(lambda ctx: sync_kept.redo(ctx, waiting["kept"]))
    done = device.within(lambda ctx: sync_kept.redo(ctx, refused["kept"]))
    (followed,) = sync_kept.follow(device.ctx, BOSS.account, order, described)
    assert (followed["key"], followed["fate"], followed["id"]) == (approved, "done", done["id"])
    assert device.open() == []


def test_what_was_discarded_stays_out_however_often_it_is_sent(device: Device) -> None:
    order = fresh()
    entry = new("order", order, partner={"code": "NOBODY"})
    (refused,) = device.send(entry)
    device.within(lambda ctx: sync_kept.discard(ctx, refused["kept"]))
    device.within(lambda ctx: records.create(ctx, "partner", {"code": "NOBODY", "name": "有了"}))
    (again,) = device.send(entry)
    assert (again["fate"], again["problem"]["codes"]) == ("refused", ["sync_discarded"])
    (after,) = device.send(act("order", made_by(order), "approve"))
    assert after["problem"]["codes"] == ["sync_stands_on_discarded"]
    assert [one.key for one in device.open()] == [after["key"]]


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"made_at": "2026-03-02T12:11:00+08:00"}, "sync_future", "made_at"),
        ({"made_at": "2026-01-30T11:00:00+08:00"}, "sync_old", "made_at"),
        ({"made_at": "2026-03-02T12:00:00"}, "sync_made_at", "made_at"),
        ({"made_at": "0001-01-01T00:00:00+14:00"}, "sync_made_at", "made_at"),
        ({"kind": "destroy"}, "sync_bad_kind", "kind"),
        ({"entity": "nothing"}, "no_such_entity", ""),
        ({"entity": "order.lines"}, "no_such_entity", ""),
        ({"id": "x"}, "sync_bad_id", "id"),
        ({"id": 10**6}, "not_found", ""),
        ({"id": made_by("nobody")}, "sync_no_such_entry", ""),
        ({"version": None}, "sync_bad_version", "version"),
        ({"values": []}, "not_an_object", "values"),
        ({"values": {"safety": "-1"}}, "below_minimum", "safety"),
        ({"values": {"color": "red"}}, "unknown_field", "color"),
        ({"force": True}, "sync_unknown_part", "force"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused_by_name_and_kept(
    device: Device, more: Row, code: str, field: str
) -> None:
    entry = {**change("item", 1, 1, safety="3"), **more}
    (fate,) = device.send(entry)
    assert fate["fate"] == "refused"
    assert fate["problem"] == {"codes": [code], "fields": [field]}
    assert [one.entry for one in device.open()] == [entry]


def test_rights_hold_for_entries_as_for_everything(app: RunningApp, device: Device) -> None:
    clerk = Device(app, CLERK)
    made, cost = clerk.send(new("order", partner={"code": "K"}), change("item", 1, 1, cost="1"))
    assert made["problem"]["codes"] == ["forbidden"]
    assert made["next"] == "请有权限的人或管理员在“离线未入账”里重做，或作废"
    assert cost["problem"]["codes"] == ["unknown_field"]
    assert [one.id for one in clerk.open()] == [cost["kept"], made["kept"]]
    chief = Device(app, User(account=4, name="chief", roles=frozenset({"chief"})))
    assert chief.open() == []  # others' entries are administrators' business only
    with pytest.raises(NotFound):
        chief.within(lambda ctx: sync_kept.redo(ctx, made["kept"]))
    admin = device
    assert [one.account for one in admin.open()] == [3, 3]
    assert admin.within(lambda ctx: sync_kept.redo(ctx, made["kept"]))["fate"] == "done"
    clerk.settle()


def clashing(device: Device, clerk: Device) -> tuple[Row, Row]:
    """A clerk's change that clashes, and an order he may not make that names its item: both kept."""
    id, seen = item(device, name="甲")
    device.within(lambda ctx: records.update(ctx, "item", id, {"name": "乙"}))
    changed = change("item", id, seen, name="丙")
    line = {"item": made_by(changed["key"]), "qty": 1}
    clash, order = clerk.send(changed, new("order", partner={"code": "K"}, lines=[line]))
    return clash, order


def test_what_may_not_be_done_does_not_wait_for_another(app: RunningApp, device: Device) -> None:
    clash, order = clashing(device, Device(app, CLERK))
    assert (clash["fate"], order["fate"], order["problem"]["codes"]) == ("conflict", "refused", ["forbidden"])


def test_what_follows_has_the_rights_of_its_owner_whoever_redoes(app: RunningApp, device: Device) -> None:
    clerk = Device(app, CLERK)
    clash, order = clashing(device, clerk)
    kept = app.tables.system.not_taken_in
    waits = kept.update().where(kept.c.id == order["kept"]).values(waits_for=clash["key"])
    device.within(lambda ctx: ctx.connection.execute(waits))
    done = device.within(lambda ctx: sync_kept.redo(ctx, clash["kept"]))
    assert sync_kept.follow(device.ctx, CLERK.account, clash["key"], described) == []
    (left,) = clerk.open()
    assert (left.id, left.fate["fate"], left.fate["problem"]["codes"]) == (order["kept"], "refused", ["forbidden"])
    trail = device.within(lambda ctx: audit.history(ctx, "item", done["id"]))
    assert [(one["kind"], one["account"], one["note"]) for one in trail[:2]] == [
        ("redone", BOSS.account, "clerk 的离线录入"),
        ("update", CLERK.account, ""),
    ]


def test_entries_of_an_account_that_is_not_in_use_stay_open_and_say_so(app: RunningApp, device: Device) -> None:
    clerk = Device(app, CLERK)
    id, seen = item(device, name="甲")
    device.within(lambda ctx: records.update(ctx, "item", id, {"name": "乙"}))
    changed = change("item", id, seen, name="丙")
    clash, waiting = clerk.send(changed, change("item", made_by(changed["key"]), None, name="丁"))
    assert (clash["fate"], waiting["fate"]) == ("conflict", "waiting")
    account = app.tables.system.account
    of_clerk = account.update().where(account.c.id == CLERK.account)
    device.within(lambda ctx: ctx.connection.execute(of_clerk.values(active=False)))
    try:
        with pytest.raises(Conflict, match="录入人的账号已停用"):
            device.within(lambda ctx: sync_kept.redo(ctx, clash["kept"]))
        assert sync_kept.follow(device.ctx, CLERK.account, changed["key"], described) == []
        assert [one.fate["problem"]["codes"] for one in device.open()] == [["sync_owner_gone"], ["sync_clash"]]
    finally:
        device.within(lambda ctx: ctx.connection.execute(of_clerk.values(active=True)))


def test_a_fault_of_ours_at_one_entry_is_that_entrys_fate(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    create = records.create

    def torn(ctx: RunContext, entity: str, values: Row) -> Any:
        if values.get("name") == "坏":
            raise ZeroDivisionError
        return create(ctx, entity, values)

    monkeypatch.setattr(records, "create", torn)
    broken, sound = device.send(
        new("item", code=fresh().upper(), name="坏"), new("item", code=fresh().upper(), name="好")
    )
    assert (broken["fate"], broken["problem"]["codes"], sound["fate"]) == ("refused", ["sync_failed"], "done")
    assert [one.key for one in device.open()] == [broken["key"]]


def test_a_sign_no_database_holds_in_the_name_of_an_earlier_entry_is_that_entrys_fate(device: Device) -> None:
    made = new("item", code=fresh().upper(), name="铜")
    by_id, within, sound = device.send(
        change("item", made_by("a\0b"), 1, name="x"), new("receipt", item=made_by("a\0b"), qty=1), made
    )
    assert (by_id["fate"], by_id["problem"]["codes"]) == ("refused", ["sync_bad_id"])
    assert (within["fate"], within["problem"]["fields"], sound["fate"]) == ("refused", ["item"], "done")


def test_a_moment_beyond_all_years_is_refused_and_not_kept_as_a_moment(device: Device) -> None:
    (fate,) = device.send({**new("item", name="x"), "made_at": "9999-12-31T23:59:59+00:00"})
    assert fate["problem"]["codes"] == ["sync_made_at"]
    assert [one.made_at for one in device.open()] == [None]


def test_one_discarded_whose_key_is_anothers_stays_discarded(device: Device) -> None:
    key = fresh()
    other = new("item", key, code=fresh().upper(), name="二")
    _, kept = device.send(new("item", key, code=fresh().upper(), name="一")), device.send(other)[0]
    device.within(lambda ctx: sync_kept.discard(ctx, kept["kept"]))
    (again,) = device.send(other)
    assert (again["fate"], again["problem"]["codes"], "kept" in again) == ("refused", ["sync_discarded"], False)
    assert device.open() == []


def test_whose_entry_was_not_taken_in_is_told_once_a_day(app: RunningApp, device: Device) -> None:
    chief = User(account=4, name="chief", roles=frozenset({"chief"}))
    table = app.tables.system.inbox
    query = select(func.count()).where(table.c.account == chief.account)
    before = device.within(lambda ctx: ctx.connection.execute(query).scalar())
    for day in (0, 0, 1):
        Device(app, chief, NOON + timedelta(days=day)).send(new("order", partner={"code": "NONE"}), new("order"))
    assert device.within(lambda ctx: ctx.connection.execute(query).scalar()) == before + 2


def test_a_batch_that_cannot_be_told_apart_is_refused_as_a_whole(device: Device) -> None:
    entry = new("item", code="X", name="X")
    for entries, code in (
        ([entry] * (MOST + 1), "sync_too_many"),
        ([entry, {**new("item"), "values": {"name": "x" * 300_000}}], "sync_too_large"),
        ([{**entry, "key": ""}], "sync_bad_key"),
        ([{**entry, "key": "键"}], "sync_bad_key"),
        ([entry, {**entry, "entity": "order"}], "sync_key_twice"),
    ):
        with pytest.raises(Invalid) as refused:
            device.send(*entries)
        assert {f.code for f in refused.value.faults} == {code}


def test_a_key_that_was_used_for_another_entry_loses_neither(device: Device) -> None:
    key = fresh()
    (first,) = device.send(new("item", key, code=fresh().upper(), name="一"))
    other = new("item", key, code=fresh().upper(), name="二")
    (second,) = device.send(other)
    assert (first["fate"], second["problem"]["codes"]) == ("done", ["key_reused"])
    assert [one.entry for one in device.open()] == [other]


def test_somebody_with_too_much_open_settles_some_first(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_kept, "MOST_OPEN", 3)
    device.send(*(new("order", partner={"code": "NONE"}) for _ in range(2)))
    device.within(lambda ctx: sync_kept.refuse_overfull(ctx, 1))
    with pytest.raises(Conflict, match="已有 2 条离线未入账等着处理，最多 3 条"):
        device.within(lambda ctx: sync_kept.refuse_overfull(ctx, 2))


def test_what_is_settled_is_forgotten_one_day_and_what_is_open_never(device: Device) -> None:
    gone, open_ = (new("order", partner={"code": "NONE"}) for _ in range(2))
    (one,) = device.send(gone)
    device.within(lambda ctx: sync_kept.discard(ctx, one["kept"]))
    device.send(open_)
    later = Device(device.app, BOSS, NOON + timedelta(days=200))
    assert later.within(sync_kept.forget_old) >= 1
    assert [one.key for one in later.open()] == [open_["key"]]
    table = device.app.tables.system.idempotency
    keys = select(func.count()).where(table.c.key.like(f"{idempotency.OFFLINE}%"))
    plain = Device(device.app, BOSS, NOON)
    assert plain.within(lambda ctx: idempotency.begin(ctx, "of a header", b"x")) is None
    offline = device.within(lambda ctx: ctx.connection.execute(keys).scalar())
    assert Device(device.app, BOSS, NOON + timedelta(days=40)).within(idempotency.forget_old) == 1
    assert device.within(lambda ctx: ctx.connection.execute(keys).scalar()) == offline > 0
    assert Device(device.app, BOSS, NOON + timedelta(days=4000)).within(idempotency.forget_old) == 0


def test_what_was_taken_in_is_known_however_late_it_is_sent_again(device: Device) -> None:
    entry = new("item", code=fresh().upper(), name="铜")
    (first,) = device.send(entry)
    later = Device(device.app, BOSS, NOON + timedelta(days=60))
    later.within(idempotency.forget_old)
    assert later.send(entry) == [{**first, "fate": "already"}]
    assert later.open() == []


def test_two_devices_that_send_the_same_at_once_make_it_once(app: RunningApp, device: Device) -> None:
    order = fresh()
    batch = [new("order", order, partner={"code": "K"}), act("order", made_by(order), "approve")]
    batch += [new("item", code=fresh().upper(), name="铜") for _ in range(3)]
    ready = Barrier(2)

    def bring(_number: int) -> list[Row]:
        ready.wait(30)
        return Device(app).send(*batch)

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(bring, range(2))
    assert [{a["fate"], b["fate"]} for a, b in zip(one, other, strict=True)] == [{"done", "already"}] * 5
    assert [a["id"] for a in one] == [b["id"] for b in other]


def test_whatever_breaks_off_in_the_middle_the_rest_comes_in_once(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [new("item", code=fresh().upper(), name="铜", safety="2000") for _ in range(3)]
    calls = count(1)
    finish = idempotency.finish

    def torn(*given: Any, **named: Any) -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt
        finish(*given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", torn)
        with pytest.raises(KeyboardInterrupt):
            device.send(*batch)
    assert fates(device.send(*batch)) == ["already", "done", "done"]
    notices = device.app.tables.entity["notice"]
    ids = [one["id"] for one in device.send(*batch)]
    query = select(func.count()).where(notices.c.about.in_(ids))
    assert device.within(lambda ctx: ctx.connection.execute(query).scalar()) == 3  # the rule of new items, once each


PIECES = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=6), max_size=5)


@settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(pieces=PIECES)
def test_any_order_and_repetition_of_batches_gives_each_entry_exactly_once(
    app: RunningApp, pieces: list[list[int]]
) -> None:
    device = Device(app)
    id, seen = item(device)
    order = fresh()
    whole = [
        new("order", order, partner={"code": "K"}, lines=[{"item": {"code": "A"}, "qty": 30}]),
        act("order", made_by(order), "approve"),
        new("item", code=fresh().upper(), name="铜", safety="2000"),
        change("item", id, seen, cost="3"),
        new("receipt", item={"$entry": (counted := fresh())}, qty=5),
        new("item", counted, code=fresh().upper(), name="螺栓"),
    ]
    for piece in pieces:
        device.send(*(whole[n] for n in dict.fromkeys(piece)))
    for _ in range(3):  # the device sends what it has until nothing of it is new
        last = device.send(*whole)
    assert fates(last) == ["already"] * 6
    assert len({(one["entity"], one["id"]) for one in last}) == 5  # an order is made and moved on
    trail = app.tables.system.audit
    for fate in last:
        query = select(trail.c.kind).where(trail.c.entity == fate["entity"], trail.c.record == fate["id"])
        kinds = device.within(lambda ctx, q=query: ctx.connection.execute(q).scalars().all())
        assert sorted(kinds) == {"order": ["create", "transition"]}.get(fate["entity"], sorted(set(kinds)))
    assert told(device, "to_customer", last[0]["id"]) == ["合计 30"]
    assert len(told(device, "priced", id)) == 2  # the boss and the clerk, once each
    assert device.open() == []
