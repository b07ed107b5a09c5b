"""The typed tree of an expression: the one thing all four readings start from.

Leaves that need data (paths, aggregates over sets, ledger balances, the clock, the user) are *inputs*:
the runtime fetches them for many records at once, the readings only combine their values.
Nodes are frozen and compare by value, so equal inputs of different expressions are fetched once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeAlias

from engine.expressions.types import QUOTIENT_SCALE, Kind, Type

Scalar: TypeAlias = bool | int | str | Decimal | date | datetime | time | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A constant. Numbers are ``Decimal``."""

    value: Scalar
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A field reached from a root through references.

    ``root``: ``record`` (the record itself, or the filtered row inside ``where=``), ``this`` (the record one
    stands on, seen from inside ``where=``), ``user``, ``settings`` (first step is the setting entity), or a
    name the caller supplies (``before``, ``wanted``, ``period``, a part of a card).
    ``entity``: the entity the root stands for ("" where the root has none).
    ``steps``: field ids; ``parent`` steps from a line to its owner. All but the last are references.
    ``entered``: read a quantity as it was entered, not in the base unit.
    An empty ``steps`` is the record itself (a reference).
    """

    root: str
    entity: str
    steps: tuple[str, ...]
    type: Type
    entered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """``today()``, ``now()``, or ``working_days``: the firm's calendar as a text (``workdays.py``), which only the
    parser writes, beside ``workdays(n)``. A calendar lasts, so what reads it may be stored.
    """

    name: str
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary:
    """``-x`` or ``not x``."""

    operator: str
    operand: Node
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """Arithmetic, comparison, ``and``, ``or``, ``in``; ``type.scale`` is the scale of the result."""

    operator: str
    left: Node
    right: Node
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional:
    """``then if test else otherwise``."""

    test: Node
    then: Node
    otherwise: Node
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function of the closed table in ``functions.py``."""

    function: str
    arguments: tuple[Node, ...]
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """A list in parentheses or brackets, only right of ``in``."""

    items: tuple[Node, ...]
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """A quantity or price taken from one unit into another by an exact ratio: times it, or ``divide`` by it."""

    operand: Node
    ratio: Node
    type: Type
    divide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRatio:
    """How many base units of the record at ``item`` one unit at ``unit`` is, as a ``Fraction``: 1 for its base unit,
    else its own line for that unit, else by the two units' ratios. An input; only ever the ratio of a ``Convert``.
    """

    item: Path
    unit: Path
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One key of ``order=``."""

    key: Node
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A set of records: how one gets there.

    ``kind``: ``lines`` (a lines field of the record reached by ``base``), ``references`` (a many-reference field),
    ``reverse`` (records of ``entity`` whose reference ``by`` names the record), ``entity`` (all records of
    ``entity``), ``setting`` (lines of a setting), ``given`` (the rows the card, report or measure is over).
    ``entity``: the entity of the rows. ``base``: path to the record the set hangs on (``None`` for ``entity``).
    ``by``: the lines field, the references field or the reference field on the rows that points back; for
    ``reverse`` it may be a dotted path on the rows (``parent.work_order``: lines of records that point back).
    """

    kind: str
    entity: str
    base: Path | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """``sum count min max avg any first join`` over a set; ``value`` and ``where`` read the row as root ``record``."""

    function: str
    rows: Rows
    value: Node | None
    where: Node | None
    order: tuple[Order, ...]
    type: Type
    separator: str = ", "


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """``balance inflow outflow mean_balance`` of a ledger's resource or measure.

    ``dimensions``: pairs of dimension id and value node; ``options``: pairs of ``at since until kind`` and node;
    ``where`` filters the ledger's rows (root ``record`` = the row, its fields = dimensions and resources).
    """

    function: str
    ledger: str
    measure: str
    dimensions: tuple[tuple[str, Node], ...]
    options: tuple[tuple[str, Node], ...]
    where: Node | None
    type: Type


Node: TypeAlias = (
    Literal | Path | Clock | Unary | Binary | Conditional | Call | Several | Convert | UnitRatio | Aggregate | Balance
)
INPUTS = (Path, Clock, UnitRatio, Aggregate, Balance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr:
    """A checked expression: its text (for people), tree, result type and the inputs it needs, in order of first use.

    ``live``: reads the clock, the user or a ledger, so its value cannot be stored.
    ``secrecy``: tags inherited from the fields it reads.
    """

    text: str
    tree: Node
    type: Type
    inputs: tuple[Node, ...]
    live: bool = False
    secrecy: frozenset[str] = field(default_factory=frozenset)


def this_path(node: Path) -> str:
    """What a path from ``this`` is called where somebody else gives its value."""
    return ".".join(node.steps) or "this"


def walk(node: Node) -> Iterator[Node]:
    """The node and all nodes below it, aggregates' inner expressions included."""
    stack: list[Node] = [node]
    while stack:
        here = stack.pop()
        yield here
        stack.extend(children(here))


def children(node: Node) -> tuple[Node, ...]:
    """The direct children of a node."""
    match node:
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Conditional():
            return (node.test, node.then, node.otherwise)
        case Call():
            return node.arguments
        case Several():
            return node.items
        case Convert():
            return (node.operand, node.ratio)
        case Aggregate():
            inner = (node.value, node.where, *(o.key for o in node.order))
            return tuple(n for n in inner if n is not None)
        case Balance():
            inner = (*(n for _, n in node.dimensions), *(n for _, n in node.options), node.where)
            return tuple(n for n in inner if n is not None)
        case _:
            return ()


def may_be_ratio(node: Node) -> bool:
    """Whether an input may come as an exact fraction that arithmetic takes as a number."""
    return isinstance(node, Path) and node.type.kind is Kind.NUMBER and node.type.scale == QUOTIENT_SCALE


Values: TypeAlias = Mapping[Node, Scalar]
