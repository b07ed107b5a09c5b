"""The acts of a demo story: make records, draw documents, take transitions, refill what runs low, settle what is due.

Each act finds what it works on in the database, does it for all at once and, where that is refused, one by one, so that
one refusal stops nothing else. What was refused waits for another day: late deliveries come about as in life.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_UP, Decimal
from random import Random
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select

from runtime import documents, records, workflow
from runtime.context import RunContext, User
from runtime.demo_story import Story, cell_value, weighted
from runtime.errors import Conflict, UserError
from runtime.values import Base

Row = dict[str, Any]
PATIENCE = timedelta(days=3)


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


def _fields(stage: Stage, entity: str, specs: Mapping[str, object], picked: Mapping[str, object]) -> Row:
    fields = stage.ctx.app.model.entities[entity].fields
    found = {}
    for name, spec in specs.items():
        raw = _value(stage, spec, picked)
        if raw not in (None, ""):
            found[name] = cell_value(fields[name], raw)
    return found


def _lines(stage: Stage, entity: str, spec: Row) -> list[Row]:
    if "rows" in spec:
        return [_fields(stage, entity, row, {}) for row in spec["rows"]]
    count = stage.chance.randint(*spec["count"])
    picked = weighted(stage.chance, stage.story.mixes[spec["of"]], count)
    return [_fields(stage, entity, spec["set"], row) for row in picked]


# --- doing things, together or one by one --------------------------------------------------------------------


def _attempt(stage: Stage, work: Callable[[], None]) -> bool:
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


def _create(stage: Stage, entity: str, rows: Sequence[Row]) -> int:
    """Make the records and take the transitions that follow at once."""
    made: list[int] = []

    def work(some: Sequence[Row]) -> None:
        ids = [saved.id for saved in records.create_many(stage.ctx, entity, some)]
        _follow(stage, entity, ids)
        made.extend(ids)

    if rows and not _attempt(stage, lambda: work(rows)) and len(rows) > 1:
        for row in rows:
            _attempt(stage, lambda row=row: work([row]))  # type: ignore[misc]
    return len(made)


def _follow(stage: Stage, entity: str, ids: Sequence[int]) -> None:
    for transition in stage.act.get("then", ()):
        origins = workflow_origins(stage.ctx, entity, transition)
        table = stage.ctx.app.tables.entity[entity]
        query = select(table.c.id).where(table.c.id.in_(ids), table.c.status.in_(origins)).order_by(table.c.id)
        able = list(stage.ctx.connection.execute(query).scalars())
        if able:
            ctx = _decider(stage, entity, transition)
            workflow.take_many(ctx, entity, able, transition, stage.act.get("body"))


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


# --- which records -------------------------------------------------------------------------------------------


def _candidates(stage: Stage, entity: str) -> list[int]:
    """The records an act works on today: those that fit, whose day has come, that chance did not leave out."""
    table = stage.ctx.app.tables.entity[entity]
    when = stage.act.get("when", {"field": "date", "days": [0]})
    query = select(table.c.id, table.c[when["field"]]).where(table.c.deleted_at.is_(None)).order_by(table.c.id)
    for name, allowed in stage.act.get("where", {}).items():
        query = query.where(_fits(table.c[name], allowed))
    share, least = stage.act.get("share", 1), stage.act.get("of_all", 0)
    found = []
    for id, due in stage.ctx.connection.execute(query):
        dice = Random(f"{stage.story.seed} {stage.number} {id}")
        if due is None or not least <= dice.random() < share:
            continue
        day = due + timedelta(days=dice.choice(when["days"]))
        if day <= stage.day and stage.waiting.get((stage.number, id), stage.day) <= stage.day:
            found.append(id)
    return found[: stage.act.get("most", len(found))]


def _fits(column: Any, allowed: object) -> Any:
    """A value, one of several, or above a number."""
    if isinstance(allowed, dict):
        return column > Decimal(str(allowed["above"]))
    return column.in_(allowed if isinstance(allowed, list) else [allowed])


def _one_by_one(stage: Stage, ids: Sequence[int], work: Callable[[Sequence[int]], None]) -> int:
    """``work`` on all, or on each alone where all together is refused; the refused ones wait."""
    if not ids:
        return 0
    if _attempt(stage, lambda: work(ids)):
        _settled(stage, ids)
        return len(ids)
    done = 0
    for id in ids if len(ids) > 1 else ():
        if _attempt(stage, lambda id=id: work([id])):  # type: ignore[misc]
            done += 1
            _settled(stage, [id])
            continue
        stage.waiting[stage.number, id] = stage.day + PATIENCE
    if len(ids) == 1:
        stage.waiting[stage.number, ids[0]] = stage.day + PATIENCE
    return done


def _settled(stage: Stage, ids: Sequence[int]) -> None:
    """An act is done once with each record."""
    for id in ids:
        stage.waiting[stage.number, id] = date.max


# --- the acts ------------------------------------------------------------------------------------------------


def make(stage: Stage) -> int:
    """New records: so many a day from a mix, or those written down."""
    act, entity = stage.act, stage.act["entity"]
    count = stage.chance.randint(*act.get("count", (1, 1)))
    picked: list[Row] = [{}] * count
    if "of" in act:
        picked = [stage.chance.choices(*_weights(stage.story.mixes[act["of"]]))[0] for _ in range(count)]
    rows = []
    for row in picked:
        values = _fields(stage, entity, act.get("set", {}), row)
        for name, spec in act.get("lines", {}).items():
            values[name] = _lines(stage, f"{entity}.{name}", spec)
        rows.append(values)
    return _create(stage, entity, rows)


def _weights(rows: Sequence[Row]) -> tuple[Sequence[Row], list[float]]:
    return rows, [float(row.get("weight") or 1) for row in rows]


def draw(stage: Stage) -> int:
    """Documents drawn from those that are due."""
    entity = stage.act["entity"]

    def work(ids: Sequence[int]) -> None:
        rows = [_drawn(stage, entity, values) for id in ids for values in _proposals(stage, entity, id)]
        made = [saved.id for saved in records.create_many(stage.ctx, entity, rows)]
        _follow(stage, entity, made)

    return _one_by_one(stage, _candidates(stage, stage.act["from"]), work)


def _proposals(stage: Stage, entity: str, id: int) -> list[Row]:
    """What would be drawn from a record; nothing where nothing is left."""
    try:
        return documents.drafts(stage.ctx, entity, stage.act["source"], [id])
    except Conflict as wrong:
        if any(fault.code != "nothing_left" for fault in wrong.faults):
            raise
        return []


def _drawn(stage: Stage, entity: str, values: Row) -> Row:
    """The proposed document with what the story changes in it."""
    changed = {**values, **_fields(stage, entity, stage.act.get("set", {}), {})}
    for name, specs in stage.act.get("lines", {}).items():
        described = f"{entity}.{name}" if name != "header" else entity
        targets = changed[name] if name != "header" else [changed]
        for line in targets:
            _change_line(stage, described, line, specs)
    return changed


def _change_line(stage: Stage, entity: str, line: Row, specs: Mapping[str, Any]) -> None:
    for name, spec in specs.items():
        if isinstance(spec, dict) and "share_of" in spec:
            line[name] = _share(line[spec["share_of"]], stage.chance.choice(spec["one_of"]))
        elif isinstance(spec, dict) and "tracked" in spec:
            if _is_set(stage, line, spec):
                line.update(_fields(stage, entity, {name: {"marked": spec["tracked"]}}, {}))
        else:
            line.update(_fields(stage, entity, {name: spec}, {}))


def _is_set(stage: Stage, line: Row, spec: Mapping[str, Any]) -> bool:
    """Whether the record that the line names has the yes/no field that the specification asks for."""
    name, flag = spec["if"].split(".")
    field = stage.ctx.app.model.entities[spec["rows"]].fields[name]
    table = stage.ctx.app.tables.entity[field.targets[0]]
    return bool(stage.ctx.connection.execute(select(table.c[flag]).where(table.c.id == line[name])).scalar())


def _share(whole: object, share: float, step: str = "1") -> object:
    """A share of an amount, rounded up to the step."""
    base = whole.value if isinstance(whole, Base) else Decimal(str(whole))
    part = (base * Decimal(str(share))).quantize(Decimal(step), rounding=ROUND_UP)
    return Base(part) if isinstance(whole, Base) else part


def each(stage: Stage) -> int:
    """A record about each of those that are due, with shares of their figures."""
    act, entity = stage.act, stage.act["entity"]
    table = stage.ctx.app.tables.entity[act["from"]]

    def work(ids: Sequence[int]) -> None:
        query = select(table).where(table.c.id.in_(ids)).order_by(table.c.id)
        named = _named_lines(stage, ids)
        found = stage.ctx.connection.execute(query).mappings().all()
        rows = [{**_about(stage, row), **line} for row in found for line in named.get(row["id"], [{}])]
        _follow(stage, entity, [saved.id for saved in records.create_many(stage.ctx, entity, rows)])

    return _one_by_one(stage, _candidates(stage, act["from"]), work)


def _named_lines(stage: Stage, ids: Sequence[int]) -> dict[int, list[Row]]:
    """The lines of each record that the new ones shall name: one for each of ``pick: {of: lines, as: field}``, with
    ``from`` and ``until`` as positions in a list."""
    pick = stage.act.get("pick")
    if pick is None:
        return {}
    table = stage.ctx.app.tables.entity[f"{stage.act['from']}.{pick['of']}"]
    query = select(table.c.parent, table.c.id).where(table.c.parent.in_(ids)).order_by(table.c.parent, table.c.position)
    lines: dict[int, list[Row]] = {}
    for parent, id in stage.ctx.connection.execute(query):
        lines.setdefault(parent, []).append({pick["as"]: id})
    part = slice(pick.get("from"), pick.get("until"))
    return {parent: each[part] for parent, each in lines.items()}


def _about(stage: Stage, row: Mapping[Any, Any]) -> Row:
    act = stage.act
    values = {**_fields(stage, act["entity"], act.get("set", {}), {}), act["link"]: row["id"]}
    for name, spec in act["shares"].items():
        whole = row[spec["share_of"]]
        if whole is not None:
            share = _share(whole, stage.chance.choice(spec["one_of"]), spec.get("step", "1"))
            values[name] = str(share)
    return values


def take(stage: Stage) -> int:
    """A transition of those that are due."""
    entity = stage.act["entity"]

    def work(ids: Sequence[int]) -> None:
        _follow(stage, entity, ids)

    _one_by_one(stage, _candidates(stage, entity), work)
    return 0


def refill(stage: Stage) -> int:
    """What has fallen below its level is filled up to its target: one document a group, or one for each."""
    act, entity = stage.act, stage.act["entity"]
    have = _have(stage)
    ids = _ids(stage, act["key"], act["key_entity"])
    groups: dict[object, list[Row]] = {}
    for row in stage.story.mixes[act["of"]]:
        there = have.get(ids[row[act["key"]]], Decimal(0))
        if there < Decimal(row["level"]):
            step = Decimal(row.get("step") or 1)
            need = {**row, "need": str(_up_to_step(Decimal(row["target"]) - there, step))}
            groups.setdefault(row.get(act.get("group", ""), len(groups)), []).append(need)
    rows = []
    for needs in groups.values():
        values = _fields(stage, entity, act.get("set", {}), needs[0])
        for name, spec in act.get("lines", {}).items():
            values[name] = [_fields(stage, f"{entity}.{name}", spec, need) for need in needs]
        rows.append(values)
    return _create(stage, entity, rows)


def _up_to_step(amount: Decimal, step: Decimal) -> Decimal:
    return (amount / step).to_integral_value(ROUND_UP) * step


def _ids(stage: Stage, key: str, entity: str) -> dict[str, int]:
    table = stage.ctx.app.tables.entity[entity]
    found = stage.ctx.connection.execute(select(table.c.code, table.c.id))
    return {str(code): int(id) for code, id in found}


def _have(stage: Stage) -> dict[int, Decimal]:
    """What is there and coming, less what is promised, by key."""
    tables, key = stage.ctx.app.tables, stage.act["key"]
    found: dict[int, Decimal] = {}
    for part in stage.act["have"]:
        table = tables.balance[part["ledger"]] if "ledger" in part else tables.entity[part["rows"]]
        query = select(table.c[key], func.sum(table.c[part["figure"]])).group_by(table.c[key])
        for name, allowed in part.get("where", {}).items():
            query = query.where(table.c[name].in_(allowed))
        if "owner" in part:
            owner = tables.entity[part["rows"].rpartition(".")[0]]
            query = query.join(owner, owner.c.id == table.c.parent).where(owner.c.status.in_(part["owner"]))
        for id, total in stage.ctx.connection.execute(query):
            found[id] = found.get(id, Decimal(0)) + Decimal(total or 0) * part.get("sign", 1)
    return found


def settle(stage: Stage) -> int:
    """What is due in a ledger by today is settled, one record a key, but for those that chance lets wait."""
    act, entity = stage.act, stage.act["entity"]
    table = stage.ctx.app.tables.balance[act["ledger"]]
    key, due, figure = table.c[act["key"]], table.c[act["due"]], table.c[act["figure"]]
    rows = []
    query = select(key, due, func.sum(figure)).group_by(key, due).order_by(key, due)
    owed: dict[int, Decimal] = {}
    for id, day, amount in stage.ctx.connection.execute(query):
        patience = Random(f"{stage.story.seed} {stage.number} {id} {day}").choice(act["days"])
        if day + timedelta(days=patience) <= stage.day:
            owed[id] = owed.get(id, Decimal(0)) + amount
    for id, amount in owed.items():
        if amount > 0:
            rows.append({**_fields(stage, entity, act.get("set", {}), {}), act["key"]: id, act["amount"]: str(amount)})
    return _create(stage, entity, rows)


ACTS: Mapping[str, Callable[[Stage], int]] = MappingProxyType(
    {"make": make, "draw": draw, "each": each, "take": take, "refill": refill, "settle": settle}
)
