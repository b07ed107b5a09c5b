"""P12: rules cost what they do and nothing else: a thousand that do not concern a write, ten that match it, and one
run over a hundred thousand lines of the trail.

The hand-written change does the same ten things: it knows its tables and its ten conditions by heart, and writes the
change, its line of the trail, ten messages, ten entries of the inbox and ten traces, with one statement a table. What
it writes is compared with ours, row by row, before anything is measured.
"""

from __future__ import annotations

import itertools
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import Connection, MetaData, Table, bindparam, insert, select, text

from engine.compiler import load_text
from engine.model import AppModel
from runtime import records
from runtime.apps import RunningApp
from runtime.bulk import load_rows
from runtime.database import Database, open_database
from runtime.rules_simulate import simulate
from tests.bench.measure import Figure, against
from tests.bench.places import NOON, Place
from tests.runtime.rules.firm import context, open_firm

GOAL = "P12"
ENTRIES = 100_000
PLAIN = """
app: firm
members: person
entities:
  person: {kind: master, label: 人员, fields: {mail: {type: email, label: 邮箱}}}
  partner: {kind: master, label: 往来单位, fields: {email: {type: email, label: 邮箱}}}
  item:
    kind: master
    label: 物料
    fields: {cost: {type: money, label: 成本}, keeper: {type: reference, to: person, label: 负责人}}
roles: {boss: {label: 老板, can: {all: [all]}}}
rules:
"""
TELL = "{tell: {send: inbox, to: [boss], say: <code> <name>}}"
ELSEWHERE = "".join(f"  r{n}: {{when: {{changed: person, fields: [name]}}, then: {TELL}}}\n" for n in range(1000))
CHANGED = "{changed: item, fields: [cost]}"
TABLES = ("item", "dg_account", "dg_account_role", "person", "dg_audit", "dg_outbox", "dg_inbox", "dg_rule_run")
GROWING = TABLES[4:]
MONEY = 100
DIGITS = re.compile(r"null|\"\d+\"")
MATCHING = "".join(f"  m{n}: {{when: {CHANGED}, if: cost > {n}, then: {TELL}}}\n" for n in range(10))


def run(place: Place) -> Iterator[Figure]:
    """Rules on this database."""
    shared = {"goal": GOAL, "database": place.dialect}
    with firms(place) as firm:
        none = changing(firm("none", "  idle: {when: {created: item}, then: " + TELL + "}\n"))
        many = changing(firm("many", ELSEWHERE))
        ours, hand = against(many, none, place.size.rounds)
        yield Figure(
            name="a change beside 1,000 rules on other entities", unit="ms CPU", ours=ours, hand=hand, limit=1.1,
            **shared,
        )  # fmt: skip
        app = firm("ten", MATCHING)
        ten, by_hand = changing(app), ByHand(app)
        check_same_rows(app, ten, by_hand)
        ours, hand = against(ten, by_hand, place.size.rounds)
        yield Figure(
            name="a change that 10 rules act on", unit="ms CPU", ours=ours, hand=hand, limit=1.6,
            note="10 messages", **shared,
        )  # fmt: skip
    entries = min(ENTRIES, place.size.rows)
    yield Figure(
        name=f"one rule over {entries} lines of the trail", unit="s", ours=simulated(place, entries), limit=10.0,
        of="ours", **shared,
    )  # fmt: skip


@contextmanager
def firms(place: Place) -> Iterator[Callable[[str, str], RunningApp]]:
    """Small firms with rules of their own, on this kind of database, gone when the block is left."""
    opened: list[Database] = []

    def firm(name: str, rules: str) -> RunningApp:
        model: AppModel = load_text(PLAIN + rules)
        schema = f"rules_{name}"
        if place.dialect == "sqlite":
            database = open_database(f"sqlite:///{folder}/{schema}.db")
        else:
            database = open_database(place.database.url.render_as_string(hide_password=False), schema)
        opened.append(database)
        database.drop_schema()  # what a run that was broken off has left
        database.create_schema()
        return open_firm(database, model)

    with tempfile.TemporaryDirectory() as folder:
        try:
            yield firm
        finally:
            for database in opened:
                database.drop_schema()
                database.close()


def changing(app: RunningApp) -> Callable[[], object]:
    """Change the cost of an item, in a transaction of its own."""
    costs = itertools.count(100)

    def work() -> object:
        with app.database.write() as connection:
            return records.update(context(app, connection), "item", 1, {"cost": str(next(costs))})

    return work


class ByHand:
    """The same change and the same ten messages by a program that can do nothing else."""

    def __init__(self, app: RunningApp) -> None:
        self.app = app
        metadata = MetaData()
        with app.database.read() as connection:
            item, account, role, person, audit, outbox, inbox, runs = (
                Table(name, metadata, autoload_with=connection, resolve_fks=False) for name in TABLES
            )
        self.costs = itertools.count(1000)
        self.read = select(item).where(item.c.id == bindparam("own"), item.c.deleted_at.is_(None))
        if app.database.dialect == "postgresql":
            self.read = self.read.with_for_update()
        self.write = (
            item.update()
            .where(item.c.id == bindparam("own"))
            .values(cost=bindparam("cost"), version=bindparam("version"), changed_at=bindparam("now"))
        )
        self.boss = (
            select(account.c.id, account.c.language, person.c.mail)
            .join(role, role.c.account == account.c.id)
            .outerjoin(person, person.c.id == account.c.member)
            .where(role.c.role == "boss", account.c.active)
        )
        self.note, self.tell, self.put, self.trace = (insert(table) for table in (audit, outbox, inbox, runs))

    def __call__(self) -> None:
        cost = next(self.costs)
        with self.app.database.write() as connection:
            self._change(connection, cost, NOON)

    def _change(self, connection: Connection, cost: int, now: datetime) -> None:
        item = connection.execute(self.read, {"own": 1}).one()
        version, before = item.version + 1, None if item.cost is None else f"{Decimal(item.cost) / MONEY:f}"
        fresh = {"own": 1, "cost": cost * MONEY, "version": version, "now": now}
        connection.execute(self.write, fresh)
        changes = orjson.dumps({"cost": [before, str(cost)]}).decode()
        trail = {"version": version, "kind": "update", "transition": "", "changes": changes, "note": ""}
        connection.execute(self.note, {"at": now, "source": "api", "entity": "item", "record": 1, **trail})
        bosses = connection.execute(self.boss).all()
        acting = [number for number in range(10) if cost > number]
        text = f"{item.code} {item.name}"
        run = uuid4().hex[:12]
        told = [self._told(boss, n, f"M{n} {text}", text, run, now) for n in acting for boss in bosses]
        connection.execute(self.tell, told)
        connection.execute(self.put, [self._put(each) for each in told])
        accounts = sorted(boss.id for boss in bosses)
        connection.execute(self.trace, [self._trace(n, cost, accounts, text, now) for n in acting])

    def _told(self, boss: Any, number: int, title: str, text: str, run: str, now: datetime) -> dict[str, Any]:
        return {
            "key": f"rule:m{number}:{run}:1:tell:inbox:0|inbox|{boss.id}", "kind": "inbox", "account": boss.id,
            "address": "", "language": boss.language or "zh", "title_zh": title, "title_en": title, "text_zh": text,
            "text_en": text, "entity": "item", "record": 1, "origin": f"rule:m{number}", "body": "{}",
            "state": "sent", "attempts": 0, "next_at": None, "error": "", "made_at": now, "sent_at": now,
        }  # fmt: skip

    def _put(self, told: Mapping[str, Any]) -> dict[str, Any]:
        words = orjson.dumps({n: told[n] for n in ("title_zh", "title_en", "text_zh", "text_en")}).decode()
        shared = {"account": told["account"], "entity": "item", "record": 1, "at": told["made_at"]}
        return {**shared, "kind": "note", "words": words}

    def _trace(self, number: int, cost: int, accounts: Sequence[int], text: str, now: datetime) -> dict[str, Any]:
        asked = {"text": f"cost > {number}", "holds": True, "inputs": [["cost", str(cost)]]}
        said = {"accounts": accounts, "addresses": [], "text": [text, text], "nobody": False}
        done = {"id": "tell", "kind": "send", "channel": "inbox", **said}
        details = orjson.dumps({"conditions": [asked], "actions": [done]}).decode()
        shared = {"at": now, "entity": "item", "record": 1, "event": "changed", "source": "api"}
        return {**shared, "rule": f"m{number}", "result": "fired", "details": details, "micros": 1, "account": None}


def check_same_rows(app: RunningApp, ours: Callable[[], object], hand: Callable[[], object]) -> None:
    """Both must leave the same behind, but for what is different each time."""
    left = []
    for work in (ours, hand):
        before = _newest(app)
        work()
        left.append(_written(app, before))
    if left[0] != left[1]:
        raise AssertionError(f"the hand-written change writes other rows than ours: {left}")


def _newest(app: RunningApp) -> dict[str, int]:
    with app.database.read() as connection:
        found = {name: connection.scalar(text(f"SELECT max(id) FROM {name}")) for name in GROWING}
    return {name: last or 0 for name, last in found.items()}


def _written(app: RunningApp, after: Mapping[str, int]) -> list[tuple[str, dict[str, Any]]]:
    """The rows written since, without numbers, keys, times taken and the costs, which differ each time."""
    rows = []
    with app.database.read() as connection:
        for name, last in after.items():
            query = text(f"SELECT * FROM {name} WHERE id > :last ORDER BY id")
            for row in connection.execute(query, {"last": last}).mappings():
                kept = {n: v for n, v in row.items() if n not in ("id", "key", "micros", "version")}
                rows.append((name, {n: DIGITS.sub("#", v) if isinstance(v, str) else v for n, v in kept.items()}))
    return rows


def simulated(place: Place, entries: int) -> float:
    """Seconds for one rule over that many changes of items, a fifth of which it would act on."""
    draft = load_text(PLAIN + "  dear: {when: " + CHANGED + ", then: " + TELL + "}\n").rules["dear"]
    trigger = replace(draft.trigger, fields=("lead_time_days",))
    rule = replace(draft, trigger=trigger, actions=())
    with place.writing() as ctx:
        table = ctx.app.tables.system.audit
        columns = [c.name for c in table.c]
        past = NOON - timedelta(days=400)

        def row(number: int) -> Sequence[object]:
            changes = {"lead_time_days" if number % 5 == 0 else "note": [number, number + 1]}
            own = {
                "id": 10**9 + number, "at": past + timedelta(seconds=number), "entity": "item",
                "record": 1 + number % 50, "kind": "update", "version": 2, "source": "api", "transition": "",
                "note": "", "changes": orjson.dumps(changes).decode(),
            }  # fmt: skip
            return [own.get(name) for name in columns]

        load_rows(ctx.connection, table, (row(n) for n in range(entries)))
        day = past.date() - timedelta(days=1)
        start = time.perf_counter()
        found = simulate(ctx, rule, day, day + timedelta(days=4))
        seconds = time.perf_counter() - start
        ctx.connection.execute(table.delete().where(table.c.id >= 10**9))
    if found.looked != entries:
        raise AssertionError(f"{found.looked} of {entries} lines were looked at")
    return seconds
