"""Who changed what, from what, to what: one insert per batch, in the transaction of the change itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, select

from engine.model import Entity
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.prepared import Statement, prepare_statement, prepared_insert
from runtime.record_bulk import MANY, column_of, insert_columns
from runtime.values import Ref, decimal_text

Row = dict[str, Any]
UNTOLD = frozenset(
    ("version", "changed_at", "changed_by", "created_at", "created_by", "parent", "position", "search_key", "id")
)
COLUMNS = (
    "at", "account", "member", "source", "entity", "record", "version", "kind", "transition", "changes", "note",
)  # fmt: skip
MADE = (*COLUMNS, "made_at")


class Entry(NamedTuple):
    """One line of the trail to be. ``kind``: create, update, delete, restore, transition, history …"""

    entity: str
    record: int
    version: int
    kind: str
    changes: Mapping[str, Any]
    transition: str = ""
    note: str = ""


def write(ctx: RunContext, entries: Sequence[Entry]) -> None:
    """Keep the entries."""
    if not entries:
        return
    now, account, member, source = ctx.now(), ctx.user.account or None, ctx.user.member, ctx.source
    rows: list[tuple[Any, ...]] = [
        (
            now, account, member, source, e.entity, e.record, e.version, e.kind, e.transition,
            orjson.dumps(e.changes, default=PLAIN, option=orjson.OPT_NON_STR_KEYS).decode(), e.note,
        )
        for e in entries
    ]  # fmt: skip
    table = ctx.app.tables.system.audit
    names: tuple[str, ...] = COLUMNS
    if ctx.made_at is not None:
        names, rows = MADE, [(*row, ctx.made_at) for row in rows]
    if len(rows) >= MANY:
        insert_columns(ctx, table, dict(zip(names, zip(*rows, strict=True), strict=True)))
    else:
        prepared_insert(ctx, table, names).run(ctx, rows)


def write_made(
    ctx: RunContext, entity: str, kind: str, rows: Sequence[Row], notes: Mapping[int, str] | str,
    known: Mapping[str, list[Any]],
) -> None:  # fmt: skip
    """Keep what many new records came to: the same as an entry each, made a column at a time.

    ``known``: columns of them that are at hand.
    """
    table = ctx.app.tables.system.audit
    count = len(rows)
    same = {
        "at": ctx.now(), "account": ctx.user.account or None, "member": ctx.user.member, "source": ctx.source,
        "entity": entity, "kind": kind, "transition": "",
    }  # fmt: skip
    columns: dict[str, Sequence[Any]] = {name: [value] * count for name, value in same.items()}
    if ctx.made_at is not None:
        columns["made_at"] = [ctx.made_at] * count
    columns["record"] = column_of(rows, "id")
    columns["version"] = column_of(rows, "version")
    columns["changes"] = _texts_made(rows, known)
    columns["note"] = [notes] * count if isinstance(notes, str) else [notes.get(row["id"], "") for row in rows]
    insert_columns(ctx, table, columns)


def _texts_made(rows: Sequence[Row], known: Mapping[str, list[Any]]) -> list[str]:
    """For each new record its fields as JSON: a column at a time, one pattern for what all records have alike."""
    shapes = dict.fromkeys(map(tuple, rows))
    form: list[str] = []
    columns: list[Sequence[str]] = []
    for name in dict.fromkeys(chain.from_iterable(shapes)):
        if name not in UNTOLD:
            before, column = _as_json(name, known[name] if name in known else column_of(rows, name))
            if column:
                form.append(before)
                columns.append(column)
    pattern = "".join(form)
    if columns and all(before != "%s" for before in form):  # nobody leaves anything out
        return list(map(f"{{{pattern[1:]}}}".__mod__, zip(*columns, strict=True)))
    return ["{" + (pattern % row)[1:] + "}" for row in zip(*columns, strict=True)] or ["{}"] * len(rows)


def _as_json(name: str, column: list[Any]) -> tuple[str, Sequence[str]]:
    """A place in the pattern and what each record puts there; nothing for a field that no record has."""
    kinds = set(map(type, column))
    if kinds & SETS:
        column = [_told(value) for value in column]
        kinds = set(map(type, column))
    key = f",{orjson.dumps(name).decode()}:"
    some = kinds - NOTHING
    if not some:
        return "", ()
    if some == TEXTS:
        quote, texts = _quoted(column, empty=len(kinds) > 1)
    elif len(some) == 1 and not some & UNHASHED:  # equal values of different kinds would be taken for each other
        made = {value: orjson.dumps(value, default=plain).decode() for value in set(column)}
        quote, texts = "", list(map(made.__getitem__, column))
    else:
        quote, texts = "", [orjson.dumps(value, default=plain).decode() for value in column]
    if len(kinds) == 1:
        return f"{key.replace('%', '%%')}{quote}%s{quote}", texts
    return "%s", ["" if v is None else f"{key}{quote}{text}{quote}" for v, text in zip(column, texts, strict=True)]


def _quoted(column: Sequence[str | None], *, empty: bool) -> tuple[str, Sequence[str]]:
    """Texts for JSON, and what stands around each: where none has anything to be escaped they go as they are."""
    plain_texts: Sequence[str] = [text or "" for text in column] if empty else column  # type: ignore[assignment]
    if ESCAPED.search("".join(plain_texts)) is None:
        return '"', plain_texts
    return "", [orjson.dumps(text).decode() for text in plain_texts]


NOTHING = frozenset((type(None),))
TEXTS = frozenset((str,))
SETS = frozenset((list, tuple))
UNHASHED = frozenset((list, tuple, dict))
ESCAPED = re.compile(r'["\\\x00-\x1f\ud800-\udfff]')
"""What JSON cannot hold as it is."""


def _told(value: Any) -> Any:
    """Lines as they are told, and nothing of a set without anything in it."""
    if isinstance(value, (list, tuple)) and not value:
        return None
    return _made(value) if isinstance(value, list) else value


def changes_between(old: Row | None, new: Row, alike: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Field → [old, new], lines as ``lines.<id>.<field>``; for a new record field → value, empties left out.

    ``alike``: fields that are known to be as they were.
    """
    if old is None:
        return {
            n: _made(v) if type(v) is list else v
            for n, v in new.items()
            if v is not None and n not in UNTOLD and (v or type(v) not in SETS)
        }
    told: dict[str, Any] = {}
    for name, value in new.items():
        if name in UNTOLD or name in alike:
            continue
        before = old.get(name)
        if isinstance(value, list):
            told.update(_line_changes(name, before or [], value))
        elif value != before:
            told[name] = [before, value]
    return told


def _made(lines: Sequence[Row]) -> list[dict[str, Any]]:
    return [changes_between(None, line) for line in lines]


def _line_changes(name: str, before: Sequence[Row], after: Sequence[Row]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    old = {line["id"]: line for line in before}
    for line in after:
        was = old.pop(line.get("id"), None)
        if was is None:
            told[f"{name}.{line.get('id')}"] = [None, changes_between(None, line)]
            continue
        for field, change in changes_between(was, line).items():
            told[f"{name}.{line['id']}.{field}"] = change
    for gone, line in old.items():
        told[f"{name}.{gone}"] = [changes_between(None, line), None]
    return told


def plain(value: object) -> object:
    """A value as JSON keeps it."""
    if type(value) is Decimal:
        return decimal_text(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Ref):
        return {"entity": value.entity, "id": value.id}
    raise TypeError(f"{type(value).__name__} in the audit trail")


PLAIN = lru_cache(maxsize=4000, typed=True)(plain)
"""The same, of values that come again and again."""


def history(ctx: RunContext, entity: str, record: int, limit: int = 200) -> list[Row]:
    """The trail of a record, newest first, without what the reader may not see."""
    names = [column.name for column in ctx.app.tables.system.audit.c]
    query = ctx.app.programs.keep(("trail", limit), lambda: _newest(ctx, limit))
    found = (dict(zip(names, row, strict=True)) for row in query.run(ctx, {"entity": entity, "record": record}))
    described = ctx.app.model.entities[entity]
    return [{**row, "changes": _shown(ctx, described, orjson.loads(row["changes"] or "{}"))} for row in found]


def _newest(ctx: RunContext, limit: int) -> Statement:
    table = ctx.app.tables.system.audit
    own = (table.c.entity == bindparam("entity"), table.c.record == bindparam("record"))
    return prepare_statement(ctx, select(table).where(*own).order_by(table.c.id.desc()).limit(limit), list(table.c))


def _shown(ctx: RunContext, entity: Entity, changes: Mapping[str, Any]) -> dict[str, Any]:
    hidden = rights(ctx, entity.id).hidden
    shown: dict[str, Any] = {}
    for path, change in changes.items():
        first, _, rest = path.partition(".")
        field = entity.fields.get(first)
        if first.split("__")[0] in hidden:
            continue
        if field is None or not field.lines:
            shown[path] = change
            continue
        inner = rights(ctx, field.lines).hidden
        last = rest.partition(".")[2]
        if last.split("__")[0] not in inner:
            shown[path] = change if last else _without(change, inner)
    return shown


def _without(value: Any, hidden: Iterable[str]) -> Any:
    if isinstance(value, list):
        return [_without(one, hidden) for one in value]
    if isinstance(value, dict):
        return {n: v for n, v in value.items() if n.split("__")[0] not in hidden}
    return value
