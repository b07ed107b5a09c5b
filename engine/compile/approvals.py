"""Approvals: their steps, who may act, what is asked for, and what happens when nobody does."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from engine.compile.part import Part, Word
from engine.compile.paths import checked_path, walk_path
from engine.compile.scope import AppScope, parse, parse_condition
from engine.expressions.tree import Expr
from engine.expressions.types import TEXT, Kind, reference
from engine.frozen import Frozen
from engine.model import Approval, Deadline, Demand, Step, Who
from engine.problems import did_you_mean, got
from engine.yaml_source import Block, Items, Node, Scalar

OUTCOMES: Mapping[str, str] = Frozen({"approved": "approve", "refused": "reject", "returned": "return"})
NEEDED = ("approved", "refused")
NOBODY = ("approve", "reject")
HOURS: Mapping[str, tuple[int, bool]] = Frozen(
    {
        "hour": (1, False),
        "hours": (1, False),
        "day": (24, False),
        "days": (24, False),
        "work_hour": (1, True),
        "work_hours": (1, True),
    }
)
WORK_DAYS = ("work_day", "work_days")
ONLY_ASKED = ("chosen", "initiator", "person", "asked")
"""People whom only an approval can name."""
WAIT = "wait"


def compile_approval(scope: AppScope, part: Part, transitions: Mapping[str, Part]) -> Approval:
    """The approval of a state."""
    initiator, superior = _initiator(scope, part)
    return Approval(
        steps=_steps(scope, part),
        nobody=_nobody(scope, part),
        outcome=_outcome(scope, part, transitions),
        initiator=initiator,
        superior=superior,
        again=part.text("same_person_again", "always"),
        resubmit=part.text("resubmit", "ask"),
        copies=people(scope, part, "copies", sets=True),
        urged=_span(part, "urge_again")[0] if part.has("urge_again") else 1,
    )


def _initiator(scope: AppScope, part: Part) -> tuple[str, str]:
    """What happens where the initiator would decide; a field of members means those above."""
    word = part.word("initiator_is_approver")
    if word is None or word.text in ("self", "skip"):
        return (word.text if word else "self"), ""
    return "superior", _along(scope, word)


def _along(scope: AppScope, word: Word) -> str:
    """A field of members that names another member."""
    members = scope.bench.members
    if not members:
        scope.bench.problems.add(
            "D607", word.place, word.path, "the app has no members", "write members: and an entity"
        )
        return ""
    found = walk_path(scope.bench, members, word)
    if found is None:
        return ""
    steps, info = found
    if len(steps) > 1 or info.type.targets != (members,):
        what = f"{got(word.text)} does not lead from a member to a member"
        scope.bench.problems.add("D607", word.place, word.path, what, f"name a member field of {members}")
        return ""
    return steps[0]


def _nobody(scope: AppScope, part: Part) -> Who:
    written = part.text("nobody")
    if written in NOBODY:
        return Who(kind=written)
    found = who_of(scope, part.get("nobody"), part.path_of("nobody"), asks=True)
    if found is None and not part.has("nobody"):
        part.problem("D204", "", "key nobody is missing", "say who decides when nobody is found")
    return found or Who(kind="role")


def _outcome(scope: AppScope, part: Part, transitions: Mapping[str, Part]) -> Mapping[str, str]:
    outcome: dict[str, str] = {}
    written = part.part("outcome")
    for key, usual in OUTCOMES.items():
        word = written.word(key) if written else None
        id = word.text if word else usual
        if id in transitions:
            outcome[key] = id
        elif word or key in NEEDED:
            place = word.place if word else part.place
            path = word.path if word else part.path
            remedy = did_you_mean(id, transitions)
            scope.bench.problems.add("D604", place, path, f"{key}: there is no transition {got(id)}", remedy)
    return Frozen(outcome)


def _steps(scope: AppScope, part: Part) -> tuple[Step, ...]:
    parts = dict(part.parts("steps"))
    return tuple(_step(scope, id, each, parts) for id, each in parts.items())


def _step(scope: AppScope, id: str, part: Part, all: Mapping[str, Part]) -> Step:
    who = people(scope, part, "who", sets=True)
    if not who and not part.has(WAIT):
        part.problem("D204", "who", "nobody decides this step", "write who: [{role: …}]")
    decide, need, share = _decide(part)
    edit, required = _fields(scope, part)
    return Step(
        id=id,
        label=part.label("label", id),
        who=who,
        condition=_condition(scope, part, all),
        decide=decide,
        stage=part.number("stage"),
        need=need,
        share=share,
        demands=demands(scope, part.part("demands")),
        edit=edit,
        required=required,
        deadlines=_deadlines(scope, part),
        copies=people(scope, part, "copies", sets=True),
        handled=part.flag("handle"),
        waits=part.has(WAIT),
    )


def _condition(scope: AppScope, part: Part, all: Mapping[str, Part]) -> Expr | None:
    """When a step is asked; the default of branches: when the condition of none of them holds."""
    others = []
    for named in part.words("otherwise"):
        condition = all[named.text].word("if") if named.text in all else None
        if condition is None:
            what = f"{got(named.text)} is no step with a condition"
            known = [id for id, each in all.items() if each.has("if")]
            scope.bench.problems.add("D304", named.place, named.path, what, did_you_mean(named.text, known))
            return None
        others.append(condition)
    own = part.word("if")
    if not others:
        return parse_condition(own, scope)
    texts = [f"not ({each.text})" for each in others] + ([f"({own.text})"] if own else [])
    return parse_condition(Word(" and ".join(texts), others[0].place, others[0].path), scope)


def _deadlines(scope: AppScope, part: Part) -> tuple[Deadline, ...]:
    """What happens when a say is late; a step that waits goes on when its time is over."""
    if not part.has(WAIT):
        return tuple(_deadline(scope, id, each) for id, each in part.parts("deadlines"))
    hours, worked, days = _span(part, WAIT)
    return (Deadline(id=WAIT, hours=hours, worked=worked, days=days, act="approve"),)


def _decide(part: Part) -> tuple[str, int, Decimal]:
    """How many says decide: a word, or a block with ``at_least`` or ``share``."""
    block = part.part("decide")
    if block is None:
        return part.text("decide", "any"), 0, Decimal(0)
    if block.has("at_least"):
        return "at_least", max(block.number("at_least"), 1), Decimal(0)
    share = _percent(block.text("share"))
    if share is None:
        block.problem("D608", "share", f"{got(block.text('share'))} is no share", "write 60 %, or at_least: 2")
        return "all", 0, Decimal(0)
    return "share", 0, share


def _percent(text: str) -> Decimal | None:
    digits = text.removesuffix("%").strip()
    if not digits.replace(".", "", 1).isdigit():
        return None
    share = Decimal(digits) / 100 if text.endswith("%") else Decimal(digits)
    return share if 0 < share <= 1 else None


def _fields(scope: AppScope, part: Part) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fields that an approver may fill in, and those he must."""
    edit, required = [], []
    for id, word in part.pairs("fields"):
        path = checked_path(scope.bench, scope.root_entity, Word(id, word.place, word.path))
        if path:
            edit.append(path)
        if path and word.text == "required":
            required.append(path)
    return tuple(edit), tuple(required)


def _span(part: Part, key: str) -> tuple[int, bool, int]:
    """A time as people write it: hours, whether they are worked, days worked."""
    amount, _, unit = part.text(key).partition(" ")
    if not amount.isdigit() or unit not in (*HOURS, *WORK_DAYS):
        part.problem("D609", key, f"{got(part.text(key))} is no time", "write 8 work_hours, 24 hours or 2 days")
        return 1, False, 0
    if unit in WORK_DAYS:
        return 0, True, int(amount)
    factor, worked = HOURS[unit]
    return int(amount) * factor, worked, 0


def _at(scope: AppScope, part: Part) -> Expr | None:
    """The date by which, or the moment at which, something is due."""
    word = part.word("at")
    expr = parse(word, scope) if word is not None else None
    if expr is not None and expr.type.kind not in (Kind.DATE, Kind.MOMENT):
        part.problem("D609", "at", f"{got(part.text('at'))} is no date", "name a field or formula that gives one")
        return None
    return expr


def _deadline(scope: AppScope, id: str, part: Part) -> Deadline:
    hours, worked, days = (0, False, 0) if part.has("at") else _span(part, "after")
    act = part.text("do", "remind")
    to = people(scope, part, "to", sets=True)
    if act == "escalate" and not to:
        part.problem("D204", "to", "nobody to escalate to", "write to: [{role: …}]")
    at = _at(scope, part) if part.has("at") else None
    return Deadline(id=id, hours=hours, worked=worked, days=days, at=at, act=act, to=to)


def people(scope: AppScope, part: Part, key: str, *, sets: bool = False) -> tuple[Who, ...]:
    """Those who may act: a role, or a list of roles and blocks; ``sets``: one entry may give several members."""
    node = part.get(key)
    items = node.items if isinstance(node, Items) else [node] if isinstance(node, Scalar) else []
    found = (who_of(scope, item, part.path_of(key), sets=sets, asks=sets) for item in items)
    return tuple(who for who in found if who is not None)


def who_of(scope: AppScope, node: Node | None, path: str, *, sets: bool = False, asks: bool = False) -> Who | None:
    """Someone who may act: a role id, or a block with role, field or member; ``asks``: or whom only approvals name."""
    if isinstance(node, Scalar):
        return _role(scope, Word(node.text, node.place, path))
    if not isinstance(node, Block):
        return None
    part = Part(node, path, scope.bench.problems)
    role, field, member = part.word("role"), part.word("field"), part.word("member")
    beyond = next((key for key in ONLY_ASKED if part.has(key)), "")
    if beyond and not asks:
        part.problem("D204", beyond, f"{beyond} is for approvals only", "name a role, a field or a member")
        return None
    if beyond:
        return _asked_only(scope, part, beyond)
    if role is not None:
        return _role(scope, role)
    word = field or member
    if word is None:
        part.problem("D204", "", "neither role, field, member nor chosen", "write one of them")
        return None
    if field is not None and walk_path(scope.bench, scope.root_entity, field) is None:
        return None
    expr = _member(scope, word, sets=sets)
    if expr is None:
        return None
    along = part.word("along")
    above = _along(scope, along) if along else ""
    return Who(kind="field" if field else "member", expr=expr, along=above, levels=max(part.number("levels", 1), 1))


def _asked_only(scope: AppScope, part: Part, kind: str) -> Who:
    """People whom only an approval can name; some of them stand for those above them."""
    role, along = part.word("role"), part.word("along")
    known = _role(scope, role) if role else None
    return Who(
        kind=kind,
        role=known.role if known else "",
        name=part.text("person"),
        along=_along(scope, along) if along else "",
        levels=max(part.number("levels", 1), 1),
    )


def _member(scope: AppScope, word: Word, *, sets: bool) -> Expr | None:
    """What gives a member; with ``sets`` several, too."""
    members = scope.bench.members
    if not sets or not members:
        return parse(word, scope, reference(members) if members else None)
    expr = parse(word, scope)
    if expr is not None and expr.type.targets != (members,):
        what = f"{got(word.text)} gives no {members}"
        scope.bench.problems.add("D607", word.place, word.path, what, f"name a field that leads to {members}")
        return None
    return expr


def _role(scope: AppScope, word: Word) -> Who | None:
    roles = scope.bench.root.part("roles")
    known = list(roles.block.entries) if roles else []
    if word.text not in known:
        scope.bench.problems.add(
            "D304", word.place, word.path, f"unknown role {got(word.text)}", did_you_mean(word.text, known)
        )
        return None
    return Who(kind="role", role=word.text)


def demands(scope: AppScope, part: Part | None) -> tuple[Demand, ...]:
    """What is asked for: note, photo, file, signature, a scan, fields."""
    if part is None:
        return ()
    done = []
    for kind in ("note", "photo", "file", "signature"):
        text = part.text(kind)
        if text and text != "false":
            done.append(Demand(kind=kind, count=int(text) if text.isdigit() else 1))
    scan = part.word("scan")
    if scan is not None:
        done.append(Demand(kind="scan", expr=parse(scan, scope, TEXT)))
    done.extend(_demanded_fields(scope, part))
    return tuple(done)


def _demanded_fields(scope: AppScope, part: Part) -> list[Demand]:
    done = []
    for word in part.words("fields"):
        if walk_path(scope.bench, scope.root_entity, word):
            done.append(Demand(kind="field", field=word.text))
    for id, word in part.pairs("fields"):
        named = Word(id, word.place, word.path)
        if walk_path(scope.bench, scope.root_entity, named):
            expr: Expr | None = None if word.text == "true" else parse_condition(word, scope)
            done.append(Demand(kind="field", field=id, expr=expr))
    return done
