"""Many ids as one parameter: the statement stays the same however many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, ColumnElement, Text, any_, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY


class IdSet(NamedTuple):
    """One database's way. ``among``: whether a column is one of the ids of a parameter; ``pack``: the value of it."""

    among: Callable[[ColumnElement[Any], str], ColumnElement[bool]]
    pack: Callable[[Iterable[int]], Any]


def _in_json(value: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    each = func.json_each(bindparam(name, type_=Text())).table_valued(column("value", BigInteger()))
    return value.in_(select(each.c.value))


def _in_array(value: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return value == any_(bindparam(name, type_=ARRAY(BigInteger())))


ID_SETS: Mapping[str, IdSet] = {
    "sqlite": IdSet(_in_json, lambda ids: orjson.dumps(list(ids)).decode()),
    "postgresql": IdSet(_in_array, list),
}
"""By the database's name."""
