"""When a condition would have turned true in the past: what happened is undone in a savepoint, newest first, and done
again step by step while the condition is asked. The savepoint is rolled back: nothing stays.

So formulas over other documents and balances of ledgers are exactly what they were; only what the trail does not hold
(lines of deleted rows, settings changed outside) stays as it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from engine.model import Entity, Rule
from engine.watching import Watched, watched
from runtime import computed
from runtime.computed_routes import Touched, walk
from runtime.context import FixedClock, RunContext
from runtime.happenings import Moved
from runtime.ledgers.shape import Shape, shape_of
from runtime.ledgers.write import grains_of, joints_of
from runtime.record_inputs import Workspace
from runtime.record_rows import read_rows
from runtime.rules_look import Part, holds, look
from runtime.rules_past import Entry, entries, from_kept
from runtime.rules_watch import named_by

Row = dict[str, Any]
Key = tuple[str, str]
MOST = 4000
"""Changes that are replayed: the newest of the period."""
EVERY, UNDOING = 100, 0.3
"""After how many steps progress is told; the part of the work that undoing is, about."""


Effects = Sequence[Mapping[str, Any]]
Tell = Callable[[Workspace, Row], Effects]
"""What a rule would do with a record, by what stands in the database at that moment."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """A condition that turned true: when, on which record as it then was, with what values, to what effect."""

    at: datetime
    row: Row
    parts: tuple[Part, ...]
    asked: tuple[Part, ...]
    effects: Effects


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: a line of the trail, or a move of a ledger."""

    at: datetime
    number: int
    entry: tuple[Entity, Entry] | None = None
    move: tuple[str, Mapping[str, Any], Mapping[str, Any]] | None = None


@dataclass(slots=True)
class Replay:
    """A replay under way. ``true``: records for which the condition holds; ``armed``: those that may fire."""

    ctx: RunContext
    rule: Rule
    watch: Watched
    tell: Tell
    touched: dict[int, set[int]] = field(default_factory=dict)
    fired: set[int] = field(default_factory=set)


def crossings(
    ctx: RunContext, rule: Rule, since: datetime, until: datetime, progress: Callable[[float], None], tell: Tell
) -> tuple[int, list[Crossed], bool]:
    """How many changes were looked at, what crossed, and whether older ones had to be left out.

    ``progress`` is told the share that is done; ``tell`` says what the rule would have done, while all is as it was.
    """
    exprs = tuple(expr for expr in (rule.trigger.that, rule.trigger.rearm) if expr is not None)
    watch = watched(ctx.app.model, rule.trigger.entity, exprs)
    steps = sorted(_steps(ctx, watch, since, until), key=lambda step: (step.at, step.number))
    cut = len(steps) > MOST
    savepoint = ctx.connection.begin_nested()
    try:
        found = _replayed(Replay(ctx, rule, watch, tell), steps[-MOST:], progress)
    finally:
        savepoint.rollback()
    return len(steps), found, cut


# --- what happened ---------------------------------------------------------------------------------------------


def _steps(ctx: RunContext, watch: Watched, since: datetime, until: datetime) -> Iterator[Step]:
    sources = _sources(ctx, frozenset(watch.cells))
    model = ctx.app.model
    owners: dict[str, set[str]] = {}
    for entity, name in sources:
        owner = model.entities[entity]
        owners.setdefault(owner.parent or entity, set()).add(owner.parent_field if owner.parent else name)
    for entity, names in owners.items():
        for entry in entries(ctx, entity, since, until, ("update", "transition", "create")):
            if entry.kind == "create" or any(name.partition(".")[0] in names for name in entry.changes):
                yield Step(entry.at, entry.id, entry=(model.entities[entity], entry))
    for ledger in {each.ledger for each in watch.ledgers}:
        yield from _moves(ctx, ledger, since, until)


def _sources(ctx: RunContext, cells: frozenset[Key]) -> set[Key]:
    """The fields people write from which the watched cells follow, through any depth."""
    graph = computed.graph_of(ctx)
    feeds: dict[Key, set[Key]] = {}
    for source, dependents in graph.of.items():
        for each in dependents:
            feeds.setdefault((each.entity, each.field), set()).add(source)
    found, waiting = set(cells), list(cells)
    while waiting:
        for source in feeds.get(waiting.pop(), ()):
            if source not in found:
                found.add(source)
                waiting.append(source)
    return {key for key in found if key[0] in ctx.app.model.entities}


def _moves(ctx: RunContext, ledger: str, since: datetime, until: datetime) -> Iterator[Step]:
    shape = shape_of(ctx, ledger)
    table = shape.moves
    query = select(table).where(table.c.entered_at >= since, table.c.entered_at < until)
    for row in ctx.connection.execute(query.order_by(table.c.id)).mappings():
        amounts = {name: row[name] for name in shape.kept if row[name]}
        yield Step(row["entered_at"], row["id"], move=(ledger, shape.read(row), amounts))


# --- undoing and doing again --------------------------------------------------------------------------------------


def _replayed(replay: Replay, steps: Sequence[Step], progress: Callable[[float], None]) -> list[Crossed]:
    for number, step in reversed(list(enumerate(steps))):
        replay.touched[number] = _apply(replay, step, forward=False)
        if number % EVERY == 0:
            progress(UNDOING * (len(steps) - number) / len(steps))
    everybody = sorted(set().union(*replay.touched.values())) if replay.touched else []
    start = steps[0].at if steps else replay.ctx.now()
    for row, parts, _, _ in _asked(replay, start, everybody):
        if holds(parts):
            replay.fired.add(row["id"])
    found: list[Crossed] = []
    for number, step in enumerate(steps):
        ids = _apply(replay, step, forward=True) | replay.touched[number]
        found.extend(_judged(replay, step.at, sorted(ids)))
        if number % EVERY == 0:
            progress(UNDOING + (1 - UNDOING) * number / len(steps))
    return found


def _judged(replay: Replay, at: datetime, ids: Sequence[int]) -> Iterator[Crossed]:
    trigger = replay.rule.trigger
    for row, parts, again, asked in _asked(replay, at, ids):
        if holds(parts) and row["id"] not in replay.fired:
            replay.fired.add(row["id"])
            then = Workspace(replace(replay.ctx, clock=FixedClock(at)))
            yield Crossed(at, row, parts, asked, replay.tell(then, row) if holds(asked) else ())
        elif not holds(parts) and not trigger.once and (trigger.rearm is None or holds(again)):
            replay.fired.discard(row["id"])


Asked = tuple[Row, tuple[Part, ...], tuple[Part, ...], tuple[Part, ...]]


def _asked(replay: Replay, at: datetime, ids: Iterable[int]) -> Iterator[Asked]:
    """The records as they are at this step, and how their conditions come out."""
    ctx = replace(replay.ctx, clock=FixedClock(at))
    entity, trigger = replay.rule.trigger.entity, replay.rule.trigger
    rows = [row for row in read_rows(ctx, entity, ids).values() if row.get("deleted_at") is None]
    work = Workspace(ctx)
    columns = (trigger.that, trigger.rearm, replay.rule.condition)
    looked = [look(work, expr, rows, entity) for expr in columns]
    yield from zip(rows, *looked, strict=True)


def _apply(replay: Replay, step: Step, *, forward: bool) -> set[int]:
    """Undo or do again one step; the records of the rule that it concerns."""
    if step.move is not None:
        return _move(replay, *step.move, sign=1 if forward else -1)
    assert step.entry is not None
    return _entry(replay, *step.entry, forward=forward)


def _move(
    replay: Replay, ledger: str, dimensions: Mapping[str, Any], amounts: Mapping[str, Any], sign: int
) -> set[int]:
    ctx = replay.ctx
    shape = shape_of(ctx, ledger)
    for grain, names, columns in (*grains_of(ctx, shape), *joints_of(ctx, shape)):
        table = grain.table
        values = {c: table.c[c] + amounts[r] * sign for c, r in columns.items() if amounts.get(r)}
        if values:
            ctx.connection.execute(update(table).where(table.c.key == _key(shape, dimensions, names)).values(values))
    found: set[int] = set()
    at = Workspace(ctx)
    for each in replay.watch.ledgers:
        if each.ledger == ledger:
            ids = named_by(at, each, [Moved(ledger, dimensions)])
            route = Touched(each.entity, (), tuple(sorted(ids)))
            found |= walk(at, each.route, route) if each.route and ids else ids
    return found


def _key(shape: Shape, dimensions: Mapping[str, Any], names: Sequence[str]) -> str:
    return shape.key(dimensions, names)


def _entry(replay: Replay, entity: Entity, entry: Entry, *, forward: bool) -> set[int]:
    changed: dict[str, dict[int, Row]] = {}
    for path, change in entry.changes.items():
        if entry.kind == "create":
            break
        first, _, rest = path.partition(".")
        spec = entity.fields.get(first)
        if spec is None or not isinstance(change, list) or len(change) != 2:
            continue
        if not spec.lines:
            changed.setdefault(entity.id, {}).setdefault(entry.record, {})[first] = change[1 if forward else 0]
            continue
        number, _, name = rest.partition(".")
        if name and number.isdigit():
            changed.setdefault(spec.lines, {}).setdefault(int(number), {})[name] = change[1 if forward else 0]
    if entry.kind == "create":
        _presence(replay, entity, entry, there=forward)
        return _concerned(replay, entity.id, [entry.record], entity.fields, {})
    found: set[int] = set()
    for name, rows in changed.items():
        found |= _written(replay, name, rows)
    return found


def _written(replay: Replay, name: str, rows: Mapping[int, Row]) -> set[int]:
    """Set fields of rows as the trail has them, and follow what comes of it."""
    ctx, entity = replay.ctx, replay.ctx.app.model.entities[name]
    table, fields = ctx.app.tables.entity[name], set[str]()
    for record, values in rows.items():
        known = {n: from_kept(entity.fields[n], v) for n, v in values.items() if n in entity.fields and n in table.c}
        known = {n: v for n, v in known.items() if not isinstance(v, (tuple, dict))}
        if known:
            ctx.connection.execute(update(table).where(table.c.id == record).values(known))
            fields.update(known)
    wave = computed.touch(ctx, name, list(rows), fields)
    return _concerned(replay, name, list(rows), fields, wave.done)


def _presence(replay: Replay, entity: Entity, entry: Entry, *, there: bool) -> None:
    table = replay.ctx.app.tables.entity[entity.id]
    gone = None if there else replay.ctx.now()
    query = update(table).where(table.c.id == entry.record)
    replay.ctx.connection.execute(query.values(deleted_at=gone))


def _concerned(
    replay: Replay, name: str, ids: Sequence[int], fields: Iterable[str], cells: Mapping[Key, Iterable[int]]
) -> set[int]:
    at, found = Workspace(replay.ctx), set[int]()
    touched = {(name, field): tuple(ids) for field in fields} | {key: tuple(sorted(c)) for key, c in cells.items()}
    for key, those in touched.items():
        for route in replay.watch.cells.get(key, ()):
            start = Touched(key[0], (), those)
            found |= walk(at, route, start) if route else set(those)
    return found
