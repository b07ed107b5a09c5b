"""One error shape for the whole API: RFC 9457 problem details, with one entry for each thing that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response, request
from werkzeug.exceptions import HTTPException

from runtime.errors import Conflict, Fault, Forbidden, Invalid, Malformed, NotFound, Stale, TooMany, UserError

STATUS: dict[type[UserError], HTTPStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Stale: HTTPStatus.PRECONDITION_FAILED,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
}
MEDIA_TYPE = "application/problem+json"


def status_of(error: UserError) -> HTTPStatus:
    """The HTTP status that says what kind of refusal this is."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), HTTPStatus.BAD_REQUEST)


def problem(status: int, title: str, faults: Sequence[Fault] = ()) -> Response:
    """A problem document; ``errors`` names field, code and sentence of each fault."""
    return Response(orjson.dumps(document(status, title, faults)), status=int(status), content_type=MEDIA_TYPE)


def document(status: int, title: str, faults: Sequence[Fault] = ()) -> dict[str, Any]:
    """What a problem document says."""
    return {
        "type": "about:blank",
        "title": title,
        "status": int(status),
        "detail": "; ".join(f.message for f in faults) or title,
        "errors": [{"field": f.field, "code": f.code, "message": f.message} for f in faults],
    }


def refusal(error: UserError) -> dict[str, Any]:
    """What the problem document of a refusal says, inside an answer about several things."""
    status = status_of(error)
    return document(status, status.phrase, error.faults)


def user_problem(error: UserError) -> Response:
    """The problem document of a refusal."""
    status = status_of(error)
    return problem(status, status.phrase, error.faults)


def is_api() -> bool:
    """Whether the request came in through the API."""
    return request.path.startswith("/api/")


def http_problem(error: HTTPException) -> Response:
    """Unknown addresses, wrong methods and the like, in the API's shape."""
    response = problem(error.code or 500, error.name)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response
