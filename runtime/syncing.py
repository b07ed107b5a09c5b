"""Entries made offline, taken in: each by itself, through the one write door, exactly once.

An entry's key and what was done under it are written in the same transaction, so it makes no difference who sends it
how often, from how many places, or where a server stopped in between. What cannot be taken in is kept (``sync_kept``).

Time: what an entry leaves empty and is by default the day or the moment, is that of when it was made; deadlines,
reminders and postings without a date of their own count from when it comes in, for nobody could act on it before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import Connection, select
from sqlalchemy.exc import InterfaceError, OperationalError

from engine.expressions.tree import Clock
from engine.model import Entity
from runtime import audit, idempotency, records, workflow
from runtime.accounts import account_names
from runtime.context import FixedClock, RunContext, User
from runtime.database import Busy
from runtime.errors import Conflict, Invalid, UserError
from runtime.idempotency import OFFLINE
from runtime.logs import logger
from runtime.messages import fault, say
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.record_preview import preview
from runtime.record_reading import as_json, visible_record
from runtime.sync_entries import ACT, CHANGE, CREATE, Entry, after, check_entry, check_moment, replaced
from runtime.value_numbers import Refusal
from runtime.values import ENTERED, parse_raw

Row = dict[str, Any]
Span = tuple[int, int]
"""Versions of a record: those above the first, up to the second."""
DONE, ALREADY, CONFLICT, REFUSED, WAITING = "done", "already", "conflict", "refused", "waiting"
DISCARDED = "discarded"
SOURCE = "sync"
REDONE = "redone"
"""The trail's kind of line for an entry that another than its author had taken in."""


class Waits(Exception):
    """The entry stands on another that was not taken in."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class Clash(Exception):
    """Others have changed meanwhile what the entry changes. ``fields``: both values of each."""

    def __init__(self, version: int, fields: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(version)
        self.version = version
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Basis:
    """What an entry was made on: the version seen, and which versions since are the same person's own entries."""

    seen: int
    own: tuple[Span, ...] = ()

    def others(self, version: int) -> bool:
        """Whether a version came about without the person knowing."""
        return version > self.seen and not any(low < version <= high for low, high in self.own)


@dataclass(slots=True)
class Taking:
    """One entry on its way in. ``account``: whose entry it is. ``forced``: somebody has looked at both values and
    wants the entry's. ``before``: what earlier entries of the batch came to. ``by``: who redoes another's entry."""

    ctx: RunContext
    entry: Entry
    account: int
    forced: bool = False
    before: Sequence[Mapping[str, Any]] = ()
    by: User | None = None

    @property
    def name(self) -> str:
        """The name of the entry's key among all keys of writes."""
        return OFFLINE + self.entry.key

    def answer_of(self, key: str) -> Mapping[str, Any]:
        """What came of an earlier entry."""
        found = idempotency.known(self.ctx, OFFLINE + key, self.account)
        if found is not None:
            told: Mapping[str, Any] = orjson.loads(found.response)
            if told["fate"] == DISCARDED:
                raise Conflict(fault(self.ctx, "sync_stands_on_discarded", given=key))
            return told
        if any(one["key"] == key for one in self.before) or _is_kept(self.ctx, self.account, key):
            raise Waits(key)
        raise Invalid(fault(self.ctx, "sync_no_such_entry", given=key[:60]))

    def record_of(self, key: str) -> int:
        """The record that an earlier entry made or changed."""
        return int(self.answer_of(key)["id"])


def _is_kept(ctx: RunContext, account: int, key: str) -> bool:
    kept = ctx.app.tables.system.not_taken_in
    query = select(kept.c.id).where(kept.c.account == account, kept.c.key == key, kept.c.settled == "").limit(1)
    return ctx.connection.execute(query).first() is not None


def acting(ctx: RunContext, connection: Connection, entry: Entry) -> RunContext:
    """The context in which an entry is taken in."""
    return replace(ctx, connection=connection, settings=None, source=SOURCE, made_at=entry.made_at)


def take(taking: Taking) -> Row:
    """Take one entry in, in the transaction of its context: what came of it, or what came of it the first time."""
    ctx, entry = taking.ctx, taking.entry
    known = idempotency.begin(ctx, taking.name, entry.known, taking.account)
    if known is not None:
        told: Row = orjson.loads(known.response)
        if told["fate"] == DISCARDED:
            raise Conflict(fault(ctx, "sync_discarded"))
        return {**told, "fate": ALREADY}
    check_entry(ctx, entry)
    if not taking.forced:
        check_moment(ctx, entry)
    done = {"key": entry.key, "fate": DONE, **WAYS[entry.text("kind")](taking)}
    idempotency.finish(ctx, taking.name, 200, orjson.dumps(done).decode(), taking.account)
    _settle(taking)
    if taking.by is not None:
        _note_redone(taking, taking.by, done)
    return done


def _note_redone(taking: Taking, by: User, done: Row) -> None:
    """The trail names both: who made the entry and who had it taken in."""
    ctx = replace(taking.ctx, user=by, made_at=None)
    whose = account_names(ctx, [taking.account]).get(taking.account, "")
    note = say(ctx, "sync_redone", person=whose)
    audit.write(ctx, [audit.Entry(done["entity"], done["id"], done["version"], REDONE, {}, note=note)])


def _settle(taking: Taking) -> None:
    """What was kept of an entry that could not be taken in before is done with."""
    ctx, kept = taking.ctx, taking.ctx.app.tables.system.not_taken_in
    same = (kept.c.account == taking.account, kept.c.key == taking.entry.key)
    told = {"settled": DONE, "settled_at": ctx.now(), "settled_by": (taking.by or ctx.user).account}
    open_ = (kept.c.settled == "", kept.c.hash == idempotency.fingerprint_of(taking.entry.known))
    ctx.connection.execute(kept.update().where(*same, *open_).values(told))


# --- what entries ask for --------------------------------------------------------------------------------------


def _create(taking: Taking) -> Row:
    ctx, entry = taking.ctx, taking.entry
    entity = records.entity_of(ctx, entry.text("entity"))
    records.demand_known(ctx, entity.id, "create")  # before it waits for another: it shall not wait for what is refused
    values = replaced(entry.object("values"), taking.record_of)
    saved = records.create(ctx, entity.id, with_its_time(ctx, entity, values, new=True))
    warnings = [{"field": w.field, "code": w.code, "message": w.message} for w in saved.warnings]
    return {**_place(entity, saved.id, saved.version, saved.version, ()), "code": saved.code, "warnings": warnings}


def _change(taking: Taking) -> Row:
    ctx, entry = taking.ctx, taking.entry
    entity, row = _held(taking, "change")
    basis = _basis(taking, entity, row)
    values = replaced(entry.object("values"), taking.record_of)
    if not taking.forced and basis is not None:
        _refuse_clash(ctx, entity, row, basis, values)
    saved = records.update(ctx, entity.id, row["id"], with_its_time(ctx, entity, values, new=False))
    warnings = [{"field": w.field, "code": w.code, "message": w.message} for w in saved.warnings]
    return {**_onward(entity, row, saved.version, basis), "code": saved.code, "warnings": warnings}


def _act(taking: Taking) -> Row:
    ctx, entry = taking.ctx, taking.entry
    entity, row = _held(taking, "read")
    basis = _basis(taking, entity, row)
    if not taking.forced and basis is not None:
        theirs = _theirs(ctx, entity, row, basis)
        if theirs:
            raise Clash(row["version"], _both_sides(ctx, entity, row, theirs, list(theirs), {}))
    body = replaced(entry.object("body"), taking.record_of)
    moved = workflow.take(ctx, entity.id, row["id"], entry.text("action"), body)
    told: Row = {"code": str(moved.get("code") or ""), "status": moved.get("status"), "warnings": []}
    return {**_onward(entity, row, moved["version"], basis), **told}


WAYS = {CREATE: _create, CHANGE: _change, ACT: _act}


def _held(taking: Taking, action: str) -> tuple[Entity, Row]:
    """The record the entry is about, locked until the end of the transaction."""
    ctx, entry = taking.ctx, taking.entry
    entity = records.entity_of(ctx, entry.text("entity"))
    records.demand_known(ctx, entity.id, action)
    key = after(entry.raw.get("id"))
    if key is None:
        record = entry.whole("id") or 0
    else:
        told = taking.answer_of(key)
        if told["entity"] != entity.id:
            raise Invalid(fault(ctx, "sync_other_entity", "id", given=key[:60]))
        record = int(told["id"])
    return entity, records.load_visible(ctx, entity.id, record, lock=True)


def _place(entity: Entity, record: int, version: int, seen: int, own: Sequence[Span]) -> Row:
    return {"entity": entity.id, "id": record, "version": version, "seen": seen, "own": [[*span] for span in own]}


def _onward(entity: Entity, row: Row, version: int, basis: Basis | None) -> Row:
    """Where the record stands now, for entries that go on from there."""
    if basis is None:
        return _place(entity, row["id"], version, version, ())
    return _place(entity, row["id"], version, basis.seen, [*basis.own, (row["version"], version)])


def _basis(taking: Taking, entity: Entity, row: Row) -> Basis | None:
    """What the entry was made on; ``None``: it does not say."""
    entry = taking.entry
    given, about = entry.raw.get("version"), after(entry.raw.get("id"))
    key = after(given) if given is not None else about
    if key is not None:
        told = taking.answer_of(key)
        if (told["entity"], told["id"]) != (entity.id, row["id"]):
            raise Invalid(fault(taking.ctx, "sync_other_entity", "version", given=key[:60]))
        return _joined(taking, entity, row, Basis(told["seen"], _spans(told)))
    seen = entry.whole("version")
    return None if seen is None else _joined(taking, entity, row, Basis(seen))


def _joined(taking: Taking, entity: Entity, row: Row, basis: Basis) -> Basis:
    """With what earlier entries of the same batch did to the record: who made them knows of it."""
    own = [
        span
        for told in taking.before
        if told["fate"] in (DONE, ALREADY) and (told["entity"], told["id"]) == (entity.id, row["id"])
        for span in _spans(told)
    ]
    return replace(basis, own=tuple(dict.fromkeys((*basis.own, *own))))


def _spans(told: Mapping[str, Any]) -> tuple[Span, ...]:
    return tuple((low, high) for low, high in told["own"])


# --- its time --------------------------------------------------------------------------------------------------


def with_its_time(ctx: RunContext, entity: Entity, values: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """``values`` with what is by default the day or the moment, as it was when the entry was made."""
    made = ctx.made_at
    if made is None:
        return dict(values)
    at = Workspace(replace(ctx, clock=FixedClock(min(made, ctx.now()))))
    return _timed(at, entity, values, new)


def _timed(at: Workspace, entity: Entity, values: Mapping[str, Any], new: bool) -> dict[str, Any]:
    allowed, found = rights(at.ctx, entity.id), dict(values)
    for field in entity.fields.values():
        lines = found.get(field.id)
        if field.lines and isinstance(lines, list):
            inner = at.model.entities[field.lines]
            found[field.id] = [
                _timed(at, inner, line, line.get("id") is None) if isinstance(line, dict) else line for line in lines
            ]
        expr = field.default if new and field.readonly is False and field.formula is None else None
        if expr is None or field.id in found:
            continue
        timely = bool(expr.inputs) and all(isinstance(node, Clock) for node in expr.inputs)
        if timely and field.id not in allowed.hidden | allowed.readonly:
            found[field.id] = at.evaluate(expr, [{}], None, entity.id)[0]
    return found


# --- what others did meanwhile ---------------------------------------------------------------------------------


def _theirs(ctx: RunContext, entity: Entity, row: Row, basis: Basis) -> dict[str, Any]:
    """The fields that others changed since, each with what it was when the entry was made."""
    trail = ctx.app.tables.system.audit
    query = select(trail.c.version, trail.c.changes).where(
        trail.c.entity == entity.id, trail.c.record == row["id"], trail.c.version > basis.seen
    )
    found: dict[str, Any] = {}
    for version, changes in ctx.connection.execute(query.order_by(trail.c.id)):
        if not basis.others(version):
            continue
        for path, pair in orjson.loads(changes or "{}").items():
            first, _, rest = path.partition(".")
            if first.removesuffix(ENTERED) in entity.fields and isinstance(pair, list) and len(pair) == 2:
                found.setdefault(first, None if rest else pair[0])
    return {name: found.get(name + ENTERED, was) for name, was in found.items() if name in entity.fields}


def _refuse_clash(ctx: RunContext, entity: Entity, row: Row, basis: Basis, values: Mapping[str, Any]) -> None:
    """A change of fields that nobody else touched fits; the same value from both sides does too."""
    theirs = _theirs(ctx, entity, row, basis)
    both = [name for name in values if name in theirs]
    if not both:
        return
    mine, faults = preview(ctx, entity.id, {name: values[name] for name in both}, row)
    if faults:
        raise Invalid(*faults)
    differing = [name for name in both if entity.fields[name].lines or _differs(mine, row, name)]
    if differing:
        raise Clash(row["version"], _both_sides(ctx, entity, row, theirs, differing, {**mine, "given": values}))


def _differs(mine: Row, row: Row, name: str) -> bool:
    return mine.get(name) != row.get(name) or mine.get(name + ENTERED) != row.get(name + ENTERED)


def _both_sides(
    ctx: RunContext, entity: Entity, row: Row, theirs: Mapping[str, Any], names: Sequence[str], mine: Row
) -> list[Row]:
    """Of each field what it was, what others made of it, and what the entry wants, as the person may see them."""
    plain = [f.id for f in entity.fields.values() if f.id in names and not f.lines]
    lined = [f.id for f in entity.fields.values() if f.id in names and f.lines]
    wanted = {"id", *plain, *(name + ENTERED for name in plain)}
    before = row | _read(ctx, entity, row, {name: theirs[name] for name in plain if name in theirs})
    sides = [{n: v for n, v in one.items() if n in wanted} for one in (before, row, mine or row)]
    was, now, own = as_json(ctx, entity.id, [visible_record(ctx, entity.id, side) for side in sides])
    hidden = rights(ctx, entity.id).hidden
    return [
        {
            "field": name,
            "label": entity.fields[name].label.get(ctx.language),
            "before": was.get(name) if name in plain else None,
            "theirs": now.get(name) if name in plain else len(row.get(name) or ()),
            "yours": (own.get(name) if mine else None) if name in plain else None,
        }
        for name in (*plain, *lined)
        if name not in hidden
    ]


def _read(ctx: RunContext, entity: Entity, row: Row, told: Mapping[str, Any]) -> Row:
    """Values as the trail keeps them, as they stand in a record."""
    found: Row = {}
    for name, raw in told.items():
        try:
            value = parse_raw(ctx, entity.fields[name], raw)
        except Refusal:  # kept before the field became what it is
            value = None
        found |= {key: value for key in (name, name + ENTERED) if key in row}
    return found


# --- a batch ---------------------------------------------------------------------------------------------------


def try_entry(ctx: RunContext, taking: Taking) -> tuple[Row, UserError | None]:
    """What became of an entry, in a transaction of its own; nothing is written of one that is not taken in."""

    def work(connection: Connection) -> Row:
        return take(replace(taking, ctx=acting(ctx, connection, taking.entry)))

    key = taking.entry.key
    try:
        return ctx.app.database.run(work), None
    except Waits as waits:
        return {"key": key, "fate": WAITING, "waits_for": waits.key}, Conflict(
            fault(ctx, "sync_waits", given=waits.key)
        )
    except Clash as clash:
        fields = "、".join(str(one["label"]) for one in clash.fields)
        error = Conflict(fault(ctx, "sync_clash", fields=fields))
        return {"key": key, "fate": CONFLICT, "version": clash.version, "fields": list(clash.fields)}, error
    except UserError as error:
        return {"key": key, "fate": REFUSED}, error
    except (Busy, OperationalError, InterfaceError):  # no fault of the entry: it may be sent again as it is
        raise
    except Exception:  # an edge as a request is: one entry's fault must not hold up those behind it for ever
        logger("sync").exception("entry failed", app=ctx.app.name, account=taking.account, key=key)
        return {"key": key, "fate": REFUSED}, Conflict(fault(ctx, "sync_failed"))
