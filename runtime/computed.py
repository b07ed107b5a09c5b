"""Stored formulas that read other records: what follows from a write, set-wise, through any depth, and nothing else.

The graph (``engine.dependencies``) says which formulas read a changed field and how their records are reached. Levels
are worked through from the lowest; each formula is one statement over all records concerned, and only cells whose
value really changed carry the wave on. Affected records are locked in order of ids first, so that two writers
drawing on the same record are judged one after the other.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sqlalchemy import Select, Update, bindparam, select, update
from sqlalchemy.exc import DBAPIError

from engine.dependencies import ROWS, Dependent, Graph, Route, dependents
from engine.model import Entity
from runtime.computed_cells import Changed, any_of, compute, together
from runtime.computed_groups import next_group
from runtime.computed_routes import Touched, leading, walk
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.garbage import uncollected
from runtime.id_sets import ID_SETS
from runtime.messages import fault
from runtime.record_drafts import Batch
from runtime.record_inputs import Workspace
from runtime.record_plan import Cell
from runtime.record_rows import CHUNK, load_rows
from runtime.record_steps import differs, settle
from runtime.record_store import update_cells
from runtime.row_rules import scope_of
from runtime.sql import NotInSql, is_overflow, to_stored

Row = dict[str, Any]
ROUNDS = 200
"""How often one formula may come round along a structure: deeper than any, so more means a circle."""

INSIDE = frozenset({"parent_to_lines", "lines_to_parent"})


@dataclass(slots=True)
class Wave:
    """One propagation. ``due``: records to compute, by cell. ``done``: cells whose value changed."""

    ctx: RunContext
    graph: Graph
    at: Workspace
    due: dict[Cell, set[int]] = field(default_factory=dict)
    done: dict[Cell, set[int]] = field(default_factory=dict)
    locked: dict[str, set[int]] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        """How many cells were given another value."""
        return sum(len(ids) for ids in self.done.values())


def graph_of(ctx: RunContext) -> Graph:
    """The graph of the app's stored formulas."""
    return ctx.app.programs.keep("graph", lambda: dependents(ctx.app.model))


def propagate(batch: Batch) -> Wave:
    """Recompute the formulas of other records that read what the batch changed."""
    wave = Wave(batch.ctx, graph_of(batch.ctx), batch.at)
    for entity, touched in _touched(batch, wave.graph):
        _spread(wave, entity, touched, settled=True)
    return _run(wave)


def propagate_presence(ctx: RunContext, entity: Entity, row: Row) -> Wave:
    """A record was deleted or restored: sets over it and its lines gain or lose them."""
    wave = Wave(ctx, graph_of(ctx), Workspace(ctx))
    for name, rows in _with_lines(ctx, entity, row):
        fields = frozenset((*ctx.app.model.entities[name].fields, ROWS))
        _spread(wave, name, {f: Touched(name, rows) for f in fields})
    return _run(wave)


def touch(ctx: RunContext, entity: str, ids: Iterable[int], fields: Iterable[str]) -> Wave:
    """Fields of saved records were set outside the write door (schema changes, transitions of many)."""
    wave = Wave(ctx, graph_of(ctx), Workspace(ctx))
    wanted = list(ids)
    _spread(wave, entity, {f: Touched(entity, (), tuple(wanted)) for f in fields})
    return _run(wave)


def recompute_all(ctx: RunContext, cells: Iterable[Cell] | None = None) -> Wave:
    """All stored formulas (or these) of all records, and what follows: after a change of formulas, or as a proof."""
    wave = Wave(ctx, graph_of(ctx), Workspace(ctx))
    for cell in cells if cells is not None else wave.graph.order:
        table = ctx.app.tables.entity[cell[0]]
        wave.due[cell] = set(ctx.connection.execute(select(table.c.id)).scalars())
    return _run(wave)


def _with_lines(ctx: RunContext, entity: Entity, row: Row) -> Iterator[tuple[str, list[Row]]]:
    yield entity.id, [row]
    for each in entity.fields.values():
        if each.lines and row.get(each.id):
            inner = ctx.app.model.entities[each.lines]
            yield inner.id, row[each.id]
            for line in row[each.id]:
                yield from list(_with_lines(ctx, inner, line))[1:]


# --- what the batch touched ----------------------------------------------------------------------------------


def _touched(batch: Batch, graph: Graph) -> Iterator[tuple[str, dict[str, Touched]]]:
    """By entity and field: the rows that differ, as they are and as they were."""
    fields = batch.ctx.app.programs.keep("fields read by formulas", lambda: _fields_read(graph))
    for entity, drafts in batch.drafts.items():
        read = fields.get(entity)
        gone = batch.gone.get(entity, [])
        if not read or not (drafts or gone):
            continue
        if not gone and all(d.old is not None for d in drafts) and all(of != entity for of, _ in batch.changed):
            continue
        if not gone and all(d.old is None for d in drafts):
            rows = [draft.row for draft in drafts]
            yield entity, dict.fromkeys(read, Touched(entity, rows, fresh=frozenset(row["id"] for row in rows)))
            continue
        found: dict[str, Touched] = {}
        for name in read:
            rows = list(gone)
            fresh: set[int] = set()
            for draft in drafts:
                if draft.old is None:
                    rows.append(draft.row)
                    fresh.add(draft.row["id"])
                elif name != ROWS and differs(draft, name):
                    rows.extend((draft.row, draft.old))
            if rows:
                found[name] = Touched(entity, rows, fresh=frozenset(fresh))
        yield entity, found


def _fields_read(graph: Graph) -> dict[str, list[str]]:
    """By entity, the fields that formulas of other records read."""
    found: dict[str, list[str]] = {}
    for entity, name in graph.of:
        found.setdefault(entity, []).append(name)
    return found


def _ways(graph: Graph, *, settled: bool) -> dict[Cell, tuple[tuple[Cell, int, Route], ...]]:
    """By field, the formulas that read it, each with its route and a number that says which route that is.

    ``settled``: without the formulas of the record itself and of its lines.
    """
    numbers: dict[tuple[Route, str], int] = {}
    return {
        cell: tuple(
            ((one.entity, one.field), numbers.setdefault((one.route, one.entity), len(numbers)), one.route)
            for one in found
            if not settled or not all(step.kind in INSIDE for step in one.route)
        )
        for cell, found in graph.of.items()
    }


def _spread(
    wave: Wave,
    entity: str,
    touched: dict[str, Touched],
    *,
    settled: bool = False,
    done: frozenset[Cell] = frozenset(),
) -> None:
    """Put on the list what reads the touched fields. ``settled``: the records' own formulas were computed with them;
    ``done``: these were, of the same records.
    """
    known: dict[tuple[int, Hashable], set[int]] = {}
    ways = wave.ctx.app.programs.keep(("ways to formulas", settled), lambda: _ways(wave.graph, settled=settled))
    for name, rows in touched.items():
        ways_on = ways.get((entity, name), ())
        same = rows.same if rows.same is not None or not ways_on else rows.key
        for cell, number, route in ways_on:
            if cell in done and not route:
                continue
            key = (number, same)
            found = known.get(key)
            if found is None:
                found = known[key] = walk(wave.at, route, rows, cell[0])
            if found:
                waiting = wave.due.get(cell)
                wave.due[cell] = found if waiting is None else waiting | found


# --- computing -----------------------------------------------------------------------------------------------


def _run(wave: Wave) -> Wave:
    if wave.due:
        with uncollected():
            _run_out(wave)
    return wave


def _run_out(wave: Wave) -> None:
    rounds: dict[Cell, int] = {}
    while wave.due:
        group = next_group(wave.ctx, wave.graph, wave.due)
        entity = group[0][0]
        due = {cell: wave.due.pop(cell) for cell in group if cell in wave.due}
        for cell in due:
            rounds[cell] = rounds.get(cell, 0) + 1
            if rounds[cell] > ROUNDS:
                label = wave.ctx.app.model.entities[entity].fields[cell[1]].label.get(wave.ctx.language)
                raise Invalid(fault(wave.ctx, "circle", label=label))
        changed = _compute(wave, group, due)
        for name, one in changed.items():
            wave.done.setdefault((entity, name), set()).update(one.ids)
        wave.at.forget(entity, chain.from_iterable(one.ids for one in changed.values()))
        _spread(wave, entity, _told(entity, changed), done=frozenset(group))


def _told(entity: str, changed: Mapping[str, Changed]) -> dict[str, Touched]:
    """What has changed by field; fields that changed in the same records have one mark."""
    different: list[list[int]] = []
    found = {}
    for name, one in changed.items():
        mark = next((place for place, ids in enumerate(different) if ids == one.ids), len(different))
        if mark == len(different):
            different.append(one.ids)
        found[name] = Touched(entity, (), tuple(one.ids), leads=one.leads, same=mark)
    return found


def _compute(wave: Wave, group: Sequence[Cell], due: dict[Cell, set[int]]) -> dict[str, Changed]:
    """Give the cells of some fields of one entity their value; answers the records where it became another one."""
    entity = group[0][0]
    _lock(wave, entity, any_of(due.values()))
    program = together(wave.ctx, entity, tuple(name for _, name in group), _leading(wave, group))
    if program is not None:
        return compute(wave.ctx, program, {name: ids for (_, name), ids in due.items()})
    ((cell, ids),) = due.items()
    changed = _compute_one(wave, cell, sorted(ids))
    return {cell[1]: Changed(changed)} if changed else {}


def _leading(wave: Wave, group: Sequence[Cell]) -> frozenset[str]:
    """The references by which the formulas that read these are reached: read along, they need not be asked for."""
    key = ("leading", tuple(group))
    routes = (one.route for cell in group for one in wave.graph.of.get(cell, ()))
    return wave.ctx.app.programs.keep(key, lambda: leading(wave.ctx, group[0][0], routes))


def _compute_one(wave: Wave, cell: Cell, ids: Sequence[int]) -> list[int]:
    """A formula that is not kept in one column or reads what is not: by the database where it can, else here."""
    try:
        statement = wave.ctx.app.programs.latest(
            "recompute", (wave.ctx.today(), *cell), lambda: _statement(wave.ctx, cell)
        )
    except NotInSql:
        return _compute_in_python(wave, cell, ids)
    changed: list[int] = []
    for start in range(0, len(ids), CHUNK):
        try:
            found = wave.ctx.connection.execute(statement, {"ids": ids[start : start + CHUNK]})
        except DBAPIError as error:
            if not is_overflow(error):
                raise
            label = wave.ctx.app.model.entities[cell[0]].fields[cell[1]].label.get(wave.ctx.language)
            raise Invalid(fault(wave.ctx, "overflow", label=label)) from error
        changed.extend(found.scalars())
    return changed


def _statement(ctx: RunContext, cell: Cell) -> Update:
    """``UPDATE … FROM`` the fresh values, only where they differ, telling which rows those were."""
    entity, name = cell
    spec = ctx.app.model.entities[entity].fields[name]
    assert spec.formula is not None
    table = ctx.app.tables.entity[entity]
    inner = table.alias("fresh_row")
    value = to_stored(spec.formula, spec.value, scope_of(ctx, entity, inner))
    fresh = (
        select(inner.c.id, value.label("value"))
        .where(inner.c.id.in_(bindparam("ids", expanding=True)))
        .subquery("fresh")
    )
    return (
        update(table)
        .values({name: fresh.c.value})
        .where(table.c.id == fresh.c.id, table.c[name].is_distinct_from(fresh.c.value))
        .returning(table.c.id)
    )


def _compute_in_python(wave: Wave, cell: Cell, ids: Sequence[int]) -> list[int]:
    entity, name = cell
    spec = wave.ctx.app.model.entities[entity].fields[name]
    assert spec.formula is not None
    rows = list(load_rows(wave.ctx, entity, ids).values())
    values = wave.at.evaluate(spec.formula, rows, None, entity)
    fresh = [(row["id"], settle(spec, value)) for row, value in zip(rows, values, strict=True)]
    changed = [(i, value) for (i, value), row in zip(fresh, rows, strict=True) if row[name] != value]
    update_cells(wave.ctx, entity, spec, changed)
    return [i for i, _ in changed]


def _lock(wave: Wave, entity: str, ids: Iterable[int]) -> None:
    """Hold the rows, in order of ids; SQLite has one writer anyway."""
    if wave.ctx.app.database.dialect != "postgresql":
        return
    held = wave.locked.setdefault(entity, set())
    missing = sorted(i for i in ids if i not in held)
    if missing:
        statement = wave.ctx.app.programs.keep(("lock for formulas", entity), lambda: _locking(wave.ctx, entity))
        wave.ctx.connection.execute(statement, {"_ids": ID_SETS["postgresql"].pack(missing)}).all()
    held.update(missing)


def _locking(ctx: RunContext, entity: str) -> Select[Any]:
    table = ctx.app.tables.entity[entity]
    among = ID_SETS["postgresql"].among(table.c.id, "_ids")
    return select(table.c.id).where(among).order_by(table.c.id).with_for_update()


__all__ = ["Dependent", "Wave", "graph_of", "propagate", "propagate_presence", "recompute_all", "touch"]
