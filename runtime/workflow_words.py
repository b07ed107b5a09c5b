"""Workflows as sentences one can read aloud: who takes a step, when he may, what it asks for and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.model import Approval, Deadline, Demand, Entity, Posting, Rule, State, Step, Transition, Who, Workflow
from runtime.context import RunContext
from runtime.permissions import may_see
from runtime.rules_words import Sentences

DEMANDS: Mapping[str, tuple[str, str]] = {
    "note": ("写说明", "a note"),
    "photo": ("拍照", "a photo"),
    "scan": ("扫码", "a scan"),
    "signature": ("手写签名", "a signature"),
    "file": ("附文件", "a file"),
}
OUTCOMES: Mapping[str, tuple[str, str]] = {
    "approved": ("审批通过", "is approved"),
    "refused": ("审批被驳回", "is refused"),
    "returned": ("审批被退回", "is returned"),
}
VERBS: Mapping[str, tuple[str, str]] = {
    "add": ("增加", "goes up"),
    "take": ("减少", "goes down"),
    "returns": ("退回", "comes back"),
    "revalue": ("调整金额", "is valued anew"),
}
STARTERS: Mapping[str, tuple[str, str]] = {
    "skip": ("发起人自己是审批人时跳过", "a step that would ask the initiator himself is passed over"),
    "superior": ("发起人自己是审批人时由上级审批", "where the initiator would decide, those above him do"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSaid:
    """A step of an approval: its number among the stages, who decides and how many of them, and when it is asked."""

    id: str
    number: int
    label: str
    who: str
    way: str
    condition: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSaid:
    """A state: what may still be changed in it, the steps of its approval, and what holds for all of them."""

    id: str
    label: str
    edit: tuple[str, ...]
    steps: tuple[StepSaid, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaySaid:
    """A transition. ``who`` is empty where nobody takes it by hand; ``demands`` are kinds with their words."""

    id: str
    label: str
    kind: str
    origins: tuple[str, ...]
    target: str
    who: str
    condition: str
    demands: tuple[tuple[str, str], ...]
    rules: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A whole workflow in words."""

    states: tuple[StateSaid, ...]
    ways: tuple[WaySaid, ...]


def say_workflow(ctx: RunContext, entity: Entity) -> Told:
    """Every state and every transition of an entity in the reader's language."""
    assert entity.workflow is not None
    speaker = _Speaker(ctx, entity, entity.workflow)
    return Told(
        states=tuple(speaker.state(state) for state in entity.workflow.states.values()),
        ways=tuple(speaker.way(transition) for transition in entity.workflow.transitions.values()),
    )


class _Speaker:
    """Says one workflow in one language."""

    def __init__(self, ctx: RunContext, entity: Entity, workflow: Workflow) -> None:
        self.ctx = ctx
        self.entity = entity
        self.workflow = workflow
        self.words = Sentences(ctx)
        self.t = self.words.t

    # --- people --------------------------------------------------------------------------------------------------

    def people(self, who: Iterable[Who]) -> str:
        """Those who may, as alternatives."""
        return self.t("或", " or ").join(dict.fromkeys(self.person(one) for one in who))

    def person(self, who: Who) -> str:
        """One kind of people."""
        role = self.ctx.app.model.roles.get(who.role)
        named = role.label.get(self.ctx.language) if role else ""
        if who.kind == "role":
            return named
        if who.kind == "chosen":
            among = self.t(f"（从{named}中选）", f" (from {named})") if named else ""
            return self.t(f"发起人选的人{among}", f"whom the initiator names{among}")
        if who.kind == "person":
            return who.name
        if who.kind in ("approve", "reject"):
            return self.t(*{"approve": ("自动通过", "approved"), "reject": ("自动驳回", "refused")}[who.kind])
        known = {"initiator": ("发起人", "who sent it"), "asked": ("超时未处理的人", "whoever is late")}
        named = self.t(*known[who.kind]) if who.kind in known else ""
        asked = self.words.words(who.expr) if who.expr is not None else named
        if not who.along:
            return asked
        most = self.t(f"（至多 {who.levels} 级）", f" (up to {who.levels})") if who.levels > 1 else ""
        return self.t(f"{asked}的上级{most}", f"those above {asked}{most}")

    # --- states --------------------------------------------------------------------------------------------------

    def state(self, state: State) -> StateSaid:
        """A state with its approval."""
        approval = state.approval
        return StateSaid(
            id=state.id,
            label=state.label.get(self.ctx.language),
            edit=() if state.start else tuple(self.field(path) for path in state.edit),
            steps=tuple(self.steps(approval)) if approval else (),
            notes=tuple(self.notes(approval)) if approval else (),
        )

    def field(self, path: str) -> str:
        """What people call a field, also one of the lines."""
        entity, words = self.entity, []
        for name in path.split("."):
            found = entity.fields.get(name)
            if found is None:
                return path
            words.append(found.label.get(self.ctx.language))
            if found.lines:
                entity = self.ctx.app.model.entities[found.lines]
        return self.t("的", " ").join(words)

    def steps(self, approval: Approval) -> Iterator[StepSaid]:
        """The steps in order; those of one stage carry one number and are asked at once."""
        stages = sorted({step.stage for step in approval.steps})
        for step in approval.steps:
            yield self.step(step, stages.index(step.stage) + 1)

    def step(self, step: Step, number: int) -> StepSaid:
        """One step: who, how many of them, when it is asked, what it asks for, what happens when it is late."""
        label, who, way = step.label.get(self.ctx.language), self.people(step.who), self.way_of(step)
        asked = self.words.words(step.condition) if step.condition is not None else ""
        parts = [
            self.asks(step, label, who, way),
            self.t(f"{asked} 时才需要", f"asked only if {asked}") if asked else "",
            *(self.t(f"要{zh}", f"it takes {en}") for zh, en in map(self.demand, step.demands)),
            *self.filled(step),
            *(self.late(one) for one in step.deadlines if not step.waits),
            self.told(step.copies) if step.copies else "",
        ]
        sentence = self.t("；", "; ").join(p for p in parts if p)
        return StepSaid(
            id=step.id, number=number, label=label, who=who, way=way, condition=asked, sentence=f"{sentence}{self.stop}"
        )

    def asks(self, step: Step, label: str, who: str, way: str) -> str:
        """Whom a step asks for what."""
        if step.waits:
            span = self.span(step.deadlines[0])
            return self.t(f"{label}：等待 {span}，不用审批", f"{label}: waits {span}, nobody is asked")
        if step.handled:
            return self.t(f"{label}：{who}办理，{way}", f"{label}: {who} do it, {way}")
        return self.t(f"{label}：{who}审批，{way}", f"{label}: {who} decide, {way}")

    def way_of(self, step: Step) -> str:
        """How many of those asked have to agree."""
        if step.decide == "at_least":
            return self.t(f"至少 {step.need} 人同意", f"at least {step.need} of them have to agree")
        if step.decide == "share":
            share = f"{(step.share * 100).normalize():f}%"
            return self.t(f"至少 {share} 的人同意", f"at least {share} of them have to agree")
        ways = {
            "any": ("任一人同意即可", "one of them is enough"),
            "all": ("所有人都要同意", "all of them have to agree"),
            "in_turn": ("按顺序逐个同意", "one after another"),
            "random": ("随机一人", "one of them by lot"),
        }
        return self.t(*ways[step.decide])

    def filled(self, step: Step) -> Iterator[str]:
        """Fields that may or must be filled in with a decision."""
        for paths, zh, en in (
            (step.required, "要填", "has to be filled in with it"),
            (step.edit, "可以改", "may be changed"),
        ):
            names = self.t("、", ", ").join(self.field(path) for path in paths)
            if names:
                yield self.t(f"{zh}{names}", f"{names} {en}")

    def told(self, copies: tuple[Who, ...]) -> str:
        """Who is told when the document comes to a step."""
        whom = self.people(copies)
        return self.t(f"到这一步时抄送{whom}", f"{whom} are told when it comes here")

    def span(self, one: Deadline) -> str:
        """A time as people say it."""
        if one.days:
            return self.t(f"{one.days} 个工作日", f"{one.days} working days")
        zh = f"{one.hours} 个工作小时" if one.worked else f"{one.hours} 小时"
        return self.t(zh, f"{one.hours} {'working ' * one.worked}hours")

    def late(self, one: Deadline) -> str:
        """What happens to a decision that is late."""
        to, act = one.to, one.act
        acts = {
            "remind": self.t("就提醒", "a reminder goes out"),
            "approve": self.t("就自动通过", "it is approved"),
            "reject": self.t("就自动驳回", "it is refused"),
            "escalate": self.t(f"就再请{self.people(to)}审批", f"{self.people(to)} may decide too"),
        }
        if one.at is not None:
            day = self.words.words(one.at)
            return self.t(f"到{day}还没有处理，{acts[act]}", f"without a decision by {day} {acts[act]}")
        span = self.span(one)
        return self.t(f"超过 {span}没有处理，{acts[act]}", f"after {span} without a decision {acts[act]}")

    def notes(self, approval: Approval) -> Iterator[str]:
        """What holds for all steps of an approval."""
        nobody = self.person(approval.nobody)
        if approval.nobody.kind in ("approve", "reject"):
            yield self.t(f"找不到审批人时{nobody}。", f"Where nobody can be found, it is {nobody}.")
        else:
            yield self.t(f"找不到审批人时由{nobody}审批。", f"Where nobody can be found, {nobody} decides.")
        if approval.initiator in STARTERS:
            yield _upper(self.t(*STARTERS[approval.initiator])) + self.stop
        if approval.urged != 1:
            yield self.t(
                f"发起人每 {approval.urged} 小时可催办一次。", f"It may be urged every {approval.urged} hours."
            )
        if approval.copies:
            whom = self.people(approval.copies)
            yield self.t(f"结束后抄送{whom}。", f"Its end is copied to {whom}.")

    # --- transitions ---------------------------------------------------------------------------------------------

    @property
    def stop(self) -> str:
        """The end of a sentence."""
        return self.t("。", ".")

    def way(self, way: Transition) -> WaySaid:
        """A transition with its sentence."""
        condition = self.words.words(way.condition) if way.condition is not None else ""
        demands = tuple((d.kind, self.t(*self.demand(d))) for d in way.demands)
        rules = tuple(self.rules(way))
        return WaySaid(
            id=way.id,
            label=way.label.get(self.ctx.language),
            kind=way.kind,
            origins=way.origins,
            target=way.target,
            who=self.people(way.by),
            condition=condition,
            demands=demands,
            rules=tuple(rule.id for rule in rules),
            sentence=self.sentence(way, condition, demands, rules),
        )

    def demand(self, demand: Demand) -> tuple[str, str]:
        """What is asked for, in both languages."""
        if demand.kind == "field":
            name = self.field(demand.field)
            return f"填写{name}", name
        zh, en = DEMANDS[demand.kind]
        return (f"{zh} {demand.count} 张", f"{demand.count} photos") if demand.count > 1 else (zh, en)

    def sentence(
        self, way: Transition, condition: str, demands: tuple[tuple[str, str], ...], rules: tuple[Rule, ...]
    ) -> str:
        """When, from where to where, on what condition, what it takes, what is booked and what rules then do."""
        asked = self.t("、", ", ").join(words for _, words in demands)
        parts = [
            f"{self.cause(way)}{self.t('，', ', ')}{self.move(way)}",
            self.t(f"前提是 {condition}", f"provided that {condition}") if condition else "",
            self.t("只在还没有人审批时", "only while nobody has decided") if way.unsaid else "",
            self.t(f"同时要{asked}", f"it takes {asked}") if asked else "",
            self.undone(way),
            self.booked(way),
            *(self.t(f"随后{self.words.actions(rule)}", f"then {self.words.actions(rule)}") for rule in rules),
        ]
        return self.t("；", "; ").join(p for p in parts if p) + self.stop

    def cause(self, way: Transition) -> str:
        """Who or what sets it going."""
        thing, name = self.words.label(self.entity.id), way.label.get(self.ctx.language)
        if way.by:
            who = self.people(way.by)
            return self.t(f"当{who}对{thing}“{name}”时", f"When {who} takes “{name}” on {_article(thing)}")
        ends = [end for end in self.ends(way.id) if end in OUTCOMES]
        if not ends:
            return self.t(f"当{thing}自动“{name}”时", f"When “{name}” is taken on {_article(thing)} by itself")
        said = [self.t(*OUTCOMES[end]) for end in ends]
        return self.t(
            f"当{thing}{'或'.join(said)}（“{name}”）时", f"When {_article(thing)} {' or '.join(said)} (“{name}”)"
        )

    def ends(self, transition: str) -> list[str]:
        """The outcomes of approvals that take a transition."""
        approvals = (state.approval for state in self.workflow.states.values())
        found = (end for a in approvals if a for end, taken in a.outcome.items() if taken == transition)
        return list(dict.fromkeys(found))

    def move(self, way: Transition) -> str:
        """From which states to which."""
        states = self.workflow.states
        quoted = [f"“{states[o].label.get(self.ctx.language)}”" for o in way.origins if o in states]
        target = states[way.target].label.get(self.ctx.language)
        if way.origins == (way.target,):
            return self.t(f"它仍是“{target}”", f"it stays “{target}”")
        return self.t(f"它由{'或'.join(quoted)}变为“{target}”", f"it moves from {' or '.join(quoted)} to “{target}”")

    def undone(self, way: Transition) -> str:
        """Whose moves are countered."""
        known = self.workflow.transitions
        names = [f"“{known[name].label.get(self.ctx.language)}”" for name in way.reverses if name in known]
        told = self.t("、", ", ").join(names)
        return self.t(f"冲回{told}记的账", f"what {told} booked is taken back") if names else ""

    def booked(self, way: Transition) -> str:
        """What the ledgers make of it."""
        said = dict.fromkeys(self.posting(one) for one in self.entity.postings.get(way.posts, ()))
        return self.t("、", ", ").join(text for text in said if text)

    def posting(self, posting: Posting) -> str:
        """What one posting does to its ledger."""
        ledger = self.ctx.app.model.ledgers[posting.ledger]
        if not may_see(self.ctx, frozenset().union(*(r.secrecy for r in ledger.resources.values()))):
            return ""
        label = ledger.label.get(self.ctx.language)
        zh, en = VERBS[posting.verb]
        return self.t(f"{label}{zh}", f"{label.lower()} {en}")

    def rules(self, way: Transition) -> Iterator[Rule]:
        """Rules that wait for it."""
        for rule in self.ctx.app.model.rules.values():
            trigger = rule.trigger
            if trigger.kind == "transition" and (trigger.entity, trigger.transition) == (self.entity.id, way.id):
                yield rule


def _article(label: str) -> str:
    return f"an {label}" if label[:1] in "aeiou" else f"a {label}"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
