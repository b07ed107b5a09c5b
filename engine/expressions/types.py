"""Types of expression values: what a formula may be combined with, and how many decimals it keeps.

This module only describes types; the rules of combining them stand in ``parse.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

QUANTITY_SCALE = 6
PRICE_SCALE = 6
PERCENT_SCALE = 6
QUOTIENT_SCALE = 10
"""Decimals kept by every quotient, and the most that any product keeps."""


class Kind(StrEnum):
    """The closed set of value kinds an expression can have."""

    YES_NO = "yes_no"
    TEXT = "text"
    NUMBER = "number"  # integer, decimal, percent, ratio
    MONEY = "money"
    QUANTITY = "quantity"
    DATE = "date"
    TIME = "time"
    MOMENT = "moment"
    DURATION = "duration"
    CHOICE = "choice"
    REFERENCE = "reference"
    FILE = "file"
    JSON = "json"
    EMPTY = "empty"  # the literal "nothing", fits anywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """The type of a value.

    ``scale``: decimals kept (number, money, quantity). ``options``: the ids a choice may take.
    ``targets``: entity ids a reference may point at. ``per_unit``: money for one unit (a price).
    ``many``: a set of such values (``lines.qty``, ``references``). ``nullable``: may be empty.
    """

    kind: Kind
    scale: int = 0
    options: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    per_unit: bool = False
    many: bool = False
    nullable: bool = True


YES_NO = Type(kind=Kind.YES_NO)
TEXT = Type(kind=Kind.TEXT)
INTEGER = Type(kind=Kind.NUMBER, scale=0)
NUMBER = Type(kind=Kind.NUMBER, scale=QUANTITY_SCALE)
QUOTIENT = Type(kind=Kind.NUMBER, scale=QUOTIENT_SCALE)
PERCENT = Type(kind=Kind.NUMBER, scale=PERCENT_SCALE)
QUANTITY = Type(kind=Kind.QUANTITY, scale=QUANTITY_SCALE)
PRICE = Type(kind=Kind.MONEY, scale=PRICE_SCALE, per_unit=True)
DATE = Type(kind=Kind.DATE)
TIME = Type(kind=Kind.TIME)
MOMENT = Type(kind=Kind.MOMENT)
DURATION = Type(kind=Kind.DURATION)
FILE = Type(kind=Kind.FILE)
JSON = Type(kind=Kind.JSON)
EMPTY = Type(kind=Kind.EMPTY)


def money(scale: int) -> Type:
    """An amount of money in the app's currency, which has ``scale`` decimals."""
    return Type(kind=Kind.MONEY, scale=scale)


def reference(*targets: str) -> Type:
    """A reference to a record of one of ``targets``."""
    return Type(kind=Kind.REFERENCE, targets=targets)


def choice(*options: str) -> Type:
    """One of the named ``options``."""
    return Type(kind=Kind.CHOICE, options=options)
