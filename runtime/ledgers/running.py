"""The running rows: balances, totals and the rows that guards across ledgers share.

Each change is one atomic upsert that adds to the row and returns what it became; conditions that read nothing but the
row stand in the statement itself, all others are judged on what came back, while the row is still ours alone.
A refusal leaves the transaction to be rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Executable, Table, and_, bindparam, case, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.expressions.tree import Binary, Literal, Node, Path, Unary
from engine.model import Guard
from runtime.context import RunContext
from runtime.errors import Conflict, Fault
from runtime.ledgers.costing import ZERO
from runtime.ledgers.expressions import Reader
from runtime.messages import fault
from runtime.prepared import Ask, Prepared, ask_all, prepare

INSERTS: Mapping[str, Callable[[Table], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grain:
    """A table of running rows: the columns that are summed, and the guards judged on it.

    ``first``: column whose first arrival is remembered. ``also``: columns told besides the sums.
    """

    id: tuple[str, str]
    table: Table
    sums: tuple[str, ...]
    guards: tuple[Guard, ...]
    first: str = ""
    also: tuple[str, ...] = ()


@dataclass(slots=True)
class Change:
    """What a call adds to one running row. ``since``: the earliest moment it touches."""

    columns: dict[str, Any]
    sums: dict[str, Decimal]
    since: datetime
    until: datetime
    found: Decimal | None = None
    wanted: dict[str, Decimal] = field(default_factory=dict)
    never_below: bool = False

    def add(self, sums: Mapping[str, Decimal], at: datetime) -> None:
        """Add another move."""
        own = self.sums
        for name, amount in sums.items():
            own[name] = own[name] + amount if name in own else amount
        if at < self.since:
            self.since = at
        if at > self.until:
            self.until = at


@dataclass(slots=True, kw_only=True)
class Became:
    """A row after the change; ``behind``: something later than the change already stood on it, last at ``latest``."""

    key: str
    change: Change
    amounts: Mapping[str, Decimal]
    behind: bool
    latest: datetime | None = None
    also: tuple[Any, ...] = ()


def apply_changes(ctx: RunContext, grain: Grain, changes: Mapping[str, Change], reader: Reader) -> list[Became]:
    """Add the changes in the order of their keys, and judge the guards."""
    told = ask_all(ctx, asks_of(ctx, grain, changes))
    return judged(ctx, grain, changes, [row for rows in told for row in rows], reader)


def asks_of(ctx: RunContext, grain: Grain, changes: Mapping[str, Change]) -> list[Ask]:
    """The changes as statements, in the order of their keys."""
    keys = sorted(changes)
    moments = ("last_at", "first_at") if grain.first else ("last_at",)
    names = ("key", *changes[keys[0]].columns, *grain.sums, *moments)
    statement = ctx.app.programs.keep(("upsert", grain.id, names), lambda: upsert(ctx, grain, names))
    rows, nothing = [], (ZERO,) * len(grain.sums)
    for key in keys:
        change = changes[key]
        sums = map(change.sums.get, grain.sums, nothing)
        rows.append((key, *change.columns.values(), *sums, *[change.since] * len(moments)))
    return statement.asks(rows)


def judged(
    ctx: RunContext, grain: Grain, changes: Mapping[str, Change], told: Sequence[Sequence[Any]], reader: Reader
) -> list[Became]:
    """What the rows became; refuses what a guard speaks against. Nothing is told of rows that nobody judges."""
    if unjudged(grain):
        _stand_at(ctx, grain, [(key, change.until) for key, change in changes.items() if change.until > change.since])
        return []
    wide = len(grain.sums) + 2
    keys = sorted(changes)
    got = {row[0]: row for row in told}
    became, refused = [], []
    for key in keys:
        change, row = changes[key], got.get(key)
        if row is None:
            refused.append((key, change))
            continue
        amounts = dict(zip(grain.sums, row[2:wide], strict=True))
        latest = row[1]
        one = Became(
            key=key, change=change, amounts=amounts, behind=latest > change.since, latest=latest, also=tuple(row[wide:])
        )
        became.append(one)
    became += _as_if(ctx, grain, refused)
    judge(grain, became, reader)
    for one in became:
        if one.change.never_below and one.amounts[grain.first] < 0:
            wanted = -one.change.sums[grain.first]
            raise not_enough(ctx, grain.id[1], wanted + one.amounts[grain.first], wanted)
    move_on(ctx, grain, became)
    return became


def upsert(ctx: RunContext, grain: Grain, names: Sequence[str]) -> Prepared:
    """Insert rows or add to them; the latest moment only grows."""
    table = grain.table
    insert = INSERTS[ctx.connection.dialect.name](table)
    new = insert.excluded
    changed: dict[str, ColumnElement[Any]] = {name: table.c[name] + new[name] for name in grain.sums}
    changed["last_at"] = case((new.last_at > table.c.last_at, new.last_at), else_=table.c.last_at)
    if grain.first:
        empty = table.c[grain.first] <= literal(ZERO, table.c[grain.first].type)
        changed["first_at"] = case((empty, new.first_at), else_=table.c.first_at)
    conditions = [c for g in grain.guards if (c := _in_sql(grain, g, changed)) is not None]
    statement = insert.on_conflict_do_update(
        index_elements=["key"], set_=changed, where=and_(*conditions) if conditions else None
    )
    if unjudged(grain):
        return prepare(ctx, table, statement, names)
    told = (table.c.key, table.c.last_at, *(table.c[n] for n in (*grain.sums, *grain.also)))
    return prepare(ctx, table, statement.returning(*told), names, told)


def unjudged(grain: Grain) -> bool:
    """Whether nobody asks what the rows became: sums of a ledger by fewer dimensions, without a guard."""
    return not grain.guards and grain.id[0].startswith("total ")


def _in_sql(grain: Grain, guard: Guard, changed: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool] | None:
    """The guard as a condition of the update, if it reads nothing but the row."""
    if guard.unless is not None:
        return None
    try:
        return _condition(grain, guard.that.tree, changed)
    except LookupError:
        return None


COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
}


def _condition(grain: Grain, node: Node, changed: Mapping[str, ColumnElement[Any]]) -> ColumnElement[bool]:
    match node:
        case Binary(operator="and", left=left, right=right):
            return and_(_condition(grain, left, changed), _condition(grain, right, changed))
        case Binary(operator=operator, left=left, right=right) if operator in COMPARE:
            result: ColumnElement[bool] = COMPARE[operator](_term(grain, left, changed), _term(grain, right, changed))
            return result
    raise LookupError(node)


def _term(grain: Grain, node: Node, changed: Mapping[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    """A column of the row or a constant at its scale; columns of one scale compare as integers."""
    match node:
        case Path(steps=steps, root=root):
            names = steps if root in ("record", "this") else (root, *steps)
            name = "__".join(names)
            if name in grain.sums:
                return changed[name]
        case Literal(value=Decimal() as value):
            return literal(value, grain.table.c[grain.sums[0]].type)
        case Unary(operator="-", operand=Literal(value=Decimal() as value)):
            return literal(-value, grain.table.c[grain.sums[0]].type)
    raise LookupError(node)


def _as_if(ctx: RunContext, grain: Grain, refused: Sequence[tuple[str, Change]]) -> list[Became]:
    """Rows the statement itself refused, as they would have become, so that the guard can say why."""
    if not refused:
        return []
    table = grain.table
    query = select(table.c.key, *(table.c[n] for n in grain.sums)).where(table.c.key.in_([k for k, _ in refused]))
    now = {row[0]: row[1:] for row in ctx.connection.execute(query)}
    found = []
    for key, change in refused:
        there = dict(zip(grain.sums, now.get(key, (ZERO,) * len(grain.sums)), strict=True))
        amounts = {n: there[n] + change.sums.get(n, ZERO) for n in grain.sums}
        found.append(Became(key=key, change=change, amounts=amounts, behind=False))
    return found


def not_enough(ctx: RunContext, ledger: str, there: Decimal, wanted: Decimal) -> Conflict:
    """The refusal of a take that open balances do not cover."""
    words = {n: f"{a.normalize():f}" for n, a in (("there", there), ("wanted", wanted), ("missing", wanted - there))}
    label = ctx.app.model.ledgers[ledger].label.get(ctx.language)
    return Conflict(fault(ctx, "not_enough", ledger=label, **words))


def judge(grain: Grain, became: Sequence[Became], reader: Reader) -> None:
    """Refuse with every guard that does not hold."""
    faults = [f for guard in grain.guards for f in broken(grain, guard, became, reader)]
    if faults:
        raise Conflict(*faults)


def broken(grain: Grain, guard: Guard, became: Sequence[Became], reader: Reader) -> Iterable[Fault]:
    """The faults of one guard; its exception and its words are only read when the condition fails."""
    for b in failed_guard(guard, became, reader):
        yield Fault(code=guard.id, message=reader.text(guard.say, _values(b)))


def failed_guard(guard: Guard, became: Sequence[Became], reader: Reader) -> list[Became]:
    """The rows on which a guard does not hold and that nothing excuses."""
    if not became:
        return []
    sums = reader.ctx.app.programs.keep(("guard reads", id(guard)), lambda: (guard, _sums_read(guard, became[0])))[1]
    if sums is None:
        held = reader.many(guard.that, [_values(b) for b in became])
    else:
        holds = reader.ctx.app.programs.function(guard.that)
        held = [holds([b.amounts[name] for name in sums]) for b in became]
    failed = [b for b, fine in zip(became, held, strict=True) if not fine]
    if failed and guard.unless is not None:
        excused = reader.many(guard.unless, [_values(b) for b in failed])
        failed = [b for b, excuse in zip(failed, excused, strict=True) if not excuse]
    return failed


def _sums_read(guard: Guard, one: Became) -> tuple[str, ...] | None:
    """The sums of the row that a guard reads, where it reads nothing else."""
    found = []
    for node in guard.that.inputs:
        if not isinstance(node, Path) or node.root == "settings":
            return None
        steps = node.steps if node.root in ("record", "this") else (node.root, *node.steps)
        name = "__".join(steps)
        if name not in one.amounts:
            return None
        found.append(name)
    return tuple(found)


def _values(became: Became) -> dict[str, object]:
    return {**became.change.columns, **became.amounts, **_told(became)}


def _told(became: Became) -> dict[str, object]:
    """``before``: what was there; ``wanted``: what the call takes (or adds), without its sign."""
    sums = became.change.sums
    before = {n: a - sums.get(n, ZERO) for n, a in became.amounts.items()}
    if became.change.found is not None:
        before = dict.fromkeys(before, became.change.found)
    wanted = became.change.wanted or {n: abs(sums.get(n, ZERO)) for n in before}
    return {"before": before, "wanted": wanted}


def move_on(ctx: RunContext, grain: Grain, became: Sequence[Became]) -> None:
    """The upsert left ``last_at`` at the call's earliest moment, to see what was behind; now set the latest."""
    _stand_at(ctx, grain, [(b.key, b.change.until) for b in became if b.change.until > b.change.since])


def _stand_at(ctx: RunContext, grain: Grain, latest: Sequence[tuple[str, datetime]]) -> None:
    if latest:
        from_sql = ctx.app.programs.keep(("move on", grain.id), lambda: _later(grain.table))
        ctx.connection.execute(from_sql, [{"k": key, "m": moment} for key, moment in sorted(latest)])


def _later(table: Table) -> Executable:
    moment = bindparam("m", type_=table.c.last_at.type)
    return table.update().where(table.c.key == bindparam("k"), table.c.last_at < moment).values(last_at=moment)
