"""What a list page's address asks for, and addresses of the same list a little different.

``where.<path>[.<operator>]=value`` filters; ``sort=-date,code``; ``view``, ``q``, ``cursor``, ``size``, ``as``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from runtime.queries import ListQuery
from runtime.query_filters import OPERATORS, Filter

PREFIX = "where."
SIZES = (20, 50, 100, 200)
DEFAULT_SIZE = 50
PAGING = ("cursor", "add", "lang")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The address, taken apart."""

    base: str
    arguments: tuple[tuple[str, str], ...]
    filters: tuple[Filter, ...]
    sort: tuple[tuple[str, bool], ...]
    view: str
    q: str
    cursor: str
    size: int
    kind: str
    deleted: bool

    def url(self, *, drop: Iterable[str] = (), **changes: str) -> str:
        """The same list with some parameters changed ("" removes one); paging starts again."""
        gone = {*drop, *PAGING, *changes}
        kept = [(name, value) for name, value in self.arguments if name not in gone]
        kept += [(name, value) for name, value in changes.items() if value]
        return f"{self.base}?{urlencode(kept)}" if kept else self.base

    def query(self, fields: Sequence[str], *, totals: bool = True) -> ListQuery:
        """The query behind the page."""
        return ListQuery(
            view=self.view,
            filters=self.filters,
            q=self.q,
            sort=self.sort,
            fields=tuple(fields),
            cursor=self.cursor,
            page_size=self.size,
            count="capped",
            totals=totals,
            deleted=self.deleted,
        )


def asked(base: str, arguments: MultiDict[str, str]) -> Asked:
    """Take the address apart."""
    pairs = tuple((name, value) for name, value in arguments.items(multi=True))
    size = arguments.get("size", "")
    return Asked(
        base=base,
        arguments=pairs,
        filters=tuple(filters_of(arguments)),
        sort=sort_of(arguments.get("sort", "")),
        view=arguments.get("view", ""),
        q=arguments.get("q", ""),
        cursor=arguments.get("cursor", ""),
        size=int(size) if size.isdigit() and int(size) in SIZES else DEFAULT_SIZE,
        kind=arguments.get("as", ""),
        deleted=arguments.get("bin", "") == "1",
    )


def sort_of(text: str) -> tuple[tuple[str, bool], ...]:
    """``-date,code`` → ((date, descending), (code, ascending))."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    return tuple((name.lstrip("-"), name.startswith("-")) for name in names)


def filters_of(arguments: MultiDict[str, str]) -> Iterable[Filter]:
    """The filters named in the address; several values of one name are alternatives."""
    for name in dict.fromkeys(arguments):
        if not name.startswith(PREFIX):
            continue
        path, operator = split(name.removeprefix(PREFIX))
        values = [v for v in arguments.getlist(name) if v != ""]
        if not values and operator not in ("empty", "filled"):
            continue
        if operator == "eq" and len(values) > 1:
            operator = "in"
        yield Filter(path, operator, tuple(values))


def split(name: str) -> tuple[str, str]:
    """``expected_date.le`` → (path, operator); without an operator: equal."""
    head, _, last = name.rpartition(".")
    return (head, last) if head and last in OPERATORS else (name, "eq")


def described(arguments: Mapping[str, str]) -> dict[str, str]:
    """Parameters that make a saved view: everything but paging."""
    return {name: value for name, value in arguments.items() if name not in PAGING}
