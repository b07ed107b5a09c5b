"""Explosion, where-used and cost of one item, with the names people know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import select

from engine.expressions.tree import Call
from engine.model import Structure as Declared
from engine.planning import cost as costing
from engine.planning import explosion
from engine.planning.explosion import Exploded
from engine.planning.structure import Key, StructureCycle
from runtime.context import RunContext
from runtime.errors import Conflict, Forbidden, NotFound
from runtime.exploding import named_path
from runtime.garbage import uncollected
from runtime.messages import fault
from runtime.permissions import demand, label_of, may_see
from runtime.planning_data import conditions_on, in_sql, made_by, made_items, suggesting
from runtime.planning_rows import held, records_of, title_columns, title_text, titles_of
from runtime.planning_structure import Along, Loaded, Scope, ends_of, load, load_along, sql_scope
from runtime.record_inputs import Workspace
from runtime.record_texts import record_title
from runtime.sql import Joiner, to_sql

Row = dict[str, Any]
BASES = ("standard", "average", "last")
NOTHING: Mapping[int, Sequence[Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """An explosion or where-used of ``item``. ``totals``: quantity in all by (id, title)."""

    item: int
    title: str
    quantity: Decimal
    day: date
    rows: tuple[Exploded, ...]
    totals: tuple[tuple[int, str, Decimal], ...]
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPart:
    """A component's part in the cost of one."""

    item: int
    title: str
    quantity: Decimal
    unit_cost: Decimal | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """What one of an item costs and why: ``basis`` is ``structure standard average last`` or ``missing``."""

    item: int
    title: str
    level: int
    unit_cost: Decimal | None
    basis: str
    parts: tuple[CostPart, ...]
    missing: tuple[str, ...]


def structure_id(ctx: RunContext, structure: str = "") -> Declared:
    """A structure by its id; the first one without."""
    structures = ctx.app.model.structures
    found = structures.get(structure) if structure else next(iter(structures.values()), None)
    if found is None:
        raise NotFound(fault(ctx, "no_such_entity", given=structure[:60]))
    return found


def explode(ctx: RunContext, item: int, quantity: Decimal, day: date | None = None, structure: str = "") -> Tree:
    """Everything ``quantity`` of an item is made of on a day (today), by level."""
    with uncollected():
        return _exploded(ctx, _Asked(ctx, structure, item, day), item, quantity)


def _exploded(ctx: RunContext, asked: _Asked, item: int, quantity: Decimal) -> Tree:
    scope = Scope(items=frozenset({item}), extras=True, along=asked.along())
    found = load_along(ctx, asked.declared.id, scope)
    made = asked.makes({key for key in found.structure.versions if isinstance(key, int)} | {item}, found.along)
    named = asked.names(found)
    result = asked.safely(lambda: explosion.explode(found.structure, item, quantity, asked.day, made, named))
    return Tree(
        item=item,
        title=asked.title,
        quantity=quantity,
        day=asked.day,
        expired=result.expired,
        rows=result.rows,
        totals=tuple([(_id(key), named(key), amount) for key, amount in result.totals.items()]),
    )


def where_used(ctx: RunContext, item: int, day: date | None = None, structure: str = "") -> Tree:
    """Every product an item goes into, directly and through others; with a day, by what is valid then."""
    asked = _Asked(ctx, structure, item, day)
    found = load(ctx, asked.declared.id, Scope())
    rows = asked.safely(lambda: explosion.where_used(found, item, day))
    titles = asked.titles([row.product for row in rows])
    return Tree(
        item=item,
        title=asked.title,
        quantity=Decimal(1),
        day=asked.day,
        rows=tuple(
            Exploded(
                level=row.level,
                above=row.above,
                item=_id(row.product),
                title=titles[row.product],
                quantity=row.per,
                line=row.line,
                version=row.version,
                made=True,
                expired=False,
            )
            for row in rows
        ),
        totals=(),
    )


def cost(ctx: RunContext, item: int, day: date | None = None, structure: str = "") -> tuple[CostRow, ...]:
    """What one of an item costs on a day and why, the item first, then everything below it by level."""
    asked = _Asked(ctx, structure, item, day)
    bought = asked.declared.bought_cost
    secrecy = bought.secrecy if bought is not None else _value_secrecy(ctx, asked.stocked)
    if not may_see(ctx, secrecy):
        raise Forbidden(fault(ctx, "forbidden", action="", label=label_of(ctx, asked.stocked)))
    found = load(ctx, asked.declared.id, Scope(items=frozenset({item}), extras=True))
    below = {line.item for versions in found.versions.values() for version in versions for line in version.lines}
    ids = {i for i in below | set(found.versions) | {item} if isinstance(i, int)}
    prices = _prices(ctx, asked, ids)
    made = asked.makes(ids)
    costs = asked.safely(lambda: costing.roll_up(found, item, asked.day, prices, made))
    titles = asked.titles([*costs, *ids])
    return tuple(
        CostRow(
            item=_id(one.item),
            title=titles[one.item],
            level=one.level,
            unit_cost=one.unit_cost,
            basis=one.basis,
            parts=tuple(
                CostPart(
                    item=_id(p.item), title=titles[p.item], quantity=p.quantity, unit_cost=p.unit_cost, amount=p.amount
                )
                for p in one.lines
            ),
            missing=tuple(titles[key] for key in one.missing),
        )
        for one in costs.values()
    )


class _Names(dict[Key, str]):
    """What people call items; made of what was read along when somebody asks for the first time."""

    def __init__(self, told: Mapping[Any, Sequence[Any]], end: int, others: Mapping[Key, str]) -> None:
        super().__init__(others)
        self.told = told
        self.end = end

    def __missing__(self, key: Key) -> str:
        row = self.told.get(key)
        found = self[key] = str(key) if row is None else title_text(row[0], row[1 : self.end])
        return found


class _Asked:
    """What a question about one item needs: the structure, the right to it, the item's name."""

    def __init__(self, ctx: RunContext, structure: str, item: int, day: date | None) -> None:
        self.ctx = ctx
        self.declared = structure_id(ctx, structure)
        demand(ctx, self.declared.entity, "read")
        self.stocked = ends_of(ctx, self.declared).stocked
        demand(ctx, self.stocked, "read")
        self.day = day or ctx.today()
        row = records_of(ctx, self.stocked, [item]).get(item)
        if row is None or row.get("deleted_at") is not None:
            raise NotFound(fault(ctx, "no_such_item", given=item))
        self.title = record_title(ctx.app.model, self.stocked, row)
        self.columns = title_columns(ctx, self.stocked)
        plan = next((p for p in ctx.app.model.plans.values() if p.structure == self.declared.id), None)
        self.plan = plan if plan is not None and plan.entity == self.stocked and plan.suggest else None

    def along(self) -> Along | None:
        """What is read of components besides: their titles, and whether the plan's conditions hold for them."""
        columns, plan, ctx = self.columns, self.plan, self.ctx
        if columns is None:
            return None
        if plan is None:
            return Along(("titles",), lambda *_: columns)
        return Along(("titles", plan.id), lambda scope, _: [*columns, *(suggesting(ctx, plan, scope) or ())])

    def names(self, found: Loaded) -> Callable[[Key], str]:
        """What people call the components of a structure: as read along, the rest read at once."""
        told, end = found.along, 1 + len(self.columns or ())
        rest = set(found.instead)
        if self.columns is None or not told:
            versions = found.structure.versions.values()
            rest |= {line.item for several in versions for version in several for line in version.lines}
        else:
            rest -= told.keys()
        return _Names(told, end, self.titles(rest) if rest else {}).__getitem__

    def titles(self, keys: Iterable[Key]) -> dict[Key, str]:
        """The names of items."""
        wanted = set(keys)
        found = titles_of(self.ctx, self.stocked, {key for key in wanted if isinstance(key, int)})
        return {key: found[key] if isinstance(key, int) and key in found else str(key) for key in wanted}

    def makes(self, items: set[int], told: Mapping[int, Sequence[Any]] = NOTHING) -> Callable[[Key], bool]:
        """Which items a plan over this structure makes (all, without such a plan): what is bought is not opened."""
        plan = self.plan
        if plan is None:
            return lambda _: True
        made: set[int] = set()
        known: set[int] = items & told.keys() if self.columns is not None and in_sql(self.ctx, plan) else set()
        if known:
            rows = held((told[id] for id in known), 1 + len(self.columns or ()), len(conditions_on(plan)))
            made = made_by(self.ctx, plan, known, rows)
        made |= made_items(self.ctx, plan, sorted(items - known))
        bought = items - made
        return lambda key: key not in bought

    def safely(self, ask: Callable[[], Any]) -> Any:
        """Answer, or say what is wrong with the structure."""
        try:
            return ask()
        except StructureCycle as cycle:
            path = named_path(Workspace(self.ctx), self.declared.id, cycle)
            raise Conflict(fault(self.ctx, "structure_cycle", path=path)) from None
        except explosion.TooManyRows:
            raise Conflict(fault(self.ctx, "too_many_rows", most=explosion.MOST_ROWS)) from None


def _id(key: Key) -> int:
    return key if isinstance(key, int) else 0


def _prices(ctx: RunContext, asked: _Asked, ids: set[int]) -> dict[Key, costing.Prices]:
    """What bought items cost: the alternatives of the declared price in order, else the average in stock."""
    declared = asked.declared.bought_cost
    if declared is None:
        return {item: costing.Prices(average=price) for item, price in _averages(ctx, asked.stocked).items()}
    table = ctx.app.tables.entity[asked.stocked]
    joiner = Joiner(table)
    scope = sql_scope(ctx, asked.stocked, table, joiner)
    nodes = (
        declared.tree.arguments if isinstance(declared.tree, Call) and _is_choice(declared.tree) else (declared.tree,)
    )
    query = joiner.apply(select(table.c.id, *(to_sql(node, scope) for node in nodes[: len(BASES)])))
    rows = ctx.connection.execute(query.where(table.c.id.in_(sorted(ids))))
    return {row[0]: costing.Prices(*row[1:]) for row in rows}


def _is_choice(call: Call) -> bool:
    return call.function == "coalesce"


def _valued(ctx: RunContext, stocked: str) -> tuple[str, str] | None:
    """(ledger, dimension) of the valued ledger that counts these items."""
    for ledger in ctx.app.model.ledgers.values():
        for dimension in ledger.dimensions.values():
            if ledger.valuation is not None and dimension.targets == (stocked,):
                return ledger.id, dimension.id
    return None


def _value_secrecy(ctx: RunContext, stocked: str) -> frozenset[str]:
    found = _valued(ctx, stocked)
    if found is None:
        return frozenset()
    ledger = ctx.app.model.ledgers[found[0]]
    return ledger.resources[ledger.valuation.value].secrecy if ledger.valuation else frozenset()


def _averages(ctx: RunContext, stocked: str) -> dict[int, Decimal]:
    found = _valued(ctx, stocked)
    if found is None:
        return {}
    pool = ctx.app.tables.ledgers.pool[found[0]]
    sums: dict[int, tuple[Decimal, Decimal]] = {}
    for item, quantity, value in ctx.connection.execute(select(pool.c[found[1]], pool.c.qty, pool.c.value)):
        before = sums.get(item, (Decimal(0), Decimal(0)))
        sums[item] = (before[0] + quantity, before[1] + value)
    return {
        item: (value / quantity).quantize(costing.UNIT_COST) for item, (quantity, value) in sums.items() if quantity > 0
    }
