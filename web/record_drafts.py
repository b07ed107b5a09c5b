"""Records that are not saved yet: new ones (empty, drawn, copied) and those that were refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model import Entity
from runtime import documents, records
from runtime.context import RunContext
from runtime.record_inputs import Workspace
from runtime.record_preview import preview
from runtime.record_reading import visible_record, with_live
from runtime.values import ENTERED
from web.whole import is_whole

Row = dict[str, Any]
GIVEN = "f."
NOT_COPIED = frozenset(("id", "version", "code", "status", "attachments", "date", "parent", "position"))


def new_row(ctx: RunContext, entity: Entity, arguments: Mapping[str, str]) -> Row:
    """The record a new page starts with."""
    values = _start(ctx, entity, arguments)
    values.update({k.removeprefix(GIVEN): v for k, v in arguments.items() if k.startswith(GIVEN) and v})
    return _shown(ctx, entity, preview(ctx, entity.id, values)[0])


def _start(ctx: RunContext, entity: Entity, arguments: Mapping[str, str]) -> dict[str, Any]:
    source, copied = arguments.get("source", ""), arguments.get("copy", "")
    if source:
        ids = [int(i) for i in arguments.get("ids", "").split(",") if is_whole(i)]
        lines = [int(i) for i in arguments.get("lines", "").split(",") if is_whole(i)]
        return dict(documents.draft(ctx, entity.id, source, ids, lines or None))
    if is_whole(copied):
        return _copy(ctx, entity, records.load_visible(ctx, entity.id, int(copied)))
    return {}


def _copy(ctx: RunContext, entity: Entity, row: Row) -> dict[str, Any]:
    """What is worth copying: what a person filled in, not what follows or what says where it came from."""
    drawn = {name for s in entity.sources.values() for name in (s.header_field, s.line_field)}
    found: dict[str, Any] = {}
    for one in entity.fields.values():
        if one.id in NOT_COPIED or one.formula is not None or one.readonly is True or one.id in drawn:
            continue
        if one.lines:
            inner = ctx.app.model.entities[one.lines]
            found[one.id] = [_copy_line(ctx, inner, line, drawn) for line in row.get(one.id) or ()]
        elif row.get(one.id) not in (None, ()):
            found[one.id] = row.get(one.id + ENTERED, row[one.id])
    return found


def _copy_line(ctx: RunContext, inner: Entity, line: Row, drawn: set[str]) -> dict[str, Any]:
    return {name: value for name, value in _copy(ctx, inner, line).items() if name not in drawn}


def row_of_posted(ctx: RunContext, entity: Entity, kept: Row | None, values: Mapping[str, object]) -> Row:
    """The record as it would be with what was posted, for a page that shows it again."""
    old = records.load_visible(ctx, entity.id, kept["id"]) if kept else None
    return _shown(ctx, entity, preview(ctx, entity.id, values, old)[0])


def _shown(ctx: RunContext, entity: Entity, row: Row) -> Row:
    with_live(Workspace(ctx), entity, [row])
    return visible_record(ctx, entity.id, row)
