"""What every act of a demo story stands on: its stage, the values that specifications stand for, doing and trying."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from types import MappingProxyType
from typing import Any

from sqlalchemy import literal, select

from runtime import files, records, workflow
from runtime.context import RunContext, User
from runtime.demo_story import Story, cell_value, weighted
from runtime.errors import UserError
from runtime.id_sets import ID_SETS
from runtime.prepared import Statement, prepare_statement

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An act on a day. ``waiting``: (act, record) that was refused → the day it is tried again.
    ``approver``: who decides what waits for an approval."""

    ctx: RunContext
    story: Story
    number: int
    act: Row
    day: date
    chance: Random
    waiting: dict[tuple[int, int], date]
    refused: list[str]
    approver: User | None = None


# --- values --------------------------------------------------------------------------------------------------


def _amount(stage: Stage, spec: object, picked: Mapping[str, object]) -> Decimal:
    """A written number, or the column of the picked row that the word names."""
    return Decimal(str(picked[spec])) if isinstance(spec, str) and spec in picked else Decimal(str(spec))


def _between(stage: Stage, spec: Sequence[object], picked: Mapping[str, object]) -> str:
    low, high, step = (_amount(stage, one, picked) for one in spec)
    return str(low + step * stage.chance.randint(0, int((high - low) / step)))


def _value(stage: Stage, spec: object, picked: Mapping[str, object]) -> object:
    """The raw value that a specification stands for."""
    if not isinstance(spec, dict):
        return spec
    kind, given = next(iter(spec.items()))
    return VALUES[kind](stage, given, picked)


VALUES: Mapping[str, Callable[[Stage, Any, Mapping[str, object]], object]] = MappingProxyType(
    {
        "take": lambda stage, column, picked: picked[column],
        "days": lambda stage, span, picked: (stage.day + timedelta(days=stage.chance.randint(*span))).isoformat(),
        "at": lambda stage, spec, picked: f"{stage.day + timedelta(days=spec[0])}T{spec[1]}:00",
        "plus": lambda stage, column, picked: (stage.day + timedelta(days=int(str(picked[column])))).isoformat(),
        "between": _between,
        "vary": lambda stage, spec, picked: str(
            (_amount(stage, spec[0], picked) * Decimal(str(stage.chance.choice(spec[1])))).quantize(Decimal("0.0001"))
        ),
        "one_of": lambda stage, options, picked: stage.chance.choice(options),
        "marked": lambda stage, text, picked: f"{text}{stage.day:%y%m%d}-{stage.chance.randint(100, 999)}",
        "dated": lambda stage, text, picked: f"{stage.day:{text}}",
    }
)


def values_of(stage: Stage, entity: str, specs: Mapping[str, object], picked: Mapping[str, object]) -> Row:
    fields = stage.ctx.app.model.entities[entity].fields
    found = {}
    for name, spec in specs.items():
        raw = _value(stage, spec, picked)
        if raw not in (None, ""):
            found[name] = cell_value(fields[name], raw)
    return found


def lines_of(stage: Stage, entity: str, spec: Row) -> list[Row]:
    if "rows" in spec:
        return [values_of(stage, entity, row, {}) for row in spec["rows"]]
    count = stage.chance.randint(*spec["count"])
    picked = weighted(stage.chance, stage.story.mixes[spec["of"]], count)
    return [values_of(stage, entity, spec["set"], row) for row in picked]


# --- doing things, together or one by one --------------------------------------------------------------------


def attempt(stage: Stage, work: Callable[[], None]) -> bool:
    """Do it or leave no trace; whether it was done."""
    nested = stage.ctx.connection.begin_nested()
    try:
        work()
    except UserError as wrong:
        nested.rollback()
        stage.refused.append(f"{stage.day} {stage.act['act']} {stage.act.get('entity', '')}: {wrong}")
        return False
    nested.commit()
    return True


def create_and_follow(stage: Stage, entity: str, rows: Sequence[Row]) -> int:
    """Make the records and take the transitions that follow at once."""
    made: list[int] = []

    def work(some: Sequence[Row]) -> None:
        ids = [saved.id for saved in records.create_many(stage.ctx, entity, some)]
        follow(stage, entity, ids)
        made.extend(ids)

    if rows and not attempt(stage, lambda: work(rows)) and len(rows) > 1:
        for row in rows:
            attempt(stage, lambda row=row: work([row]))  # type: ignore[misc]
    return len(made)


def follow(stage: Stage, entity: str, ids: Sequence[int]) -> None:
    for transition in stage.act.get("then", ()):
        able = _able(stage.ctx, entity, transition, ids)
        ctx = _decider(stage, entity, transition)
        for some, body in _bodies(stage, entity, able):
            workflow.take_many(ctx, entity, some, transition, body)


def _able(ctx: RunContext, entity: str, transition: str, ids: Sequence[int]) -> list[int]:
    """Those of the records that stand where the transition starts."""
    sets = ID_SETS[ctx.app.database.dialect]

    def prepared() -> Statement:
        table, origins = ctx.app.tables.entity[entity], workflow_origins(ctx, entity, transition)
        states = [literal(state, table.c.status.type) for state in origins]
        query = select(table.c.id).where(sets.among(table.c.id, "ids"), table.c.status.in_(states))
        return prepare_statement(ctx, query.order_by(table.c.id), [table.c.id])

    query = ctx.app.programs.keep(("demo", entity, transition), prepared)
    return [id for (id,) in query.run(ctx, {"ids": sets.pack(ids)})]


def _bodies(stage: Stage, entity: str, ids: list[int]) -> Iterator[tuple[list[int], Row | None]]:
    """What a transition is given: the same for all, or for each record what it alone can show (a photo, its code)."""
    told = stage.act.get("body")
    if not ids:
        return
    if told is None or not any(isinstance(given, dict) for given in told.values()):
        yield ids, told
        return
    table = stage.ctx.app.tables.entity[entity]
    for row in stage.ctx.connection.execute(select(table).where(table.c.id.in_(ids)).order_by(table.c.id)).mappings():
        yield [row["id"]], {name: shown(stage, row, given) for name, given in told.items()}


def shown(stage: Stage, row: Mapping[Any, Any], given: object) -> object:
    """``{field: code}``: what the record says; ``{file: name}``: a file of the story's folder; ``{hours: 2}``: so many
    hours from now; ``{one_of: […]}``: one of them."""
    if not isinstance(given, dict):
        return given
    kind, told = next(iter(given.items()))
    return SHOWN[kind](stage, row, told)


def _file(stage: Stage, row: Mapping[Any, Any], name: str) -> int:
    return files.save(stage.ctx, name, (stage.story.folder / name).read_bytes()).id


SHOWN: Mapping[str, Callable[[Stage, Mapping[Any, Any], Any], object]] = MappingProxyType(
    {
        "field": lambda stage, row, name: str(row[name]),
        "file": _file,
        "hours": lambda stage, row, hours: (stage.ctx.now() + timedelta(hours=hours)).isoformat(),
        "one_of": lambda stage, row, options: stage.chance.choice(options),
    }
)


def _decider(stage: Stage, entity: str, transition: str) -> RunContext:
    """The call of whoever takes a transition: the approver, where it ends an approval."""
    flow = stage.ctx.app.model.entities[entity].workflow
    if flow is None or stage.approver is None or flow.transitions[transition].by:
        return stage.ctx
    return replace(stage.ctx, user=stage.approver)


def workflow_origins(ctx: RunContext, entity: str, transition: str) -> tuple[str, ...]:
    """The states a transition starts from."""
    flow = ctx.app.model.entities[entity].workflow
    return flow.transitions[transition].origins if flow else ()
