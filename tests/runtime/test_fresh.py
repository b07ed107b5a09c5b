"""Formulas of records in the making come to the same by one function as input by input."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from engine import load_app
from engine.expressions.problems import ExpressionOverflow
from engine.expressions.types import Kind
from engine.model import AppModel, Entity, Field
from runtime.context import SYSTEM, FixedClock, RunContext
from runtime.programs import Programs
from runtime.record_fresh import fresh_values
from runtime.record_inputs import Workspace
from runtime.values import ENTERED

TEMPLATES = ("discrete", "food")
KINDS: Mapping[Kind, Callable[[random.Random], Any]] = {
    Kind.TEXT: lambda chance: chance.choice(["", "a", "螺栓"]),
    Kind.YES_NO: lambda chance: chance.random() < 0.5,
    Kind.NUMBER: lambda chance: Decimal(chance.randint(-30, 30)) / 4,
    Kind.MONEY: lambda chance: Decimal(chance.randint(-3000, 3000)) / 100,
    Kind.QUANTITY: lambda chance: Decimal(chance.randint(-30, 30)) / 8,
    Kind.DATE: lambda chance: date(2026, 3, chance.randint(1, 28)),
}


def _workspace(model: AppModel) -> Workspace:
    app: Any = SimpleNamespace(model=model, programs=Programs())
    connection: Any = None  # nothing is asked of a database
    return Workspace(
        RunContext(app=app, connection=connection, user=SYSTEM, clock=FixedClock(datetime(2026, 3, 2, tzinfo=UTC)))
    )


def _value(chance: random.Random, field: Field) -> Any:
    if field.many or field.value.many:
        return ()
    if chance.random() < 0.2 or field.value.kind not in KINDS:
        return None
    if field.options:
        return chance.choice(field.options).id
    return KINDS[field.value.kind](chance)


def _row(chance: random.Random, model: AppModel, entity: Entity) -> dict[str, Any]:
    row = {f.id: _value(chance, f) for f in entity.fields.values() if not f.lines and chance.random() < 0.9}
    row |= {f.id + ENTERED: _value(chance, f) for f in entity.fields.values() if f.unit_field}
    for field in entity.fields.values():
        if field.lines:
            lines = [_row(chance, model, model.entities[field.lines]) for _ in range(chance.randint(0, 3))]
            row[field.id] = [{**line, "parent": row} for line in lines]
    return row


def _outcome(work: Callable[[], list[Any] | None]) -> list[Any] | str | None:
    try:
        return work()
    except ExpressionOverflow:
        return "too large"


@pytest.mark.parametrize("template", TEMPLATES)
def test_one_function_over_a_new_record_gives_what_its_inputs_give(template: str) -> None:
    model = load_app(template)
    chance, at, quick = random.Random(8), _workspace(model), 0
    for entity in model.entities.values():
        rows = [_row(chance, model, entity) for _ in range(4)]
        for field in entity.fields.values():
            if field.formula is None or field.live:
                continue
            found = fresh_values(at, field.formula, rows)
            if found is not None:
                quick += 1
                expr = field.formula
                asked = _outcome(lambda expr=expr, rows=rows, id=entity.id: at.evaluate(expr, rows, None, id))  # type: ignore[misc]
                assert found == asked, (entity.id, field.id)
                assert [type(one) for one in found] == [type(one) for one in asked or ()]
    assert quick > 60


def test_a_record_that_is_saved_or_names_another_is_looked_at_in_the_ordinary_way() -> None:
    model = load_app("discrete")
    at, lines = _workspace(model), model.entities["purchase_receipt.lines"].fields
    invoiced, over = lines["uninvoiced"].formula, lines["over_drawn_value"].formula
    assert invoiced is not None
    assert over is not None
    row = {"amount": Decimal("12.50"), "qty": Decimal(2), "source_line": None}

    assert fresh_values(at, invoiced, [row]) == [Decimal("12.50")]
    assert fresh_values(at, invoiced, [row, {**row, "id": 4}]) is None
    assert fresh_values(at, over, [row]) == [None]
    assert fresh_values(at, over, [{**row, "source_line": 7}]) is None
