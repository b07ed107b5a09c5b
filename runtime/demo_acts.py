"""The acts of a demo story: make records, draw documents, take transitions, refill what runs low, settle what is due.

Each act finds what it works on in the database, does it for all at once and, where that is refused, one by one, so that
one refusal stops nothing else. What was refused waits for another day: late deliveries come about as in life.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_UP, Decimal
from random import Random
from types import MappingProxyType
from typing import Any

from sqlalchemy import literal, select

from runtime import documents, records
from runtime.demo_ledger_acts import count, refill, settle
from runtime.demo_stage import Stage, attempt, create_and_follow, follow, lines_of, shown, values_of
from runtime.errors import Conflict
from runtime.prepared import Statement, prepare_statement
from runtime.values import Base

Row = dict[str, Any]
PATIENCE = timedelta(days=3)
WHEN: Mapping[str, Any] = MappingProxyType({"field": "date", "days": (0,)})


# --- which records -------------------------------------------------------------------------------------------


def _candidates(stage: Stage, entity: str) -> list[int]:
    """The records an act works on today: those that fit, whose day has come, that chance did not leave out."""
    when = stage.act.get("when", WHEN)
    mark = ("demo", stage.story.folder, stage.number, entity)
    query = stage.ctx.app.programs.keep(mark, lambda: _fitting(stage, entity, when["field"]))
    share, least = stage.act.get("share", 1), stage.act.get("of_all", 0)
    soonest = timedelta(days=min(when["days"]))
    found = []
    for id, due in query.run(stage.ctx, {}):
        if due is None or due + soonest > stage.day or stage.waiting.get((stage.number, id), stage.day) > stage.day:
            continue  # before the dice: shaking them takes longest
        dice = Random(f"{stage.story.seed} {stage.number} {id}")
        if least <= dice.random() < share and due + timedelta(days=dice.choice(when["days"])) <= stage.day:
            found.append(id)
    most = stage.act.get("most", len(found))
    return found[len(found) - most :] if stage.act.get("newest") else found[:most]


def _fitting(stage: Stage, entity: str, field: str) -> Statement:
    """The records of an act, with the field its day goes by."""
    table = stage.ctx.app.tables.entity[entity]
    query = select(table.c.id, table.c[field]).where(table.c.deleted_at.is_(None)).order_by(table.c.id)
    for name, allowed in stage.act.get("where", {}).items():
        query = query.where(_fits(stage, entity, table.c[name], allowed))
    return prepare_statement(stage.ctx, query, [table.c.id, table.c[field]])


def _fits(stage: Stage, entity: str, column: Any, allowed: object) -> Any:
    """A value, one of several, a record by its code, or above a number."""
    if isinstance(allowed, dict) and "code" in allowed:
        field = stage.ctx.app.model.entities[entity].fields[column.key]
        named = stage.ctx.app.tables.entity[field.targets[0]]
        return column.in_(select(named.c.id).where(named.c.code == allowed["code"]))
    if isinstance(allowed, dict):
        return column > Decimal(str(allowed["above"]))
    return column.in_([literal(each, column.type) for each in (allowed if isinstance(allowed, list) else [allowed])])


def _one_by_one(stage: Stage, ids: Sequence[int], work: Callable[[Sequence[int]], None]) -> int:
    """``work`` on all, or on each alone where all together is refused; the refused ones wait."""
    if not ids:
        return 0
    if attempt(stage, lambda: work(ids)):
        _settled(stage, ids)
        return len(ids)
    done = 0
    for id in ids if len(ids) > 1 else ():
        if attempt(stage, lambda id=id: work([id])):  # type: ignore[misc]
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
    wanted = act.get("count", (1, 1))
    count = wanted if isinstance(wanted, int) else stage.chance.randint(*wanted)  # a number asks no chance
    picked: list[Row] = [{}] * count
    if "of" in act:
        picked = [stage.chance.choices(*_weights(stage.story.mixes[act["of"]]))[0] for _ in range(count)]
    rows = []
    for row in picked:
        values = values_of(stage, entity, act.get("set", {}), row)
        for name, spec in act.get("lines", {}).items():
            values[name] = lines_of(stage, f"{entity}.{name}", spec)
        rows.append(values)
    return create_and_follow(stage, entity, rows)


def _weights(rows: Sequence[Row]) -> tuple[Sequence[Row], list[float]]:
    return rows, [float(row.get("weight") or 1) for row in rows]


def draw(stage: Stage) -> int:
    """Documents drawn from those that are due."""
    entity = stage.act["entity"]

    def work(ids: Sequence[int]) -> None:
        rows = [_drawn(stage, entity, values) for id in ids for values in _proposals(stage, entity, id)]
        made = [saved.id for saved in records.create_many(stage.ctx, entity, rows)]
        follow(stage, entity, made)

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
    changed = {**values, **values_of(stage, entity, stage.act.get("set", {}), {})}
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
                line.update(values_of(stage, entity, {name: {"marked": spec["tracked"]}}, {}))
        else:
            line.update(values_of(stage, entity, {name: spec}, {}))


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
        follow(stage, entity, [saved.id for saved in records.create_many(stage.ctx, entity, rows)])

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
    values = {**values_of(stage, act["entity"], act.get("set", {}), {}), act["link"]: row["id"]}
    for name, spec in act["shares"].items():
        whole = row[spec["share_of"]]
        if whole is not None:
            share = _share(whole, stage.chance.choice(spec["one_of"]), spec.get("step", "1"))
            values[name] = str(share)
    return values


def take(stage: Stage) -> int:
    """A transition of those that are due, after changing what the act says of them and their lines."""
    entity = stage.act["entity"]

    def work(ids: Sequence[int]) -> None:
        if "change" in stage.act:
            records.update_many(stage.ctx, entity, [(id, _changes(stage, entity, id), None) for id in ids])
        follow(stage, entity, ids)

    _one_by_one(stage, _candidates(stage, entity), work)
    return 0


def _changes(stage: Stage, entity: str, id: int) -> Row:
    """New values of a record: of its header, and of its lines, row by row or as shares of their figures."""
    told = stage.act["change"]
    values = values_of(stage, entity, told.get("set", {}), {})
    for name, specs in told.get("lines", {}).items():
        table = stage.ctx.app.tables.entity[f"{entity}.{name}"]
        query = select(table).where(table.c.parent == id).order_by(table.c.position)
        lines = list(stage.ctx.connection.execute(query).mappings())
        each = specs.get("rows", [specs] * len(lines)) if lines else []
        values[name] = [
            {"id": row["id"]} | {to: _line_value(stage, row, how) for to, how in spec.items()}
            for row, spec in zip(lines, each, strict=True)
        ]
    return values


def _line_value(stage: Stage, row: Mapping[Any, Any], how: object) -> object:
    if isinstance(how, dict) and "share_of" in how:
        return str(_share(row[how["share_of"]], stage.chance.choice(how["one_of"])))
    return shown(stage, row, how)


ACTS: Mapping[str, Callable[[Stage], int]] = MappingProxyType(
    {"make": make, "draw": draw, "each": each, "take": take, "refill": refill, "settle": settle, "count": count}
)
