"""Documents in motion: workflow, approval, drawing from one another, and what a transition posts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from engine.expressions.tree import Expr, Rows
from engine.model.words import Message, Text, nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """People who may act: ``kind`` is ``role`` (id), ``field`` (path to a member field) or ``member`` (expression).

    In approvals besides: ``chosen`` (whom the initiator names, from ``role`` if given), ``initiator`` (who sent it),
    ``person`` (who logs in by ``name``), ``asked`` (whose say a deadline is about), and for ``nobody`` also
    ``approve`` and ``reject``. With ``along`` those above are meant: from the member on along that field of members,
    at most ``levels`` of them.
    """

    kind: str
    role: str = ""
    name: str = ""
    expr: Expr | None = None
    along: str = ""
    levels: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a transition or a step asks for: ``note``, ``photo``, ``scan``, ``signature``, ``file`` or ``field``.

    ``count`` and ``expr`` qualify it.
    """

    kind: str
    count: int = 1
    field: str = ""
    expr: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """What happens to a say that is late: after ``hours`` (``worked``: of working time) ``act`` is done.

    Instead of hours it may count ``days`` worked, or be over with the date (or at the moment) that ``at`` gives.
    ``act``: ``remind``, ``approve``, ``reject`` or ``escalate`` (to ``to``, who then may say it too).
    """

    id: str
    hours: int
    worked: bool
    act: str
    to: tuple[Who, ...] = ()
    days: int = 0
    at: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One approval step; passed over when ``condition`` is false.

    ``decide``: ``any``, ``all``, ``in_turn``, ``random`` (one of them, drawn by lot), ``at_least`` (``need`` says) or
    ``share`` (``share`` of them, 0 to 1). ``handled``: something is to be done, which nobody refuses. ``waits``: nobody
    is asked; it goes on when its only deadline is over.
    ``demands``: what each approval of this step brings along; ``edit`` and ``required``: fields (paths) that may, and
    must, be filled in with it. ``copies``: who is told when the document comes to this step.
    """

    id: str
    label: Text
    who: tuple[Who, ...]
    condition: Expr | None = None
    decide: str = "any"
    stage: int = 0
    need: int = 0
    share: Decimal = Decimal(0)
    demands: tuple[Demand, ...] = ()
    edit: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    copies: tuple[Who, ...] = ()
    handled: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Steps in order of stage; ``outcome`` maps ``approved`` / ``refused`` / ``returned`` to transition ids.

    ``initiator``: what happens where who asks would decide: ``self`` (may), ``skip`` (passed over) or ``superior``
    (those above along ``superior``, a field of members). ``again``: whether who has approved is asked again:
    ``always``, ``once`` (no), ``next_only`` (not in the very next step). ``resubmit``: after a return ``walk_again``,
    ``straight_back`` to who returned it, or ``ask`` (who returns says which). ``copies``: who is told of the end.
    ``urged``: so many hours have to pass before who sent it may urge again.
    """

    steps: tuple[Step, ...]
    nobody: Who
    outcome: Mapping[str, str]
    initiator: str = "self"
    superior: str = ""
    again: str = "always"
    resubmit: str = "ask"
    copies: tuple[Who, ...] = ()
    urged: int = 1


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
class Transition:
    """A way from states to a state. ``by`` empty = only the approval takes it.

    ``posts``: id of the posting set to run (its own id unless said). ``reverses``: transitions whose moves are
    countered. ``kind``: ``forward``, ``back`` or ``cancel``. ``unsaid``: only while nobody has spoken in the approval.
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
    unsaid: bool = False


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
    """Fill from a structure: of ``product``, ``quantity``, valid ``at`` a date; ``where`` filters its lines.

    ``upon`` a transition where there are no lines yet; ``renew``: transitions that put new ones in their place.
    """

    structure: str
    product: Expr
    quantity: Expr
    at: Expr
    where: Expr | None = None
    upon: str = ""
    renew: tuple[str, ...] = ()
    fill: Mapping[str, Expr] = field(default_factory=nothing)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Lines filled, ``upon`` a transition, from lines (of ``entity``) of the record that ``steps`` lead to from the
    document; ``where`` filters them, ``fill`` and ``where`` stand on the line copied."""

    entity: str
    steps: tuple[str, ...]
    upon: str
    where: Expr | None
    fill: Mapping[str, Expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What a posting could not add in full is added as more arrives, to rows that still meet ``condition``, in the
    order of ``order``."""

    condition: Expr
    order: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Fits:
    """What the row that is posted demands of a balance. ``that`` and ``say`` stand on the balance and know the row as
    ``this``; ``given``: each path from ``this`` that they read, as an expression on the row."""

    that: Expr
    say: Message
    given: Mapping[str, Expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One entry of a transition's posting set; run in order, guards judge the end.

    ``verb``: add, take, returns, revalue. ``each``: lines field ("" = once for the header). All expressions stand on
    the line (or header). ``amounts``: resource id → expression (``all`` = everything there, as ``None``).
    ``source``: id of the posting whose moves this one carries on (``from:``). ``at``: dimension id → expression, all
    dimensions bound by the compiler. ``allocate``: allocation id expression. ``spread``: dimension id with first and
    last day. ``short``: what a take does when balances do not suffice: ``refuse``, ``drop`` or dimension values to
    book the rest on. ``returns``: path ``source line → posting`` whose moves come back. ``of``: rows whose moves a
    ``revalue`` corrects, with the posting id. ``upto``: what all rows with the same dimensions may add together, first
    come first served; ``later``: who gets what becomes free afterwards.
    ``fits``: which balances a take may use, whoever names them.
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
    upto: Expr | None = None
    later: Later | None = None
    fits: Fits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """Lines filled, ``upon`` a transition, from the genealogy of the record that field ``start`` names: one line for
    each record of ``entity`` found in ``direction``; ``fill`` stands on it and knows ``traced`` (how much reached it)
    and ``traced_from`` (what that came out of)."""

    start: str
    direction: str
    entity: str
    upon: str
    fill: Mapping[str, Expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allot:
    """Lines split ``upon`` transitions over the balances which ``posting`` (of set ``posts``) would take from;
    dimension ``dimension`` of each balance is written into field ``into``."""

    posts: str
    posting: str
    dimension: str
    into: str
    upon: tuple[str, ...]
