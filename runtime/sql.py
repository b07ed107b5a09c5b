"""The SQL reading of an expression, for SQLite and PostgreSQL: the same result as the Python reading, to the digit.

``to_sql`` gives a value, ``to_where`` a condition for the top of a WHERE (an empty one does not hold, so nothing
hides a column from its index), ``to_stored`` what an UPDATE may write. Sets stand in ``sql_sets.py``, ledgers in
``sql_ledgers.py``, functions in ``sql_calls.py``. No text of a template becomes SQL; constants travel as parameters.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Text,
    TypeDecorator,
    and_,
    case,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError

from engine.expressions.tree import (
    Binary,
    Expr,
    Literal,
    Node,
    Path,
)
from engine.expressions.types import Kind, Type
from engine.expressions.values import WIDE
from engine.model import Field
from runtime.columns import value_type
from runtime.sql_numbers import NUMBERS, Numbers, Value, compare, whole
from runtime.sql_operators import NODES
from runtime.sql_scope import Joiner, MemoryRow, NotInSql, Row, Sql, SqlScope, TableRow, again, targets_of
from runtime.sqlite_functions import register_functions

__all__ = [
    "Compiler",
    "Joiner",
    "NotInSql",
    "SqlScope",
    "TableRow",
    "WideScaled",
    "is_overflow",
    "register_functions",
    "to_sql",
    "to_stored",
    "to_where",
]

NUMERIC = frozenset({Kind.NUMBER, Kind.MONEY, Kind.QUANTITY, Kind.DURATION})
_ORDER = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}


def is_withheld(field: Field) -> bool:
    """Whether a computed field is not told while it is not to be seen (the books, while somebody counts unseen)."""
    return field.formula is not None and isinstance(field.visible, Expr)


class WideScaled(TypeDecorator[Decimal]):
    """Reads an integer of up to 38 digits (a text on SQLite) as a decimal with ``scale`` places."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def process_bind_param(self, value: Decimal | int | None, dialect: Any) -> int | None:
        """The integer for it."""
        return None if value is None else int(WIDE.scaleb(Decimal(value), self.scale))

    def process_result_value(self, value: Any, dialect: Any) -> Decimal | None:
        """The decimal it stands for."""
        return None if value is None else WIDE.scaleb(Decimal(value), -self.scale)


def to_sql(expr: Expr | Node, scope: SqlScope) -> Sql:
    """The value of ``expr`` for the scope's row, read by SQLAlchemy as the Python value of its type."""
    node = expr.tree if isinstance(expr, Expr) else expr
    return typed(Compiler(scope).value(node), node.type)


def typed(value: Value, type_: Type) -> Sql:
    """``value`` read by SQLAlchemy as ``type_``."""
    if value.constant is not None:
        return literal(WIDE.scaleb(Decimal(value.constant), -value.scale), WideScaled(value.scale))
    return type_coerce(value.sql, result_type(type_))


def to_stored(expr: Expr | Node, type_: Type, scope: SqlScope) -> Sql:
    """The value as a column of ``type_`` keeps it: rounded to its scale; too large is an error of the statement."""
    node = expr.tree if isinstance(expr, Expr) else expr
    compiler = Compiler(scope)
    found = compiler.value(node)
    if type_.kind not in NUMERIC or node.type.kind not in NUMERIC:
        return type_coerce(found.sql, value_type(type_))
    rescaled = compiler.numbers.rescale(found, type_.scale)
    if rescaled.constant is not None:
        return literal(WIDE.scaleb(Decimal(rescaled.constant), -type_.scale), value_type(type_))
    return type_coerce(compiler.numbers.stored(rescaled), value_type(type_))


def to_where(expr: Expr | Node, scope: SqlScope) -> Sql:
    """``expr`` as a condition at the top of a WHERE, where empty and false are the same."""
    return Compiler(scope).holds(expr.tree if isinstance(expr, Expr) else expr)


def is_overflow(error: DBAPIError) -> bool:
    """Whether a statement failed because a number became too large."""
    state = getattr(error.orig, "sqlstate", None)
    told = str(error.orig)
    return state == "22003" or "user-defined function raised" in told or "integer overflow" in told


def result_type(type_: Type) -> Any:
    """How SQLAlchemy reads a result of ``type_``."""
    return WideScaled(type_.scale) if type_.kind in NUMERIC else value_type(type_)


class Compiler:
    """Turns nodes into values of one statement."""

    def __init__(self, scope: SqlScope) -> None:
        self.scope = scope
        self.numbers: Numbers = NUMBERS[scope.dialect]
        self.sqlite = scope.dialect == "sqlite"

    def within(self, **changes: Any) -> Compiler:
        """A compiler for another row, in the same statement."""
        return Compiler(replace(self.scope, **changes))

    def value(self, node: Node) -> Value:
        """The value of a node; conditions are never empty."""
        return NODES[type(node)](self, node)

    def scaled(self, node: Node, scale: int) -> Value:
        """A number at ``scale``; other kinds as they are."""
        found = self.value(node)
        return self.numbers.rescale(found, scale) if node.type.kind in NUMERIC else found

    def condition(self, node: Node) -> Sql:
        """A condition that is true or false, never empty."""
        found = self.value(node)
        return found.sql if found.never_empty else func.coalesce(found.sql, false(), type_=Boolean())

    def holds(self, node: Node) -> Sql:
        """A condition where empty may stand for false."""
        if isinstance(node, Binary) and node.operator in ("and", "or"):
            join = and_ if node.operator == "and" else or_
            return join(self.holds(node.left), self.holds(node.right))
        if isinstance(node, Binary) and node.operator in _ORDER:
            return self.compared(node)
        if isinstance(node, Binary) and node.operator == "==" and node.left.type.kind is not Kind.YES_NO:
            return self._equal_here(node)
        if isinstance(node, Path):
            return self.value(node).sql
        return self.condition(node)

    def _equal_here(self, node: Binary) -> Sql:
        one, two = self.value(node.left), self.value(node.right)
        plain = isinstance(node.left, Literal) or isinstance(node.right, Literal)
        if plain and node.left.type.kind not in NUMERIC and one.entity is None and two.entity is None:
            return one.sql == two.sql
        return self.equal(node.operator, one, two, node.left.type)

    def compared(self, node: Binary) -> Sql:
        """``<`` and its like, empty where an operand is."""
        one, two = self.value(node.left), self.value(node.right)
        if node.left.type.kind in NUMERIC:
            return compare(self.numbers, node.operator, one, two)
        return compare(self.numbers, node.operator, replace(one, constant=None), replace(two, constant=None))

    def equal(self, operator: str, one: Value, two: Value, type_: Type) -> Sql:
        """``==`` or ``!=``, two empties being equal."""
        if type_.kind is Kind.YES_NO:
            one, two = self._definite(one), self._definite(two)
        if one.entity is not None and two.entity is not None:
            same = and_(
                one.sql.is_not_distinct_from(two.sql),
                or_(one.sql.is_(None), one.entity == two.entity),
            )
            return same if operator == "==" else ~func.coalesce(same, false(), type_=Boolean())
        return compare(self.numbers, operator, one, two)

    def _definite(self, value: Value) -> Value:
        return value

    # -- records and fields

    def root(self, path: Path) -> Row | None:
        """The row a path starts at."""
        scope = self.scope
        if path.root == "record":
            return scope.record
        if path.root == "this":
            return scope.this or scope.record
        found = scope.values.get(path.root)
        return cast(Row, found) if found is not None and hasattr(found, "column") else None

    def path(self, path: Path) -> Value:
        """The value at the end of a path."""
        if path.root == "user":
            return self._of_user(path)
        if path.root == "settings":
            return self._of_setting(path)
        row = self.root(path)
        if row is None:
            return self._named(path)
        if not path.steps:
            return self.itself(row)
        return self.walk(row, path.steps, path, ())

    def itself(self, row: Row) -> Value:
        """The record as a reference."""
        key = row.column("id")
        if key is None:
            raise NotInSql(f"{row.entity} has no id here")
        return Value(sql=key, entity=literal(row.entity, Text()))

    def _named(self, path: Path) -> Value:
        name = ".".join((path.root, *path.steps))
        if name not in self.scope.values:
            raise NotInSql(f"{name} is not known to this statement")
        found = self.scope.values[name]
        if isinstance(found, Value):
            return found
        if hasattr(found, "self_group"):
            return Value(sql=found, scale=path.type.scale)  # type: ignore[arg-type]
        return self.literal(Literal(value=found, type=path.type))  # type: ignore[arg-type]

    def _of_user(self, path: Path) -> Value:
        known = self.scope.member
        member = known if isinstance(known, ColumnElement) else literal(known, BigInteger())
        if not path.steps:
            return Value(sql=member, entity=literal(path.entity, Text()))
        return self._looked_up(path.entity, member, path.steps, path, ("user",))

    def _of_setting(self, path: Path) -> Value:
        entity = path.steps[0]
        table = self.scope.table(entity)
        first = select(table.c.id).order_by(table.c.id).limit(1).correlate_except(table).scalar_subquery()
        if len(path.steps) == 1:
            return Value(sql=first, entity=literal(entity, Text()))
        return self._looked_up(entity, first, path.steps[1:], path, ("settings", entity))

    def walk(self, row: Row, steps: tuple[str, ...], path: Path, done: tuple[str, ...]) -> Value:
        """The value ``steps`` away from ``row``."""
        name, rest = steps[0], steps[1:]
        if not rest:
            return self.field(row, name, path)
        targets = targets_of(self.scope.model, row.entity, name)
        if not targets:
            raise NotInSql(f"{row.entity}.{name} leads nowhere")
        at_hand = row.beside(name) if isinstance(row, MemoryRow) else None
        if at_hand is not None:
            return self.walk(at_hand, rest, path, (*done, name))
        key = self.reference(row, name)
        if len(targets) == 1:
            return self._reached(targets[0], key.sql, rest, path, (*done, name))
        assert key.entity is not None
        found = [(t, self._looked_up(t, key.sql, rest, path, (*done, name, t))) for t in targets]
        chosen = case(*((key.entity == t, v.sql) for t, v in found))
        return replace(found[0][1], sql=chosen, wide=any(v.wide for _, v in found), never_empty=False)

    def _reached(self, target: str, key: Sql, rest: tuple[str, ...], path: Path, done: tuple[str, ...]) -> Value:
        joiner = self.scope.joiner
        if joiner is not None and path.root == "record":
            return self.walk(joiner.row(done, target, self.scope.table(target), key), rest, path, done)
        return self._looked_up(target, key, rest, path, done)

    def _looked_up(self, target: str, key: Sql, rest: tuple[str, ...], path: Path, done: tuple[str, ...]) -> Value:
        table: FromClause = again(self.scope.table(target))
        inner = self.within(joiner=None).walk(TableRow(target, table), rest, path, done)
        found = select(inner.sql).where(table.c.id == key).correlate_except(table).scalar_subquery()
        return replace(inner, sql=found, never_empty=False, constant=None)

    def reference(self, row: Row, name: str) -> Value:
        """The reference ``name`` of a row, with the entity it names if there may be several."""
        return self.field(
            row, name, Path(root="record", entity=row.entity, steps=(name,), type=Type(kind=Kind.REFERENCE))
        )

    def field(self, row: Row, name: str, path: Path) -> Value:
        """One field of a row; where it is withheld, only while it is to be seen."""
        known = self._known(row.entity, name)
        found = self._field(row, name, path, known)
        if not self.scope.withheld or known is None or not is_withheld(known):
            return found
        told = self.within(record=row, this=row, joiner=None, withheld=False).condition(known.visible.tree)  # type: ignore[union-attr]
        return replace(found, sql=case((told, found.sql), else_=null()), never_empty=False, constant=None)

    def _field(self, row: Row, name: str, path: Path, known: Field | None) -> Value:
        """Its column, or the formula of a live one, which reads all there is."""
        if known is not None and known.live and known.formula is not None and row.column(name) is None:
            found = self.within(record=row, this=row, joiner=None, withheld=False).value(known.formula.tree)
            return self.numbers.rescale(found, known.value.scale) if known.value.kind in NUMERIC else found
        column = row.column(f"{name}__entered" if path.entered else name)
        if column is None:
            return self._odd(row, name, path)
        if path.type.kind is Kind.REFERENCE:
            return self._reference_value(row, name, column)
        numeric = path.type.kind in NUMERIC
        scale = known.value.scale if known is not None and numeric else path.type.scale
        return Value(sql=type_coerce(column, BigInteger()) if numeric else column, scale=scale)

    def _reference_value(self, row: Row, name: str, column: Sql) -> Value:
        kind = row.column(f"{name}__type")
        targets = targets_of(self.scope.model, row.entity, name)
        one = literal(targets[0], Text()) if len(targets) == 1 else None
        return Value(sql=column, entity=kind if kind is not None else one)

    def _known(self, entity: str, name: str) -> Field | None:
        found = self.scope.model.entities.get(entity)
        return found.fields.get(name) if found else None

    def _odd(self, row: Row, name: str, path: Path) -> Value:
        top, bottom = row.column(f"{name}__num"), row.column(f"{name}__den")
        if top is None or bottom is None:
            raise NotInSql(f"{row.entity}.{name} is not a column here")
        return self.numbers.convert(whole(1), top, bottom, path.type.scale)

    # -- leaves and operators

    def literal(self, node: Node) -> Value:
        """A constant of the tree."""
        assert isinstance(node, Literal)
        value = node.value
        if value is None:
            return Value(sql=null())
        if node.type.kind in NUMERIC:
            return whole(int(WIDE.scaleb(Decimal(value), node.type.scale)), node.type.scale)  # type: ignore[arg-type]
        if isinstance(value, bool):
            return Value(sql=true() if value else false(), never_empty=True)
        return Value(sql=literal(value, value_type(node.type)), never_empty=True)
