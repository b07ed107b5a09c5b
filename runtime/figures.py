"""What cards and reports share: periods, the rows a figure is over with the reader's rights, inputs as SQL columns.

A figure is a formula over inputs. Inputs are fetched by the database; formulas are computed from them, so that totals
of shares and averages are as right as those of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce
from types import MappingProxyType
from typing import Any

from sqlalchemy import FromClause, and_, select

from engine.expressions.tree import Aggregate, Balance, Binary, Clock, Expr, Literal, Node, Path, walk
from engine.expressions.types import DATE, YES_NO
from runtime.context import RunContext
from runtime.permissions import LEDGER, owner_of, rights
from runtime.planning_rows import mapped
from runtime.record_inputs import Workspace
from runtime.row_rules import row_condition
from runtime.sql import Compiler, typed
from runtime.sql_ledgers import figure_table
from runtime.sql_scope import Joiner, Sql, SqlScope, TableRow, again

Values = Mapping[Node, Any]


# --- periods ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """Days from ``start`` to ``end``, both included."""

    id: str
    start: date
    end: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days + 1

    def names(self) -> dict[str, object]:
        """What formulas call it."""
        return {"period.start": self.start, "period.end": self.end, "period.days": Decimal(self.days)}

    def before(self) -> Period:
        """The period of the same kind before it: the month before a month, else as many days."""
        end = self.start - timedelta(days=1)
        if self.start.day == 1 and (self.end + timedelta(days=1)).day == 1:
            months = (self.end.year - self.start.year) * 12 + self.end.month - self.start.month + 1
            return Period(self.id, _months(self.start, -months), end)
        return Period(self.id, end - timedelta(days=self.days - 1), end)


def _months(day: date, count: int) -> date:
    """The first of the month ``count`` months later."""
    month = day.year * 12 + day.month - 1 + count
    return date(month // 12, month % 12 + 1, 1)


def _month(day: date) -> tuple[date, date]:
    return day.replace(day=1), _months(day, 1) - timedelta(days=1)


def _quarter(day: date) -> tuple[date, date]:
    first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return first, _months(first, 3) - timedelta(days=1)


def _week(day: date) -> tuple[date, date]:
    first = day - timedelta(days=day.weekday())
    return first, first + timedelta(days=6)


BETWEEN = ".."
"""What stands between the first and the last day of a period told by its days."""

PERIODS: Mapping[str, Callable[[date], tuple[date, date]]] = MappingProxyType(
    {
        "today": lambda day: (day, day),
        "yesterday": lambda day: (day - timedelta(days=1), day - timedelta(days=1)),
        "this_week": _week,
        "last_week": lambda day: _week(day - timedelta(days=7)),
        "this_month": _month,
        "last_month": lambda day: _month(_months(day, -1)),
        "this_quarter": _quarter,
        "last_quarter": lambda day: _quarter(_months(_quarter(day)[0], -3)),
        "this_year": lambda day: (date(day.year, 1, 1), date(day.year, 12, 31)),
        "last_year": lambda day: (date(day.year - 1, 1, 1), date(day.year - 1, 12, 31)),
    }
)


def period_of(ctx: RunContext, id: str) -> Period:
    """A named period around today; ``last_30_days`` and the like for any number; ``2026-01-01..2026-03-31`` for any
    days; this month where nothing is named."""
    day = ctx.today()
    days = _days_named(id)
    if days is not None:
        return Period(id, *days)
    made = PERIODS.get(id)
    if made is not None:
        return Period(id, *made(day))
    words = id.split("_")
    if len(words) == 3 and words[0] == "last" and words[2] == "days" and words[1].isdigit() and len(words[1]) < 5:
        return Period(id, day - timedelta(days=max(int(words[1]), 1) - 1), day)
    return Period("this_month", *_month(day))


def _days_named(id: str) -> tuple[date, date] | None:
    """First and last day of a period told by its days."""
    first, apart, last = id.partition(BETWEEN)
    try:
        days = (date.fromisoformat(first), date.fromisoformat(last)) if apart else None
    except ValueError:
        return None
    return days if days and days[0] <= days[1] else None


def periods_known(id: str) -> bool:
    """Whether a period of that name exists."""
    words = id.split("_")
    return (
        id in PERIODS
        or _days_named(id) is not None
        or (len(words) == 3 and words[0] == "last" and words[2] == "days" and words[1].isdigit())
    )


# --- rows and inputs -------------------------------------------------------------------------------------------


class Rows:
    """The rows a figure is over: an entity or ``ledger.<id>`` ("" = none), narrowed by where, rights and filters."""

    def __init__(self, ctx: RunContext, of: str, where: Expr | None, names: Mapping[str, object]) -> None:
        self.ctx = ctx
        self.of = of
        self.where = where
        self.names = names
        self.table: FromClause | None = None
        self.joiner: Joiner | None = None
        self.scope = SqlScope(
            model=ctx.app.model,
            tables=ctx.app.tables,
            dialect=ctx.connection.dialect.name,
            member=ctx.user.member,
            today=ctx.today(),
            now=ctx.now(),
            values=names,
            withheld=not ctx.user.is_system,
        )

    def over(self, table: FromClause) -> None:
        """Take ``table`` as the rows."""
        self.table = table
        self.joiner = Joiner(table)
        row = TableRow(self.of, table)
        self.scope = replace(self.scope, record=row, given=row, joiner=self.joiner)

    def compiler(self) -> Compiler:
        """A compiler that stands on the rows."""
        return Compiler(self.scope)

    def conditions(self) -> list[Sql]:
        """What narrows the rows."""
        assert self.table is not None
        found: list[Sql] = []
        if self.where is not None:
            found.append(self.compiler().holds(self.where.tree))
        if self.of.startswith(LEDGER):
            rule = rule_tree(self.ctx, self.of)
            return [*found, self.compiler().holds(rule)] if rule is not None else found
        model = self.ctx.app.model.entities[self.of]
        if "deleted_at" in self.table.c:
            found.append(self.table.c.deleted_at.is_(None))
        elif model.parent:
            owner = self.ctx.app.tables.entity[model.parent]
            if "deleted_at" in owner.c:
                found.append(self.table.c.parent.in_(select(owner.c.id).where(owner.c.deleted_at.is_(None))))
        mine = row_condition(self.ctx, self.of, self.table)
        return found if mine is None else [*found, mine]


def ledger_table(rows: Rows, measures: set[str], dimensions: set[str]) -> FromClause:
    """The running table that knows all ``measures`` at a grain with ``dimensions``, else the moves."""
    ledger = rows.ctx.app.model.ledgers[rows.of.removeprefix(LEDGER)]
    compiler = rows.compiler()
    for measure in sorted(measures):
        table = figure_table(compiler, ledger, measure, dimensions)
        if all(name in table.c for name in measures | dimensions):
            return table
    return again(rows.ctx.app.tables.moves[ledger.id])


def rule_tree(ctx: RunContext, thing: str, line: str = "") -> Node | None:
    """The row rules of a thing as one condition; for lines, seen from the line."""
    alternatives = rights(ctx, thing).rows
    if not alternatives:
        return None
    each = [reduce(_and, (rule.tree for rule in rules)) for rules in alternatives if rules]
    tree = reduce(lambda a, b: Binary(operator="or", left=a, right=b, type=YES_NO), each)
    return mapped(tree, lambda path: _from_line(path, thing, line)) if line else tree


def _from_line(path: Path, owner: str, line: str) -> Path:
    if path.root != "record" or path.entity != owner:
        return path
    return replace(path, entity=line, steps=("parent", *path.steps))


def _and(left: Node, right: Node) -> Node:
    return Binary(operator="and", left=left, right=right, type=YES_NO)


def both(left: Node | None, right: Node | None) -> Node | None:
    """Two conditions that may be missing, as one."""
    if left is None or right is None:
        return right if left is None else left
    return _and(left, right)


def restricted(ctx: RunContext, node: Node) -> Node:
    """A set or a balance narrowed to the rows the reader may see."""
    if isinstance(node, Aggregate) and node.rows.kind in ("entity", "reverse"):
        owner = owner_of(ctx.app.model, node.rows.entity)
        rule = rule_tree(ctx, owner, node.rows.entity if owner != node.rows.entity else "")
        return replace(node, where=both(node.where, rule))
    if isinstance(node, Balance):
        return replace(node, where=both(node.where, rule_tree(ctx, LEDGER + node.ledger)))
    return node


def things_read(expr: Expr) -> set[str]:
    """The entities and ledgers whose sets a figure runs over."""
    found: set[str] = set()
    for node in walk(expr.tree):
        if isinstance(node, Aggregate) and node.rows.kind == "entity":
            found.add(node.rows.entity)
        elif isinstance(node, Balance):
            found.add(LEDGER + node.ledger)
    return found


def is_given(node: Node) -> bool:
    """Whether a node runs over the rows of the figure itself."""
    return isinstance(node, Aggregate) and node.rows.kind == "given"


def as_balance(rows: Rows, node: Node, at: date | None = None) -> Node:
    """A sum over a ledger's rows as its balance (at a day): running rows answer it faster than rows do."""
    ledger = rows.of.removeprefix(LEDGER) if rows.of.startswith(LEDGER) else ""
    if not ledger or not isinstance(node, Aggregate) or not is_given(node) or node.function != "sum":
        return _dated(node, at)
    value = node.value
    declared = rows.ctx.app.model.ledgers[ledger]
    if not isinstance(value, Path) or value.root != "record" or len(value.steps) != 1:
        return node
    if value.steps[0] not in declared.resources:
        return node
    where = both(rows.where.tree if rows.where else None, node.where)
    made = Balance(
        function="balance",
        ledger=ledger,
        measure=value.steps[0],
        dimensions=(),
        options=(),
        where=where,
        type=node.type,
    )
    return _dated(made, at)


def _dated(node: Node, at: date | None) -> Node:
    if at is None or not isinstance(node, Balance) or node.function != "balance" or node.options:
        return node
    return replace(node, options=(("at", Literal(value=at, type=DATE)),))


def needs_database(node: Node) -> bool:
    """Whether an input is fetched (names, settings, the clock and the user are known already)."""
    return isinstance(node, (Aggregate, Balance))


def known_value(at: Workspace, node: Node, names: Mapping[str, object]) -> Any:
    """The value of an input that needs no rows."""
    if isinstance(node, Clock):
        return at.clock(node, [{}], None, "")[0]
    if isinstance(node, Path) and node.root in ("settings", "user"):
        return at.path(node, [{}], None, "")[0]
    if isinstance(node, Path):
        return names.get(".".join((node.root, *node.steps)))
    return None


def compute(at: Workspace, expr: Expr, values: Values, names: Mapping[str, object]) -> Any:
    """The figure, from its inputs."""
    inputs = [values[node] if node in values else known_value(at, node, names) for node in expr.inputs]
    return at.programs.function(expr)(inputs)


# --- adding inputs up ------------------------------------------------------------------------------------------


def columns_of(compiler: Compiler, node: Node) -> list[Sql]:
    """What is fetched for an input: the value, or what its average is made of."""
    if isinstance(node, Aggregate) and is_given(node) and node.function == "avg" and node.value is not None:
        total = replace(node, function="sum", type=node.value.type)
        count = replace(node, function="count", type=replace(node.type, scale=0))
        return [typed(compiler.value(total), total.type), typed(compiler.value(count), count.type)]
    return [typed(compiler.value(node), node.type)]


def added(node: Node, parts: Sequence[Sequence[Any]]) -> Any:
    """One value of an input from those of several groups, as ``columns_of`` fetched them."""
    first = [part[0] for part in parts if part[0] is not None]
    function = node.function if isinstance(node, (Aggregate, Balance)) else ""
    if function == "avg":
        count = sum(int(part[1] or 0) for part in parts)
        scale = Decimal(1).scaleb(-node.type.scale)
        return (sum(first, Decimal(0)) / count).quantize(scale, ROUND_HALF_UP) if count else None
    if function in ("min", "max"):
        return (min(first) if function == "min" else max(first)) if first else None
    if function == "any":
        return any(first)
    if not first:
        return Decimal(0) if function in ("sum", "count") else None
    return sum(first, Decimal(0)) if not isinstance(first[0], str) else first[0]


def all_of(conditions: Sequence[Sql]) -> Sql | None:
    """Conditions as one."""
    return and_(*conditions) if conditions else None
