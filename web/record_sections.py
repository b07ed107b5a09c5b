"""The form of a record, section by section, as HTML: what is the same for everybody like the reader is worked out once.

``SectionPlan`` knows the fields of a section, how each is told and what may be done with it; a page only asks for the
words. Where a field has more to say (a fault, a warning, what was typed), its view is made in full.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from markupsafe import Markup

from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.model import Entity, Field, Form, FormSection
from runtime.context import RunContext
from runtime.permissions import rights
from web.display import is_numeric
from web.formulas import conditions as live_conditions
from web.record_fields import FILE_TYPES, FieldScene, computed_words, field_view, shown_value
from web.record_grid import document_totals, grid_html, grid_view
from web.record_html import FACED, RecordHtml
from web.record_outline import NOBODY, Part
from web.record_words import full, named_of, pair_of
from web.what_if import slider

Row = dict[str, Any]
View = dict[str, Any]
Words = tuple[str, str, str]
WordsOf = Callable[[FieldScene, Row], Words]
MOST_TOTALS = 6
"""Computed figures that still fit in one line under the grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPlan:
    """One field. ``words``: as posted, as shown, where it leads; ``None`` where more steers what is drawn. ``steered``:
    the value itself does. ``fixed``: nobody may write it here. ``judged``: typing elsewhere may bring it. ``figure``:
    what a line of totals says of it, where it is a computed figure."""

    one: Field
    figure: View | None
    words: WordsOf | None
    steered: bool
    fixed: bool
    judged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionPlan:
    """One section; ``lines``: the field whose lines it shows."""

    key: Hashable
    section: FormSection
    lines: Field | None
    label: str
    fields: Sequence[FieldPlan]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of one page."""

    part: Part
    html: Markup


def sections(scene: FieldScene, entity: Entity, row: Row) -> list[Section]:
    """The form of this record. Figures of the whole document that follow its lines stand under them, once, instead of
    their sums."""
    html, found = RecordHtml(scene.ctx), list[Section]()
    grid: View | None = None
    for plan in section_plans(scene, entity):
        if plan.lines is not None:
            _draw(html, found, grid)
            grid = {**grid_view(scene, entity, plan.lines, plan.section, row), "part": _part(plan, "grid")}
            continue
        shown = [field for field in plan.fields if _is_shown(scene, field)]
        if not any(_is_told(scene, field.one.id) for field in shown):
            continue
        if grid is not None and len(shown) <= MOST_TOTALS and all(field.figure for field in shown):
            grid["totals"] = document_totals(scene.ctx, entity, grid, row, [_total(scene, f, row) for f in shown])
            continue
        _draw(html, found, grid)
        grid = None
        found.append(_section(html, scene, entity, plan, shown, row))
    _draw(html, found, grid)
    return found


def _draw(html: RecordHtml, found: list[Section], grid: View | None) -> None:
    """A grid is drawn once it is known what stands under it."""
    if grid is not None:
        found.append(Section(grid["part"], grid_html(html, grid)))


def _section(
    html: RecordHtml, scene: FieldScene, entity: Entity, plan: SectionPlan, shown: Sequence[FieldPlan], row: Row
) -> Section:
    remarked = any(f.one.id in scene.errors or f.one.id in scene.warnings for f in shown)
    kind = "pairs" if not remarked and all(f.fixed for f in shown) else "fields"
    pieces = [_field(html, scene, entity, plan, field, row, kind) for field in shown]
    body = Markup("".join(pieces))
    framed = html.pairs_frame(body) if kind == "pairs" else html.fields_frame(body, plan.section.columns)
    moved = slider(scene, entity, plan.section.what_if, row) if plan.section.what_if else None
    return Section(_part(plan, kind), framed + html.slider(moved) if moved else framed)


def _part(plan: SectionPlan, kind: str) -> Part:
    return Part(kind, plan.label, kind != "grid" and plan.section.folded)


def _field(
    html: RecordHtml, scene: FieldScene, entity: Entity, plan: SectionPlan, field: FieldPlan, row: Row, kind: str
) -> str:
    """One field to fill in or to read."""
    one = field.one
    hidden = not _is_told(scene, one.id)
    if field.words is None or scene.posted is not None or one.id in scene.errors or one.id in scene.warnings:
        view = field_view(scene, entity, one, row)
        view.update({"hidden": True} if hidden else {})
        return html.pair(view) if kind == "pairs" else html.field(view)
    words = field.words(scene, row)
    steer = row.get(one.id) if field.steered else tuple([not word for word in words])
    shape = (plan.key, kind, one.id, hidden, scene.conditions.get((one.id, "required")), steer)

    def view_of(marks: Sequence[str]) -> View:
        view = field_view(scene, entity, one, row)
        given = zip(("value", "text", "url"), words, marks, strict=True)
        view.update((name, mark) for name, word, mark in given if word)
        view.update({"hidden": True} if hidden else {})
        return view

    return html.marked("document:pair" if kind == "pairs" else "fields:field", shape, words, view_of)


def _total(scene: FieldScene, field: FieldPlan, row: Row) -> View:
    return {**(field.figure or {}), "text": shown_value(scene, field.one, row)}


def _is_shown(scene: FieldScene, field: FieldPlan) -> bool:
    """Hidden by a condition: not there at all, unless it says what is wrong or typing may bring it."""
    return field.judged or _is_told(scene, field.one.id, usually=field.one.visible is not False)


def _is_told(scene: FieldScene, name: str, *, usually: bool = True) -> bool:
    return scene.conditions.get((name, "visible"), usually) or name in scene.errors


# --- what is worked out once ---------------------------------------------------------------------------------


def section_plans(scene: FieldScene, entity: Entity) -> Sequence[SectionPlan]:
    """The sections of an entity's form for whoever has these rights, while these fields are locked."""
    ctx = scene.ctx
    whose = (ctx.language, ctx.user.roles, ctx.user.is_system)
    key = ("sections", entity.id, *whose, scene.locked, scene.editable, request.script_root)
    return ctx.app.programs.latest("sections", key, lambda: _plans(scene, entity, key))


def _plans(scene: FieldScene, entity: Entity, key: Hashable) -> list[SectionPlan]:
    form = entity.form or Form(sections=())
    seen = rights(scene.ctx, entity.id)
    found = []
    for number, section in enumerate(form.sections):
        label = section.label.get(scene.ctx.language) if section.label else ""
        lines = entity.fields.get(section.lines) if section.kind == "grid" else None
        if section.kind == "grid" and (lines is None or not seen.sees(section.lines)):
            continue
        named = [entity.fields[name] for name in section.fields if name in entity.fields] if lines is None else []
        fields = [_field_plan(scene, entity, one) for one in named if not one.retired and seen.sees(one.id)]
        found.append(SectionPlan(key=(key, number), section=section, lines=lines, label=label, fields=fields))
    return found


def _figure(ctx: RunContext, one: Field) -> View | None:
    if one.formula is None or not is_numeric(one):
        return None
    tip = one.help.get(ctx.language) if one.help else ""
    return {"id": one.id, "label": one.label.get(ctx.language), "tip": tip, "computed": computed_words(ctx, one)}


def _field_plan(scene: FieldScene, entity: Entity, one: Field) -> FieldPlan:
    fixed = one.formula is not None or not scene.editable or one.id in scene.locked or one.readonly is True
    steered = one.value.kind in (Kind.CHOICE, Kind.YES_NO) and not one.many
    return FieldPlan(
        one=one,
        figure=_figure(scene.ctx, one),
        words=_words_of(scene.ctx, one, steered=steered),
        steered=steered,
        fixed=fixed,
        judged=not fixed and (one.id, "visible") in live_conditions(scene.ctx, entity),
    )


def _words_of(ctx: RunContext, one: Field, *, steered: bool) -> WordsOf | None:
    if steered:
        return lambda _scene, _row: ("", "", "")
    if one.many or one.value.many or one.type in FILE_TYPES or one.type in FACED or isinstance(one.readonly, Expr):
        return None
    if one.value.kind is Kind.REFERENCE:
        return _linked(ctx, one)
    pair = pair_of(one, day=full)
    return lambda scene, row: (*pair(scene, row), "")


def _linked(ctx: RunContext, one: Field) -> WordsOf | None:
    """A reference with the way to the record it names; lines live on their owner's page."""
    targets = one.targets or one.value.targets
    if len(targets) != 1:
        return None
    found = ctx.app.model.entities.get(targets[0])
    leads = found is not None and not found.parent and rights(ctx, found.id).may("read")
    before, after = url_for("pages.record", entity=targets[0], id=NOBODY).split(str(NOBODY)) if leads else ("", "")
    pair = named_of(one)

    def words(scene: FieldScene, row: Row) -> Words:
        value, text = pair(scene, row)
        return value, text, f"{before}{value}{after}" if value and leads else ""

    return words


__all__ = ["Section", "sections"]
