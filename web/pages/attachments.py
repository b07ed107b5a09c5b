"""Files people attach: upload, and download with the right to the record they belong to."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from runtime import files
from runtime.errors import UserError
from web.access import reading, writing
from web.api.shapes import answer
from web.file_answers import file_answer
from web.record_fields import size


def upload() -> Response:
    """Keep an uploaded file; it belongs to nobody until a record names it."""
    given = request.files.get("file")
    try:
        with writing() as ctx:
            kept = files.save(ctx, (given.filename or "") if given else "", given.read() if given else b"")
    except UserError as error:
        return answer({"error": {"message": error.faults[0].message}}, 422)
    url = url_for("pages.file", id=kept.id)
    thumb = url if kept.media_type in files.IMAGES else ""
    return answer({"id": kept.id, "name": kept.name, "size": size(kept.size), "url": url, "thumb": thumb})


def file(id: int) -> Response:
    """A file's content."""
    with reading() as ctx:
        return file_answer(files.fetch(ctx, id))


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/files", "upload", upload, methods=["POST"])
    pages.add_url_rule("/files/<int:id>", "file", file)
