"""What the ledgers are asked and what they answer: plain data, no document, no workflow, no template text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from engine.expressions.tree import Expr
from engine.model import Message
from runtime.values import Ref

DimensionValue: TypeAlias = int | str | bool | date | datetime | Decimal | Ref | None


class Verb(StrEnum):
    """``add`` brings in, ``take`` takes out, ``returns`` brings moves back, ``revalue`` changes only a value."""

    ADD = "add"
    TAKE = "take"
    RETURNS = "returns"
    REVALUE = "revalue"


class Short(StrEnum):
    """What a ``take`` does when open balances do not suffice."""

    REFUSE = "refuse"  # book what is wanted; the guards refuse it (or allow it below zero)
    DROP = "drop"  # take what is there
    REST = "rest"  # book the rest on ``short_dimensions``


class Cost(StrEnum):
    """Where the value of a move comes from; kept with the move, so that a replay knows what it may recompute."""

    GIVEN = "given"  # a price somebody gave
    POOL = "pool"  # derived from what was there
    ORIGIN = "origin"  # carried on from the moves it came from
    RETURNED = "returned"  # the cost at which it went
    COUNTER = "counter"  # the exact opposite of the move it undoes
    NONE = "none"  # a ledger without valuation


OWN_KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "variance": ("标准成本差异", "Standard cost variance"),
        "settlement": ("负结存成本结算", "Settlement of negative stock"),
        "correction": ("成本更正", "Cost correction"),
        "repooled": ("换计价方法", "Change of costing method"),
    }
)
"""Kinds of the value-only moves which the ledgers append themselves, besides the kinds a template declares."""

REPOOLED = "repooled"
"""The kind of what a change of method moves at the start of a period."""


class DocumentKey(NamedTuple):
    """A record by entity and id: a document or one of its lines."""

    entity: str
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a take demands of balances besides its allocation; ``given``: what the row that takes says, by path."""

    that: Expr
    say: Message
    given: Mapping[str, object]


class MoveRequest(NamedTuple):
    """One wish. The ledgers turn it into any number of moves.

    ``key``: names the request within the call (``issued#3``); ``from_`` names earlier requests of the same call whose
    moves it carries on: one move for each of them with quantity, cost and trace, or, when ``amounts`` says a
    quantity, one move that joins them all. Dimensions left out are those of the origin's move.
    ``posting_set`` and ``posting`` say what made it; ``reverse`` and ``returns`` find moves by them.
    ``amounts``: resource → positive amount, ``None`` = all that is there. The resource holding the value of a valued
    ledger stands in ``value`` instead (``None`` = derive it).
    ``at``: business moment, UTC. ``whole_day``: a past day without an hour: what comes in counts at its start, what
    goes out at its end. ``allocate``: allocation that chooses the dimensions it goes ``over`` when they are empty.
    ``returns``: lines and the posting whose moves come back; on a valued ``take`` the receipt that goes back.
    ``corrects``: for ``revalue``, the moves by id whose cost changes by ``value`` in all, shared by quantity.
    """

    ledger: str
    key: str
    verb: Verb
    dimensions: Mapping[str, DimensionValue]
    amounts: Mapping[str, Decimal | None]
    at: datetime
    document: DocumentKey
    posting_set: str = ""
    posting: str = ""
    kind: str = ""
    value: Decimal | None = None
    whole_day: bool = False
    line: DocumentKey | None = None
    from_: tuple[str, ...] = ()
    allocate: str = ""
    demand: Demand | None = None
    short: Short = Short.REFUSE
    short_dimensions: Mapping[str, DimensionValue] = MappingProxyType({})
    returns: tuple[DocumentKey, str] | None = None
    corrects: tuple[int, ...] = ()


class Move(NamedTuple):
    """A row of a ledger. ``amounts`` are signed and hold every resource, the value too.

    ``standard``: the standard cost that was valid then, where one was asked.
    ``age``: under FIFO, when the oldest piece it took came in. ``cause``: the document that called for a difference.
    """

    ledger: str
    id: int
    dimensions: Mapping[str, DimensionValue]
    amounts: Mapping[str, Decimal]
    kind: str
    at: datetime
    document: DocumentKey
    line: DocumentKey | None
    posting_set: str
    posting: str
    cost: Cost = Cost.NONE
    origin: int | None = None
    counter_of: int | None = None
    corrects: int | None = None
    returns: int | None = None
    age: datetime | None = None
    cause: DocumentKey | None = None
    standard: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What a call wrote. ``by_key``: moves of each request; ``differences``: value-only moves the ledgers added."""

    moves: tuple[Move, ...] = ()
    by_key: Mapping[str, tuple[Move, ...]] = field(default_factory=lambda: MappingProxyType({}))
    differences: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something ``check`` found: which rule of the ledgers does not hold, where, and the two figures.

    ``grain``: the dimensions whose values ``key`` holds; without, ``key`` is the id of a move. ``record`` and
    ``remedy``: what people call the place, and what to do, once that was looked up.
    """

    code: str
    ledger: str
    key: str
    message: str
    grain: tuple[str, ...] = ()
    record: str = ""
    remedy: str = ""
