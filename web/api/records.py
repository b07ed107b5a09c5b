"""Records by API: list, read, create, change, delete, transitions, history, neighbours in the chain."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request

from engine.model import Entity, EntityKind
from runtime import audit, documents, records, workflow
from runtime.context import RunContext
from runtime.errors import Malformed, NotFound
from runtime.messages import fault
from runtime.permissions import demand, label_of, rights
from runtime.queries import ListQuery, list_records
from web.access import reading, writing
from web.api import parameters
from web.api.bodies import body_list, body_object, expected_version, page_size
from web.api.idempotency import once
from web.api.shapes import answer, page_json, record_json

MOST_RECORDS = 1000
"""Records one call may create: more belongs in an import."""


def entity_of(ctx: RunContext, name: str) -> Entity:
    """The entity with records of its own, or 404."""
    entity = ctx.app.model.entities.get(name)
    if entity is None or entity.kind in (EntityKind.LINES, EntityKind.SYSTEM):
        raise NotFound(fault(ctx, "no_such_entity", given=name[:60]))
    return entity


def list_(entity: str) -> Response:
    """A page of records."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        view = parameters.text("view")
        fields = parameters.names("fields") or (() if view else tuple(usual_fields(ctx, found)))
        query = ListQuery(
            view=view,
            filter=request.args.get("filter", ""),
            q=request.args.get("q", ""),
            sort=tuple((name.lstrip("-"), name.startswith("-")) for name in parameters.names("sort")),
            fields=fields,
            cursor=parameters.text("cursor"),
            page_size=page_size(ctx),
            count="exact" if parameters.text("count") == "true" else "capped",
        )
        return answer(page_json(list_records(ctx, found.id, query)))


def usual_fields(ctx: RunContext, entity: Entity) -> list[str]:
    """What a list answers unless asked otherwise: the stored fields the caller may see, without lines."""
    hidden = rights(ctx, entity.id).hidden
    shown = [f.id for f in entity.fields.values() if not (f.lines or f.live or f.retired or f.id in hidden)]
    return ["version", *shown] if entity.kind is not EntityKind.LINES else shown


def create(entity: str) -> Response:
    """Create one record, or a list of them all together."""
    with writing("api") as ctx:
        found = entity_of(ctx, entity)
        return once(ctx, lambda: _create(ctx, found))


def _create(ctx: RunContext, entity: Entity) -> tuple[Any, int]:
    rows, many = body_list(ctx)
    if len(rows) > MOST_RECORDS:
        raise Malformed(fault(ctx, "too_many_records", most=MOST_RECORDS, given=len(rows)))
    saved = records.create_many(ctx, entity.id, rows)
    answers = [record_json(ctx, entity, s.id, warnings=s.warnings) for s in saved]
    return (answers if many else answers[0]), HTTPStatus.CREATED


def read(entity: str, id: int) -> Response:
    """One record with what the caller may do now; one in the bin only when ``deleted=true`` asks for it."""
    with reading() as ctx:
        found = record_json(ctx, entity_of(ctx, entity), id)
        if found.get("deleted_at") and parameters.text("deleted") != "true":
            raise NotFound(fault(ctx, "not_found", label=label_of(ctx, entity), id=id))
        return answer(found)


def change(entity: str, id: int) -> Response:
    """Change the named fields."""
    with writing("api") as ctx:
        found = entity_of(ctx, entity)
        return once(ctx, lambda: _change(ctx, found, id))


def _change(ctx: RunContext, entity: Entity, id: int) -> tuple[Any, int]:
    saved = records.update(ctx, entity.id, id, body_object(ctx), version=expected_version(ctx))
    return record_json(ctx, entity, id, warnings=saved.warnings), HTTPStatus.OK


def delete(entity: str, id: int) -> Response:
    """Put a record into the bin, from which it can be restored."""
    with writing("api") as ctx:
        found = entity_of(ctx, entity)
        return once(ctx, lambda: _delete(ctx, found, id))


def _delete(ctx: RunContext, entity: Entity, id: int) -> tuple[Any, int]:
    records.delete(ctx, entity.id, id, version=expected_version(ctx))
    return None, HTTPStatus.NO_CONTENT


def restore(entity: str, id: int) -> Response:
    """Take a record out of the bin."""
    with writing("api") as ctx:
        found = entity_of(ctx, entity)
        return once(ctx, lambda: _restore(ctx, found, id))


def _restore(ctx: RunContext, entity: Entity, id: int) -> tuple[Any, int]:
    records.restore(ctx, entity.id, id)
    return record_json(ctx, entity, id), HTTPStatus.OK


def act(entity: str, id: int, transition: str) -> Response:
    """Take a transition with what it demands."""
    with writing("api") as ctx:
        found = entity_of(ctx, entity)
        return once(ctx, lambda: _act(ctx, found, id, transition))


def _act(ctx: RunContext, entity: Entity, id: int, transition: str) -> tuple[Any, int]:
    workflow.take(ctx, entity.id, id, transition, body_object(ctx, empty=True))
    return record_json(ctx, entity, id), HTTPStatus.OK


def history(entity: str, id: int) -> Response:
    """Who changed what, from, to, newest first."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "read")
        records.load_visible(ctx, found.id, id)
        return answer({"items": audit.history(ctx, found.id, id)})


def links(entity: str, id: int) -> Response:
    """Documents before and after this one."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        demand(ctx, found.id, "read")
        records.load_visible(ctx, found.id, id)
        return answer({"items": [asdict(link) for link in documents.links(ctx, found.id, id)]})


def register(api: Blueprint) -> None:
    """Attach the addresses; they come last because ``/{entity}`` matches almost anything."""
    one = "/<entity>/<id:id>"
    api.add_url_rule("/<entity>", "list", list_, methods=["GET"])
    api.add_url_rule("/<entity>", "create", create, methods=["POST"])
    api.add_url_rule(one, "read", read, methods=["GET"])
    api.add_url_rule(one, "change", change, methods=["PATCH"])
    api.add_url_rule(one, "delete", delete, methods=["DELETE"])
    api.add_url_rule(f"{one}/restore", "restore", restore, methods=["POST"])
    api.add_url_rule(f"{one}/actions/<transition>", "act", act, methods=["POST"])
    api.add_url_rule(f"{one}/history", "history", history, methods=["GET"])
    api.add_url_rule(f"{one}/links", "links", links, methods=["GET"])
