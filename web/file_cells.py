"""Files where only values fit: in lists a small picture or the name as a link, on paper the picture or the name."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from engine.model import Field
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.files import IMAGES, MEGABYTE, StoredFile, describe, fetch
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


def linked(ctx: RunContext, field: Field, value: object) -> str:
    """Files as a list shows them: pictures small, others by name; each opens."""
    ids = ids_of(value)
    if not ids:
        return ""
    if field.type == "file":
        known = describe(ctx, ids)
        return " ".join(f'<a href="/files/{i}">{escape(known[i].name)}</a>' for i in ids if i in known)
    words = escape(field.label.get(ctx.language))
    shown = "".join(
        f'<a href="/files/{i}"><img src="/files/{i}" height="24" alt="{words}" loading="lazy"></a> ' for i in ids[:MOST]
    )
    return shown + (f"+{len(ids) - MOST}" if len(ids) > MOST else "")


def files_cell(field: Field, index: int, start: str, nothing: str) -> Callable[[Sequence[Any], Any], str]:
    """A list cell; ``start`` and ``nothing``: its tag, and the whole cell where there is no file."""
    return lambda row, kit: start + linked(kit.ctx, field, row[index]) if ids_of(row[index]) else nothing


def on_paper(ctx: RunContext, field: Field, value: object) -> tuple[list[str], str]:
    """Pictures as addresses that carry them along, and the names of what is no picture or too large for paper."""
    pictures: list[str] = []
    names: list[str] = []
    for one in _read(ctx, ids_of(value)):
        if field.type != "file" and one.media_type in IMAGES and one.size <= LARGEST and len(pictures) < MOST:
            pictures.append(f"data:{one.media_type};base64,{b64encode(one.content).decode()}")
        else:
            names.append(one.name)
    return pictures, translator(ctx.language)("、", ", ").join(names)


def _read(ctx: RunContext, ids: Sequence[int]) -> list[StoredFile]:
    """Files the reader may see."""
    found = []
    for one in ids:
        try:
            found.append(fetch(ctx, one))
        except NotFound:
            continue
    return found
