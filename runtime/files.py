"""Files that people attach: checked for size and kind, kept in the database, seen by who sees the owning record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from engine.model import Field
from runtime.context import RunContext
from runtime.errors import Forbidden, Invalid, NotFound
from runtime.messages import fault
from runtime.permissions import READ, owner_of, rights
from runtime.row_rules import visible_ids

if TYPE_CHECKING:
    from runtime.record_drafts import Draft

MEGABYTE = 1024 * 1024
LARGEST = 20 * MEGABYTE
LONGEST_NAME = 200

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/vnd.ms-office"),
)
"""What a file is by its first bytes: a name or a sender's word proves nothing."""

BY_ENDING = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".zip": "application/zip",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".md": "text/plain",
    ".json": "application/json",
    ".dxf": "image/vnd.dxf",
    ".dwg": "image/vnd.dwg",
    ".step": "model/step",
    ".stp": "model/step",
}
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file as kept. ``content`` is read only when asked for."""

    id: int
    name: str
    media_type: str
    size: int
    content: bytes = b""


def save(ctx: RunContext, name: str, content: bytes) -> StoredFile:
    """Keep an upload that belongs to no record yet; refused when empty, too large or of a kind that could run."""
    if not content:
        raise Invalid(fault(ctx, "file_empty"))
    if len(content) > LARGEST:
        size = f"{len(content) / MEGABYTE:.1f}"
        raise Invalid(fault(ctx, "file_too_large", size=size, most=LARGEST // MEGABYTE))
    shown = clean_name(name)
    kind = media_type(shown, content)
    if not kind:
        raise Invalid(fault(ctx, "file_type", given=PurePosixPath(shown).suffix or shown))
    system = ctx.app.tables.system
    row = {
        "name": shown,
        "media_type": kind,
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
        "account": ctx.user.account or None,
        "created_at": ctx.now(),
    }
    made = ctx.connection.execute(insert(system.file).values(row).returning(system.file.c.id)).scalar_one()
    ctx.connection.execute(insert(system.file_content).values(file=made, content=content))
    return StoredFile(id=made, name=shown, media_type=kind, size=len(content))


def clean_name(name: str) -> str:
    """The last part of a path, without what a header or a file system could stumble over."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    safe = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(". ")
    return safe[-LONGEST_NAME:] or "file"


def media_type(name: str, content: bytes) -> str:
    """What the bytes are, or "" for what we do not keep."""
    ending = PurePosixPath(name.lower()).suffix
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    for first, kind in SIGNATURES:
        if content.startswith(first):
            return BY_ENDING.get(ending, kind) if kind == "application/zip" else kind
    kind = BY_ENDING.get(ending, "")
    return kind if kind and not kind.endswith(("sheet", "document", "presentation", "zip")) else ""


def claim(ctx: RunContext, entity: str, field: Field, drafts: Sequence[Draft]) -> None:
    """Let the files that records name belong to them; one that belongs to another record is refused."""
    wanted = [(d, i) for d in drafts for i in _ids(d.row.get(field.id)) if i not in _ids((d.old or {}).get(field.id))]
    if not wanted:
        return
    table = ctx.app.tables.system.file
    numbers = sorted({i for _, i in wanted})
    rows = ctx.connection.execute(select(table).where(table.c.id.in_(numbers))).mappings()
    found = {row["id"]: row for row in rows}
    for draft, number in wanted:
        _check_free(ctx, entity, field, draft, number, found.get(number))
        ctx.connection.execute(
            update(table).where(table.c.id == number).values(entity=entity, record=draft.row["id"], field=field.id)
        )


def _check_free(ctx: RunContext, entity: str, field: Field, draft: Draft, number: int, row: Any) -> None:
    label = field.label.get(ctx.language)
    path = f"{draft.path}{field.id}"
    mine = row is not None and (row["account"] == (ctx.user.account or None) or ctx.user.is_system)
    if row is None or (row["record"] is None and not mine):
        raise Invalid(fault(ctx, "no_such_record", path, label=label, given=number))
    if row["record"] is not None and (row["entity"], row["record"]) != (entity, draft.row["id"]):
        raise Invalid(fault(ctx, "file_taken", path, label=label, given=number))
    if field.type in ("photo", "signature") and row["media_type"] not in IMAGES:
        raise Invalid(fault(ctx, "file_type", path, given=row["name"]))


def _ids(value: object) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,)
    return value if isinstance(value, tuple) else ()


def fetch(ctx: RunContext, number: int) -> StoredFile:
    """A file with its content; ``NotFound`` for who may not see the record it belongs to."""
    system = ctx.app.tables.system
    row = ctx.connection.execute(select(system.file).where(system.file.c.id == number)).mappings().first()
    if row is None or not _may_read(ctx, row):
        raise NotFound(fault(ctx, "not_found", label="文件" if ctx.language == "zh" else "file", id=number))
    content = ctx.connection.execute(
        select(system.file_content.c.content).where(system.file_content.c.file == number)
    ).scalar_one()
    return StoredFile(
        id=number, name=row["name"], media_type=row["media_type"], size=row["size"], content=bytes(content)
    )


def _may_read(ctx: RunContext, row: Any) -> bool:
    if ctx.user.is_system:
        return True
    if row["record"] is None:
        return bool(row["account"] == ctx.user.account)
    allowed = rights(ctx, row["entity"])
    return allowed.may(READ) and allowed.sees(row["field"]) and _owner_visible(ctx, row["entity"], row["record"])


def _owner_visible(ctx: RunContext, entity: str, record: int) -> bool:
    owner = owner_of(ctx.app.model, entity)
    while entity != owner:
        table = ctx.app.tables.entity[entity]
        record = ctx.connection.execute(select(table.c.parent).where(table.c.id == record)).scalar_one()
        entity = ctx.app.model.entities[entity].parent
    return record in visible_ids(ctx, owner, [record])


def describe(ctx: RunContext, numbers: Sequence[int]) -> dict[int, StoredFile]:
    """Names and sizes of files whose record the caller has read already."""
    table = ctx.app.tables.system.file
    columns = (table.c.id, table.c.name, table.c.media_type, table.c.size)
    rows = ctx.connection.execute(select(*columns).where(table.c.id.in_(sorted(set(numbers)))))
    return {r.id: StoredFile(id=r.id, name=r.name, media_type=r.media_type, size=r.size) for r in rows}


def forbid_upload(ctx: RunContext) -> None:
    """Somebody without any role may not fill the database with files."""
    if not ctx.user.is_system and not ctx.user.roles:
        raise Forbidden(fault(ctx, "forbidden", action="上传" if ctx.language == "zh" else "upload", label=""))
