"""How things look in answers: records with their actions and links, pages of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import orjson
from flask import Response, g

from engine.expressions.types import Kind
from engine.model import Entity
from runtime import records, workflow
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.queries import Page
from runtime.query_columns import Place
from runtime.query_rows import Rows, Writer
from runtime.record_inputs import Workspace
from runtime.record_reading import as_json, visible_record, with_live
from runtime.values import Ref, format_value


def _plain(value: object) -> object:
    """What JSON has no word for: decimals and fractions as text, dates in ISO form."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Ref):
        return {"entity": value.entity, "id": value.id}
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def dump(value: object) -> bytes:
    """JSON text of an answer."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)


def answer(value: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(dump(value), status=status, content_type="application/json")


def action_json(action: workflow.Action) -> dict[str, Any]:
    """An action as the API promises it."""
    return {
        "id": action.id,
        "label": action.label,
        "kind": action.kind,
        "demands": [demand_json(d) for d in action.demands],
    }


def demand_json(demand: Any) -> dict[str, Any]:
    """What a transition asks for."""
    told = {"kind": demand.kind, "count": demand.count, "field": demand.field}
    return {name: value for name, value in told.items() if value not in ("", None)}


def prefix() -> str:
    """Where the caller's tree of the API stands: short, or with the app's name if he used it."""
    app: str | None = getattr(g, "app_name", None)
    return f"/api/v1/apps/{app}" if app else "/api/v1"


def record_json(ctx: RunContext, entity: Entity, id: int, *, warnings: Sequence[Fault] = ()) -> dict[str, Any]:
    """A record read by its id, with what the caller may do now."""
    row = records.load_visible(ctx, entity.id, id)
    actions = workflow.actions(ctx, entity.id, row)
    with_live(Workspace(ctx), entity, [row])
    found = as_json(ctx, entity.id, [visible_record(ctx, entity.id, row)])[0]
    base = f"{prefix()}/{entity.id}/{id}"
    found["_actions"] = [action_json(a) for a in actions if not a.refused_because]
    refused = [a for a in actions if a.refused_because]
    found["_refused"] = [{"id": a.id, "label": a.label, "because": a.refused_because} for a in refused]
    found["_links"] = {"self": base, "history": f"{base}/history", "links": f"{base}/links"}
    if warnings:
        found["_warnings"] = [{"field": w.field, "code": w.code, "message": w.message} for w in warnings]
    return found


def page_json(page: Page) -> dict[str, Any]:
    """A page of a list: one object a row, by path; what a record is referred to by as id, code and name."""
    items = page.source.read("json", lambda writer: _item(page.source, writer))(page.found, page.links)
    return {"items": items, "next": page.next, "count": page.count if page.count is not None else len(items)}


def _item(rows: Rows, writer: Writer) -> str:
    """The source of one object."""
    members = (f", {writer.constant(p.column.path)}: {_member(writer, p)}" for p in rows.places)
    return f"{{'id': r[0]{''.join(members)}}}"


AS_THEY_ARE = frozenset({Kind.TEXT, Kind.CHOICE, Kind.YES_NO})
"""Kinds whose values are JSON already."""


def _member(writer: Writer, place: Place) -> str:
    """The source of what JSON has for the value of a column."""
    one = place.column.field
    if place.shape == "record":
        id, code, name = (writer.one(place.start + n, kind) for n, kind in enumerate(place.kinds))
        return f"(None if r[{place.start}] is None else {{'id': {id}, 'code': {code}, 'name': {name}}})"
    if place.shape == "one" and not one.many:
        if one.value.kind is Kind.MONEY:
            return writer.decimal_text(place, 0 if one.value.per_unit else min(one.value.scale, 2))
        if one.value.kind is Kind.DATE:
            return writer.day_text(place)
        if one.value.kind in AS_THEY_ARE:
            return writer.value(place)
    return f"{writer.constant(partial(format_value, one))}({writer.value(place)})"
