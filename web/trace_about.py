"""The documents made about a record from its genealogy: how far each has come, its lines, what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import url_for

from engine.model import Entity
from runtime import workflow
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.record_reading import visible_record, with_live
from runtime.record_rows import rows_by
from web.display import option_label
from web.lines_table import computed_facts, lines_table

Part = dict[str, Any]
Row = Mapping[str, Any]


def ways_about(ctx: RunContext, entity: str) -> list[tuple[Entity, str]]:
    """Kinds of documents whose lines are filled from the genealogy of such a record, with the field that names it.

    What follows most comes first.
    """
    found = []
    for document in ctx.app.model.entities.values():
        way = next((one.traced for one in _lines(ctx, document) if one.traced is not None), None)
        if way and entity in document.fields[way.start].targets and rights(ctx, document.id).may("read"):
            found.append((document, way.start))
    return sorted(found, key=lambda each: -sum(one.traced is not None for one in _lines(ctx, each[0])))


def about(ctx: RunContext, entity: str, id: int) -> list[Part]:
    """The documents about a record, the newest of each kind first."""
    found = []
    for document, start in ways_about(ctx, entity):
        ids = [row["id"] for row in rows_by(ctx, document.id, start, [id])]
        rows = workflow.visible(ctx, document.id, ids)
        found += [_document(ctx, document, rows[one]) for one in sorted(rows, reverse=True)]
    return found


def _lines(ctx: RunContext, document: Entity) -> list[Entity]:
    return [ctx.app.model.entities[f.lines] for f in document.fields.values() if f.lines]


def _document(ctx: RunContext, document: Entity, row: dict[str, Any]) -> Part:
    acts = workflow.actions(ctx, document.id, row)
    with_live(Workspace(ctx), document, [row])
    seen = visible_record(ctx, document.id, row)
    language = ctx.language
    return {
        "key": f"{document.id}-{row['id']}",
        "label": document.label.get(language),
        "code": seen.get("code") or "",
        "url": url_for("pages.record", entity=document.id, id=row["id"]),
        "state": option_label(document.fields["status"], row["status"], language) if "status" in row else "",
        "version": row["version"],
        "facts": computed_facts(ctx, document, seen),
        "grids": [grid for grid in _grids(ctx, document, seen) if grid["rows"]],
        "acts": [
            {"label": act.label, "value": f"{document.id}:{row['id']}:{act.id}"}
            for act in acts
            if not act.demands and not act.refused_because
        ],
    }


def _grids(ctx: RunContext, document: Entity, row: Row) -> list[Part]:
    return [
        lines_table(ctx, document.fields[section.lines], section.fields, row, section.label.get(ctx.language))
        for section in (document.form.sections if document.form else ())
        if section.lines and section.label and section.lines in row
    ]
