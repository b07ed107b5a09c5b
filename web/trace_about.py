"""The documents made about a record from its genealogy: how far each has come, its lines, what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for

from engine.model import Entity, Field
from runtime import workflow
from runtime.context import RunContext
from runtime.paths import path_end, path_values
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.record_reading import titles, visible_record, with_live
from runtime.record_rows import rows_by
from web.display import is_numeric, option_label, text_of

Part = dict[str, Any]
Row = Mapping[str, Any]
Names = Mapping[tuple[str, int], Mapping[str, Any]]
MOST_LINES = 200


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
        "facts": _facts(ctx, document, seen),
        "grids": [grid for grid in _grids(ctx, document, seen) if grid["rows"]],
        "acts": [
            {"label": act.label, "value": f"{document.id}:{row['id']}:{act.id}"}
            for act in acts
            if not act.demands and not act.refused_because
        ],
    }


def _facts(ctx: RunContext, document: Entity, row: Row) -> list[Part]:
    """The figures its form computes."""
    names = [n for s in (document.form.sections if document.form else ()) if not s.folded for n in s.fields]
    fields = [document.fields[n] for n in names if n in document.fields]
    shown = [f for f in fields if f.formula is not None and is_numeric(f) and row.get(f.id) is not None]
    return [{"label": f.label.get(ctx.language), "text": text_of(ctx, f, row[f.id])} for f in shown]


def _grids(ctx: RunContext, document: Entity, row: Row) -> list[Part]:
    return [
        _grid(ctx, document.fields[section.lines], section.fields, row, section.label.get(ctx.language))
        for section in (document.form.sections if document.form else ())
        if section.lines and section.label and section.lines in row
    ]


def _grid(ctx: RunContext, field: Field, columns: Sequence[str], row: Row, label: str) -> Part:
    lines = [dict(line) for line in row[field.id] or ()]
    ends = [(path, end.field) for path in columns if (end := path_end(ctx, field.lines, path)) is not None]
    shown = lines[:MOST_LINES]
    values = {path: path_values(ctx, field.lines, shown, path) for path, _ in ends}
    names = titles(
        ctx,
        [(f.targets[0], v) for path, f in ends if len(f.targets) == 1 for v in values[path] if isinstance(v, int)],
    )
    return {
        "label": label,
        "count": len(lines),
        "heads": [{"label": f.label.get(ctx.language), "num": is_numeric(f)} for _, f in ends],
        "rows": [[_cell(ctx, f, values[path][i], names) for path, f in ends] for i in range(len(shown))],
    }


def _cell(ctx: RunContext, field: Field, value: object, names: Names) -> Part:
    """What stands in a cell, with the way to the record it names."""
    if len(field.targets) == 1 and isinstance(value, int):
        named = names.get((field.targets[0], value), {"id": value})
        return {
            "text": text_of(ctx, field, named),
            "url": url_for("pages.record", entity=field.targets[0], id=value) if "code" in named else "",
        }
    return {"text": text_of(ctx, field, value) if value is not None else "", "url": ""}
