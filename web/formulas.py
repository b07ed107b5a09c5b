"""Formulas for the browser: a script file per entity with the same functions the server computes with.

Only formulas whose inputs stand in the form itself go along; the others the server computes when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from json import dumps
from typing import Any

from flask import Blueprint, Response, abort, url_for
from markupsafe import Markup

from engine.expressions.functions import WORKING_DAYS
from engine.expressions.javascript import javascript
from engine.expressions.tree import Aggregate, Expr, Node, Path
from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.working_days import working_days_text
from web.access import reading
from web.display import is_numeric
from web.record_html import json_text

Formula = dict[str, Any]
SETS = frozenset({"sum", "count", "min", "max", "avg"})


def described(ctx: RunContext, entity: Entity) -> list[Formula]:
    """The formulas of an entity's form that the reader may see the results of, in the order they are computed."""
    key = ("formulas", entity.id, ctx.user.roles, ctx.user.is_system, ctx.language)
    return ctx.app.programs.keep(key, lambda: [f for f, _ in _formulas(ctx, entity)])


def as_attribute(ctx: RunContext, entity: Entity) -> Markup:
    """The same as the page carries it."""
    key = ("formula_attribute", entity.id, ctx.user.roles, ctx.user.is_system, ctx.language)
    return ctx.app.programs.keep(key, lambda: json_text(described(ctx, entity)))


def conditions(ctx: RunContext, entity: Entity) -> frozenset[tuple[str, str]]:
    """(field, what) of the conditions the browser can judge while somebody types."""
    return frozenset((f["field"], f["what"]) for f in described(ctx, entity) if "what" in f)


def module_url(ctx: RunContext, entity: Entity) -> str:
    """Where the script stands; its name changes with its content."""
    key = ("formula_mark", entity.id, ctx.user.roles, ctx.user.is_system, _calendar(ctx, entity))
    mark = ctx.app.programs.recent(key, lambda: _mark(module_source(ctx, entity)))
    if not mark:
        return ""
    return url_for("pages.formula_module", entity=entity.id, mark=mark)


def _mark(source: str) -> str:
    return sha256(source.encode()).hexdigest()[:12] if source else ""


def module_source(ctx: RunContext, entity: Entity) -> str:
    """The script: one exported function a formula, and the firm's calendar where one of them reads it."""

    def made() -> str:
        return "".join(f"export const {f['fn']} = {source};\n" for f, source in _formulas(ctx, entity))

    key = ("formula_source", entity.id, ctx.user.roles, ctx.user.is_system)
    source = ctx.app.programs.keep(key, made)
    calendar = _calendar(ctx, entity)
    return f"{source}export const {WORKING_DAYS.name} = {dumps(calendar)};\n" if calendar else source


def _calendar(ctx: RunContext, entity: Entity) -> str:
    """The firm's working days, if a formula of the form reads them."""
    reads = any(WORKING_DAYS.name in formula["inputs"] for formula in described(ctx, entity))
    return working_days_text(ctx) if reads else ""


def _formulas(ctx: RunContext, entity: Entity) -> Iterator[tuple[Formula, str]]:
    order = {pair: index for index, pair in enumerate(ctx.app.model.order)}
    inner = [ctx.app.model.entities[f.lines] for f in entity.fields.values() if f.lines]
    found = [(each, one) for each in (*inner, entity) for one in each.fields.values() if one.formula is not None]
    found.sort(key=lambda pair: order.get((pair[0].id, pair[1].id), len(order)))
    for each, one in found:
        told = _formula(ctx, entity, each, one)
        if told is not None and one.formula is not None:
            yield told, javascript(one.formula)
    yield from _judged(ctx, entity)


def _judged(ctx: RunContext, entity: Entity) -> Iterator[tuple[Formula, str]]:
    """When fields of the header are asked for, or must be filled in."""
    for one in entity.fields.values():
        for what, given in (("visible", one.visible), ("required", one.required)):
            if not isinstance(given, Expr) or not rights(ctx, entity.id).sees(one.id):
                continue
            inputs = [_input(ctx, entity, entity, node) for node in given.inputs]
            if not inputs or any(name is None for name in inputs):
                continue
            told = {
                "field": one.id,
                "what": what,
                "fn": f"{what}_{one.id}",
                "inputs": inputs,
                "kinds": [_kind(ctx, entity, node) for node in given.inputs],
                "kind": "yes_no",
                "lines": "",
            }
            yield told, javascript(given)


def _formula(ctx: RunContext, form: Entity, entity: Entity, one: Field) -> Formula | None:
    if one.formula is None or one.many or not rights(ctx, entity.id).sees(one.id):
        return None
    inputs = [_input(ctx, form, entity, node) for node in one.formula.inputs]
    if not inputs or any(name is None for name in inputs):
        return None
    return {
        "field": one.id,
        "fn": f"f_{entity.id.replace('.', '__')}_{one.id}",
        "inputs": inputs,
        "kinds": [_kind(ctx, entity, node) for node in one.formula.inputs],
        "kind": one.value.kind.value if one.type != "percent" else "percent",
        "scale": ctx.app.model.currency_scale if one.type == "money" and not one.value.per_unit else one.value.scale,
        "lines": entity.parent_field if entity.parent else "",
        "num": is_numeric(one),
    }


def _kind(ctx: RunContext, entity: Entity, node: Node) -> str:
    """The kind of an input's text in the form; percents stand there as ``13``, not as 0.13."""
    if isinstance(node, Path) and node.root == "record" and node.steps:
        owner = ctx.app.model.entities.get(entity.parent) if node.steps[0] == "parent" else entity
        one = owner.fields.get(node.steps[-1]) if owner is not None else None
        if one is not None and one.type == "percent":
            return "percent"
    return node.type.kind.value


def _input(ctx: RunContext, form: Entity, entity: Entity, node: Node) -> str | None:
    """How the form names an input; ``None`` for one it does not hold."""
    if node == WORKING_DAYS:
        return WORKING_DAYS.name
    if isinstance(node, Path):
        return _path(ctx, form, entity, node)
    if isinstance(node, Aggregate) and node.function in SETS and node.where is None and node.rows.kind == "lines":
        value = node.value
        if node.rows.base is not None and node.rows.base.steps:
            return None
        if value is None and node.function == "count":
            return f"count:{node.rows.by}.id"
        if isinstance(value, Path) and len(value.steps) == 1 and rights(ctx, node.rows.entity).sees(value.steps[0]):
            return f"{node.function}:{node.rows.by}.{value.steps[0]}"
    return None


def _path(ctx: RunContext, form: Entity, entity: Entity, node: Path) -> str | None:
    if node.root != "record" or not node.steps:
        return None
    name = node.steps[-1]
    if len(node.steps) == 2 and node.steps[0] == "parent" and entity.parent == form.id:
        return f"parent.{name}" if rights(ctx, form.id).sees(name) else None
    one = entity.fields.get(name) if len(node.steps) == 1 else None
    if one is None or not rights(ctx, entity.id).sees(name):
        return None
    if one.unit_field and not node.entered:
        return None  # the form holds what was entered, not the base quantity
    return name


def formula_module(entity: str, mark: str) -> Response:
    """The script of an entity."""
    with reading() as ctx:
        found = ctx.app.model.entities.get(entity)
        source = module_source(ctx, found) if found and rights(ctx, entity).may("read") else ""
    if not source or _mark(source) != mark:
        abort(404)
    response = Response(source, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return response


def register(pages: Blueprint) -> None:
    """Attach the address."""
    pages.add_url_rule("/forms/<entity>.<mark>.js", "formula_module", formula_module)
