"""Values of expression inputs that only the database knows, for many records at once, saved or not.

The records travel into the statement as rows of their own (only the values that the inputs ask for), and each input is
one column over them: one statement for all inputs and up to ``CHUNK`` records, whatever the inputs are. A statement is
made once for the same inputs and the next power of two of records; the rows that are too many are empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import (
    BigInteger,
    Date,
    Integer,
    Text,
    bindparam,
    column,
    literal_column,
    select,
    type_coerce,
    values,
)
from sqlalchemy.types import TypeEngine

from engine.expressions.tree import Node, UnitRatio
from engine.expressions.types import Kind
from engine.model import AppModel, Field
from runtime.columns import Moment, is_link, value_type
from runtime.context import RunContext
from runtime.prepared import Statement, prepare_statement
from runtime.sql import Compiler, typed
from runtime.sql_scope import STANDARD, MemoryRow, Sql, SqlScope
from runtime.sql_sets import unit_ratio
from runtime.values import ENTERED, Ref

CHUNK = 128
"""Records a statement: far below the number of parameters SQLite takes."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A value that records bring along: its type, and how it is read from one."""

    type: TypeEngine[Any]
    key: str
    part: str = ""

    def read(self, row: Row) -> Any:
        """The value of one record."""
        value = row.get(self.key)
        return _PARTS[self.part](value)


_PARTS: Mapping[str, Any] = {
    "": lambda v: v.id if isinstance(v, Ref) else v.get("id") if isinstance(v, dict) else v,
    "type": lambda v: v.entity if isinstance(v, Ref) else None,
    "num": lambda v: None if v is None else Fraction(v).numerator,
    "den": lambda v: None if v is None else Fraction(v).denominator,
}


def resolve(ctx: RunContext, inputs: Sequence[Node], entity: str, rows: Sequence[Row]) -> list[list[Any]]:
    """For each record of ``rows`` (dicts by field id; a line's owner, if at hand, is a dict under ``parent``) the
    values of ``inputs``, in order. ``entity``: what the records are, which is also what ``this`` stands for."""
    found: list[list[Any]] = []
    for start in range(0, len(rows), CHUNK):
        found.extend(_chunk(ctx, inputs, entity, rows[start : start + CHUNK]))
    return found


@dataclass(frozen=True, slots=True)
class _Question:
    """A statement over as many records as its parameters take. ``widths``: columns of the answer by input;
    ``inputs`` keeps the nodes alive whose identities are its key."""

    statement: Statement
    sent: Mapping[str, _Sent]
    widths: tuple[int, ...]
    size: int
    inputs: tuple[Node, ...]


def _chunk(ctx: RunContext, inputs: Sequence[Node], entity: str, rows: Sequence[Row]) -> list[list[Any]]:
    owners = _owners(ctx.app.model, entity, rows)
    size = 1 << (len(rows) - 1).bit_length()
    key = ("inputs", entity, owners, size, tuple(map(id, inputs)))
    question = ctx.app.programs.keep(key, lambda: _question(ctx, inputs, entity, owners, size))
    given: dict[str, Any] = {"_today": ctx.today(), "_now": ctx.now(), "_member": ctx.user.member}
    columns = [(f"c{i}_", path, one) for i, (path, one) in enumerate(question.sent.items())]
    for n in range(size):
        row = rows[n] if n < len(rows) else None
        for name, path, one in columns:
            given[f"{name}{n}"] = None if row is None else one.read(_holder(row, path))
    answers: list[list[Any]] = [[] for _ in rows]
    for line in question.statement.run(ctx, given):
        if line[0] < len(rows):
            rest = iter(line[1:])
            spans = zip(inputs, question.widths, strict=True)
            answers[line[0]] = [_read(node, [next(rest) for _ in range(width)]) for node, width in spans]
    return answers


def _question(ctx: RunContext, inputs: Sequence[Node], entity: str, owners: tuple[str, ...], size: int) -> _Question:
    sent = dict(_sent(ctx.app.model, entity, owners))
    asked = MemoryRow(entity, {path: column(path, one.type) for path, one in sent.items()}, owners)
    list(_selected(ctx, inputs, asked))  # a first pass, to learn which values are asked for
    wanted = {path: sent[path] for path in asked.wanted}
    typed = [column("n", Integer()), *(column(f"c{i}", one.type) for i, one in enumerate(wanted.values()))]
    data = [
        (literal_column(str(n)), *(bindparam(f"c{i}_{n}", type_=one.type) for i, one in enumerate(wanted.values())))
        for n in range(size)
    ]
    given = values(*typed, name="given").data(data).cte("given")
    known = MemoryRow(entity, {path: given.c[f"c{i}"] for i, path in enumerate(wanted)}, owners)
    selected = list(_selected(ctx, inputs, known))
    statement = select(given.c.n, *(c.label(f"v{i}") for i, c in enumerate(s for one in selected for s in one)))
    widths = tuple(len(one) for one in selected)
    whole = statement.select_from(given)
    prepared = prepare_statement(ctx, whole, list(whole.selected_columns))
    return _Question(prepared, wanted, widths, size, tuple(inputs))


def _selected(ctx: RunContext, inputs: Sequence[Node], row: MemoryRow) -> Iterator[list[Sql]]:
    """The columns of each input: one, but two for a ratio and for a reference that may name several entities."""
    scope = SqlScope(
        model=ctx.app.model,
        tables=ctx.app.tables,
        dialect=ctx.connection.dialect.name,
        record=row,
        member=bindparam("_member", type_=BigInteger()),
        today=bindparam("_today", type_=Date()),
        now=bindparam("_now", type_=Moment()),
    )
    compiler = Compiler(scope)
    for node in inputs:
        if isinstance(node, UnitRatio):
            yield list(unit_ratio(compiler, node))
            continue
        found = compiler.value(node)
        made: list[Sql] = [typed(found, node.type)]
        if node.type.kind is Kind.REFERENCE and len(node.type.targets) > 1 and found.entity is not None:
            made.append(type_coerce(found.entity, Text()))
        yield made


def _read(node: Node, parts: list[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    if parts[0] is None:
        return None
    if isinstance(node, UnitRatio):
        return Fraction(parts[0], parts[1]) if parts[1] else None
    return Ref(parts[1], parts[0])


def _owners(model: AppModel, entity: str, rows: Sequence[Row]) -> tuple[str, ...]:
    """The entities of owners that every record has at hand."""
    parent = model.entities[entity].parent if entity in model.entities else ""
    if not parent or not all(isinstance(row.get("parent"), dict) for row in rows):
        return ()
    return (parent, *_owners(model, parent, [row["parent"] for row in rows]))


def _holder(row: Row, path: str) -> Row:
    """The record that holds the last name of ``path``."""
    for _ in range(path.count(".")):
        row = row["parent"]
    return row


def _sent(model: AppModel, entity: str, owners: tuple[str, ...], prefix: str = "") -> Iterator[tuple[str, _Sent]]:
    """What records of ``entity`` can bring along, by path."""
    yield f"{prefix}id", _Sent(BigInteger(), "id")
    known = model.entities.get(entity)
    if known is None:
        return
    if known.parent:
        yield f"{prefix}parent", _Sent(BigInteger(), "parent")
    for name, type_ in STANDARD.items():
        if name not in known.fields:
            yield prefix + name, _Sent(Moment() if type_.kind is Kind.MOMENT else BigInteger(), name)
    for field in known.fields.values():
        if not (field.live or field.lines or is_link(field)):
            for name, one in _of_field(field):
                yield prefix + name, one
    if owners:
        yield from _sent(model, owners[0], owners[1:], f"{prefix}parent.")


def _of_field(field: Field) -> Iterator[tuple[str, _Sent]]:
    if field.type == "ratio":
        yield f"{field.id}__num", _Sent(BigInteger(), field.id, "num")
        yield f"{field.id}__den", _Sent(BigInteger(), field.id, "den")
        return
    yield field.id, _Sent(value_type(field.value), field.id)
    if field.value.kind is Kind.REFERENCE and len(field.targets or field.value.targets) > 1:
        yield f"{field.id}__type", _Sent(Text(), field.id, "type")
    if field.value.kind is Kind.QUANTITY and field.unit_field:
        yield field.id + ENTERED, _Sent(value_type(field.value), field.id + ENTERED)
