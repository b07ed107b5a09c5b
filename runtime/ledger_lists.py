"""Ledgers as people read them: balances and moves narrowed by a condition and by the reader's rights.

Figures a reader may not see are absent, and nobody learns of them by a condition. Statements are few and do not grow
with the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Table, and_, or_, select

from engine.expressions.tree import Balance, Expr, Literal, Node, Path, walk
from engine.expressions.types import DATE
from engine.model import Ledger
from runtime import ledgers
from runtime.context import RunContext
from runtime.errors import Malformed, NotFound
from runtime.ledgers.expressions import Reader
from runtime.ledgers.requests import DimensionValue, Move
from runtime.ledgers.shape import shape_of
from runtime.messages import fault
from runtime.model_scope import parse_filter
from runtime.permissions import LEDGER, READ, demand, rights
from runtime.row_rules import scope_of
from runtime.sql import Compiler, to_where, typed

Key = tuple[DimensionValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A balance: its dimensions, and the figures the reader may see (resources and measures)."""

    dimensions: Mapping[str, DimensionValue]
    figures: Mapping[str, Decimal | None]


def ledger_of(ctx: RunContext, name: str) -> Ledger:
    """A ledger the reader may read."""
    found = ctx.app.model.ledgers.get(name)
    if found is None:
        raise NotFound(fault(ctx, "no_such_ledger", given=name[:60]))
    demand(ctx, LEDGER + name, READ)
    return found


def standings(
    ctx: RunContext, ledger: Ledger, *, group_by: Sequence[str], filter: str = "", as_of: date | None = None
) -> list[Standing]:
    """Balances by the dimensions ``group_by``, in order of the dimensions' values.

    A condition over dimensions chooses what is added up; one that names a figure chooses among the sums.
    """
    _check_dimensions(ctx, ledger, group_by)
    expr = parse_filter(ctx, LEDGER + ledger.id, filter) if filter.strip() else None
    after = expr is not None and _names_figures(ledger, expr)
    before = None if after else expr
    sums = _sums(ctx, ledger, group_by, before, as_of)
    made = _measured(ctx, ledger, group_by, sums, as_of)
    rows = [
        Standing(dimensions=dict(zip(group_by, key, strict=True)), figures=figures) for key, figures in made.items()
    ]
    if after and expr is not None:
        rows = _kept(ctx, ledger, expr, rows, group_by)
    hidden = rights(ctx, LEDGER + ledger.id).hidden
    return [
        Standing(dimensions=r.dimensions, figures={n: v for n, v in r.figures.items() if n not in hidden}) for r in rows
    ]


def _check_dimensions(ctx: RunContext, ledger: Ledger, names: Sequence[str]) -> None:
    for name in names:
        if name not in ledger.dimensions:
            known = ", ".join(ledger.dimensions)
            raise Malformed(fault(ctx, "no_such_dimension", "group_by", given=name[:60], known=known))


def _names_figures(ledger: Ledger, expr: Expr) -> bool:
    own = LEDGER + ledger.id
    paths = [n for n in walk(expr.tree) if isinstance(n, Path) and n.root == "record" and n.entity == own and n.steps]
    return any(path.steps[0] in ledger.resources or path.steps[0] in ledger.measures for path in paths)


# --- sums ------------------------------------------------------------------------------------------------------


def _sums(
    ctx: RunContext, ledger: Ledger, group_by: Sequence[str], expr: Expr | None, as_of: date | None
) -> dict[Key, dict[str, Decimal | None]]:
    """What the ledgers say, added up over the keys that the condition and the reader's rights let through."""
    table = ctx.app.tables.balance[ledger.id]
    condition = allowed(ctx, ledger, table, expr)
    if condition is None:
        rows = ledgers.balances(ctx, ledger.id, group_by=group_by, as_of=as_of)
        return {_key(row.dimensions, group_by): _figures(ledger, row.amounts) for row in rows}
    keys, fixed = _keys(ctx, ledger, table, condition)
    if not keys:
        return {}
    every = tuple(ledger.dimensions)
    found: dict[Key, dict[str, Decimal]] = {}
    for row in ledgers.balances(ctx, ledger.id, group_by=every, where=fixed, as_of=as_of):
        if _key(row.dimensions, every) in keys:
            sums = found.setdefault(_key(row.dimensions, group_by), dict.fromkeys(ledger.resources, Decimal(0)))
            for name, amount in row.amounts.items():
                sums[name] += amount
    return {key: _figures(ledger, sums) for key, sums in found.items() if any(sums.values())}


def allowed(ctx: RunContext, ledger: Ledger, table: Table, expr: Expr | None) -> ColumnElement[bool] | None:
    """The condition and the reader's row rules over rows of ``table``; ``None``: everything."""
    scope = scope_of(ctx, LEDGER + ledger.id, table)
    found = [to_where(expr, scope)] if expr is not None else []
    rules = rights(ctx, LEDGER + ledger.id).rows
    if rules:
        found.append(or_(*(and_(*(to_where(rule, scope) for rule in each)) for each in rules)))
    return and_(*found) if found else None


def _keys(
    ctx: RunContext, ledger: Ledger, table: Table, condition: ColumnElement[bool]
) -> tuple[set[Key], dict[str, DimensionValue]]:
    """The finest keys let through, and the dimensions in which all of them agree: so much less is read."""
    every = tuple(ledger.dimensions)
    shape = shape_of(ctx, ledger.id)
    query = select(*(c for c in table.c if c.name.removesuffix("__type") in ledger.dimensions)).where(condition)
    keys = {_key(shape.read(row), every) for row in ctx.connection.execute(query).mappings()}
    fixed: dict[str, DimensionValue] = {}
    for place, name in enumerate(every):
        values = {key[place] for key in keys}
        if len(values) == 1:
            fixed[name] = next(iter(values))
    return keys, fixed


def _key(dimensions: Mapping[str, DimensionValue], names: Sequence[str]) -> Key:
    return tuple(dimensions.get(name) for name in names)


def _figures(ledger: Ledger, amounts: Mapping[str, Decimal]) -> dict[str, Decimal | None]:
    return {name: amounts.get(name, Decimal(0)) for name in ledger.resources}


# --- measures --------------------------------------------------------------------------------------------------


def _measured(
    ctx: RunContext,
    ledger: Ledger,
    group_by: Sequence[str],
    sums: Mapping[Key, dict[str, Decimal | None]],
    as_of: date | None,
) -> Mapping[Key, dict[str, Decimal | None]]:
    """The sums with the measures that stand at this grain or a coarser one (said again for each of its parts)."""
    hidden = rights(ctx, LEDGER + ledger.id).hidden
    wanted = [m for m in ledger.measures.values() if m.id not in hidden]
    by_grain: dict[tuple[str, ...], list[str]] = {}
    for measure in wanted:
        grain = tuple(d for d in ledger.totals[measure.per] if d in group_by) if measure.per else tuple(group_by)
        if grain or not group_by:
            by_grain.setdefault(grain, []).append(measure.id)
    for grain, names in by_grain.items():
        values = _values(ctx, ledger, grain, names, as_of)
        for key, figures in sums.items():
            own = tuple(key[group_by.index(d)] for d in grain)
            figures.update(values.get(own, dict.fromkeys(names)))
    return sums


def _values(
    ctx: RunContext, ledger: Ledger, grain: tuple[str, ...], names: Sequence[str], as_of: date | None
) -> dict[Key, dict[str, Decimal | None]]:
    """Measures at a grain, for every key of the grain, with one statement."""
    table = ctx.app.tables.balance[ledger.id]
    columns = [c for c in table.c if c.name.removesuffix("__type") in grain]
    keys = select(*columns).distinct().subquery() if columns else None
    own = LEDGER + ledger.id
    scope = scope_of(ctx, own, keys if keys is not None else table)
    compiler = Compiler(scope)
    asked = [_asked(ledger, grain, name, as_of) for name in names]
    figures = [typed(compiler.value(node), node.type).label(f"m{i}") for i, node in enumerate(asked)]
    query = select(*(keys.c if keys is not None else ()), *figures)
    shape = shape_of(ctx, ledger.id)
    found: dict[Key, dict[str, Decimal | None]] = {}
    for row in ctx.connection.execute(query).mappings():
        values = {name: row[f"m{i}"] for i, name in enumerate(names)}
        found[_key(shape.read(row), grain)] = values
    return found


def _asked(ledger: Ledger, grain: tuple[str, ...], name: str, as_of: date | None) -> Balance:
    bound: tuple[tuple[str, Node], ...] = tuple(
        (d, Path(root="record", entity=LEDGER + ledger.id, steps=(d,), type=ledger.dimensions[d].value)) for d in grain
    )
    options = (("at", Literal(value=as_of, type=DATE)),) if as_of is not None else ()
    return Balance(
        function="balance",
        ledger=ledger.id,
        measure=name,
        dimensions=bound,
        options=options,
        where=None,
        type=ledger.measures[name].formula.type,
    )


def _kept(
    ctx: RunContext, ledger: Ledger, expr: Expr, rows: Sequence[Standing], group_by: Sequence[str]
) -> list[Standing]:
    """The rows for which a condition over figures holds; it may name only dimensions that rows still have."""
    own = LEDGER + ledger.id
    for node in walk(expr.tree):
        if isinstance(node, Path) and node.root == "record" and node.entity == own and node.steps:
            name = node.steps[0]
            if name in ledger.dimensions and name not in group_by:
                raise Malformed(fault(ctx, "filter_bad", "filter", reason=name))
    try:
        held = Reader(ctx, ledger.dimensions).many(expr, [{**r.dimensions, **r.figures} for r in rows])
    except LookupError as error:
        raise Malformed(fault(ctx, "filter_bad", "filter", reason=str(error)[:120])) from None
    return [row for row, holds in zip(rows, held, strict=True) if holds]


# --- moves -----------------------------------------------------------------------------------------------------


def moves(
    ctx: RunContext, ledger: Ledger, *, filter: str = "", after: tuple[datetime, int] | None = None, limit: int = 50
) -> list[Move]:
    """Moves in their order, as far as the reader may see them."""
    expr = parse_filter(ctx, LEDGER + ledger.id, filter) if filter.strip() else None
    if expr is not None and any(
        isinstance(n, Path) and n.steps[:1] and n.steps[0] in ledger.measures for n in walk(expr.tree)
    ):
        raise Malformed(fault(ctx, "filter_bad", "filter", reason=", ".join(ledger.measures)))
    condition = allowed(ctx, ledger, ctx.app.tables.moves[ledger.id], expr)
    return ledgers.moves(ctx, ledger.id, condition=condition, after=after, limit=limit)


__all__ = ["Standing", "allowed", "ledger_of", "moves", "standings"]
