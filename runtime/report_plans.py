"""Reports over the rows of a plan: netted as they are asked for, grouped here since no table holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.expressions.tree import Aggregate, Expr, Node, Path
from engine.expressions.types import DATE, QUANTITY, YES_NO, Type, reference
from engine.model import Plan, Report
from runtime import planning
from runtime.context import RunContext
from runtime.planning_rows import ITEM, OWN, evaluate
from runtime.report_axes import End, end_of

PLAN = "plan."
Row = dict[str, Any]
LABELS: Mapping[str, tuple[str, str]] = {
    "qty": ("建议数量", "Quantity"),
    "short_qty": ("缺口", "Short"),
    "need_date": ("需求日", "Needed"),
    "order_date": ("下单日", "Order by"),
    "late": ("已迟", "Late"),
    "place": ("仓库", "Place"),
}
TYPES: Mapping[str, Type] = {
    "qty": QUANTITY, "short_qty": QUANTITY, "need_date": DATE, "order_date": DATE, "late": YES_NO,
}  # fmt: skip


def plan_end(ctx: RunContext, plan: Plan, path: str) -> End:
    """Where a path ends, seen from a row of a plan."""
    first, _, rest = path.partition(".")
    if rest or first not in (ITEM, *OWN):
        inner = end_of(ctx, plan.entity, rest if first == ITEM else path)
        node = Path(root="record", entity=PLAN + plan.id, steps=tuple(path.split(".")), type=inner.node.type)
        return End(path, node, inner.label, inner.options, inner.targets)
    targets = (plan.entity,) if first == ITEM else _places(plan) if first == "place" else ()
    type_ = reference(*targets) if targets else TYPES.get(first, QUANTITY)
    label = ctx.app.model.entities[plan.entity].label.get(ctx.language)
    if first != ITEM:
        label = LABELS[first][ctx.language == "en"]
    return End(path, Path(root="record", entity=PLAN + plan.id, steps=(first,), type=type_), label, {}, targets)


def _places(plan: Plan) -> tuple[str, ...]:
    flows = (*plan.demands.values(), *plan.supplies.values())
    return next((flow.place.type.targets for flow in flows if flow.place is not None), ())


def plan_rows(ctx: RunContext, report: Report) -> tuple[Plan, list[Row]]:
    """The rows of the plan that the report is over."""
    plan = planning.plan_of(ctx, report.of.removeprefix(PLAN))
    rows = [suggestion.row for suggestion in planning.net(ctx, plan.id).suggestions]
    if report.where is not None and rows:
        held = evaluate(ctx, plan, report.where, rows)
        rows = [row for row, holds in zip(rows, held, strict=True) if holds]
    return plan, rows


def plan_values(ctx: RunContext, plan: Plan, node: Path, rows: Sequence[Row]) -> list[Any]:
    """The values of an axis for rows of a plan."""
    expr = Expr(text=".".join(node.steps), tree=node, type=node.type, inputs=(node,))
    kept = ctx.app.programs.keep(("plan axis", plan.id, node), lambda: expr)
    return evaluate(ctx, plan, kept, rows) if rows else []


def plan_parts(ctx: RunContext, plan: Plan, node: Node, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """What each row adds to an input."""
    if not isinstance(node, Aggregate) or not rows:
        return [(None,)] * len(rows)
    program = ctx.app.programs.expression
    kept: Sequence[Any] = [True] * len(rows)
    if node.where is not None:
        kept = evaluate(ctx, plan, program(node.where), rows)
    values: Sequence[Any] = [Decimal(1)] * len(rows)
    if node.value is not None and node.function != "count":
        values = evaluate(ctx, plan, program(node.value), rows)
    return [(value, 1) if holds and value is not None else (None, 0) for value, holds in zip(values, kept, strict=True)]
