"""Ledgers by API: what is there, now or at the end of a day, and the moves behind it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from engine.expressions.types import Kind
from engine.model import Ledger
from runtime import ledger_lists
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.ledgers.requests import Move
from runtime.messages import fault
from runtime.permissions import LEDGER, rights
from runtime.record_reading import Titles, titles
from runtime.values import Ref
from web.access import reading
from web.api import parameters
from web.api.bodies import page_size
from web.api.shapes import answer


def balances(ledger: str) -> Response:
    """Rows of dimensions, resources and measures."""
    with reading() as ctx:
        found = ledger_lists.ledger_of(ctx, ledger)
        group_by = parameters.names("group_by") if "group_by" in request.args else tuple(found.dimensions)
        rows = ledger_lists.standings(
            ctx,
            found,
            group_by=tuple(dict.fromkeys(group_by)),
            filter=request.args.get("filter", ""),
            as_of=parameters.day(ctx, "as_of"),
        )
        names = _names(ctx, found, (row.dimensions for row in rows))
        items = [{**_dimensions(found, row.dimensions, names), **row.figures} for row in rows]
        items.sort(key=lambda item: [_order(item[name]) for name in group_by])
        return answer({"items": items, "next": None, "count": len(items)})


def _order(value: Any) -> tuple[bool, str]:
    """By code, empties last."""
    shown = value.get("code") or f"{value['id']:020}" if isinstance(value, dict) else value
    return (value is None, str(shown))


def moves(ledger: str) -> Response:
    """The moves, oldest first, a page at a time."""
    with reading() as ctx:
        found = ledger_lists.ledger_of(ctx, ledger)
        size = page_size(ctx)
        rows = ledger_lists.moves(
            ctx, found, filter=request.args.get("filter", ""), after=_read_cursor(ctx), limit=size + 1
        )
        page = rows[:size]
        names = _names(ctx, found, (move.dimensions for move in page))
        items = [_move(ctx, found, move, names) for move in page]
        following = _cursor(page[-1]) if len(rows) > size else None
        return answer({"items": items, "next": following, "count": len(items)})


def _move(ctx: RunContext, ledger: Ledger, move: Move, names: Titles) -> dict[str, Any]:
    hidden = rights(ctx, LEDGER + ledger.id).hidden
    return {
        "id": move.id,
        "at": move.at,
        "kind": move.kind,
        **_dimensions(ledger, move.dimensions, names),
        **{name: amount for name, amount in move.amounts.items() if name not in hidden},
        "document": {"entity": move.document.entity, "id": move.document.id},
        "line": {"entity": move.line.entity, "id": move.line.id} if move.line else None,
        "counter_of": move.counter_of,
        "corrects": move.corrects,
        "returns": move.returns,
    }


def _names(ctx: RunContext, ledger: Ledger, rows: Iterable[Mapping[str, Any]]) -> Titles:
    pairs = {
        (value.entity, value.id) if isinstance(value, Ref) else (ledger.dimensions[name].targets[0], value)
        for row in rows
        for name, value in row.items()
        if value is not None and ledger.dimensions[name].value.kind is Kind.REFERENCE
    }
    return titles(ctx, pairs)


def _dimensions(ledger: Ledger, dimensions: Mapping[str, Any], names: Titles) -> dict[str, Any]:
    return {name: _dimension(ledger, name, value, names) for name, value in dimensions.items()}


def _dimension(ledger: Ledger, name: str, value: Any, names: Titles) -> Any:
    if value is None or ledger.dimensions[name].value.kind is not Kind.REFERENCE:
        return value
    several = isinstance(value, Ref)
    pair = (value.entity, value.id) if several else (ledger.dimensions[name].targets[0], value)
    told = {"id": pair[1], "code": None, "name": None, **names.get(pair, {})}
    told.pop("parent", None)
    return {"entity": pair[0], **told} if several else told


def _cursor(move: Move) -> str:
    return base64.urlsafe_b64encode(json.dumps([move.at.isoformat(), move.id]).encode()).decode().rstrip("=")


def _read_cursor(ctx: RunContext) -> tuple[datetime, int] | None:
    given = parameters.text("cursor")
    if not given:
        return None
    try:
        at, id = json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
        moment, number = datetime.fromisoformat(at), int(id)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise Malformed(fault(ctx, "cursor_bad", "cursor")) from None
    if moment.tzinfo is None or not 0 <= number < 2**63:
        raise Malformed(fault(ctx, "cursor_bad", "cursor"))
    return moment, number


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/ledgers/<ledger>/balances", "balances", balances)
    api.add_url_rule("/ledgers/<ledger>/moves", "moves", moves)
