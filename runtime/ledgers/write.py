"""Writing what a call decided: running rows with their guards, moves, edges, pools, month ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Integer, Table, func, select, text

from engine.model import Guard
from runtime.context import RunContext
from runtime.ledgers.book import Book, Draft
from runtime.ledgers.running import Became, Change, Grain, asks_of, judged
from runtime.ledgers.shape import Shape
from runtime.ledgers.tables import joint_column
from runtime.prepared import Ask, Statement, ask_all, prepare_statement, prepared_insert

EDGE = ("from_ledger", "from_move", "to_ledger", "to_move", "qty")

Groups = Sequence[tuple[Shape, Sequence[Draft]]]
"""Drafts by ledger."""

GrainSpec = tuple[Grain, tuple[str, ...], Mapping[str, str]]
"""A grain, its dimensions, and column → resource of the ledger."""


def number(book: Book, groups: Groups) -> None:
    """Give the drafts of each ledger their ids, ascending in their order; one question for all ledgers."""
    if groups:
        give_numbers(book, groups, ask_all(book.ctx, [ask_numbers(book, groups)])[0])


def ask_numbers(book: Book, groups: Groups) -> Ask:
    """The question for the ids of drafts."""
    return NUMBERS[book.ctx.connection.dialect.name][0](book, groups)


def give_numbers(book: Book, groups: Groups, told: Sequence[Sequence[Any]]) -> None:
    """The ids as they were told."""
    ids = NUMBERS[book.ctx.connection.dialect.name][1](book, groups, told)
    for (_, drafts), own in zip(groups, ids, strict=True):
        for draft, one in zip(drafts, own, strict=True):
            draft.id = one


def _ask_newest(book: Book, groups: Groups) -> Ask:
    ctx, moves = book.ctx, [shape.moves for shape, _ in groups]
    key = ("newest moves", *(table.name for table in moves))
    return ctx.app.programs.keep(key, lambda: _newest(ctx, moves)).ask({})


def _counted_on(book: Book, groups: Groups, told: Sequence[Sequence[Any]]) -> list[Sequence[int]]:
    """SQLite: the only writer, so nobody else numbers moves meanwhile."""
    found: list[Sequence[int]] = []
    for (shape, drafts), written in zip(groups, told[0], strict=True):
        last = max(written or 0, max((d.id for d in book.drafts if d.shape is shape), default=0))
        found.append(range(last + 1, last + 1 + len(drafts)))
    return found


def _newest(ctx: RunContext, moves: Sequence[Table]) -> Statement:
    columns = [select(func.max(table.c.id)).scalar_subquery() for table in moves]
    return prepare_statement(ctx, select(*columns), columns)


def _ask_sequences(book: Book, groups: Groups) -> Ask:
    ctx = book.ctx
    names = [_sequence(ctx, shape) for shape, _ in groups]
    counts = {f"n{i}": len(drafts) for i, (_, drafts) in enumerate(groups)}
    return ctx.app.programs.keep(("draw", *names), lambda: _drawing(ctx, names)).ask(counts)


def _drawn(book: Book, groups: Groups, told: Sequence[Sequence[Any]]) -> list[Sequence[int]]:
    """PostgreSQL: from the sequences of the tables."""
    found: list[list[int]] = [[] for _ in groups]
    for place, own in told:
        found[place].append(own)
    return [sorted(ids) for ids in found]


def _drawing(ctx: RunContext, names: Sequence[str]) -> Statement:
    parts = (
        f"SELECT {i}, nextval('{name}') FROM generate_series(1, CAST(:n{i} AS integer))" for i, name in enumerate(names)
    )
    words = text(" UNION ALL ".join(parts)).columns(place=Integer, own=BigInteger)
    return prepare_statement(ctx, words, list(words.selected_columns))


def _sequence(ctx: RunContext, shape: Shape) -> str:
    return ctx.app.programs.keep(("sequence", shape.ledger.id), lambda: _asked_sequence(ctx, shape.moves))


def _asked_sequence(ctx: RunContext, table: Table) -> str:
    name = f"{table.schema}.{table.name}" if table.schema else table.name
    query = select(func.pg_get_serial_sequence(name, "id"))
    return str(ctx.connection.execute(query).scalar_one()).replace("'", "''")


NUMBERS: Mapping[
    str,
    tuple[
        Callable[[Book, Groups], Ask],
        Callable[[Book, Groups, Sequence[Sequence[Any]]], list[Sequence[int]]],
    ],
] = {"sqlite": (_ask_newest, _counted_on), "postgresql": (_ask_sequences, _drawn)}


def grains_of(ctx: RunContext, shape: Shape) -> tuple[GrainSpec, ...]:
    """The running rows a ledger keeps, in the order in which they are locked."""
    return ctx.app.programs.keep(("grains", shape.ledger.id), lambda: _grains(ctx, shape))


def _grains(ctx: RunContext, shape: Shape) -> tuple[GrainSpec, ...]:
    ledger, found = shape.ledger, []
    finest = Grain(
        id=("balance", ledger.id),
        table=shape.balance,
        sums=shape.kept,
        guards=_guards(ledger.guards, ""),
        first=shape.kept[0],
    )
    found.append((finest, shape.dimensions, {r: r for r in shape.kept}))
    for name, table in shape.totals.items():
        kept = shape.kept_in[name]
        grain = Grain(id=(f"total {ledger.id}", name), table=table, sums=kept, guards=_guards(ledger.guards, name))
        found.append((grain, ledger.totals[name], {r: r for r in kept}))
    return tuple(found)


def _guards(guards: Iterable[Guard], per: str) -> tuple[Guard, ...]:
    return tuple(g for g in guards if g.per == per)


def joints_of(ctx: RunContext, shape: Shape) -> tuple[GrainSpec, ...]:
    """The rows shared with other ledgers."""
    return ctx.app.programs.keep(("joints", shape.ledger.id), lambda: _joints(ctx, shape))


def _joints(ctx: RunContext, shape: Shape) -> tuple[GrainSpec, ...]:
    model, tables, found = ctx.app.model, ctx.app.tables.ledgers, []
    for guard in model.guards:
        if shape.ledger.id not in (guard.ledger, *guard.ledgers):
            continue
        lead, table = model.ledgers[guard.ledger], tables.joint[guard.id]
        names = lead.totals[guard.per] if guard.per else tuple(lead.dimensions)
        sums = tuple(c.name for c in table.c if "__" in c.name and not c.name.endswith("__type"))
        own = {joint_column(shape.ledger.id, r): r for r in shape.kept}
        found.append((Grain(id=("joint", guard.id), table=table, sums=sums, guards=(guard,)), names, own))
    return tuple(found)


def keep_running(book: Book, drafts: Sequence[Draft], also: Sequence[Ask] = ()) -> list[tuple[GrainSpec, list[Became]]]:
    """Add the drafts to every running row, tables and keys in one fixed order; says where something stood later.

    ``also``: what else is to be written, sent before them: the rows that everybody wants are held as shortly as can be.
    """
    ctx = book.ctx
    wanted: dict[tuple[str, str], tuple[GrainSpec, Shape, dict[str, Change]]] = {}
    for draft in drafts:
        amounts = draft.all_amounts()
        for spec in (*grains_of(ctx, draft.shape), *joints_of(ctx, draft.shape)):
            _, _, changes = wanted.setdefault(spec[0].id, (spec, draft.shape, {}))
            _note(spec, draft, amounts, changes)
    due = [one for _, one in sorted(wanted.items()) if one[2]]
    asked = [asks_of(ctx, spec[0], changes) for spec, _, changes in due]
    told = iter(ask_all(ctx, [*also, *(ask for asks in asked for ask in asks)])[len(also) :])
    found = []
    for (spec, shape, changes), asks in zip(due, asked, strict=True):
        rows = [row for _ in asks for row in next(told)]
        found.append((spec, judged(ctx, spec[0], changes, rows, book.reader(shape.ledger))))
    return found


def _note(spec: GrainSpec, draft: Draft, amounts: Mapping[str, Decimal], changes: dict[str, Change]) -> None:
    _, names, columns = spec
    sums = {column: amounts[resource] for column, resource in columns.items() if amounts.get(resource)}
    if not sums:
        return
    shape = draft.shape
    key, own = shape.spot(draft.dimensions, names)
    change = changes.get(key)
    if change is None:
        changes[key] = change = Change(own, sums, draft.at, draft.at)
    else:
        change.add(sums, draft.at)
    change.never_below = change.never_below or (draft.never_below and spec[0].id[0] == "balance")
    if draft.found is not None:
        change.found, change.wanted = draft.found, dict(draft.wanted)


def write_moves(book: Book, shape: Shape, drafts: Sequence[Draft]) -> None:
    """Append the moves of one ledger."""
    ask_all(book.ctx, append_moves(book, shape, drafts))


def append_moves(book: Book, shape: Shape, drafts: Sequence[Draft]) -> list[Ask]:
    """The moves of one ledger, to be appended."""
    ctx = book.ctx
    names, standard = ctx.app.programs.keep(("move columns", shape.ledger.id), lambda: _move_columns(shape))
    rows = []
    for draft in drafts:
        row = _move_row(book, draft)
        rows.append((*row, draft.standard) if standard else row)
    return prepared_insert(ctx, shape.moves, names).asks(rows)


def _move_columns(shape: Shape) -> tuple[tuple[str, ...], bool]:
    """The columns of a move in the order of ``_move_row``; and whether the standard cost is kept."""
    standard = "unit_standard" in shape.moves.c
    return ("id", *shape.columns({}), *shape.resources, *KEPT, *(("unit_standard",) if standard else ())), standard


KEPT = (
    "kind", "at", "doc_entity", "doc_id", "line_entity", "line_id", "posting_set", "posting", "cost", "origin",
    "counter_of", "corrects", "returns", "age", "cause_entity", "cause_id", "entered_by", "entered_at",
)  # fmt: skip


def _move_row(book: Book, draft: Draft) -> tuple[Any, ...]:
    line, cause, document = draft.line, draft.cause, draft.document
    origin = draft.arrival if draft.arrival is not None else (draft.origins[0].id if draft.origins else None)
    return (
        draft.id, *draft.shape.columns(draft.dimensions).values(), *draft.all_amounts().values(), draft.kind, draft.at,
        document.entity, document.id, line.entity if line else None, line.id if line else None, draft.posting_set,
        draft.posting, draft.cost.value, origin, draft.counter_of, draft.corrects, draft.returns, draft.age,
        cause.entity if cause else None, cause.id if cause else None, book.ctx.user.account, book.now,
    )  # fmt: skip


def append_edges(book: Book, drafts: Sequence[Draft]) -> list[Ask]:
    """Which move came from which, to be remembered."""
    rows: dict[tuple[str, int, str, int], dict[str, Any]] = {}
    for draft in drafts:
        to = draft.shape.ledger.id
        links = [(o.shape.ledger.id, o.id, _flowed(o, draft)) for o in draft.origins if draft.corrects is None]
        for ledger, origin, qty in (*links, *draft.edges):
            spot = (ledger, origin, to, draft.id)
            row = {"from_ledger": ledger, "from_move": origin, "to_ledger": to, "to_move": draft.id, "qty": qty}
            rows.setdefault(spot, row)
    if not rows:
        return []
    edge = book.ctx.app.tables.ledgers.edge
    return prepared_insert(book.ctx, edge, EDGE).asks([tuple(row[name] for name in EDGE) for row in rows.values()])


def _flowed(origin: Draft, draft: Draft) -> Decimal:
    """How much went over the edge: the origin's quantity, or the carried one where the origin only has worth."""
    if origin.shape.main == origin.shape.worth:
        return abs(draft.quantity) if draft.shape.main != draft.shape.worth else abs(origin.worth())
    return abs(origin.quantity)
