"""Many records at once are the same records one by one: values, lines, keys, codes, trail and faults."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from engine.model import Field
from runtime import records
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.record_bulk import MANY
from runtime.record_columns import create_columns, read_column
from runtime.record_lanes import Lane, lanes
from runtime.record_plan import record_plan
from runtime.value_numbers import Refusal
from runtime.values import parse_raw

COUNT = MANY + 10
OWN = frozenset({"id", "record", "parent", "ordered"})
"""Numbers that differ however the records are made, and what is counted over all orders."""
RAW: tuple[object, ...] = (
    None, "", "  ", " x ", "螺栓 M8", "a\x00b", "\ud800", "a\nb", "x" * 501, "own", "foreign", "mass", "是", "FALSE",
    "0", "1", "3.5", "-1", "1,200.5", "1,2,3", "1/4", "12 %", "1e3", "NaN", "９", 0, 1, 7, -3, 10**15, 10**20, 0.0, 2.0,
    1.005, -0.0, 1e15, float("nan"), float("inf"), True, False, "2026-03-04", "2026-3-4", [], ["a"], {"code": "A"},
)  # fmt: skip


TOLD: tuple[Any, ...] = tuple(one for one in RAW if not (type(one) is float and one != one))


def _thing(chance: random.Random, number: int) -> dict[str, Any]:
    pick = chance.choice
    made = {
        "name": pick([f"物品{number}", f" Bolt {number} ", f"Ω{number}", f'50 % "{number}" \\ é行']),
        "group": pick(["A", "B"]),
        "unit": "pc",
        "price": pick([None, "", 2, 2.5, "1,200.25", "0.123456"]),
        "kind": pick(["own", "foreign", None]),
        "origin": pick(["上海", " x "]),
        "units": [{"unit": "box", "ratio": pick([25, "1/3"]), "barcode": f"69{number}"}] * chance.randint(0, 1),
    }
    return {name: value for name, value in made.items() if value is not None or chance.random() < 0.5}


def _order(chance: random.Random, number: int) -> dict[str, Any]:
    line = {"item": "A-0001", "qty": str(number + 1), "unit": chance.choice(["pc", "box"])}
    return {"place": "N", "lines": [dict(line) for _ in range(chance.randint(1, 3))]}


def _left(ctx: RunContext, tables: Sequence[str], make: Callable[[], object]) -> dict[str, list[dict[str, Any]]]:
    """The rows that ``make`` leaves in the tables of an entity and in the trail; nothing stays."""
    entity = ctx.app.tables.entity
    wanted = {name: entity[name] for name in tables} | {"audit": ctx.app.tables.system.audit}
    before = {name: set(ctx.connection.execute(select(t.c.id)).scalars()) for name, t in wanted.items()}
    savepoint = ctx.connection.begin_nested()
    make()
    found: dict[str, list[dict[str, Any]]] = {}
    for name, table in wanted.items():
        rows = ctx.connection.execute(select(table).order_by(table.c.id)).mappings()
        found[name] = [{n: v for n, v in row.items() if n not in OWN} for row in rows if row["id"] not in before[name]]
    savepoint.rollback()
    for row in found["audit"]:
        row["changes"] = {n: v for n, v in orjson.loads(row["changes"]).items() if n not in OWN}
    return found


@pytest.mark.parametrize(
    ("entity", "lines", "make"), [("thing", "thing.units", _thing), ("order", "order.lines", _order)]
)
def test_a_batch_leaves_the_same_rows_and_trail_as_its_records_one_by_one(
    ctx: RunContext, entity: str, lines: str, make: Callable[[random.Random, int], dict[str, Any]]
) -> None:
    chance = random.Random(4)
    given = [make(chance, n) for n in range(COUNT)]
    together = _left(ctx, (entity, lines), lambda: records.create_many(ctx, entity, given))
    apart = _left(ctx, (entity, lines), lambda: [records.create(ctx, entity, values) for values in given])
    assert len(together[entity]) == len(together["audit"]) == COUNT
    assert together == apart
    columns = _columns(given)
    assert _left(ctx, (entity, lines), lambda: create_columns(ctx, entity, columns, COUNT)) == apart


def _columns(given: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [one.get(name) for one in given] for name in dict.fromkeys(n for one in given for n in one)}


def test_a_batch_tells_the_same_faults_as_its_records_one_by_one(ctx: RunContext) -> None:
    chance = random.Random(5)
    given = [{**_thing(chance, n), chance.choice(["price", "kind", "name", "group"]): chance.choice(RAW)}
             for n in range(COUNT)]  # fmt: skip
    with pytest.raises(records.Rejected) as refused:
        records.create_many(ctx, "thing", given)
    together = _faults(refused.value)
    with pytest.raises(records.Rejected) as refused:
        create_columns(ctx, "thing", _columns(given), COUNT)
    assert _faults(refused.value) == together
    for number, values in enumerate(given):
        apart: list[tuple[str, str, str]] = []
        savepoint = ctx.connection.begin_nested()
        try:
            records.create(ctx, "thing", values)
        except Invalid as error:
            apart = sorted((f.field, f.code, f.message) for f in error.faults)
        savepoint.rollback()
        assert together.get(number, []) == apart


def _faults(refused: records.Rejected) -> dict[int, list[tuple[str, str, str]]]:
    return {n: sorted((f.field, f.code, f.message) for f in faults) for n, faults in refused.by_record.items()}


def _judged(read: Callable[[], object]) -> tuple[object, ...]:
    try:
        value = read()
    except Refusal as refusal:
        return (refusal.code, refusal.values)
    return (type(value), str(value))


def test_a_quick_reading_says_what_the_careful_one_says(ctx: RunContext) -> None:
    fields: list[Field] = []
    for entity in ctx.app.model.entities.values():
        if entity.kind.value not in ("lines", "system"):
            for part in record_plan(ctx, entity.id).parts.values():
                for field, read, _ in lanes(part, None).values():
                    fields.append(field)
                    for raw in RAW:
                        careful = _judged(lambda field=field, raw=raw: parse_raw(ctx, field, raw))  # type: ignore[misc]
                        assert _judged(lambda read=read, raw=raw: read(ctx, raw)) == careful, (field.id, raw)  # type: ignore[misc]
                    for column in (TOLD, [one for one in TOLD if type(one) is str], ["a", None, " b "], [1, 2, None]):
                        _same_as_apart(ctx, (field, read, ""), column)
    assert len(fields) > 20


def _same_as_apart(ctx: RunContext, lane: Lane, column: Sequence[Any]) -> None:
    """A column is read as its cells one by one; what is empty is nothing."""
    values, wrong = read_column(ctx, lane, column)
    refusals = dict(wrong)
    for place, raw in enumerate(column):
        careful = _judged(lambda raw=raw: parse_raw(ctx, lane[0], raw)) if raw is not None else _judged(lambda: None)  # type: ignore[misc]
        refusal = refusals.get(place)
        told = (type(values[place]), str(values[place])) if refusal is None else (refusal.code, refusal.values)
        assert told == careful, (lane[0].id, raw)
