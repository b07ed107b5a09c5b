"""The line grid of a record's page: columns, cells and totals in the shape of the grid macros."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from flask import request
from markupsafe import Markup

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
from web.record_fields import FieldScene, pick_url, target_of
from web.record_html import Line, RecordHtml, json_text
from web.record_lines import CellOf, cell_of, far_text_of
from web.record_words import figure_of
from web.texts import translator

Row = Mapping[str, Any]
View = dict[str, Any]
HIDDEN_TYPES = frozenset({"lines", "json"})
MANY_TYPES = frozenset({"references", "choices"})


def grid_view(scene: FieldScene, entity: Entity, lines: Field, section: FormSection, row: Row) -> View:
    """What stands around the lines of one field, and the lines themselves as HTML."""
    ctx = scene.ctx
    inner = ctx.app.model.entities[lines.lines]
    rows: Sequence[Row] = row.get(lines.id) or ()
    editable = scene.editable and lines.id not in scene.locked and lines.formula is None
    # frozen for whoever has these roles while the same fields are locked; the key names it
    whose = (ctx.language, ctx.user.roles, ctx.user.is_system)
    key = ("grid", id(section), *whose, scene.locked, editable, request.script_root)
    plan = ctx.app.programs.latest("grids", key, lambda: _plan(ctx, inner, section, scene, key, editable=editable))
    return {
        "plan": plan,
        "title": (section.label or lines.label).get(ctx.language),
        "lines": _lines(scene, entity, lines, plan, rows),
        "totals": _totals(scene, inner, section, rows),
        "note": _note(ctx, len(rows)),
        "error": scene.errors.get(lines.id, ""),
    }


def grid_html(html: RecordHtml, grid: View) -> Markup:
    """The lines and what stands around them."""
    plan: GridPlan = grid["plan"]
    frame = {"totals": grid["totals"], "note": grid["note"], "error": grid["error"]}
    return html.grid(plan.key, plan.fixed, grid["title"], grid["lines"], frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPlan:
    """What is the same for all lines: columns, how each cell is made, and the figures only formulas need.

    ``cells``: by path, with the function of the column; ``None`` for a path to another record, which ``far`` tells.
    """

    key: Hashable
    fixed: tuple[str, list[View], bool]
    cells: Sequence[tuple[str, CellOf | None]]
    far: Mapping[str, Callable[[RunContext, object], str]]
    unseen: Sequence[tuple[str, Callable[[FieldScene, Row], str]]]
    shown: frozenset[str]


def _plan(
    ctx: RunContext, inner: Entity, section: FormSection, scene: FieldScene, key: Hashable, *, editable: bool
) -> GridPlan:
    columns = _columns(ctx, inner, section, scene, editable=editable)
    ends = {c["path"]: path_end(ctx, inner.id, c["path"]) for c in columns if "." in c["path"]}
    shown = {column["path"] for column in columns}
    lead = section_lead(inner)
    return GridPlan(
        key=key,
        fixed=(inner.parent_field, columns, not editable),
        cells=[
            (path, None if path in ends else cell_of(inner.fields[path], lead=path == lead))
            for path in (c["path"] for c in columns)
        ],
        far={path: far_text_of(end.field) for path, end in ends.items() if end is not None},
        unseen=[
            (one.id, figure_of(one))
            for one in inner.fields.values()
            if one.id not in shown and is_numeric(one) and rights(ctx, inner.id).sees(one.id)
        ],
        shown=frozenset(column["id"] for column in columns),
    )


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


def _lines(scene: FieldScene, entity: Entity, lines: Field, plan: GridPlan, rows: Sequence[Row]) -> Iterator[Line]:
    ctx = scene.ctx
    inner = ctx.app.model.entities[lines.lines]
    far = {path: [told(ctx, value) for value in _far(scene, inner, rows, path)] for path, told in plan.far.items()}
    fresh = line_links(entity, lines.id)
    notes = scene.notes.get(lines.id, {})
    for index, row in enumerate(rows):
        words = [str(index), str(index + 1), str(row.get("id") or ""), ""]
        if plan.unseen:
            words[3] = json_text({name: of(scene, row) for name, of in plan.unseen})
        for path, of in plan.cells:
            words += of(scene, row) if of is not None else (far[path][index], far[path][index], "")
        made = Line(words)
        if not row.get("id"):
            made.links = [{"name": n, "value": row[n]} for n in fresh if row.get(n) and n not in plan.shown]
        if scene.errors or scene.warnings:
            prefix = f"{lines.id}.{index}."
            made.errors, made.warnings = _below(scene.errors, prefix), _below(scene.warnings, prefix)
        made.note = notes.get(index, "")
        yield made


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


def _below(faults: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {path.removeprefix(prefix): said for path, said in faults.items() if path.startswith(prefix)}


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
