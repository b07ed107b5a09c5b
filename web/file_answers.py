"""A kept file as a response: pictures are shown, everything else is saved, nothing runs."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response

from runtime.files import IMAGES, StoredFile


def file_answer(found: StoredFile) -> Response:
    """The content with a safe type and name."""
    shown = found.media_type in IMAGES
    kind = "inline" if shown else "attachment"
    response = Response(found.content, content_type=found.media_type if shown else "application/octet-stream")
    response.headers["Content-Disposition"] = f"{kind}; filename*=UTF-8''{quote(found.name)}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response
