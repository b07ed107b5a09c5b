"""Messages of the app with the record's values in them, without what the reader may not see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine.expressions.tree import Expr, Path
from engine.expressions.types import Kind
from engine.model import AppModel, Field, Message
from runtime.context import RunContext
from runtime.permissions import may_see, rights
from runtime.record_inputs import Workspace
from runtime.value_numbers import readable
from runtime.values import decimal_text

Row = dict[str, Any]
TITLE_FIELDS = ("code", "name")
HIDDEN = "***"


def render(
    at: Workspace, message: Message, rows: Sequence[Row], entity: str = "", *, thousands: bool = False
) -> list[str]:
    """The message for each row (a record of ``entity``). ``thousands``: figures with separators, as paper has them."""
    texts = [""] * len(rows)
    for piece in message.get(at.ctx.language):
        values = [piece] * len(rows) if isinstance(piece, str) else _shown(at, piece, rows, entity, thousands)
        texts = [text + value for text, value in zip(texts, values, strict=True)]
    return texts


def _shown(at: Workspace, piece: Expr, rows: Sequence[Row], entity: str, thousands: bool) -> list[str]:
    if not may_see(at.ctx, piece.secrecy):
        return [HIDDEN] * len(rows)
    values = at.evaluate(piece, rows, None, entity)
    if piece.type.kind is Kind.REFERENCE and isinstance(piece.tree, Path):
        return [title_of(at, piece.type.targets, value) for value in values]
    field = field_of(at.model, piece.tree, entity) if isinstance(piece.tree, Path) else None
    texts = [field_text(at.ctx, field, value, piece) for value in values]
    if not thousands:
        return texts
    return [_grouped(text) if isinstance(v, Decimal) else text for text, v in zip(texts, values, strict=True)]


def _grouped(figure: str) -> str:
    """``-12345.60`` → ``-12,345.60``; what follows a space (``%``) stays."""
    whole, point, rest = figure.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.lstrip("-").isdigit() else figure


def field_of(model: AppModel, path: Path, entity: str) -> Field | None:
    """The field that a path ends at."""
    here = model.entities.get(path.entity or (entity if path.root == "before" else ""))
    for step in path.steps[:-1]:
        spec = here.fields.get(step) if here else None
        target = here.parent if here and step == "parent" else (spec.targets[0] if spec and spec.targets else "")
        here = model.entities.get(target)
    return here.fields.get(path.steps[-1]) if here and path.steps else None


def field_text(ctx: RunContext, field: Field | None, value: Any, expr: Expr) -> str:
    """A value as people read it: a percentage as one, a choice by its name, a quotient with few decimals."""
    if field is not None and field.type == "percent" and isinstance(value, Decimal):
        return f"{decimal_text((value * 100).quantize(Decimal('0.01')))} %"
    if field is not None and field.options and value is not None:
        return next((option.label.get(ctx.language) for option in field.options if option.id == value), str(value))
    computed = field is None or field.formula is not None
    if computed and isinstance(value, Decimal) and expr.type.kind in (Kind.NUMBER, Kind.QUANTITY):
        value = readable(value)
    return value_text(ctx, value, expr)


def title_of(at: Workspace, targets: Sequence[str], value: object) -> str:
    """The name of a record referred to."""
    if not isinstance(value, int) or not targets:
        return ""
    at.need(targets[0], [value])
    row = at.known(targets[0], value)
    return "" if row is None else record_title(at.model, targets[0], row)


def record_title(model: AppModel, entity: str, row: Row) -> str:
    """What people call a record: its title fields, else its number. Records referred to are named by ``full_title``."""
    words = [str(row[name]) for name in _title_names(model, entity, row) if not _refers(model, entity, name)]
    return " ".join(words) or f"#{row.get('id') or ''}"


def full_title(at: Workspace, entity: str, row: Row) -> str:
    """The title with the names of the records it refers to: ``GD202601-0001 铜接头 M12``."""
    fields = at.model.entities[entity].fields
    words = []
    for name in _title_names(at.model, entity, row):
        if _refers(at.model, entity, name):
            words.append(_name_of(at, fields[name].targets or fields[name].value.targets, row[name]))
        else:
            words.append(str(row[name]))
    return " ".join(word for word in words if word) or f"#{row.get('id') or ''}"


def _title_names(model: AppModel, entity: str, row: Row) -> list[str]:
    names = model.entities[entity].title or TITLE_FIELDS
    return [name for name in names if row.get(name) not in (None, "")]


def _refers(model: AppModel, entity: str, name: str) -> bool:
    found = model.entities[entity].fields.get(name)
    return found is not None and found.value.kind is Kind.REFERENCE


def _name_of(at: Workspace, targets: Sequence[str], value: object) -> str:
    """The name alone of a record referred to; nothing where the reader may not read such records."""
    if not isinstance(value, int) or not targets or not rights(at.ctx, targets[0]).may("read"):
        return ""
    at.need(targets[0], [value])
    row = at.known(targets[0], value)
    return "" if row is None else str(row.get("name") or row.get("code") or "")


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
