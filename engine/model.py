"""The compiled application: frozen objects that everything after the compiler reads.

Nothing here knows YAML. Ids are those of the template; every ``Expr`` is typed and resolved.
All defaults are filled: a reader never asks "what if it is missing".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from engine.expressions.tree import Expr, Rows
from engine.expressions.types import Type
from engine.frozen import Frozen


def _nothing() -> Mapping[str, object]:
    return Frozen({})


@dataclass(frozen=True, slots=True)
class Text:
    """A label in the languages of the app. ``str(text)`` is Chinese."""

    zh: str
    en: str

    def get(self, language: str) -> str:
        """The text in ``language`` (``zh`` or ``en``)."""
        return self.en if language == "en" else self.zh

    def __str__(self) -> str:
        return self.zh


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A text with typed values in it: literal pieces and expressions, one list per language."""

    zh: tuple[str | Expr, ...]
    en: tuple[str | Expr, ...]

    def get(self, language: str) -> tuple[str | Expr, ...]:
        """The pieces in ``language``."""
        return self.en if language == "en" else self.zh


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where something was written."""

    file: str
    line: int
    column: int
    layer: str = ""


class EntityKind(StrEnum):
    MASTER = "master"
    DOCUMENT = "document"
    LINES = "lines"  # rows of a lines field; id "owner.field"
    SETTING = "setting"  # exactly one record
    SYSTEM = "system"  # kept by the runtime (audit, task …), read only


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
    ``fixed``: "" | ``once_posted`` | ``period_start``. ``standard``: given by the entity's kind.
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
class Who:
    """People who may act: ``kind`` is ``role`` (id), ``field`` (path to a member field) or ``member`` (expression)."""

    kind: str
    role: str = ""
    expr: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One approval step; passed over when ``condition`` is false. ``decide``: ``any`` or ``all``."""

    id: str
    label: Text
    who: tuple[Who, ...]
    condition: Expr | None = None
    decide: str = "any"
    stage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Steps in order of stage; ``outcome`` maps ``approved`` / ``refused`` to transition ids."""

    steps: tuple[Step, ...]
    nobody: Who
    outcome: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """``edit``: field paths still editable (start states: everything). ``color``: tone of its chip."""

    id: str
    label: Text
    start: bool = False
    end: bool = False
    edit: tuple[str, ...] = ()
    approval: Approval | None = None
    color: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a transition asks for: ``note photo scan signature file field``; ``count``, ``expr`` qualify it."""

    kind: str
    count: int = 1
    field: str = ""
    expr: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A way from states to a state. ``by`` empty = only the approval takes it.

    ``posts``: id of the posting set to run (its own id unless said). ``reverses``: transitions whose moves are
    countered. ``kind``: ``forward``, ``back`` or ``cancel``.
    """

    id: str
    label: Text
    origins: tuple[str, ...]
    target: str
    by: tuple[Who, ...]
    condition: Expr | None
    say: Message | None
    demands: tuple[Demand, ...]
    posts: str
    reverses: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """States and transitions over the field ``status``."""

    states: Mapping[str, State]
    transitions: Mapping[str, Transition]

    @property
    def start(self) -> State:
        """The state new records begin in."""
        return next(s for s in self.states.values() if s.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How one document is drawn from another.

    ``lines_from`` / ``lines_into``: lines fields ("" = the header itself: ``single_line``). ``header_field``: field of
    the drawn header that names the source document. ``line_field``: field of the drawn line (or header) that names
    the source line.
    ``left`` / ``done``: computed fields the compiler added to the source line. ``holds`` / ``counts``: over the
    drawn header. ``tolerance``: over the drawn line. ``beyond``: ``refuse`` or ``approve``.
    """

    id: str
    label: Text
    entity: str
    origin: str
    condition: Expr | None
    required: bool
    many: bool
    header_field: str
    line_field: str
    fill: Mapping[str, Expr]
    lines_from: str
    lines_into: str
    lines_where: Expr | None
    lines_fill: Mapping[str, Expr]
    quantity: str
    left: str
    done: str
    holds: Expr | None
    counts: Expr | None
    tolerance: Expr | None
    beyond: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explode:
    """Fill from a structure: of ``product``, ``quantity``, valid ``at`` a date; ``where`` filters its lines."""

    structure: str
    product: Expr
    quantity: Expr
    at: Expr
    where: Expr | None = None
    upon: str = ""
    fill: Mapping[str, Expr] = field(default_factory=_nothing)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One entry of a transition's posting set; run in order, guards judge the end.

    ``verb``: add, take, returns, revalue. ``each``: lines field ("" = once for the header). All expressions stand on
    the line (or header). ``amounts``: resource id → expression (``all`` = everything there, as ``None``).
    ``source``: id of the posting whose moves this one carries on (``from:``). ``at``: dimension id → expression, all
    dimensions bound by the compiler. ``allocate``: allocation id expression. ``spread``: dimension id with first and
    last day. ``short``: what a take does when balances do not suffice: ``refuse``, ``drop`` or dimension values to
    book the rest on. ``returns``: path ``source line → posting`` whose moves come back. ``of``: rows whose moves a
    ``revalue`` corrects, with the posting id.
    """

    id: str
    verb: str
    ledger: str
    each: str
    condition: Expr | None
    amounts: Mapping[str, Expr | None]
    at: Mapping[str, Expr]
    kind: str
    source: str
    allocate: Expr | None
    short: str
    short_at: Mapping[str, Expr]
    spread: tuple[str, Expr, Expr] | None
    explode: Explode | None
    returns_line: Expr | None
    returns_posting: str
    of_rows: Rows | None
    of_posting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSection:
    """``kind``: ``fields`` or ``grid``. ``footer``: columns summed under a grid."""

    id: str
    kind: str
    label: Text | None
    fields: tuple[str, ...]
    lines: str = ""
    columns: int = 3
    footer: tuple[str, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    sections: tuple[FormSection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A saved way of looking. ``type``: list, board, calendar, gantt. ``sort``: (path, descending)."""

    id: str
    entity: str
    type: str
    label: Text
    where: Expr | None
    columns: tuple[str, ...]
    sort: tuple[tuple[str, bool], ...]
    filters: tuple[str, ...]
    colors: tuple[tuple[str, Expr], ...] = ()
    urgent: bool = False
    date: str = ""
    end: str = ""
    group: str = ""
    title: Message | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A table of the app. ``explode``: for a lines entity filled from a structure (on its owner)."""

    id: str
    kind: EntityKind
    label: Text
    fields: Mapping[str, Field]
    parent: str = ""
    parent_field: str = ""
    icon: str = ""
    group: str = ""
    tree: bool = False
    tree_field: str = ""  # the reference to the record above, where ``tree``
    title: tuple[str, ...] = ("code", "name")
    search: tuple[str, ...] = ()
    unique: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing)  # type: ignore[arg-type]
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing)  # type: ignore[arg-type]
    number: Numbering | None = None
    checks: tuple[Check, ...] = ()
    progress: Mapping[str, Progress] = field(default_factory=_nothing)  # type: ignore[arg-type]
    workflow: Workflow | None = None
    sources: Mapping[str, Source] = field(default_factory=_nothing)  # type: ignore[arg-type]
    postings: Mapping[str, tuple[Posting, ...]] = field(default_factory=_nothing)  # type: ignore[arg-type]
    explode: Explode | None = None
    form: Form | None = None
    views: Mapping[str, View] = field(default_factory=_nothing)  # type: ignore[arg-type]
    measured: Measured | None = None
    measuring: Measuring | None = None
    origin: Origin | None = None


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
    id: str
    label: Text
    value: Type
    optional: bool = False
    secrecy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """How a ``take`` that leaves dimensions open is spread over balances, in ``order`` (empties last).

    ``order`` entries: (expression over the balance row, descending); ``first_in`` is the special path of that name:
    age of the oldest move still there. ``share``: in proportion to this resource instead of in turn.
    """

    id: str
    label: Text
    over: tuple[str, ...]
    where: Expr | None
    order: tuple[tuple[Expr | str, bool], ...]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A "made of" relation. Expressions stand on a component line (``parent`` = its header)."""

    id: str
    label: Text
    entity: str
    makes: str
    lines: str
    uses: str
    need: Expr
    fixed: Expr | None
    step: Expr | None
    where: Expr | None
    valid_from: str
    valid_to: str
    through: Expr | None
    instead: str
    loss: str = ""
    also_lines: str = ""
    also_item: str = ""
    also_quantity: str = ""
    also_share: str = ""
    bought_cost: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFlow:
    """A demand or a supply: rows of an entity, or (``ledger``) what is there now."""

    id: str
    label: Text
    entity: str
    ledger: str
    where: Expr | None
    item: Expr | None
    quantity: Expr
    date: Expr | None
    place: Expr | None
    reserves: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggest:
    """What a planned order becomes: a document of ``draw`` with header ``fill`` and, into ``lines``, ``lines_fill``.

    Expressions stand on the plan row: fields ``item qty need_date order_date place`` and those of the item."""

    id: str
    label: Text
    condition: Expr | None
    draw: str
    lines: str
    fill: Mapping[str, Expr]
    lines_fill: Mapping[str, Expr]
    group: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    id: str
    label: Text
    structure: str
    entity: str
    where: Expr | None
    demands: Mapping[str, PlanFlow]
    supplies: Mapping[str, PlanFlow]
    keep: Expr | None
    minimum: Expr | None
    multiple: Expr | None
    order_point: Expr | None
    target: Expr | None
    group_days: int
    lead_time: Expr | None
    horizon_days: int
    suggest: Mapping[str, Suggest]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRule:
    """Which rows a role sees of ``entities`` (``ledger.<id>`` for ledgers)."""

    id: str
    entities: tuple[str, ...]
    where: Mapping[str, Expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """``can``: entity id (or ``all``) → actions (``read create change delete print export all``, own names).
    ``fields``: entity → field → ``hidden`` / ``read``. ``sees``: secrecy tags."""

    id: str
    label: Text
    sees: frozenset[str]
    can: Mapping[str, frozenset[str]]
    fields: Mapping[str, Mapping[str, str]]
    rows: tuple[RowRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPart:
    id: str
    label: Text
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A figure. ``of``: entity, ``ledger.<id>`` or ``plan.<id>`` ("" = only parts). ``value`` may name parts.

    ``trend``: points of the sparkline. ``opens``: ``view.<entity>.<id>``, ``report.<id>`` or ``plan.<id>``."""

    id: str
    label: Text
    help: Text | None
    of: str
    where: Expr | None
    parts: tuple[CardPart, ...]
    value: Expr
    unit: Text | None
    format: str
    period: str
    periods: tuple[str, ...]
    colors: tuple[tuple[str, Expr], ...]
    target: Expr | None
    better: str
    compare: str
    opens: str
    secrecy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column axis of a report: by a dimension, or in buckets of an expression with edges."""

    id: str
    label: Text
    by: str = ""
    buckets: Expr | None = None
    edges: tuple[Decimal, ...] = ()
    empty: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMeasure:
    id: str
    label: Text
    value: Expr
    secrecy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    type: str
    x: str
    y: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Grouped figures over an entity or a ledger. ``rows``: paths to group by, outer first."""

    id: str
    label: Text
    help: Text | None
    of: str
    where: Expr | None
    rows: tuple[str, ...]
    columns: tuple[Column, ...]
    measures: tuple[ReportMeasure, ...]
    filters: tuple[str, ...]
    totals: tuple[str, ...]
    chart: Chart | None
    period: str
    sort: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """``blocks``: (kind, id) with kind card, report, plan, view, tasks."""

    id: str
    label: Text
    roles: tuple[str, ...]
    blocks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintBlock:
    """``kind``: text, fields, table, signatures, qr."""

    id: str
    kind: str
    message: Message | None = None
    paths: tuple[str, ...] = ()
    lines: str = ""
    columns: int = 3
    page_totals: tuple[str, ...] = ()
    pad_rows: bool = False
    signatures: tuple[Text, ...] = ()
    qr: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A page layout. ``width`` / ``height`` in mm; ``rows`` lines a page (0 = flowing); ``copies``: names."""

    id: str
    entity: str
    label: Text
    width: int
    height: int
    rows: int
    copies: Mapping[str, Text]
    blocks: tuple[PrintBlock, ...]
    label_size: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuGroup:
    """A group of the side bar: entries are entity ids, ``ledger.<id>``, ``report.<id>`` or ``plan.<id>``."""

    id: str
    label: Text
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One table of the opening page: an entity taken as it is, or a ledger's balances at a moment."""

    id: str
    label: Text
    entity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppModel:
    """A whole application, checked and resolved. ``hash``: of all it was made from."""

    id: str
    version: str
    title: Text
    description: Text | None
    currency: str
    currency_scale: int
    timezone: str
    members: str  # entity of the people who log in
    departments: str  # entity of departments, or ""
    secrecy: Mapping[str, Text]
    entities: Mapping[str, Entity]
    ledgers: Mapping[str, Ledger]
    guards: tuple[Guard, ...]
    structures: Mapping[str, Structure]
    plans: Mapping[str, Plan]
    roles: Mapping[str, Role]
    cards: Mapping[str, Card]
    reports: Mapping[str, Report]
    dashboards: Mapping[str, Dashboard]
    prints: Mapping[str, Print]
    menu: tuple[MenuGroup, ...]
    openings: Mapping[str, Opening]
    demo: Mapping[str, str]
    order: tuple[tuple[str, str], ...]  # stored computed fields (entity, field) in dependency order
    hash: str = ""
