"""Approvals: their steps, who may act, what is asked for, and what happens when nobody does."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from engine.compile.part import Part, Word
from engine.compile.paths import checked_path, walk_path
from engine.compile.scope import AppScope, parse, parse_condition
from engine.expressions.tree import Expr
from engine.expressions.types import TEXT, reference
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


def compile_approval(scope: AppScope, part: Part, transitions: Mapping[str, Part]) -> Approval:
    """The approval of a state."""
    initiator, superior = _initiator(scope, part)
    return Approval(
        steps=tuple(_step(scope, id, each) for id, each in part.parts("steps")),
        nobody=_nobody(scope, part),
        outcome=_outcome(scope, part, transitions),
        initiator=initiator,
        superior=superior,
        again=part.text("same_person_again", "always"),
        resubmit=part.text("resubmit", "ask"),
        copies=people(scope, part, "copies", sets=True),
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
    found = who_of(scope, part.get("nobody"), part.path_of("nobody"))
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


def _step(scope: AppScope, id: str, part: Part) -> Step:
    who = people(scope, part, "who", sets=True)
    if not who:
        part.problem("D204", "who", "nobody decides this step", "write who: [{role: …}]")
    decide, need, share = _decide(part)
    edit, required = _fields(scope, part)
    return Step(
        id=id,
        label=part.label("label", id),
        who=who,
        condition=parse_condition(part.word("if"), scope),
        decide=decide,
        stage=part.number("stage"),
        need=need,
        share=share,
        demands=demands(scope, part.part("demands")),
        edit=edit,
        required=required,
        deadlines=tuple(_deadline(scope, id, each) for id, each in part.parts("deadlines")),
        copies=people(scope, part, "copies", sets=True),
    )


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


def _deadline(scope: AppScope, id: str, part: Part) -> Deadline:
    amount, _, unit = part.text("after").partition(" ")
    if not amount.isdigit() or unit not in HOURS:
        part.problem("D609", "after", f"{got(part.text('after'))} is no time", "write 8 work_hours, 24 hours or 2 days")
        amount, unit = "1", "hours"
    factor, worked = HOURS[unit]
    act = part.text("do", "remind")
    to = people(scope, part, "to", sets=True)
    if act == "escalate" and not to:
        part.problem("D204", "to", "nobody to escalate to", "write to: [{role: …}]")
    return Deadline(id=id, hours=int(amount) * factor, worked=worked, act=act, to=to)


def people(scope: AppScope, part: Part, key: str, *, sets: bool = False) -> tuple[Who, ...]:
    """Those who may act: a role, or a list of roles and blocks; ``sets``: one entry may give several members."""
    node = part.get(key)
    items = node.items if isinstance(node, Items) else [node] if isinstance(node, Scalar) else []
    found = (who_of(scope, item, part.path_of(key), sets=sets) for item in items)
    return tuple(who for who in found if who is not None)


def who_of(scope: AppScope, node: Node | None, path: str, *, sets: bool = False) -> Who | None:
    """Someone who may act: a role id, or a block with role, field, member or chosen."""
    if isinstance(node, Scalar):
        return _role(scope, Word(node.text, node.place, path))
    if not isinstance(node, Block):
        return None
    part = Part(node, path, scope.bench.problems)
    role, field, member = part.word("role"), part.word("field"), part.word("member")
    if part.flag("chosen"):
        known = _role(scope, role) if role else None
        return Who(kind="chosen", role=known.role if known else "")
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
