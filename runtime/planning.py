"""Planning: netting a plan with its pegs, and turning suggestions into documents through the one write door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from engine.model import Plan, Suggest
from engine.planning.netting import Plan as Netted
from engine.planning.netting import Problem
from engine.planning.netting import net as run
from engine.planning.structure import Structure, StructureCycle
from engine.planning.supply import DEMAND, Demand, Need, Peg, PlannedOrder
from runtime import records
from runtime.context import RunContext
from runtime.documents import amount_for
from runtime.errors import Conflict, NotFound
from runtime.exploding import named_path
from runtime.messages import fault
from runtime.permissions import demand, rights
from runtime.planning_data import demands, rules, suggestions, supplies
from runtime.planning_kit import kit
from runtime.planning_rows import evaluate, titles_of
from runtime.planning_structure import Scope, load
from runtime.planning_tree import cost, explode, where_used
from runtime.record_inputs import Workspace
from runtime.record_rows import read_rows
from runtime.record_texts import record_title

Row = dict[str, Any]
EXTRA = "extra"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pegged:
    """What something is for: a document (by its header), stock to keep, or a demand the caller made up.

    ``kind``: ``demand``, ``keep``, ``order_point`` or ``extra``.
    """

    kind: str
    quantity: Decimal
    day: date
    entity: str = ""
    id: int = 0
    line: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A planned order. ``pegs``: the orders it serves in the end. ``draws``: entity it becomes ("" = none fits).

    ``short``: what is missing on ``need_date``; ``quantity``: that in lots; ``late_days``: days the order is overdue.
    ``above``: numbers of the planned orders that use it.
    """

    number: int
    item: int
    title: str
    level: int
    quantity: Decimal
    short: Decimal
    need_date: date
    order_date: date
    late_days: int
    place: int | None
    suggest: str
    draws: str
    pegs: tuple[Pegged, ...]
    above: tuple[int, ...]

    @property
    def row(self) -> Row:
        """The plan row that expressions of the plan read."""
        return {
            "item": self.item,
            "qty": self.quantity,
            "short_qty": self.short,
            "need_date": self.need_date,
            "order_date": self.order_date,
            "place": self.place,
            "late_days": self.late_days,
            "late": self.late_days > 0,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSupply:
    """A need that is covered by supply coming after it. ``supply``: the document that comes late."""

    item: int
    title: str
    quantity: Decimal
    days: int
    need: Pegged
    supply: Pegged


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRun:
    """The result of netting. ``unmade``: numbers of suggestions without a valid structure on their start day."""

    plan: str
    today: date
    suggestions: tuple[Suggestion, ...]
    late: tuple[LateSupply, ...]
    unmade: tuple[int, ...]


def plan_of(ctx: RunContext, plan: str = "") -> Plan:
    """A plan by its id; the only (or first) one without."""
    plans = ctx.app.model.plans
    found = plans.get(plan) if plan else next(iter(plans.values()), None)
    if found is None:
        raise NotFound(fault(ctx, "no_such_plan", given=plan[:60]))
    return found


def net(ctx: RunContext, plan: str = "", extra_demands: Sequence[Demand] = ()) -> PlanRun:
    """Net a plan against what is there now; ``extra_demands`` come on top (what if)."""
    declared = plan_of(ctx, plan)
    demand(ctx, f"plan.{declared.id}", "read")
    structure = load(ctx, declared.structure, Scope()) if declared.structure else Structure({})
    problem = Problem(
        today=ctx.today(),
        demands=[*demands(ctx, declared), *extra_demands],
        supplies=supplies(ctx, declared),
        rules=rules(ctx, declared),
        structure=structure,
        horizon_days=declared.horizon_days,
        per_place=declared.per_place,
    )
    try:
        netted = run(problem)
    except StructureCycle as cycle:
        path = named_path(Workspace(ctx), declared.structure, cycle)
        raise Conflict(fault(ctx, "structure_cycle", path=path)) from None
    return _Telling(ctx, declared, netted).told()


class _Telling:
    """Puts names to the result: items, documents behind demands and supplies, and what each order becomes."""

    def __init__(self, ctx: RunContext, plan: Plan, netted: Netted) -> None:
        self.ctx = ctx
        self.plan = plan
        self.netted = netted
        late = netted.late()
        ids = {order.item for order in netted.orders} | {peg.need.item for peg in late}
        self.items = titles_of(ctx, plan.entity, (i for i in ids if isinstance(i, int)))
        needs = [root.need for order in netted.orders for root in order.roots] + [peg.need for peg in late]
        wanted = {need.id for need in needs if need.kind == DEMAND} | {peg.supply for peg in late}
        self.documents = self._documents(wanted)

    def told(self) -> PlanRun:
        rows = [_row(order) for order in self.netted.orders]
        chosen = suggestions(self.ctx, self.plan, rows)
        return PlanRun(
            plan=self.plan.id,
            today=self.ctx.today(),
            suggestions=tuple(self._suggestion(o, s) for o, s in zip(self.netted.orders, chosen, strict=True)),
            late=tuple(self._late(peg) for peg in self.netted.late() if peg.kind != "planned"),
            unmade=self.netted.unmade,
        )

    def _suggestion(self, order: PlannedOrder, suggest: Suggest | None) -> Suggestion:
        above = {peg.need.id for peg in order.pegs if peg.need.kind == "order"}
        return Suggestion(
            number=order.id,
            item=_id(order.item),
            title=self._title(order.item),
            level=order.level,
            quantity=order.quantity,
            short=order.short,
            need_date=order.need_date,
            order_date=order.order_date,
            late_days=order.late_days,
            place=order.place if isinstance(order.place, int) else None,
            suggest=suggest.id if suggest else "",
            draws=suggest.draw if suggest else "",
            pegs=tuple(self._pegged(root.need, root.quantity) for root in order.roots),
            above=tuple(sorted(i for i in above if isinstance(i, int))),
        )

    def _late(self, peg: Peg) -> LateSupply:
        return LateSupply(
            item=_id(peg.need.item),
            title=self._title(peg.need.item),
            quantity=peg.quantity,
            days=peg.late_days,
            need=self._pegged(peg.need, peg.quantity),
            supply=self._document("supply", peg.supply, peg.quantity, self.ctx.today()),
        )

    def _title(self, item: object) -> str:
        return self.items.get(item, str(item)) if isinstance(item, int) else str(item)

    def _pegged(self, need: Need, quantity: Decimal) -> Pegged:
        if need.kind != DEMAND:
            return Pegged(kind=need.kind, quantity=quantity, day=need.day, title=self._title(need.item))
        return self._document(DEMAND, need.id, quantity, need.day)

    def _document(self, kind: str, key: object, quantity: Decimal, day: date) -> Pegged:
        found = self.documents.get(key)
        if found is None:
            return Pegged(kind=EXTRA, quantity=quantity, day=day, title=str(key))
        entity, record, line, title = found
        return Pegged(kind=kind, quantity=quantity, day=day, entity=entity, id=record, line=line, title=title)

    def _documents(self, keys: set[Any]) -> dict[object, tuple[str, int, int, str]]:
        """Headers and titles of the rows behind demands and supplies, by their key."""
        flows = {**self.plan.demands, **self.plan.supplies}
        by_flow: dict[str, set[int]] = {}
        for key in keys:
            if isinstance(key, tuple) and key[0] in flows and not flows[key[0]].ledger:
                by_flow.setdefault(key[0], set()).add(key[1])
        found: dict[object, tuple[str, int, int, str]] = {}
        for flow, ids in by_flow.items():
            entity = flows[flow].entity
            owner = self.ctx.app.model.entities[entity].parent or entity
            headers = {i: i for i in ids}
            if owner != entity:
                headers = {i: row["parent"] for i, row in read_rows(self.ctx, entity, ids).items()}
            titles = self._titles(owner, set(headers.values()))
            for i, header in headers.items():
                found[flow, i] = (owner, header, i if owner != entity else 0, titles.get(header, ""))
        return found

    def _titles(self, entity: str, ids: set[int]) -> dict[int, str]:
        if not rights(self.ctx, entity).may("read"):
            return {}
        rows = read_rows(self.ctx, entity, ids)
        return {i: record_title(self.ctx.app.model, entity, row) for i, row in rows.items()}


def _row(order: PlannedOrder) -> Row:
    return {
        "item": order.item,
        "qty": order.quantity,
        "short_qty": order.short,
        "need_date": order.need_date,
        "order_date": order.order_date,
        "place": order.place,
        "late_days": order.late_days,
        "late": order.late_days > 0,
    }


def _id(item: object) -> int:
    return item if isinstance(item, int) else 0


# --- suggestions become documents ------------------------------------------------------------------------------


def commit(ctx: RunContext, plan: str, chosen: Sequence[Suggestion]) -> list[tuple[str, int]]:
    """Make the documents of suggestions, grouped as the plan says; (entity, id) of each."""
    declared = plan_of(ctx, plan)
    demand(ctx, f"plan.{declared.id}", "run")
    unfit = [s for s in chosen if not s.suggest]
    if unfit:
        raise Conflict(*(fault(ctx, "plan_no_document", title=s.title) for s in unfit))
    made: list[tuple[str, int]] = []
    for suggest in declared.suggest.values():
        mine = [s for s in chosen if s.suggest == suggest.id]
        if mine:
            documents = _documents(ctx, declared, suggest, mine)
            made.extend((suggest.draw, saved.id) for saved in records.create_many(ctx, suggest.draw, documents))
    return made


def _documents(
    ctx: RunContext, plan: Plan, suggest: Suggest, chosen: Sequence[Suggestion]
) -> list[Mapping[str, object]]:
    rows = [s.row for s in chosen]
    headers = _filled(ctx, plan, suggest, rows, lines=False)
    if not suggest.lines:
        return list(headers)
    lines = _filled(ctx, plan, suggest, rows, lines=True)
    grouped: dict[tuple[object, ...], Row] = {}
    for header, line in zip(headers, lines, strict=True):
        names = suggest.group or tuple(suggest.fill)
        key = tuple(header.get(name) for name in names)
        document = grouped.setdefault(key, {**header, suggest.lines: []})
        document[suggest.lines].append(line)
    return list(grouped.values())


def _filled(ctx: RunContext, plan: Plan, suggest: Suggest, rows: Sequence[Row], *, lines: bool) -> list[Row]:
    header = ctx.app.model.entities[suggest.draw]
    entity = ctx.app.model.entities[header.fields[suggest.lines].lines] if lines else header
    fill = suggest.lines_fill if lines else suggest.fill
    columns = {name: evaluate(ctx, plan, expr, rows) for name, expr in fill.items()}
    return [
        {name: amount_for(entity, name, values[index]) for name, values in columns.items() if values[index] is not None}
        for index in range(len(rows))
    ]


__all__ = [
    "LateSupply",
    "Pegged",
    "PlanRun",
    "Suggestion",
    "commit",
    "cost",
    "explode",
    "kit",
    "net",
    "plan_of",
    "where_used",
]
