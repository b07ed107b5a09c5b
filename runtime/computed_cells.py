"""Stored formulas of one table computed together: the database gives what they read, Python computes, one statement
writes.

Records that follow from one change mostly read the same, so each combination of what is read is computed once; and a
row whose formulas read one another (a cost, the margin of it, whether that is too thin) is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from operator import ne, or_
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Date, Table, Update, bindparam, column, func, select, type_coerce, update
from sqlalchemy import values as rows_of
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import NullType

from engine.expressions.problems import ExpressionOverflow
from engine.expressions.tree import Aggregate, Clock, Expr, Node, Path, UnitRatio, walk
from engine.expressions.types import Kind
from engine.expressions.values import WIDE
from engine.model import Field
from runtime.columns import Moment, NumberTooLarge, column_plans
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.id_sets import ID_SETS
from runtime.messages import fault
from runtime.prepared import Statement, prepare_statement
from runtime.record_steps import settle
from runtime.sql import NUMERIC, Compiler, Joiner, NotInSql, SqlScope, TableRow, typed
from runtime.working_days import clock_value

AT_ONCE = 100
"""Records that one row of values brings to SQLite."""

Column = Sequence[Any]


class _Part(NamedTuple):
    """Where an input of a formula comes from: ``kind`` ``column`` (of the statement), ``cell`` (computed just before)
    or ``clock``. ``scale``: decimals of the whole number that stands for it, -1 = it stands for itself.
    """

    kind: str
    place: int
    scale: int
    clock: Clock | None = None


@dataclass(frozen=True, slots=True)
class _Cell:
    """One formula. ``after``: places of the cells computed before that it reads."""

    field: Field
    expr: Expr
    parts: tuple[_Part, ...]
    after: tuple[int, ...]
    bind: Callable[[Any], Any] | None
    numeric: bool


@dataclass(frozen=True, slots=True)
class Together:
    """Formulas of one table that are computed together.

    ``statement`` gives the id, what is kept, and what they read; ``asks``: the names of its parameters. ``leads``:
    places of the references that lead on to records reading these formulas, by the name of their column.
    """

    table: Table
    statement: Statement
    asks: frozenset[str]
    cells: tuple[_Cell, ...]
    leads: Mapping[str, int]


def together(
    ctx: RunContext, entity: str, names: tuple[str, ...], leading: frozenset[str] = frozenset()
) -> Together | None:
    """These formulas as one program, sources first; ``None`` where one reads what a statement cannot give.

    ``leading``: columns to be read with them, because what follows next is found by them.
    """
    key = ("cells", entity, names, leading)
    return ctx.app.programs.keep(key, lambda: _compiled(ctx, entity, names, sorted(leading)))


def _compiled(ctx: RunContext, entity: str, names: tuple[str, ...], leading: Iterable[str] = ()) -> Together | None:
    table = ctx.app.tables.entity[entity]
    joiner = Joiner(table)
    making = _Making(ctx, entity, table, joiner)
    try:
        cells = [making.cell(name) for name in names]
    except NotInSql:
        return None
    leads = {name: making.lead(name) for name in leading}
    among = ID_SETS[ctx.app.database.dialect].among(table.c.id, "_ids")
    query = joiner.apply(select(table.c.id, *making.columns)).where(among)
    statement = prepare_statement(ctx, query, list(query.selected_columns))
    return Together(table, statement, frozenset(statement.names), tuple(cells), leads)


class _Making:
    """Formulas becoming one statement: what several of them read is read once."""

    def __init__(self, ctx: RunContext, entity: str, table: Table, joiner: Joiner) -> None:
        self.fields = ctx.app.model.entities[entity].fields
        self.entity, self.table = entity, table
        self.dialect = ctx.connection.dialect
        scope = SqlScope(
            model=ctx.app.model, tables=ctx.app.tables, dialect=ctx.app.database.dialect,
            record=TableRow(entity, table), today=bindparam("_today", type_=Date()),
            now=bindparam("_now", type_=Moment()), joiner=joiner,
        )  # fmt: skip
        self.compiler = Compiler(scope)
        self.columns: list[Any] = []
        self.read: dict[Node, _Part] = {}
        self.made: dict[str, int] = {}

    def cell(self, name: str) -> _Cell:
        """One formula, after those it reads; its own column comes first, as it is kept now."""
        field = self.fields[name]
        if field.formula is None or len(column_plans(field)) != 1:
            raise NotInSql(f"{name} is not kept in one column")
        kept, numeric = self.table.c[name], field.value.kind in NUMERIC
        place = self._add(type_coerce(kept, BigInteger()) if numeric else kept)
        parts = tuple(self._part(node) for node in field.formula.inputs)
        bind = kept.type.dialect_impl(self.dialect).bind_processor(self.dialect)
        after = tuple(part.place for part in parts if part.kind == "cell")
        self.made[name] = len(self.made)
        assert place  # the id stands before
        return _Cell(field, field.formula, (_Part("column", place, -1), *parts), after, bind, numeric)

    def _add(self, sql: Any) -> int:
        self.columns.append(sql)
        return len(self.columns)

    def lead(self, name: str) -> int:
        """The place of a reference's column."""
        return self._add(self.table.c[name])

    def _part(self, node: Node) -> _Part:
        if isinstance(node, Clock):
            return _Part("clock", 0, -1, node)
        own = self._own(node)
        if own in self.made:
            spec = self.fields[own]
            return _Part("cell", self.made[own], spec.value.scale if spec.value.kind in NUMERIC else -1)
        found = self.read.get(node)
        if found is None:
            found = self.read[node] = self._column(node)
        return found

    def _own(self, node: Node) -> str:
        """The field of the record itself that a node is."""
        if isinstance(node, Path) and node.root in ("record", "this") and len(node.steps) == 1 and not node.entered:
            return node.steps[0]
        return ""

    def _computed(self, node: Node) -> bool:
        """Whether a node is a formula of the record itself, seen from among other rows."""
        seen = self.fields.get(node.steps[0]) if isinstance(node, Path) and node.root == "this" and node.steps else None
        return seen is not None and seen.formula is not None

    def _column(self, node: Node) -> _Part:
        if isinstance(node, UnitRatio):
            raise NotInSql("a ratio is two numbers")
        if isinstance(node, Aggregate) and any(self._computed(part) for part in walk(node)):
            raise NotInSql("its rows are chosen by what is computed of the record itself, perhaps only now")
        kind = node.type.kind
        asks_user = isinstance(node, Path) and node.root == "user"
        if asks_user or node.type.many or (kind is Kind.REFERENCE and len(node.type.targets) > 1):
            raise NotInSql("more than one column stands for it")
        found = self.compiler.value(node)
        if kind in NUMERIC and found.constant is None:  # a whole number, or a text where it is beyond 64 bits
            return _Part("column", self._add(type_coerce(found.sql, NullType())), found.scale)
        return _Part("column", self._add(typed(found, node.type)), -1)


# --- computing -----------------------------------------------------------------------------------------------


class Changed(NamedTuple):
    """Records in which a field came out differently; ``leads``: what their references name, by column, row by row."""

    ids: list[int]
    leads: Mapping[str, Sequence[Any]] = {}


def compute(ctx: RunContext, program: Together, due: Mapping[str, set[int]]) -> dict[str, Changed]:
    """Give the cells that are due, and those that read one changed here, their value; the records it changed, by field.

    ``due``: ids by field.
    """
    ids = sorted(any_of(due.values()))
    given = {"_ids": ID_SETS[ctx.app.database.dialect].pack(ids), "_today": ctx.today(), "_now": ctx.now()}
    sent = {name: value for name, value in given.items() if name in program.asks}
    columns: list[Column] = list(zip(*program.statement.fetch(ctx, sent), strict=True))
    if not columns:
        return {}
    for place, convert in program.statement.returns:
        columns[place] = list(map(convert, columns[place]))
    return _computed(ctx, program, due, columns)


def any_of(sets: Iterable[set[int]]) -> set[int]:
    """The ids of all; where the same one comes again and again, that."""
    different = list({id(each): each for each in sets}.values())
    return different[0] if len(different) == 1 else set().union(*different)


def _computed(
    ctx: RunContext, program: Together, due: Mapping[str, set[int]], columns: Sequence[Column]
) -> dict[str, Changed]:
    made: list[Column] = []
    differs: list[list[bool]] = []
    for cell in program.cells:
        old = columns[cell.parts[0].place]
        chosen = _chosen(columns[0], due.get(cell.field.id), [differs[place] for place in cell.after])
        new = _values(ctx, cell, columns, made, chosen)
        if chosen is not None:
            new = [value if due_ else kept for value, due_, kept in zip(new, chosen, old, strict=True)]
        made.append(new)
        differs.append(list(map(ne, new, old)))
    changed: dict[str, Changed] = {}
    for cell, flags in zip(program.cells, differs, strict=True):
        if True in flags:
            leads = {name: list(compress(columns[place], flags)) for name, place in program.leads.items()}
            changed[cell.field.id] = Changed(list(compress(columns[0], flags)), leads)
    _write(ctx, program, columns[0], made, differs)
    return changed


def _chosen(ids: Column, due: set[int] | None, sources: Sequence[Sequence[bool]]) -> list[bool] | None:
    """Which rows a cell is computed for; ``None``: all."""
    if due is not None and len(due) >= len(ids) and due.issuperset(ids):
        return None
    asked = [] if due is None else [[i in due for i in ids]]
    return _either([*asked, *sources]) or [False] * len(ids)


def _either(flags: Sequence[Sequence[bool]]) -> list[bool]:
    """Row by row whether any of the columns says so."""
    found: Sequence[bool] = flags[0] if flags else ()
    for more in flags[1:]:
        found = found if found == more else list(map(or_, found, more))
    return list(found)


def _values(
    ctx: RunContext, cell: _Cell, columns: Sequence[Column], made: Sequence[Column], chosen: Sequence[bool] | None
) -> Column:
    """A cell's values as its column keeps them, each combination of inputs computed once."""
    inputs = [_given(ctx, part, columns, made) for part in cell.parts[1:]]
    alone = len(inputs) == 1  # then what is read is its own key
    keys: Sequence[Hashable] = inputs[0] if alone else list(zip(*inputs, strict=True)) or [()] * len(columns[0])
    wanted = set(keys if chosen is None else compress(keys, chosen))
    scales = [part.scale for part in cell.parts[1:]]
    function, field, bind = ctx.app.programs.function(cell.expr), cell.field, cell.bind
    known: dict[Hashable, Any] = {}
    try:
        for key in wanted:
            values = [
                part if scale < 0 or part is None else WIDE.scaleb(WIDE.create_decimal(part), -scale)
                for part, scale in zip((key,) if alone else key, scales, strict=True)  # type: ignore[call-overload]
            ]
            value = settle(field, function(values))
            known[key] = bind(value) if cell.numeric and bind is not None else value
    except (ExpressionOverflow, NumberTooLarge) as error:
        raise Invalid(fault(ctx, "overflow", label=field.label.get(ctx.language))) from error
    return list(map(known.get, keys))


def _given(ctx: RunContext, part: _Part, columns: Sequence[Column], made: Sequence[Column]) -> Column:
    if part.clock is not None:
        return [clock_value(ctx, part.clock)] * len(columns[0])
    return made[part.place] if part.kind == "cell" else columns[part.place]


# --- writing -------------------------------------------------------------------------------------------------


def _write(
    ctx: RunContext, program: Together, ids: Column, made: Sequence[Column], differs: Sequence[Sequence[bool]]
) -> None:
    """The rows that differ, with all columns in which any does."""
    here = [place for place, flags in enumerate(differs) if True in flags]
    if not here:
        return
    rows = _either([differs[place] for place in here])
    cells, values = [program.cells[place] for place in here], [made[place] for place in here]
    if False in rows:
        ids, values = list(compress(ids, rows)), [list(compress(column, rows)) for column in values]
    WRITERS[ctx.app.database.dialect](ctx, program.table, cells, ids, values)


def _some_at_once(
    ctx: RunContext, table: Table, cells: Sequence[_Cell], ids: Sequence[int], values: Sequence[Column]
) -> None:
    """SQLite takes a statement and many rows of values: a hundred records a row, which spares it most of the rows."""
    names = tuple(cell.field.id for cell in cells)
    fit = [
        column if cell.numeric or cell.bind is None else [cell.bind(value) for value in column]
        for cell, column in zip(cells, values, strict=True)
    ]
    rows = list(zip(ids, *fit, strict=True))
    whole = len(rows) - len(rows) % AT_ONCE
    keep, key = ctx.app.programs.keep, ("write cells", table.name, names)
    if whole:
        words = keep((*key, AT_ONCE), lambda: prepare_statement(ctx, _from_rows(table, names)).words)
        some = [(*chain.from_iterable(rows[start : start + AT_ONCE]),) for start in range(0, whole, AT_ONCE)]
        ctx.connection.exec_driver_sql(words, some)
    if whole < len(rows):
        words = keep((*key, 1), lambda: prepare_statement(ctx, _by_id(table, names)).words)
        ctx.connection.exec_driver_sql(words, [(*fresh, id) for id, *fresh in rows[whole:]])


def _by_id(table: Table, names: Sequence[str]) -> Update:
    fresh: list[tuple[Any, Any]] = [(table.c[name], bindparam(f"v_{name}")) for name in names]
    return update(table).where(table.c.id == bindparam("v_id", type_=BigInteger())).ordered_values(*fresh)


def _from_rows(table: Table, names: Sequence[str]) -> Update:
    """Many records given one behind the other: the id, then the new values."""
    columns = ["id", *names]
    given = [tuple(bindparam(f"{name}_{row}", type_=NullType()) for name in columns) for row in range(AT_ONCE)]
    fresh = rows_of(*(column(name, NullType()) for name in columns), name="given").data(given).cte("given")
    changed = {name: type_coerce(fresh.c[name], table.c[name].type) for name in names}
    return update(table).values(changed).where(table.c.id == fresh.c.id)


def _all_at_once(
    ctx: RunContext, table: Table, cells: Sequence[_Cell], ids: Sequence[int], values: Sequence[Column]
) -> None:
    """PostgreSQL takes a column as one parameter."""
    names = tuple(cell.field.id for cell in cells)
    statement = ctx.app.programs.keep(("write cells", table.name, names), lambda: _from_arrays(table, cells))
    given = {f"v_{name}": list(column) for name, column in zip(names, values, strict=True)}
    ctx.connection.execute(statement, {"v_id": list(ids), **given})


def _from_arrays(table: Table, cells: Sequence[_Cell]) -> Update:
    def column(name: str, kind: Any) -> Any:
        return func.unnest(bindparam(f"v_{name}", type_=ARRAY(kind))).label(name)

    kinds = {cell.field.id: BigInteger() if cell.numeric else table.c[cell.field.id].type for cell in cells}
    given = select(column("id", BigInteger()), *(column(name, kind) for name, kind in kinds.items())).subquery("given")
    fresh = {name: type_coerce(given.c[name], table.c[name].type) for name in kinds}
    return update(table).values(fresh).where(table.c.id == given.c.id)


Write = Callable[[RunContext, Table, Sequence[_Cell], Sequence[int], Sequence[Column]], None]
WRITERS: Mapping[str, Write] = {"sqlite": _some_at_once, "postgresql": _all_at_once}
