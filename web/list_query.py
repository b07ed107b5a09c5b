"""What a list page's address asks for, and addresses of the same list a little different.

``where.<path>[.<operator>]=value`` filters; ``sort=-date,code``; ``group=partner``; ``view``, ``q``, ``cursor``,
``size``; ``sums=1`` adds a large list up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode

from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict

from runtime.queries import ListQuery
from runtime.query_filters import OPERATORS, Filter
from web.outlines import blank
from web.whole import is_whole

PREFIX = "where."
SIZES = (20, 50, 100, 200)
DEFAULT_SIZE = 50
PAGING = ("cursor", "add", "lang", "sums")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The address, taken apart. ``exact``: counts and totals of a large list were asked for.

    ``encoded``: each parameter with its text as it stands in an address.
    """

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
    group: str
    exact: bool
    encoded: tuple[tuple[str, str], ...]

    def url(self, *, drop: Iterable[str] = (), **changes: str) -> str:
        """The same list with some parameters changed ("" removes one); paging starts again."""
        gone = frozenset((*drop, *PAGING, *changes))
        parts = [text for name, text in self.encoded if name not in gone]
        added = _encoded(changes.items())
        if added:
            parts.append(added)
        return f"{self.base}?{'&'.join(parts)}" if parts else self.base

    def filler(self) -> Callable[[str], str]:
        """What tells what belongs into a blank that ``BlankAsked`` made, safe as HTML."""
        stays: dict[frozenset[str], str] = {}

        def fill(name: str) -> str:
            gone, added, ending = _change(name)
            kept = stays.get(gone)
            if kept is None:
                kept = stays[gone] = "&amp;".join([text for name, text in self.encoded if name not in gone])
            sign, amp = "?" if kept or added else "", "&amp;" if kept and added else ""
            return f"{self.base}{ending}{sign}{kept}{amp}{added}"

        return fill

    def query(self, fields: Sequence[str], *, totals: bool = True, marks: str = "") -> ListQuery:
        """The query behind the page; ``marks``: the view whose colours the rows wear."""
        return ListQuery(
            view=self.view,
            filters=self.filters,
            q=self.q,
            sort=self.sort,
            fields=tuple(fields),
            cursor=self.cursor,
            page_size=self.size,
            count="exact" if self.exact else "capped",
            totals=totals,
            marks=marks,
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
        size=int(size) if is_whole(size) and int(size) in SIZES else DEFAULT_SIZE,
        kind=arguments.get("as", ""),
        deleted=arguments.get("bin", "") == "1",
        group=arguments.get("group", ""),
        exact=arguments.get("sums", "") == "1",
        encoded=tuple((name, urlencode([(name, value)])) for name, value in pairs),
    )


def _encoded(pairs: Iterable[tuple[str, str]]) -> str:
    return urlencode([(name, value) for name, value in pairs if value])


ADDRESS = "url"
EXPORT = "/export"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlankAsked:
    """The addresses of any list of an entity: each a blank that says what is changed."""

    base: str

    def url(self, *, drop: Iterable[str] = (), **changes: str) -> Markup:
        """The same list with some parameters changed."""
        return blank(f"{ADDRESS} {urlencode([*changes.items(), *((name, '') for name in drop)])}")

    def export_url(self, kind: str) -> Markup:
        """The list as a file."""
        return blank(f"{ADDRESS}{EXPORT} {urlencode({'format': kind})}")


@lru_cache(maxsize=4000)
def _change(name: str) -> tuple[frozenset[str], str, str]:
    """A blank taken apart: the parameters that go, those that come (encoded), what is put behind the address."""
    kind, _, text = name.partition(" ")
    changes = parse_qsl(text, keep_blank_values=True)
    gone = frozenset((*PAGING, *(n for n, _ in changes)))
    return gone, _encoded(changes).replace("&", "&amp;"), kind.removeprefix(ADDRESS)


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


def hidden_fields(asked: Asked) -> str:
    """The parameters that a search keeps, as fields of its form."""
    kept = ((escape(name), escape(value)) for name, value in asked.arguments if name not in ("q", *PAGING))
    return "".join([f'<input type="hidden" name="{name}" value="{value}">' for name, value in kept])
