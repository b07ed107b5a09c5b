"""Ledgers: their keys and figures, what must hold, how cost flows, how a taking is spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.expressions.tree import Expr
from engine.expressions.types import Type
from engine.model.fields import Option
from engine.model.words import Message, Origin, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A key of a ledger: a reference (``targets``) or a plain value (``value``)."""

    id: str
    label: Text
    value: Type
    targets: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    optional: bool | Expr = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """``unit``: the way from a dimension to the unit it is counted in, where that is not the base unit (a weight)."""

    id: str
    label: Text
    value: Type
    optional: bool = False
    secrecy: frozenset[str] = frozenset()
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """How a ``take`` that leaves dimensions open is spread over balances, in ``order`` (empties last).

    ``order`` entries: (expression over the balance row, descending); ``first_in`` is the special path of that name:
    age of the oldest move still there. ``share``: in proportion to this resource instead of in turn. ``say``: of a
    balance that is named and is not one of ``where``; ``none``: where no balance is.
    """

    id: str
    label: Text
    over: tuple[str, ...]
    where: Expr | None
    order: tuple[tuple[Expr | str, bool], ...]
    say: Message
    none: Message
    share: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A figure over a ledger at the grain of a total."""

    id: str
    label: Text
    per: str
    formula: Expr
    secrecy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What must hold at the end of every transaction at a grain: the finest key (``per`` "") or a total.

    Inside: resources of the ledger (or ``ledger.resource`` for guards across), dimensions, ``before``, ``wanted``.
    """

    id: str
    ledger: str
    per: str
    that: Expr
    unless: Expr | None
    say: Message
    ledgers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """``quantity`` / ``value``: resource ids. ``method`` gives average, fifo, lot, standard or none; ``pool`` one of
    the ids of ``pools``, each a tuple of dimensions."""

    quantity: str
    value: str
    method: Expr
    pool: Expr
    pools: Mapping[str, tuple[str, ...]]
    standard: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    id: str
    label: Text
    dimensions: Mapping[str, Dimension]
    resources: Mapping[str, Resource]
    kinds: Mapping[str, Text]
    totals: Mapping[str, tuple[str, ...]]
    allocations: Mapping[str, Allocation]
    measures: Mapping[str, Measure]
    guards: tuple[Guard, ...]
    valuation: Valuation | None = None
    origin: Origin | None = None
