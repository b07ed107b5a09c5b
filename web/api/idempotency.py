"""Writes that carry an ``Idempotency-Key`` happen once; a repeat is given the first answer."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Response, request

from runtime import idempotency
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault
from web.api.shapes import answer, dump

NO_CONTENT = HTTPStatus.NO_CONTENT
HEADER = "Idempotency-Key"
REPEATED = "Idempotency-Replayed"


def once(ctx: RunContext, work: Callable[[], tuple[Any, int]]) -> Response:
    """Do ``work`` (which gives body and status), or give the answer it gave before."""
    key = request.headers.get(HEADER, "")
    if not key:
        body, status = work()
        return answer(body, status) if status != NO_CONTENT else _kept("", status)
    if len(key) > idempotency.LONGEST or not key.isascii() or not key.isprintable():
        raise Malformed(fault(ctx, "bad_key", most=idempotency.LONGEST))
    asked = b"\n".join((request.method.encode(), request.full_path.encode(), request.get_data()))
    before = idempotency.begin(ctx, key, asked)
    if before is not None:
        response = _kept(before.response, before.status)
        response.headers[REPEATED] = "true"
        return response
    body, status = work()
    text = dump(body).decode() if status != NO_CONTENT else ""
    idempotency.finish(ctx, key, status, text)
    return _kept(text, status)


def _kept(text: str, status: int) -> Response:
    response = Response(text, status=status, content_type="application/json")
    if status == NO_CONTENT:
        del response.headers["Content-Type"]
    return response
