"""Writes that carry an ``Idempotency-Key`` happen once; a repeat is given the first answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request

from runtime import idempotency
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault
from web.api.shapes import answer, dump

HEADER = "Idempotency-Key"
REPEATED = "Idempotency-Replayed"


def once(ctx: RunContext, work: Callable[[], tuple[Any, int]]) -> Response:
    """Do ``work`` (which gives body and status), or give the answer it gave before."""
    key = request.headers.get(HEADER, "")
    if not key:
        body, status = work()
        return answer(body, status)
    if len(key) > idempotency.LONGEST or not key.isascii() or not key.isprintable():
        raise Malformed(fault(ctx, "bad_key", most=idempotency.LONGEST))
    asked = b"\n".join((request.method.encode(), request.full_path.encode(), request.get_data()))
    before = idempotency.begin(ctx, key, asked)
    if before is not None:
        response = Response(before.response, status=before.status, content_type="application/json")
        response.headers[REPEATED] = "true"
        return response
    body, status = work()
    text = dump(body).decode()
    idempotency.finish(ctx, key, status, text)
    return Response(text, status=status, content_type="application/json")
