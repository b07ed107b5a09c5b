"""Files a page hands out: spreadsheets under a name people can read."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from flask import Response

KINDS = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}


def sheet_response(name: str, kind: str, make: Callable[[str], bytes]) -> Response:
    """A spreadsheet made by ``make(kind)``; unknown kinds become xlsx."""
    wanted = kind if kind in KINDS else "xlsx"
    response = Response(make(wanted), content_type=KINDS[wanted])
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}.{wanted}"
    return response
