"""Query parameters of the API, read with a clear refusal."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation

from flask import request

from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault


def text(name: str) -> str:
    """A parameter's text, "" when absent."""
    return request.args.get(name, "").strip()


def names(name: str) -> tuple[str, ...]:
    """A comma-separated list."""
    return tuple(part.strip() for part in text(name).split(",") if part.strip())


def needed(ctx: RunContext, name: str) -> str:
    """A parameter that must be there."""
    given = text(name)
    if not given:
        raise Malformed(fault(ctx, "parameter_missing", name, name=name))
    return given


def day(ctx: RunContext, name: str) -> date | None:
    """A date, or ``None``."""
    given = text(name)
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise Malformed(fault(ctx, "bad_date", name, name=name, given=given[:40])) from None


def decimal(ctx: RunContext, name: str, default: Decimal) -> Decimal:
    """A decimal number."""
    given = text(name)
    if not given:
        return default
    try:
        found = Decimal(given) if len(given) < 40 else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) >= 10**12:
        raise Malformed(fault(ctx, "bad_number", name, name=name, given=given[:40]))
    return found


def whole(ctx: RunContext, name: str, default: int) -> int:
    """A whole number."""
    found = decimal(ctx, name, Decimal(default))
    if found != found.to_integral_value():
        raise Malformed(fault(ctx, "bad_number", name, name=name, given=text(name)[:40]))
    return int(found)
