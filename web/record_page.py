"""A record's page: one page to read, fill in and act on, made from the entity's form and the reader's rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import request, url_for
from markupsafe import escape

from engine.expressions.tree import Expr
from engine.model import Entity, Form, FormSection
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.files import describe
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.record_locks import locked_fields
from runtime.record_reading import file_numbers, references_of, titles
from runtime.record_texts import full_title
from web import formulas, record_flow
from web.display import is_numeric
from web.forms import header_links
from web.formulas import conditions as live_conditions
from web.record_actions import dialog_bodies
from web.record_fields import FieldScene, field_view, file_view
from web.record_grid import document_totals, grid_view, texts_beside
from web.record_html import RecordHtml
from web.record_outline import Look, Part
from web.record_warnings import line_notes
from web.texts import translator

Row = dict[str, Any]
View = dict[str, Any]
MOST_TOTALS = 6
"""Computed figures that still fit in one line under the grid."""


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
        names=titles(ctx, references_of(ctx, entity, [row]), texts_beside(ctx, entity)),
        files={
            n: {"id": f.id, "name": f.name, "media_type": f.media_type, "size": f.size} for n, f in described.items()
        },
        errors={f.field: f.message for f in faults if f.field},
        warnings={f.field: f.message for f in warnings if f.field},
        locked=locked_fields(ctx, entity.id, None if new else row),
        editable=editable,
        posted=posted,
        conditions=_conditions(ctx, entity, row),
        notes={f.id: line_notes(warnings, f.id) for f in entity.fields.values() if f.lines},
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
    """What a page shows of a record that is looked at on the way to something else."""
    return {
        "title": full_title(Workspace(ctx), entity.id, row),
        "label": entity.label.get(ctx.language),
        "url": url_for("pages.record", entity=entity.id, id=row["id"]),
        "chips": record_flow.chips(ctx, entity, row),
        "sections": _sections(scene, entity, row),
        "flow": record_flow.flow(ctx, entity, row),
    }


class Sheet(NamedTuple):
    """The page of a record: what steers it, and the words (safe as HTML) that are filled in."""

    look: Look
    words: dict[str, str]


def sheet(ctx: RunContext, entity: Entity, row: Row, scene: FieldScene, told: Sequence[Fault]) -> Sheet:
    """The whole page; ``told``: what may be saved and should still be looked at."""
    record = row.get("id")
    html = RecordHtml(ctx)
    sections = _sections(scene, entity, row)
    version, module = row.get("version", ""), formulas.module_url(ctx, entity)
    words: dict[str, str] = {
        "id": str(record or ""),
        "title": str(escape(_title(ctx, entity, row))),
        "version": str(version),
        "module": str(escape(module)),
        "marks": html.marks(record_flow.chips(ctx, entity, row)),
        "links": "" if record else html.links(links_of(entity, row)),
        "notices": html.notices([fault.message for fault in told if not fault.field]),
    }
    words.update((f"part{i}", _part(html, view)) for i, view in enumerate(sections))
    look = Look(
        entity=entity.id,
        roles=ctx.user.roles,
        system=ctx.user.is_system,
        root=request.script_root,
        new=not record,
        versioned=version != "",
        deleted=row.get("deleted_at") is not None,
        editable=scene.editable and _something_editable(entity, scene),
        scripted=bool(module),
        parts=tuple([Part(view["kind"], view.get("label", ""), view.get("folded", False)) for view in sections]),
    )
    return Sheet(look, words) if not record else _standing(ctx, entity, row, scene, Sheet(look, words), html)


def _standing(ctx: RunContext, entity: Entity, row: Row, scene: FieldScene, sheet: Sheet, html: RecordHtml) -> Sheet:
    """What a record has that is not new: documents around it, steps to take, a flow and a past, files."""
    words = sheet.words
    chain, alone = record_flow.chain(ctx, entity, row)
    flow = record_flow.flow(ctx, entity, row)
    history, more = record_flow.history(ctx, entity, row["id"], whole=request.args.get("history") == "all")
    moves = record_flow.moves(ctx, entity, row)
    files = [file_view(scene.files[number]) for number in sorted(scene.files)]
    told = html.entries(history)
    words.update(
        chain=html.chain(chain) if chain else "",
        flow=html.flow(flow) if flow else "",
        recent=html.history(told[:5]),
        history=html.history(told),
        history_count=f"{len(history)}{'+' if more else ''}",
        files=html.files(files) if files else "",
        files_count=str(len(files)),
    )
    bodies = dialog_bodies(ctx, entity, row, moves, scene, html, alone=alone)
    for move, action in moves:
        words[f"refused-{move.id}"] = str(escape(action.refused_because))
        words[f"body-{move.id}"] = bodies.get(move.id, "")
    look = sheet.look._replace(
        chained=bool(chain),
        flowing=bool(flow),
        filed=bool(files),
        more_history=more,
        moves=tuple([move for move, _ in moves]),
        draws=record_flow.draws(ctx, entity, row),
    )
    return Sheet(look, words)


def _title(ctx: RunContext, entity: Entity, row: Row) -> str:
    if row.get("id"):
        return full_title(Workspace(ctx), entity.id, row)
    return translator(ctx.language)(f"新建{entity.label.zh}", f"New {entity.label.en.lower()}")


def _part(html: RecordHtml, view: View) -> str:
    """A section of the form."""
    if view["kind"] == "grid":
        return html.grid(view["grid"])
    return html.pairs(view["fields"]) if view["kind"] == "pairs" else html.fields(view["fields"], view["columns"])


def links_of(entity: Entity, row: Row) -> list[tuple[str, object]]:
    """What a new document was drawn from, as it is posted beside what the page shows."""
    shown = {name for s in (entity.form.sections if entity.form else ()) for name in s.fields if s.kind != "grid"}
    values = [(name, row.get(name)) for name in header_links(entity) if name not in shown]
    return [(name, v) for name, value in values for v in (value if isinstance(value, tuple) else (value,)) if v]


def _something_editable(entity: Entity, scene: FieldScene) -> bool:
    return any(f.id not in scene.locked and f.formula is None for f in entity.fields.values())


def _sections(scene: FieldScene, entity: Entity, row: Row) -> list[View]:
    form = entity.form or Form(sections=())
    found = [view for section in form.sections if (view := _section(scene, entity, section, row)) is not None]
    return _totals_under_lines(scene.ctx, entity, row, found)


def _totals_under_lines(ctx: RunContext, entity: Entity, row: Row, sections: list[View]) -> list[View]:
    """Figures computed for the whole document that follow its lines stand under them, once, instead of their sums."""
    kept: list[View] = []
    for view in sections:
        before = kept[-1] if kept else None
        if before is not None and before["kind"] == "grid" and _only_figures(entity, view):
            before["grid"]["totals"] = document_totals(ctx, entity, before["grid"], row, view["fields"])
        else:
            kept.append(view)
    return kept


def _only_figures(entity: Entity, view: View) -> bool:
    fields = view.get("fields") or ()
    return 0 < len(fields) <= MOST_TOTALS and all(
        f.get("computed") and is_numeric(entity.fields[f["id"]]) for f in fields
    )


def _section(scene: FieldScene, entity: Entity, section: FormSection, row: Row) -> View | None:
    language = scene.ctx.language
    if section.kind == "grid":
        lines = entity.fields.get(section.lines)
        if lines is None or not rights(scene.ctx, entity.id).sees(section.lines):
            return None
        return {"kind": "grid", "grid": grid_view(scene, entity, lines, section, row)}
    fields = [entity.fields[name] for name in section.fields if name in entity.fields]
    views = [_field(scene, entity, f.id, row) for f in fields if _shown(scene, entity, f.id)]
    if all(v.get("hidden") for v in views):
        return None
    label = section.label.get(language) if section.label else ""
    fixed = all(v.get("readonly") or v.get("computed") or v.get("locked") for v in views)
    kind = "pairs" if fixed and not any(v["error"] or v["warn"] for v in views) else "fields"
    return {"kind": kind, "label": label, "columns": section.columns, "folded": section.folded, "fields": views}


def _shown(scene: FieldScene, entity: Entity, name: str) -> bool:
    """Hidden by rights: not there at all. Hidden by a condition: unless it says what is wrong."""
    one = entity.fields[name]
    if one.retired or not rights(scene.ctx, entity.id).sees(name):
        return False
    told = scene.conditions.get((name, "visible"), one.visible is not False) or name in scene.errors
    return told or _judged_live(scene, entity, name)


def _judged_live(scene: FieldScene, entity: Entity, name: str) -> bool:
    """Whether typing may bring the field: it is on the page then, out of sight."""
    fixed = name in scene.locked or entity.fields[name].formula is not None or not scene.editable
    return not fixed and (name, "visible") in live_conditions(scene.ctx, entity)


def _field(scene: FieldScene, entity: Entity, name: str, row: Row) -> View:
    view = field_view(scene, entity, entity.fields[name], row)
    if not scene.conditions.get((name, "visible"), True) and name not in scene.errors:
        view["hidden"] = True
    return view
