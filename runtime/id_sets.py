"""Many ids (or texts) as one parameter: the statement stays the same however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, ColumnElement, Text, any_, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine


class ValueSet(NamedTuple):
    """One database's way. ``among``: whether a column is one of the values of a parameter; ``pack``: those values."""

    among: Callable[[ColumnElement[Any], str], ColumnElement[bool]]
    pack: Callable[[Iterable[Any]], Any]


def _in_json(kind: TypeEngine[Any]) -> Callable[[ColumnElement[Any], str], ColumnElement[bool]]:
    def among(value: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        each = func.json_each(bindparam(name, type_=Text())).table_valued(column("value", kind))
        return value.in_(select(each.c.value))

    return among


def _in_array(kind: TypeEngine[Any]) -> Callable[[ColumnElement[Any], str], ColumnElement[bool]]:
    def among(value: ColumnElement[Any], name: str) -> ColumnElement[bool]:
        return value == any_(bindparam(name, type_=ARRAY(kind)))

    return among


def _json(values: Iterable[Any]) -> str:
    return orjson.dumps(list(values)).decode()


ID_SETS: Mapping[str, ValueSet] = {
    "sqlite": ValueSet(_in_json(BigInteger()), _json),
    "postgresql": ValueSet(_in_array(BigInteger()), list),
}
"""By the database's name."""

WORD_SETS: Mapping[str, ValueSet] = {
    "sqlite": ValueSet(_in_json(Text()), _json),
    "postgresql": ValueSet(_in_array(Text()), list),
}
"""The same for texts."""
