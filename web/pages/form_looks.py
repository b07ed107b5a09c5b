"""A form looked at while somebody types: what may be saved and should still be looked at, line by line."""

from __future__ import annotations

from flask import Blueprint, Response, request

from engine.model import Entity
from runtime.errors import Fault
from runtime.permissions import demand
from web.access import reading
from web.api.shapes import answer
from web.pages.records import entity_of, visible_row
from web.posted import form_values
from web.record_drafts import row_of_posted
from web.record_warnings import line_notes, standing_warnings
from web.whole import is_whole


def look(entity: str) -> Response:
    """The warnings of the record as it stands in the form (``id``: the one it is of); nothing is saved."""
    given = request.args.get("id", "")
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "change" if is_whole(given) else "create")
        values, _ = form_values(ctx, found)
        kept = visible_row(ctx, found, int(given)) if is_whole(given) else None
        warnings = standing_warnings(ctx, found, row_of_posted(ctx, found, kept, values))
    lines = {f.id: line_notes(warnings, f.id) for f in found.fields.values() if f.lines}
    return answer({"fields": _of_fields(found, warnings), "lines": lines})


def _of_fields(entity: Entity, warnings: tuple[Fault, ...]) -> dict[str, str]:
    """Sentences at fields of the header."""
    return {f.field: f.message for f in warnings if f.field in entity.fields and not entity.fields[f.field].lines}


def register(pages: Blueprint) -> None:
    """Attach the address."""
    pages.add_url_rule("/forms/<entity>/look", "look", look, methods=["POST"])
