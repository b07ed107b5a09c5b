"""Messages of the app with the record's values in them, without what the reader may not see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine.expressions.tree import Expr, Path
from engine.expressions.types import Kind
from engine.model import AppModel, Message
from runtime.context import RunContext
from runtime.permissions import may_see
from runtime.record_inputs import Workspace
from runtime.values import decimal_text

Row = dict[str, Any]
TITLE_FIELDS = ("code", "name")
HIDDEN = "***"


def render(at: Workspace, message: Message, rows: Sequence[Row], entity: str = "") -> list[str]:
    """The message for each row (a record of ``entity``)."""
    texts = [""] * len(rows)
    for piece in message.get(at.ctx.language):
        values = [piece] * len(rows) if isinstance(piece, str) else _shown(at, piece, rows, entity)
        texts = [text + value for text, value in zip(texts, values, strict=True)]
    return texts


def _shown(at: Workspace, piece: Expr, rows: Sequence[Row], entity: str) -> list[str]:
    if not may_see(at.ctx, piece.secrecy):
        return [HIDDEN] * len(rows)
    values = at.evaluate(piece, rows, None, entity)
    if piece.type.kind is Kind.REFERENCE and isinstance(piece.tree, Path):
        return [title_of(at, piece.type.targets, value) for value in values]
    return [value_text(at.ctx, value, piece) for value in values]


def title_of(at: Workspace, targets: Sequence[str], value: object) -> str:
    """The name of a record referred to."""
    if not isinstance(value, int) or not targets:
        return ""
    at.need(targets[0], [value])
    row = at.known(targets[0], value)
    return "" if row is None else record_title(at.model, targets[0], row)


def record_title(model: AppModel, entity: str, row: Row) -> str:
    """What people call a record: its title fields, else its number."""
    names = model.entities[entity].title or TITLE_FIELDS
    words = [str(row[name]) for name in names if row.get(name) not in (None, "")]
    return " ".join(words) or f"#{row.get('id') or ''}"


def value_text(ctx: RunContext, value: Any, expr: Expr | None = None) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        words = ("是", "否") if ctx.language == "zh" else ("yes", "no")
        return words[0] if value else words[1]
    if isinstance(value, Decimal):
        is_amount = expr is not None and expr.type.kind is Kind.MONEY and not expr.type.per_unit
        return decimal_text(value, min(expr.type.scale, 2) if is_amount and expr is not None else 0)
    if isinstance(value, datetime):
        return f"{value.astimezone(ZoneInfo(ctx.app.model.timezone)):%Y-%m-%d %H:%M}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
