"""What comes in with an API request: JSON bodies, versions, page sizes. Anything odd is a clear 400."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson
from flask import request

from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault

DEFAULT_PAGE = 50
MOST_PAGE = 500
DEEPEST = 64
NESTING = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')
JSON_TYPES = ("application/json", "application/merge-patch+json", "")


def body(ctx: RunContext, *, empty: bool = False) -> Any:
    """The JSON of the request. Decimals should come as text: a JSON number keeps about 15 digits."""
    raw = request.get_data()
    if not raw.strip():
        if empty:
            return {}
        raise Malformed(fault(ctx, "body_missing"))
    if request.mimetype not in JSON_TYPES:
        raise Malformed(fault(ctx, "body_not_json_type", given=request.mimetype[:60]))
    try:
        found = orjson.loads(raw)
        _check_keys(raw)
    except (orjson.JSONDecodeError, _Unclear) as error:
        raise Malformed(fault(ctx, "body_not_json", reason=str(error)[:120])) from None
    return found


class _Unclear(ValueError):
    """JSON that may be read in several ways, or that nests beyond all reason."""


def _check_keys(raw: bytes) -> None:
    """Refuse keys that come twice (readers differ in which they take) and what nests too deep."""
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and _depth(raw) > DEEPEST:
        raise _Unclear(f"nested more than {DEEPEST} deep")
    json.loads(raw, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise _Unclear(f"key twice: {next(n for n in names if names.count(n) > 1)}")


def _depth(raw: bytes) -> int:
    """How deep it nests; texts do not count."""
    deepest = depth = 0
    for mark in NESTING.findall(raw):
        depth += (mark in b"[{") - (mark in b"]}")
        deepest = max(deepest, depth)
    return deepest


def body_object(ctx: RunContext, *, empty: bool = False) -> Mapping[str, Any]:
    """The body as an object."""
    found = body(ctx, empty=empty)
    if not isinstance(found, dict):
        raise Malformed(fault(ctx, "body_not_object"))
    return found


def body_list(ctx: RunContext) -> tuple[list[Mapping[str, Any]], bool]:
    """The body as a list of objects, and whether it was a list."""
    found = body(ctx)
    rows = found if isinstance(found, list) else [found]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise Malformed(fault(ctx, "body_not_object"))
    return rows, isinstance(found, list)


def expected_version(ctx: RunContext) -> int | None:
    """The version named in ``If-Match``."""
    given = request.headers.get("If-Match", "").strip()
    if given in ("", "*"):
        return None
    text = given.removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Malformed(fault(ctx, "bad_if_match", given=given[:60]))
    return int(text)


def page_size(ctx: RunContext) -> int:
    """``page_size`` within its bounds."""
    given = request.args.get("page_size", "")
    if not given:
        return DEFAULT_PAGE
    if not (given.isascii() and given.isdigit() and len(given) < 6 and 1 <= int(given) <= MOST_PAGE):
        raise Malformed(fault(ctx, "bad_page_size", most=MOST_PAGE, given=given[:20]))
    return int(given)
