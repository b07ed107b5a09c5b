"""Files by API: upload first, then name the id in a field or a transition."""

from __future__ import annotations

from flask import Blueprint, Response, request

from runtime import files
from runtime.errors import Malformed
from runtime.messages import fault
from web.access import reading, writing
from web.api.shapes import answer
from web.file_answers import file_answer


def upload() -> Response:
    """Keep a file sent as multipart field ``file``."""
    with writing("api") as ctx:
        given = request.files.get("file")
        if given is None:
            raise Malformed(fault(ctx, "parameter_missing", "file", name="file"))
        kept = files.save(ctx, given.filename or "", given.read())
        return answer({"id": kept.id, "name": kept.name, "media_type": kept.media_type, "size": kept.size}, 201)


def download(id: int) -> Response:
    """A file's content, with the right to the record it belongs to."""
    with reading() as ctx:
        return file_answer(files.fetch(ctx, id))


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/files", "upload", upload, methods=["POST"])
    api.add_url_rule("/files/<id:id>", "download", download)
