"""Rows of a list as the driver gives them, read by functions that are written once for the columns of the list.

Such a function has one expression for each column, so that reading fifty rows calls next to nothing. Its source names
rows, places in them and the constants that stand beside it: nothing that came with a request or from a template.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from sqlalchemy import Date, Dialect
from sqlalchemy.types import TypeEngine

from runtime.columns import Scaled
from runtime.prepared import told
from runtime.query_columns import ListColumn, Named, Place
from runtime.values import Ref, decimal_text

Found = Sequence[Sequence[Any]]
Links = Mapping[str, Mapping[int, tuple[Any, ...]]]
"""Values that stand in tables of their own: by the path of their column and the record's id."""
Reader = Callable[[Found, Links], list[Any]]
Write = Callable[["Writer", Place], str]


@dataclass(slots=True)
class Writer:
    """Writes the source of one function; ``names`` are the constants it stands on."""

    dialect: Dialect
    names: dict[str, Any] = field(default_factory=dict)

    def constant(self, value: object) -> str:
        """The name of a constant."""
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def one(self, at: int, kind: TypeEngine[Any]) -> str:
        """The value at a place of a row, as values of its type are in Python."""
        if isinstance(kind, Scaled):
            return f"(None if r[{at}] is None else {self.constant(Decimal)}(r[{at}]).scaleb({-kind.scale}))"
        convert = told(kind, self.dialect)
        return f"r[{at}]" if convert is None else f"{self.constant(convert)}(r[{at}])"

    def value(self, place: Place) -> str:
        """The value of a column."""
        return SHAPES[place.shape](self, place)

    def decimal_text(self, place: Place, least: int) -> str:
        """A number without trailing zeros beyond ``least`` decimals."""
        at, kind = place.start, place.kinds[0]
        value = self.one(at, kind)
        if isinstance(kind, Scaled):
            value = f"{self.constant(Decimal)}(r[{at}]).scaleb({-kind.scale})"
            if kind.scale == least:
                return f"(None if r[{at}] is None else {self.constant(format)}({value}, 'f'))"
        return f"(None if r[{at}] is None else {self.constant(decimal_text)}({value}, {least}))"

    def day_text(self, place: Place) -> str:
        """A date as ``2026-03-02``, which is how SQLite keeps it."""
        at, kind = place.start, place.kinds[0]
        if type(kind) is Date and self.dialect.name == "sqlite":
            return f"r[{at}]"
        return f"(None if r[{at}] is None else {self.constant(date.isoformat)}({self.one(at, kind)}))"

    def function(self, row: str) -> Reader:
        """The function that makes ``row`` of each ``r`` of the rows it is given."""
        source = compile(f"lambda rows, links: [{row} for r in rows]", "<rows>", "eval")
        made: Reader = eval(source, {"__builtins__": {}, **self.names})  # every name in it is one of ours
        return made


def _one(writer: Writer, place: Place) -> str:
    return writer.one(place.start, place.kinds[0])


def _record(writer: Writer, place: Place) -> str:
    id, code, name = (writer.one(place.start + n, kind) for n, kind in enumerate(place.kinds))
    made, target = writer.constant(Named), writer.constant(place.column.target)
    return f"(None if r[{place.start}] is None else {made}({id}, {code}, {name}, {target}))"


def _ratio(writer: Writer, place: Place) -> str:
    at = place.start
    return f"(None if r[{at}] is None else {writer.constant(Fraction)}(r[{at}], r[{at + 1}]))"


def _either(writer: Writer, place: Place) -> str:
    at = place.start
    return f"(None if r[{at}] is None else {writer.constant(Ref)}(r[{at + 1}], r[{at}]))"


def _links(writer: Writer, place: Place) -> str:
    """Those of the record itself; behind a reference they are not told."""
    own = "." not in place.column.path
    return f"links[{writer.constant(place.column.path)}][r[0]]" if own else "()"


SHAPES: Mapping[str, Write] = MappingProxyType(
    {"one": _one, "record": _record, "ratio": _ratio, "either": _either, "links": _links}
)
"""How a value is made of what the statement returns for a column, by the shape of its place."""


@dataclass(frozen=True, slots=True)
class Rows:
    """How the rows of one list's statement are read. ``places``: of its columns; the record's id stands first."""

    dialect: Dialect
    places: tuple[Place, ...]
    _made: dict[Hashable, Reader] = field(default_factory=dict)

    def values(self, found: Found, links: Links) -> list[tuple[Any, ...]]:
        """The record's id, then one value per column."""
        return self.read("values", self._values)(found, links)

    def _values(self, writer: Writer) -> str:
        return f"(r[0], {''.join(f'{writer.value(place)}, ' for place in self.places)})"

    def read(self, key: Hashable, row: Callable[[Writer], str]) -> Reader:
        """The function kept under ``key``; ``row`` writes, the first time, what becomes of each row."""
        found = self._made.get(key)
        if found is None:
            writer = Writer(self.dialect)
            found = self._made[key] = writer.function(row(writer))
        return found

    def linked(self) -> list[ListColumn]:
        """Columns whose values stand in tables of their own."""
        return [p.column for p in self.places if p.shape == "links" and "." not in p.column.path]
