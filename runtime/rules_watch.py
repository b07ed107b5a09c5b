"""From what happened to the records a rule or an alert must look at: along routes, and by the moves of ledgers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Date, Integer, Select, bindparam, exists, literal_column, or_, select, union_all

from engine.dependencies import ROWS
from engine.expressions.tree import Expr, Node, Path
from engine.expressions.types import EMPTY
from engine.model import EntityKind, Rule
from engine.watching import LedgerWatch
from runtime.columns import Moment, is_link
from runtime.computed_routes import Touched, walk
from runtime.context import RunContext
from runtime.happenings import Drafted, Happened, Journal, Moved
from runtime.id_sets import ID_SETS
from runtime.prepared import Statement, prepare_statement
from runtime.record_inputs import Workspace
from runtime.row_rules import scope_of
from runtime.rules_index import Index, Watch
from runtime.rules_look import parts_of
from runtime.sql import NotInSql, to_sql, to_where
from runtime.sql_scope import SqlScope, TableRow
from runtime.values import ENTERED, Ref

CHUNK = 400


def events(index: Index, taken: Journal) -> Iterator[tuple[Rule, list[int], str]]:
    """Rules whose event happened, with the records and what the event was."""
    for each in taken.happened:
        for kind in ("created", "changed", "transition"):
            for entity, drafts in each.drafts.items():
                for rule in index.events.get((kind, entity), ()):
                    ids = [draft.row["id"] for draft in drafts if _is(rule, each, entity, draft)]
                    if ids:
                        yield rule, ids, kind if kind != "transition" else each.transition


def _is(rule: Rule, each: Happened, entity: str, draft: Drafted) -> bool:
    trigger = rule.trigger
    if trigger.kind == "created":
        return draft.old is None
    if trigger.kind == "transition":
        return each.kind == "transition" and each.transition == trigger.transition and entity == each.entity
    return draft.old is not None and each.kind == "update" and not trigger.fields


def touched(at: Workspace, index: Index, taken: Journal) -> dict[Watch, set[int]]:
    """The records of each watch that may come out differently now."""
    found: dict[Watch, set[int]] = {}
    known: dict[tuple[int, frozenset[int], frozenset[int]], set[int]] = {}

    def spread(cell: tuple[str, str], rows: Touched) -> None:
        for watch, route in index.cells.get(cell, ()):
            fresh = frozenset() if watch.kind != "changed" else rows.fresh
            key = (id(route), rows.key, rows.fresh)
            if key not in known:
                known[key] = walk(at, route, rows)
            found.setdefault(watch, set()).update(known[key] - fresh)

    for each in taken.happened:
        for cell, rows in _changed(index, each):
            spread(cell, rows)
    for cell, ids in taken.cells.items():
        spread(cell, Touched(cell[0], (), tuple(sorted(ids))))
    for watch, ids in _moved(at, index, taken.moved):
        found.setdefault(watch, set()).update(ids)
    return {watch: ids for watch, ids in found.items() if ids}


def _changed(index: Index, each: Happened) -> Iterator[tuple[tuple[str, str], Touched]]:
    for entity in {*each.drafts, *each.gone}:
        drafts, gone = each.drafts.get(entity, ()), each.gone.get(entity, ())
        for name in index.names.get(entity, ()):
            rows, fresh = list(gone), set()
            for draft in drafts:
                if draft.old is None:
                    rows.append(draft.row)
                    fresh.add(draft.row["id"])
                elif name != ROWS and _differs(draft, name):
                    rows.extend((draft.row, draft.old))
            if rows:
                yield (entity, name), Touched(entity, rows, fresh=frozenset(fresh))


def _differs(draft: Drafted, name: str) -> bool:
    old = draft.old or {}
    return draft.row.get(name) != old.get(name) or draft.row.get(name + ENTERED) != old.get(name + ENTERED)


def _moved(at: Workspace, index: Index, moved: Sequence[Moved]) -> Iterator[tuple[Watch, set[int]]]:
    by_ledger: dict[str, list[Moved]] = {}
    for each in moved:
        by_ledger.setdefault(each.ledger, []).append(each)
    for ledger, moves in by_ledger.items():
        for watch, ledger_watch in index.ledgers.get(ledger, ()):
            ids = named_by(at, ledger_watch, moves)
            if ids and ledger_watch.route:
                ids = walk(at, ledger_watch.route, Touched(ledger_watch.entity, (), tuple(sorted(ids))))
            yield watch, ids


def named_by(at: Workspace, watch: LedgerWatch, moves: Iterable[Moved]) -> set[int]:
    """The records that the moves' balance belongs to: by the record itself where it is a dimension, else by fields."""
    whole = next((name for name, steps in watch.pairs if not steps), "")
    if whole:
        ids = (_id(move.dimensions.get(whole), watch.entity) for move in moves)
        return {i for i in ids if isinstance(i, int)}
    table = at.ctx.app.tables.entity[watch.entity]
    query = select(table.c.id)
    if not watch.pairs:
        return set(at.ctx.connection.execute(query).scalars())
    name, steps = watch.pairs[0]
    side = to_sql(
        Path(root="record", entity=watch.entity, steps=steps, type=EMPTY), scope_of(at.ctx, watch.entity, table)
    )
    values = sorted({i for move in moves if (i := _id(move.dimensions.get(name), "")) is not None}, key=str)
    found: set[int] = set()
    for start in range(0, len(values), CHUNK):
        found.update(at.ctx.connection.execute(query.where(side.in_(values[start : start + CHUNK]))).scalars())
    return found


def _id(value: object, entity: str) -> object:
    """The value of a dimension; a record of another entity is none of ours."""
    if isinstance(value, Ref):
        return value.id if not entity or value.entity == entity else None
    return value


def worth_a_look(at: Workspace, looks: Mapping[Watch, set[int]], taken: Journal) -> dict[Watch, set[int]]:
    """Of the records that alerts may concern those whose condition holds or for which one is open: mostly none.

    One statement for all alerts, made once, so that writes which change nothing about alerts stay cheap.
    """
    asked = {watch: ids - _surely_not(at, watch, ids, taken) for watch, ids in looks.items()}
    asked = {watch: ids for watch, ids in asked.items() if ids}
    if not asked:
        return {}
    ctx, watches = at.ctx, tuple(asked)
    key = ("worth a look", tuple(watch.id for watch in watches))
    try:
        statement = ctx.app.programs.keep(key, lambda: _asking(ctx, watches))
    except NotInSql:
        return asked
    sets = ID_SETS[ctx.app.database.dialect]
    given = {f"ids{n}": sets.pack(sorted(asked[watch])) for n, watch in enumerate(watches)}
    found: dict[Watch, set[int]] = {}
    for number, record in statement.run(ctx, {**given, "_today": ctx.today(), "_now": ctx.now()}):
        found.setdefault(watches[number], set()).add(record)
    for watch, ids in asked.items():  # rows of lines that are gone are asked for by their alerts alone
        gone = {row["id"] for each in taken.happened for row in each.gone.get(watch.entity, ())}
        if gone & ids:
            found.setdefault(watch, set()).update(gone & ids)
    return found


def _asking(ctx: RunContext, watches: Sequence[Watch]) -> Statement:
    statement = union_all(*(_worth(ctx, number, watch) for number, watch in enumerate(watches)))
    return prepare_statement(ctx, statement, list(statement.selected_columns))


def _worth(ctx: RunContext, number: int, watch: Watch) -> Select[Any]:
    table, alert = ctx.app.tables.entity[watch.entity], ctx.app.tables.system.alert
    scope = SqlScope(
        model=ctx.app.model,
        tables=ctx.app.tables,
        dialect=ctx.app.database.dialect,
        record=TableRow(watch.entity, table),
        today=bindparam("_today", type_=Date()),
        now=bindparam("_now", type_=Moment()),
    )
    is_open = exists().where(alert.c.alert == watch.id, alert.c.record == table.c.id, alert.c.open_key.is_not(None))
    wanted = ID_SETS[ctx.app.database.dialect].among(table.c.id, f"ids{number}")
    found = select(literal_column(str(number), Integer()).label("number"), table.c.id)
    return found.where(wanted, or_(to_where(watch.exprs[0], scope), is_open))


def _surely_not(at: Workspace, watch: Watch, ids: set[int], taken: Journal) -> set[int]:
    """Records made a moment ago (so nothing is open for them) of which a part of the condition that reads only
    themselves and their owner fails: no database need be asked."""
    fresh = [
        draft.row
        for each in taken.happened
        for draft in each.drafts.get(watch.entity, ())
        if draft.old is None and draft.row["id"] in ids and each.kind != "restore"
    ]
    if not fresh or any(each.followed for each in taken.happened):
        return set()
    out: set[int] = set()
    for inner in at.programs.keep(("parts at hand", watch.kind, watch.id), lambda: _parts_at_hand(at, watch)):
        values = at.evaluate(inner, fresh, None, watch.entity)
        out.update([row["id"] for row, holds in zip(fresh, values, strict=True) if holds is not True])
    return out


def _parts_at_hand(at: Workspace, watch: Watch) -> list[Expr]:
    """The parts of a watch's condition that read only the record itself and its owner."""
    parts = map(at.programs.expression, parts_of(watch.exprs[0].tree))
    return [inner for inner in parts if inner.inputs and all(_at_hand(at, each) for each in inner.inputs)]


def _at_hand(at: Workspace, node: Node) -> bool:
    if not isinstance(node, Path) or node.root != "record" or node.steps[:-1] not in ((), ("parent",)):
        return False
    entity = at.model.entities[node.entity]
    owner = at.model.entities[entity.parent] if len(node.steps) == 2 else entity
    field = owner.fields.get(node.steps[-1])
    return field is not None and not field.live and not field.lines and not is_link(field)


def matching(ctx: RunContext, watch: Watch) -> set[int]:
    """All records for which the watch's condition holds now, found by the database: the daily look."""
    table = ctx.app.tables.entity[watch.entity]
    condition = to_where(watch.exprs[0], scope_of(ctx, watch.entity, table))
    query = select(table.c.id).where(condition)
    if ctx.app.model.entities[watch.entity].kind is not EntityKind.LINES:
        query = query.where(table.c.deleted_at.is_(None))
    return set(ctx.connection.execute(query).scalars())
