"""P12: rules cost what they do and nothing else: a thousand that do not concern a write, ten that match it, and one
run over a hundred thousand lines of the trail.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson

from engine.compiler import load_text
from engine.model import AppModel
from runtime import records
from runtime.apps import RunningApp
from runtime.bulk import load_rows
from runtime.database import open_database
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
MATCHING = "".join(f"  m{n}: {{when: {CHANGED}, if: cost > {n}, then: {TELL}}}\n" for n in range(10))


def run(place: Place) -> Iterator[Figure]:
    """Rules on this database."""
    shared = {"goal": GOAL, "database": place.dialect}
    if place.dialect == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            none = changing(firm(Path(folder), "none", "  idle: {when: {created: item}, then: " + TELL + "}\n"))
            many = changing(firm(Path(folder), "many", ELSEWHERE))
            ten = changing(firm(Path(folder), "ten", MATCHING))
            ours, hand = against(many, none, place.size.rounds)
            yield Figure(
                name="a change beside 1,000 rules on other entities", unit="ms CPU", ours=ours, hand=hand, limit=1.1,
                **shared,
            )  # fmt: skip
            ours, hand = against(ten, none, place.size.rounds)
            yield Figure(
                name="a change that 10 rules act on, beside none", unit="ms CPU", ours=ours, hand=hand,
                note="10 messages", **shared,
            )  # fmt: skip
    entries = min(ENTRIES, place.size.rows)
    yield Figure(
        name=f"one rule over {entries} lines of the trail", unit="s", ours=simulated(place, entries), limit=10.0,
        of="ours", **shared,
    )  # fmt: skip


def firm(folder: Path, name: str, rules: str) -> RunningApp:
    """A small firm with these rules."""
    model: AppModel = load_text(PLAIN + rules)
    return open_firm(open_database(f"sqlite:///{folder / name}.db"), model)


def changing(app: RunningApp) -> Callable[[], object]:
    """Change the cost of an item, in a transaction of its own."""
    costs = itertools.count(100)

    def work() -> object:
        with app.database.write() as connection:
            return records.update(context(app, connection), "item", 1, {"cost": str(next(costs))})

    return work


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
