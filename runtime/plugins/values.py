"""Values that plug-ins are given and give, read as the kind they are declared to be: from YAML, JSON, forms, Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.compile.constants import number
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.messages import fault
from runtime.plugins.declare import Argument
from runtime.plugins.hints import near

MOST_TEXT = 4000


class Unfit(ValueError):
    """No value of the kind."""


def _text(value: object) -> str:
    if isinstance(value, (dict, list, tuple)):
        raise Unfit
    text = str(value)
    text.encode()  # what no text may hold is refused here, not by the database
    return text[:MOST_TEXT].replace("\x00", "")


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise Unfit
    return number(str(value))


def _integer(value: object) -> int:
    found = _number(value)
    if found != found.to_integral_value():
        raise Unfit
    return int(found)


def _yes_no(value: object) -> bool:
    words = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.strip().lower() not in words:
        raise Unfit
    return words[value.strip().lower()]


def _date(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value).strip())


def _moment(value: object) -> datetime:
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    if found.tzinfo is None:
        raise Unfit
    return found


def _record(value: object) -> int:
    found = value.get("id") if isinstance(value, Mapping) else getattr(value, "id", value)
    if (
        isinstance(found, bool)
        or not str(found).isascii()
        or not str(found).isdigit()
        or not 0 < int(str(found)) < 2**62
    ):
        raise Unfit
    return int(str(found))


_READ: Mapping[str, Callable[[object], Any]] = {
    "text": _text,
    "number": _number,
    "integer": _integer,
    "yes_no": _yes_no,
    "date": _date,
    "moment": _moment,
    "record": _record,
}


def fit(kind: str, value: object) -> Any:
    """The value as one of the kind; ``ValueError`` where it is none."""
    try:
        return _READ[kind](value)
    except (InvalidOperation, TypeError, OverflowError) as error:
        raise Unfit from error


def given_values(ctx: RunContext, declared: Mapping[str, Argument], given: Mapping[str, object]) -> dict[str, Any]:
    """Arguments as they are declared; raises with everything that is wrong."""
    wrong: list[Fault] = []
    found: dict[str, Any] = {}
    for name in given:
        if name not in declared:
            hint = near(ctx, str(name)[:60], declared)
            wrong.append(fault(ctx, "plugin_argument_unknown", str(name)[:60], given=str(name)[:60], hint=hint))
    for name, argument in declared.items():
        value = given.get(name)
        label = argument.label.get(ctx.language) if argument.label else name
        if value is None or value == "":
            if argument.required:
                wrong.append(fault(ctx, "required", name, label=label))
            continue
        try:
            found[name] = fit(argument.kind, value)
        except ValueError:
            wrong.append(fault(ctx, f"plugin_not_{argument.kind}", name, label=label, given=str(value)[:60]))
    if wrong:
        raise Invalid(*wrong)
    return found
