"""What may be saved and should still be looked at: checks that only warn, for the record and for each of its lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import url_for

from engine.model import Check, Entity
from runtime.alerts_reading import open_alerts
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.permissions import may_see, rights
from runtime.record_inputs import Workspace
from runtime.record_texts import render
from runtime.row_marks import is_watched
from web.whole import is_whole

Row = dict[str, Any]


def standing_warnings(ctx: RunContext, entity: Entity, row: Row) -> tuple[Fault, ...]:
    """The warnings of a record as it is, its open alerts first; those of a line are named
    ``<lines>.<index>.<field>``, counted from 0."""
    at = Workspace(ctx)
    found = [*_alerts(ctx, entity, row), *_of(at, entity, [row], "")]
    for one in entity.fields.values():
        lines = row.get(one.id) if one.lines else None
        if lines and rights(ctx, entity.id).sees(one.id):
            inside = [{**line, "parent": row} for line in lines]  # what is typed, not what is stored
            found += _of(at, ctx.app.model.entities[one.lines], inside, one.id)
    return tuple(found)


def _alerts(ctx: RunContext, entity: Entity, row: Row) -> list[Fault]:
    """What is open about the record; asked only where alerts watch such records."""
    if not row.get("id") or not is_watched(ctx.app.model, entity.id):
        return []
    found = open_alerts(ctx, entity=entity.id, record=row["id"])
    return [Fault(code=f"alert_{each.alert}", message=f"{each.label}: {each.text}") for each in found]


def _of(at: Workspace, entity: Entity, rows: Sequence[Row], lines: str) -> Iterator[Fault]:
    for check in entity.checks:
        if check.level != "warn" or not may_see(at.ctx, check.that.secrecy):
            continue
        holds = at.evaluate(check.that, rows, None, entity.id)
        failing = [index for index, value in enumerate(holds) if value is False]
        texts = render(at, check.say, [rows[index] for index in failing], entity.id)
        for index, text in zip(failing, texts, strict=True):
            yield Fault(code=check.id, field=_path(check, lines, index), message=text)


def _path(check: Check, lines: str, index: int) -> str:
    return f"{lines}.{index}.{check.field}" if lines else check.field


def line_notes(warnings: Sequence[Fault], lines: str) -> Mapping[int, str]:
    """The sentences under each line, by its index."""
    found: dict[int, list[str]] = {}
    for warning in warnings:
        head, _, rest = warning.field.partition(".")
        index = rest.partition(".")[0]
        if head == lines and is_whole(index):
            found.setdefault(int(index), []).append(warning.message)
    return {index: " ".join(dict.fromkeys(said)) for index, said in found.items()}


def look_url(ctx: RunContext, entity: Entity, record: object) -> str:
    """Where a form is looked at while somebody types; empty where nothing ever warns."""
    key = ("looked at", entity.id)
    if not ctx.app.programs.keep(key, lambda: _ever_warns(ctx, entity)):
        return ""
    return url_for("pages.look", entity=entity.id, id=record or None)


def _ever_warns(ctx: RunContext, entity: Entity) -> bool:
    inner = [ctx.app.model.entities[f.lines] for f in entity.fields.values() if f.lines]
    return any(check.level == "warn" for each in (entity, *inner) for check in each.checks)
