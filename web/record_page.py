"""A record's page: one page to read, fill in and act on, made from the entity's form and the reader's rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for

from engine.expressions.tree import Expr
from engine.model import Entity, EntityKind, Form, FormSection
from runtime import workflow
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.files import describe
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.record_locks import locked_fields
from runtime.record_reading import file_numbers, references_of, titles
from runtime.record_texts import record_title
from web import record_flow
from web.record_fields import FieldScene, field_view
from web.record_grid import grid_view
from web.texts import translator

Row = dict[str, Any]
View = dict[str, Any]


def scene_of(
    ctx: RunContext,
    entity: Entity,
    row: Row,
    *,
    faults: Sequence[Fault] = (),
    warnings: Sequence[Fault] = (),
    posted: Mapping[str, str] | None = None,
) -> FieldScene:
    """What is the same for all fields of the page."""
    new = row.get("id") is None
    allowed = rights(ctx, entity.id)
    editable = (allowed.may("create") if new else allowed.may("change")) and row.get("deleted_at") is None
    numbers = sorted(set(file_numbers(ctx, entity, [row])))
    described = describe(ctx, numbers) if numbers else {}
    return FieldScene(
        ctx=ctx,
        names=titles(ctx, references_of(ctx, entity, [row])),
        files={
            n: {"id": f.id, "name": f.name, "media_type": f.media_type, "size": f.size} for n, f in described.items()
        },
        errors={f.field: f.message for f in faults if f.field},
        warnings={f.field: f.message for f in warnings if f.field},
        locked=locked_fields(ctx, entity.id, None if new else row),
        editable=editable,
        posted=posted,
        conditions=_conditions(ctx, entity, row),
    )


def _conditions(ctx: RunContext, entity: Entity, row: Row) -> dict[tuple[str, str], bool]:
    at = Workspace(ctx)
    found: dict[tuple[str, str], bool] = {}
    for one in entity.fields.values():
        for what, given in (("required", one.required), ("visible", one.visible)):
            if isinstance(given, Expr):
                found[one.id, what] = bool(at.evaluate(given, [row], None, entity.id)[0])
    return found


def record_view(ctx: RunContext, entity: Entity, row: Row, scene: FieldScene) -> View:
    """The whole page."""
    record = row.get("id")
    t = translator(ctx.language)
    title = (
        record_title(ctx.app.model, entity.id, row)
        if record
        else t(f"新建{entity.label.zh}", f"New {entity.label.en.lower()}")
    )
    actions = workflow.actions(ctx, entity.id, row) if record else ()
    return {
        "entity": entity.id,
        "id": record or "",
        "version": row.get("version", ""),
        "label": entity.label.get(ctx.language),
        "title": title,
        "list_url": url_for("pages.records", entity=entity.id),
        "save_url": save_url(entity, record),
        "chips": record_flow.chips(ctx, entity, row),
        "chain": record_flow.chain(ctx, entity, row),
        "sections": _sections(scene, entity, row),
        "editable": scene.editable and _something_editable(entity, scene),
        "actions": record_flow.buttons(entity, row.get("status"), actions),
        "draws": record_flow.draws(ctx, entity, row) if record else [],
        "flow": record_flow.flow(ctx, entity, row),
        "history": record_flow.history(ctx, entity, record) if record else [],
        "prints": _prints(ctx, entity, record),
        "may_delete": bool(record) and rights(ctx, entity.id).may("delete") and row.get("deleted_at") is None,
        "may_copy": rights(ctx, entity.id).may("create") and entity.kind is not EntityKind.SETTING,
        "deleted": row.get("deleted_at") is not None,
    }


def save_url(entity: Entity, record: object) -> str:
    """Where the form is posted."""
    if record:
        return url_for("pages.save_record", entity=entity.id, id=record)
    return url_for("pages.create_record", entity=entity.id)


def _something_editable(entity: Entity, scene: FieldScene) -> bool:
    return any(f.id not in scene.locked and f.formula is None for f in entity.fields.values())


def _sections(scene: FieldScene, entity: Entity, row: Row) -> list[View]:
    form = entity.form or Form(sections=())
    return [view for section in form.sections if (view := _section(scene, entity, section, row)) is not None]


def _section(scene: FieldScene, entity: Entity, section: FormSection, row: Row) -> View | None:
    language = scene.ctx.language
    if section.kind == "grid":
        lines = entity.fields.get(section.lines)
        if lines is None or not rights(scene.ctx, entity.id).sees(section.lines):
            return None
        return {"kind": "grid", "grid": grid_view(scene, entity, lines, section, row)}
    fields = [entity.fields[name] for name in section.fields if name in entity.fields]
    views = [field_view(scene, entity, f, row) for f in fields if _shown(scene, entity, f.id)]
    if not views:
        return None
    label = section.label.get(language) if section.label else ""
    return {"kind": "fields", "label": label, "columns": section.columns, "folded": section.folded, "fields": views}


def _shown(scene: FieldScene, entity: Entity, name: str) -> bool:
    """Hidden by rights: not there at all. Hidden by a condition: unless it says what is wrong."""
    one = entity.fields[name]
    if one.retired or not rights(scene.ctx, entity.id).sees(name):
        return False
    return scene.conditions.get((name, "visible"), one.visible is not False) or name in scene.errors


def _prints(ctx: RunContext, entity: Entity, record: object) -> list[View]:
    if not record or not rights(ctx, entity.id).may("print"):
        return []
    return [
        {
            "label": p.label.get(ctx.language),
            "url": url_for("pages.print_record", print=p.id, id=record),
            "icon": "printer",
        }
        for p in ctx.app.model.prints.values()
        if p.entity == entity.id
    ]
