"""Imports by API: a file judged or taken, imports that were made, and taking one back."""

from __future__ import annotations

from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request

from engine.model import Entity
from runtime.context import RunContext
from runtime.errors import Conflict, Fault, Invalid, Malformed, NotFound
from runtime.importing import ImportOptions, Report, import_file, sheet_of
from runtime.importing_kept import Import, import_of, imports, note_import, standing
from runtime.importing_mapping import FileMapping, kept_mapping
from runtime.importing_outcome import outcome_of
from runtime.importing_table import table_of
from runtime.importing_undo import undo_import
from runtime.importing_words import recognise
from runtime.messages import fault
from runtime.permissions import demand
from web.access import reading, writing
from web.api import parameters
from web.api.records import entity_of
from web.api.shapes import answer

MOST_FAULTS = 500
PAGE = 50
MOST_TRIED = 300
"""Records of an import up to which undoing it is tried out for an answer, as a page does while it waits."""


def listed() -> Response:
    """Imports the caller may look at, newest first; ``next`` is the ``cursor`` of those before."""
    with reading() as ctx:
        found = imports(ctx, parameters.text("entity"), PAGE + 1, parameters.whole(ctx, "cursor", 0))
        items = [_json(one) for one in found[:PAGE]]
        more = str(found[PAGE - 1].id) if len(found) > PAGE else None
        return answer({"items": items, "next": more, "count": len(items)})


def _json(one: Import) -> dict[str, Any]:
    told = asdict(one)
    return {name: told[name] for name in told if name != "mapping"}


def bring() -> Response:
    """Judge (``dry_run=true``) or take a file sent as multipart field ``file``; all of it, or what is right."""
    with writing("import") as ctx:
        entity = entity_of(ctx, parameters.needed(ctx, "entity"))
        demand(ctx, entity.id, "create")
        given = request.files.get("file")
        if given is None:
            raise Malformed(fault(ctx, "parameter_missing", "file", name="file"))
        name, content = given.filename or "", given.read()
        mapping, unknown = _mapping(ctx, entity, content, name)
        dry, partial = (parameters.text(flag) == "true" for flag in ("dry_run", "partial"))
        report = import_file(ctx, entity.id, content, name, mapping, ImportOptions(dry_run=dry, partial=partial))
        if report.faults and not (dry or partial):
            raise Invalid(*_faults(report))
        number = note_import(ctx, entity.id, name, report)
        columns = {path: cell.column for path, cell in mapping.cells.items() if cell.column}
        status = HTTPStatus.CREATED if report.written else HTTPStatus.OK
        return answer({**outcome_of(report, number), "columns": columns, "unknown": unknown}, status)


def _mapping(ctx: RunContext, entity: Entity, content: bytes, name: str) -> tuple[FileMapping, list[str]]:
    """The kept mapping that is named, else what the columns look like; with the headings that mean nothing."""
    kept = parameters.text("mapping")
    if kept:
        found = kept_mapping(ctx, entity.id, kept)
        if found is None:
            raise NotFound(fault(ctx, "no_such_page", given=kept[:60]))
        return found, []
    proposal = recognise(ctx, entity, table_of(sheet_of(ctx, entity, content, name)))
    match, create = parameters.text("match"), set(parameters.names("create"))
    cells = {path: replace(c, create=path in create) for path, c in proposal.mapping.cells.items()}
    if not cells:
        raise Invalid(fault(ctx, "import_column", given="–", hint=""))
    return replace(proposal.mapping, cells=cells, match=match if match in cells else ""), list(proposal.unknown)


def _faults(report: Report) -> list[Fault]:
    return [
        Fault(code=one.code, message=one.message, field=f"{one.line}.{one.field}")
        for one in report.faults[:MOST_FAULTS]
    ]


def read(id: int) -> Response:
    """One import and how many of its records stand; with ``undo=true`` what undoing it would do, tried out."""
    if parameters.text("undo") != "true":
        with reading() as ctx:
            return answer({**_json(import_of(ctx, id)), "standing": len(standing(ctx, id))})
    with writing("import") as ctx:
        one, left = import_of(ctx, id), len(standing(ctx, id))
        if left > MOST_TRIED:
            raise Invalid(fault(ctx, "import_too_many_to_try", "undo", count=left, most=MOST_TRIED))
        tried = asdict(undo_import(ctx, id, dry_run=True)) if left else None
        return answer({**_json(one), "standing": left, "undo": tried})


def undo(id: int) -> Response:
    """Take it back: whole, or with ``partial=true`` as far as it goes."""
    with writing("import") as ctx:
        undone = undo_import(ctx, id, partial=parameters.text("partial") == "true")
        if not undone.written:
            stays = undone.stays[:MOST_FAULTS]
            raise Conflict(
                *(
                    Fault(code="import_stays", message=f"{s.title}: {s.reason}", field=f"{s.entity}.{s.record}")
                    for s in stays
                )
            )
        return answer(asdict(undone))


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/imports", "imports", listed)
    api.add_url_rule("/imports", "bring", bring, methods=["POST"])
    api.add_url_rule("/imports/<id:id>", "import", read)
    api.add_url_rule("/imports/<id:id>/undo", "undo_import", undo, methods=["POST"])
