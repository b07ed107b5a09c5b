"""Files where only values fit: in lists a small picture or the name as a link, on paper the picture or the name."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from flask import has_request_context, request

from engine.model import Field
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.files import IMAGES, MEGABYTE, describe, fetch
from web.texts import translator

FILES = frozenset({"file", "photo", "signature"})
LARGEST = 3 * MEGABYTE
"""Pictures above it are named on paper, not shown: a letter carries them along."""
MOST = 4
"""Pictures of one value that are shown."""


def ids_of(value: object) -> tuple[int, ...]:
    """The files that a value names."""
    if isinstance(value, int):
        return (value,)
    return tuple(one for one in value if isinstance(one, int)) if isinstance(value, (tuple, list)) else ()


def names_in(ctx: RunContext, columns: Sequence[Field], rows: Sequence[Sequence[Any]]) -> Mapping[int, str]:
    """The names of all files that stand in rows (the id first, then a value for each column): one statement."""
    places = [n for n, one in enumerate(columns, 1) if one.type == "file"]
    wanted = {id for row in rows for n in places for id in ids_of(row[n])} if places else set()
    return {id: one.name for id, one in describe(ctx, sorted(wanted)).items()} if wanted else {}


def linked(ctx: RunContext, field: Field, value: object, names: Mapping[int, str] | None = None) -> str:
    """Files as a list shows them: pictures small, others by name (one that is gone not at all); each opens.

    ``names``: those of all files of the page, where it was read as a whole.
    """
    ids = ids_of(value)
    if field.type == "file":
        names = names_in(ctx, [field], [(0, value)]) if names is None else names
        return " ".join(f'<a href="{_url(i)}">{escape(names[i])}</a>' for i in ids if i in names)
    words = escape(field.label.get(ctx.language))
    shown = "".join(
        f'<a href="{url}"><img src="{url}" height="24" alt="{words}" loading="lazy"></a> '
        for url in map(_url, ids[:MOST])
    )
    return shown + (f"+{len(ids) - MOST}" if len(ids) > MOST else "")


def _url(id: int) -> str:
    """Where a file opens, wherever the app is mounted; a list is full of them, so it is put together by hand."""
    return f"{request.script_root if has_request_context() else ''}/files/{id}"


def files_cell(field: Field, index: int, start: str, nothing: str) -> Callable[[Sequence[Any], Any], str]:
    """A list cell; ``start`` and ``nothing``: its tag, and the whole cell where there is no file."""

    def cell(row: Sequence[Any], kit: Any) -> str:
        value = row[index]
        return start + linked(kit.ctx, field, value, kit.files) if ids_of(value) else nothing

    return cell


def on_paper(ctx: RunContext, field: Field, value: object) -> tuple[list[str], str]:
    """Pictures as addresses that carry them along, and the names of what is no picture or too large for paper."""
    ids = ids_of(value)
    known = describe(ctx, ids) if ids else {}
    pictures: list[str] = []
    names: list[str] = []
    for one in (known[id] for id in ids if id in known):
        shown = field.type != "file" and one.media_type in IMAGES and one.size <= LARGEST and len(pictures) < MOST
        if not shown:
            names.append(one.name)
        elif content := _content(ctx, one.id):
            pictures.append(f"data:{one.media_type};base64,{b64encode(content).decode()}")
    return pictures, translator(ctx.language)("、", ", ").join(names)


def _content(ctx: RunContext, id: int) -> bytes:
    """A picture that the reader may see: only those that are shown are read."""
    try:
        return fetch(ctx, id).content
    except NotFound:
        return b""
