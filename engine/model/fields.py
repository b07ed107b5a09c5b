"""Fields of entities: what they hold, when they apply, how codes are made, what must be true of a record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.expressions.tree import Expr
from engine.expressions.types import Type
from engine.model.words import Message, Origin, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One value of a choice field."""

    id: str
    label: Text
    color: str = ""
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of an entity.

    ``type`` names a spec in ``field_types``; ``value`` is its expression type.
    ``required visible readonly``: a constant or a condition. ``fill`` follows its inputs until a person types.
    ``formula``: computed; ``live`` ones are read, never stored. ``lines``: entity id of the rows of a lines field.
    ``where`` / ``among``: what a reference may pick. ``create``: how a typed unknown reference is made.
    ``unit_field`` / ``of_field``: for a quantity, the field holding its unit and the one holding its item
    (``this`` = the record itself); ``per_field``: for a price, the field holding the unit it is per.
    ``fixed``: "" | ``once_posted`` | ``once_live`` | ``period_start``. ``standard``: given by the entity's kind.
    """

    id: str
    entity: str
    type: str
    value: Type
    label: Text
    help: Text | None = None
    required: bool | Expr = False
    visible: bool | Expr = True
    readonly: bool | Expr = False
    default: Expr | None = None
    fill: Expr | None = None
    formula: Expr | None = None
    live: bool = False
    along: str = ""
    minimum: Expr | None = None
    maximum: Expr | None = None
    max_length: int = 0
    options: tuple[Option, ...] = ()
    targets: tuple[str, ...] = ()
    reverse: str = ""
    where: Expr | None = None
    among: Expr | None = None
    create: Mapping[str, Expr] | None = None
    lines: str = ""
    unit_field: str = ""
    of_field: str = ""
    per_field: str = ""
    unique: bool = False
    fixed: str = ""
    secrecy: frozenset[str] = frozenset()
    many: bool = False
    retired: bool = False
    standard: bool = False
    origin: Origin | None = None

    @property
    def stored(self) -> bool:
        """Whether the field has a column (or a table of rows) of its own."""
        return not self.live


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of a number: ``text``, ``date`` (strftime-like ``yyyyMMdd`` pattern), ``field`` or ``serial``."""

    kind: str
    text: str = ""
    expr: Expr | None = None
    length: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """How codes are made. ``reset``: never, year, month, week, day. ``gapless``: no gaps even under concurrency."""

    segments: tuple[Segment, ...]
    reset: str = "never"
    gapless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A condition a record must meet. ``level``: ``error`` refuses, ``warn`` only tells."""

    id: str
    that: Expr
    say: Message
    level: str = "error"
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A derived axis (``none partial done closed``): how much of ``whole`` is ``left``.

    The compiler adds two fields to the entity: ``<id>`` (choice) and ``<id>_share`` (percent done).
    """

    id: str
    label: Text
    whole: Expr
    left: Expr
    closed: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The entity is counted in units: base unit field, lines of other units, fields in those lines."""

    unit: str
    units: str = ""
    line_unit: str = ""
    line_ratio: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measuring:
    """The entity is a unit: fields with its ratio to the base of its dimension, dimension, smallest step."""

    ratio: str
    dimension: str
    step: str
