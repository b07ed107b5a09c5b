"""The line grid of a record's page: columns, cells and totals in the shape of the grid macros."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import request

from engine.expressions.tree import Aggregate, Path
from engine.expressions.types import Kind
from engine.expressions.values import words
from engine.model import Entity, Field, FormSection
from runtime.context import RunContext
from runtime.paths import PathEnd, path_end, path_values
from runtime.permissions import rights
from runtime.values import ENTERED
from web.display import is_numeric, text_of
from web.forms import line_links
from web.record_fields import FieldScene, pick_url, posted_value, reference_text, target_of
from web.record_html import json_text
from web.texts import translator

Row = Mapping[str, Any]
View = dict[str, Any]
HIDDEN_TYPES = frozenset({"lines", "json"})
MANY_TYPES = frozenset({"references", "choices"})


def grid_view(scene: FieldScene, entity: Entity, lines: Field, section: FormSection, row: Row) -> View:
    """Everything ``line_grid`` needs for one lines field."""
    ctx = scene.ctx
    inner = ctx.app.model.entities[lines.lines]
    rows: Sequence[Row] = row.get(lines.id) or ()
    editable = scene.editable and lines.id not in scene.locked and lines.formula is None
    # frozen for whoever has these roles while the same fields are locked; the key names it
    key = ("grid", id(section), ctx.language, ctx.user.roles, scene.locked, editable, request.script_root)
    columns = ctx.app.programs.keep(key, lambda: _columns(ctx, inner, section, scene, editable=editable))
    return {
        "key": key,
        "name": lines.id,
        "title": (section.label or lines.label).get(ctx.language),
        "columns": columns,
        "rows": _rows(scene, entity, lines, columns, rows),
        "totals": _totals(scene, inner, section, rows),
        "note": _note(ctx, len(rows)),
        "locked": not editable,
        "error": scene.errors.get(lines.id, ""),
    }


def _note(ctx: RunContext, count: int) -> str:
    return translator(ctx.language)(f"{count} 行", f"{count} line" + ("" if count == 1 else "s"))


def _columns(ctx: RunContext, inner: Entity, section: FormSection, scene: FieldScene, *, editable: bool) -> list[View]:
    found = (_column(ctx, inner, path, scene, editable=editable) for path in section.fields)
    return [column for column in found if column is not None]


def _column(ctx: RunContext, inner: Entity, path: str, scene: FieldScene, *, editable: bool) -> View | None:
    end = path_end(ctx, inner.id, path)
    if end is None or end.field.type in HIDDEN_TYPES or end.field.retired:
        return None
    one = end.field
    allowed = rights(ctx, inner.id)
    computed = "." in path or one.formula is not None
    fixed = one.readonly is True or one.id in allowed.readonly or f"{inner.parent_field}.{one.id}" in scene.locked
    column: View = {
        "id": path.replace(".", "__"),
        "path": path,
        "label": one.label.get(ctx.language),
        "type": one.type,
        "num": is_numeric(one),
        "scale": one.value.scale,
        "required": one.required is True and not computed,
        "readonly": fixed or not editable or one.type in MANY_TYPES,
        "computed": computed,
        "wide": one.value.kind is Kind.REFERENCE and path == section_lead(inner),
    }
    if one.value.kind is Kind.CHOICE:
        column["options"] = [{"value": o.id, "text": o.label.get(ctx.language)} for o in one.options if not o.retired]
    targets = one.targets or one.value.targets
    if targets and not computed:
        column["picker"] = pick_url(targets[0], f"{inner.id}.{one.id}")
        if one.create is not None:
            column["create"] = one.label.get(ctx.language)
    if one.type == "yes_no":
        t = translator(ctx.language)
        column["type"] = "choice"
        column["options"] = [{"value": "1", "text": t("是", "Yes")}, {"value": "0", "text": t("否", "No")}]
    return column


def section_lead(inner: Entity) -> str:
    """The first reference of a line: what the line is about."""
    return next((f.id for f in inner.fields.values() if f.value.kind is Kind.REFERENCE and f.formula is None), "")


def _rows(scene: FieldScene, entity: Entity, lines: Field, columns: Sequence[View], rows: Sequence[Row]) -> list[View]:
    inner = scene.ctx.app.model.entities[lines.lines]
    far = {c["path"]: _far(scene, inner, rows, c["path"]) for c in columns if "." in c["path"]}
    unseen = _unseen(scene, inner, columns)
    made = []
    for index, row in enumerate(rows):
        prefix = f"{lines.id}.{index}."
        inside = FieldScene(
            ctx=scene.ctx,
            names=scene.names,
            files=scene.files,
            errors=_below(scene.errors, prefix),
            warnings=_below(scene.warnings, prefix),
        )
        cells = {c["id"]: _cell(inside, inner, c, row, far, index) for c in columns}
        fresh = () if row.get("id") else line_links(entity, lines.id)
        links = [{"name": name, "value": row[name]} for name in fresh if row.get(name) and name not in cells]
        data = {name: str(posted_value(inside, inner.fields[name], row)) for name in unseen}
        view: View = {
            "id": row.get("id", ""),
            "index": str(index),
            "number": str(index + 1),
            "cells": cells,
            "inputs": json_text(data) if data else "",
            "links": links,
        }
        if index in scene.notes.get(lines.id, {}):
            view["note"] = {"tone": "", "html": scene.notes[lines.id][index], "buttons": ""}
        made.append(view)
    return made


def texts_beside(ctx: RunContext, entity: Entity) -> Mapping[str, Sequence[str]]:
    """Texts of records named in lines that stand in columns of their own (``item.spec``): fetched with their names."""
    key = ("texts beside", entity.id, ctx.user.roles, ctx.user.is_system)
    return ctx.app.programs.keep(key, lambda: _texts_beside(ctx, entity))


def _texts_beside(ctx: RunContext, entity: Entity) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for section in entity.form.sections if entity.form else ():
        lines = entity.fields.get(section.lines) if section.kind == "grid" else None
        for path in section.fields if lines is not None else ():
            end = path_end(ctx, lines.lines, path) if lines is not None and path.count(".") == 1 else None
            if end is not None and _is_beside(ctx, end) and not path.startswith("parent."):
                found.setdefault(end.entity.id, []).append(end.field.id)
    return found


def _is_beside(ctx: RunContext, end: PathEnd) -> bool:
    return end.field.value.kind is Kind.TEXT and end.field.id in ctx.app.tables.entity[end.entity.id].c


def _far(scene: FieldScene, inner: Entity, rows: Sequence[Row], path: str) -> Sequence[object]:
    """The values at the end of a path, for each line; texts came with the names."""
    ctx = scene.ctx
    hop, _, name = path.partition(".")
    end = path_end(ctx, inner.id, path)
    if end is not None and name in texts_beside(ctx, ctx.app.model.entities[inner.parent]).get(end.entity.id, ()):
        found = (target_of(inner.fields[hop], row.get(hop)) for row in rows)
        return [scene.names.get(target, {}).get(name) if target else None for target in found]
    return path_values(ctx, inner.id, rows, path)  # type: ignore[arg-type]


def _unseen(scene: FieldScene, inner: Entity, columns: Sequence[View]) -> list[str]:
    """Figures of a line that stand in no column; the browser's formulas need them."""
    shown = {column["path"] for column in columns}
    return [
        one.id
        for one in inner.fields.values()
        if one.id not in shown and is_numeric(one) and rights(scene.ctx, inner.id).sees(one.id)
    ]


def _below(faults: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {path.removeprefix(prefix): said for path, said in faults.items() if path.startswith(prefix)}


def _cell(
    scene: FieldScene, inner: Entity, column: View, row: Row, far: Mapping[str, Sequence[object]], index: int
) -> View:
    path = column["path"]
    if path in far:
        end = path_end(scene.ctx, inner.id, path)
        text = text_of(scene.ctx, end.field, far[path][index]) if end else ""
        return {"value": text, "text": text}
    one = inner.fields[path]
    value = row.get(one.id)
    view: View = {"value": posted_value(scene, one, row), "text": _text(scene, one, row, value)}
    if one.value.kind is Kind.REFERENCE:
        view["value"] = "" if value is None else str(value)
        view["second"] = _code(scene, one, value) if column["wide"] else ""
    if value is False and view["value"] == "":
        view["value"] = "0"  # an empty cell says nothing, which is not the same as no
    if one.id in scene.errors:
        view["error"] = scene.errors[one.id]
    if one.id in scene.warnings:
        view["warn"] = scene.warnings[one.id]
    return view


def _text(scene: FieldScene, one: Field, row: Row, value: object) -> str:
    if one.value.kind is Kind.REFERENCE:
        if isinstance(value, tuple):
            return "、".join(reference_text(scene, one, v) for v in value)
        return reference_text(scene, one, value)
    entered = row.get(one.id + ENTERED)
    return text_of(scene.ctx, one, value if entered is None else entered)


def _code(scene: FieldScene, one: Field, value: object) -> str:
    """The code beside the name of what the line is about."""
    targets = one.targets or one.value.targets
    if not isinstance(value, int) or not targets:
        return ""
    found = scene.names.get((targets[0], value), {})
    code = found.get("code")
    return str(code) if code and found.get("name") else ""


def _totals(scene: FieldScene, inner: Entity, section: FormSection, rows: Sequence[Row]) -> list[View]:
    found = []
    for name in section.footer:
        one = inner.fields.get(name)
        if one is None or not rights(scene.ctx, inner.id).sees(name):
            continue
        amounts = [row.get(name + ENTERED, row.get(name)) for row in rows]
        total = sum((a for a in amounts if isinstance(a, Decimal)), Decimal(0))
        found.append(
            {
                "label": one.label.get(scene.ctx.language),
                "text": text_of(scene.ctx, one, total),
                "field": f"sum:{inner.parent_field}.{name}",
                "grand": name == section.footer[-1],
                **_in_words(scene.ctx, one, total, grand=name == section.footer[-1]),
            }
        )
    return found


def _in_words(ctx: RunContext, one: Field, value: object, *, grand: bool) -> View:
    """The amount in capital numerals beside a grand total, where the firm counts in yuan."""
    if not grand or one.type != "money" or ctx.language == "en" or ctx.app.model.currency != "CNY":
        return {}
    return {"words": words(0, value) if isinstance(value, Decimal) else ""}


def document_totals(ctx: RunContext, entity: Entity, grid: View, row: Row, fields: Sequence[View]) -> list[View]:
    """Computed figures of the document as the line of totals under its grid; the last sum is the grand one."""
    last = grid["totals"][-1]["field"] if grid["totals"] else ""
    chosen = next((f["id"] for f in fields if _sums(entity.fields[f["id"]]) == last), fields[-1]["id"])
    ordered = sorted(fields, key=lambda f: f["id"] == chosen)
    return [
        {
            "label": f["label"],
            "text": f["text"],
            "tip": " ".join(x for x in (f["tip"], f["computed"]) if x),
            "field": f["id"],
            "grand": f["id"] == chosen,
            **_in_words(ctx, entity.fields[f["id"]], row.get(f["id"]), grand=f["id"] == chosen),
        }
        for f in ordered
    ]


def _sums(one: Field) -> str:
    """``sum:lines.total`` for a field that adds up a column of lines."""
    tree = one.formula.tree if one.formula is not None else None
    if not isinstance(tree, Aggregate) or tree.function != "sum" or not isinstance(tree.value, Path):
        return ""
    return f"sum:{tree.rows.by}.{tree.value.steps[-1]}"
