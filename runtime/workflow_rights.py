"""Why a transition may be taken now, or why not: the person, the state, the condition, what it asks for.

Nothing is written here; every answer is data, so that the page can show it and the door can refuse with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.expressions.functions import WORKING_DAYS
from engine.expressions.tree import Aggregate, Balance, Clock, Expr, Node, Path
from engine.model import Entity, Transition, Who, Workflow
from runtime.context import RunContext
from runtime.errors import Conflict, Fault, Forbidden, NotFound
from runtime.messages import fault, say
from runtime.permissions import ALL, label_of
from runtime.record_inputs import Workspace
from runtime.record_texts import record_title, render, value_text
from runtime.task_spoken import spoken

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a transition asks for: its kind, the field it is about, how many, and the field's label."""

    kind: str
    field: str = ""
    count: int = 1
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A transition the person may take from here; ``refused_because`` says what stands in the way right now."""

    id: str
    label: str
    kind: str
    demands: tuple[Asked, ...]
    refused_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing looked at: ``state who condition``; whether it holds; the sentence; the values it was judged by."""

    kind: str
    holds: bool
    message: str
    steps: tuple[tuple[str, str], ...] = ()


def workflow_of(ctx: RunContext, entity: str) -> Workflow:
    """The workflow of an entity; an entity without one has no transitions to take."""
    found = ctx.app.model.entities.get(entity)
    if found is None or found.workflow is None:
        raise NotFound(fault(ctx, "no_workflow", label=label_of(ctx, entity)))
    return found.workflow


def transition_of(ctx: RunContext, entity: str, transition: str) -> Transition:
    """A transition by its id."""
    workflow = workflow_of(ctx, entity)
    if transition not in workflow.transitions:
        known = ", ".join(workflow.transitions)
        raise NotFound(fault(ctx, "no_transition", label=label_of(ctx, entity), given=transition[:60], known=known))
    return workflow.transitions[transition]


def may_take(ctx: RunContext, at: Workspace, entity: str, transition: Transition, records: Sequence[Row]) -> list[bool]:
    """Whether the acting person is one of those the transition names, for each record."""
    if ctx.user.is_system or (transition.by and may_all(ctx)):
        return [True] * len(records)
    each = [_is(ctx, at, entity, who, records) for who in transition.by]
    return [any(column) for column in zip(*each, strict=True)] if each else [False] * len(records)


def may_all(ctx: RunContext) -> bool:
    """Whether a role of the person may do everything with everything."""
    roles = ctx.app.model.roles
    return any(ALL in roles[r].can.get(ALL, frozenset()) for r in ctx.user.roles if r in roles)


def _is(ctx: RunContext, at: Workspace, entity: str, who: Who, records: Sequence[Row]) -> list[bool]:
    if who.kind == "role":
        return [who.role in ctx.user.roles] * len(records)
    member = ctx.user.member
    if who.expr is None or member is None:
        return [False] * len(records)
    return [
        member in value if isinstance(value, tuple) else value == member
        for value in at.evaluate(who.expr, records, None, entity)
    ]


def state_fault(ctx: RunContext, entity: Entity, transition: Transition, record: Row) -> Fault:
    """Why the record's state does not allow it."""
    states = entity.workflow.states if entity.workflow else {}
    state = states.get(record["status"])
    return fault(
        ctx,
        "transition_not_allowed",
        label=entity.label.get(ctx.language),
        title=record_title(ctx.app.model, entity.id, record),
        state=state.label.get(ctx.language) if state else record["status"],
        transition=transition.label.get(ctx.language),
        origins="、".join(states[o].label.get(ctx.language) for o in transition.origins if o in states),
    )


def who_fault(ctx: RunContext, entity: Entity, transition: Transition, record: Row) -> Fault:
    """Why the person may not take it: only others may, or only its approval does."""
    code = "transition_not_yours" if transition.by else "transition_by_approval"
    return fault(
        ctx,
        code,
        label=entity.label.get(ctx.language),
        title=record_title(ctx.app.model, entity.id, record),
        transition=transition.label.get(ctx.language),
        who=_who_texts(ctx, transition),
    )


def _who_texts(ctx: RunContext, transition: Transition) -> str:
    roles = ctx.app.model.roles
    names = [
        (roles[w.role].label.get(ctx.language) if w.role in roles else w.role) if w.kind == "role" else _text(w.expr)
        for w in transition.by
    ]
    return "、".join(names)


def _text(expr: Expr | None) -> str:
    return expr.text if expr else ""


def condition_faults(
    ctx: RunContext, at: Workspace, entity: Entity, transition: Transition, records: Sequence[Row]
) -> list[Fault | None]:
    """What the condition says against each record (``None``: nothing)."""
    if not records or (transition.condition is None and not transition.unsaid):
        return [None] * len(records)
    said = spoken(ctx, entity.id, records) if transition.unsaid else frozenset()
    if transition.condition is None:
        met = [True] * len(records)
    else:
        met = at.evaluate(transition.condition, records, None, entity.id)
    return [
        _spoken_fault(ctx, transition, r)
        if r["id"] in said
        else None
        if holds
        else _condition_fault(ctx, at, entity, transition, r)
        for holds, r in zip(met, records, strict=True)
    ]


def _spoken_fault(ctx: RunContext, transition: Transition, record: Row) -> Fault:
    return fault(
        ctx, "decided_already", title=str(record.get("code") or record["id"]), action=transition.label.get(ctx.language)
    )


def refuse_unless_allowed(
    ctx: RunContext, at: Workspace, entity: str, transition: Transition, found: Sequence[Row]
) -> None:
    """Refuse what the state, the person or the condition does not allow."""
    model = ctx.app.model.entities[entity]
    wrong = [state_fault(ctx, model, transition, r) for r in found if r["status"] not in transition.origins]
    if wrong:
        raise Conflict(*wrong)
    mine = may_take(ctx, at, entity, transition, found)
    if not all(mine):
        raise Forbidden(*(who_fault(ctx, model, transition, r) for r, may in zip(found, mine, strict=True) if not may))
    refuse_unless_it_holds(ctx, at, entity, transition, found)


def refuse_unless_it_holds(
    ctx: RunContext, at: Workspace, entity: str, transition: Transition, found: Sequence[Row]
) -> None:
    """Refuse what the transition's condition does not allow."""
    model = ctx.app.model.entities[entity]
    failed = [f for f in condition_faults(ctx, at, model, transition, found) if f is not None]
    if failed:
        raise Conflict(*failed)


def _condition_fault(ctx: RunContext, at: Workspace, entity: Entity, transition: Transition, record: Row) -> Fault:
    if transition.say is not None:
        return Fault(code="transition_condition", message=render(at, transition.say, [record], entity.id)[0])
    return fault(
        ctx,
        "transition_condition",
        label=entity.label.get(ctx.language),
        title=record_title(ctx.app.model, entity.id, record),
        transition=transition.label.get(ctx.language),
        condition=_text(transition.condition),
    )


def asked(ctx: RunContext, at: Workspace, entity: Entity, transition: Transition, record: Row) -> tuple[Asked, ...]:
    """What the transition asks for on this record, conditional demands included only where they hold."""
    found = []
    for demand in transition.demands:
        if (
            demand.kind == "field"
            and demand.expr is not None
            and not at.evaluate(demand.expr, [record], None, entity.id)[0]
        ):
            continue
        field = entity.fields.get(demand.field)
        label = field.label.get(ctx.language) if field else say(ctx, f"demand_{demand.kind}")
        found.append(Asked(kind=demand.kind, field=demand.field, count=demand.count, label=label))
    return tuple(found)


def reasons(ctx: RunContext, at: Workspace, entity: Entity, transition: Transition, record: Row) -> tuple[Reason, ...]:
    """Everything that was looked at, in the order in which the door looks."""
    in_state = record["status"] in transition.origins
    mine = may_take(ctx, at, entity.id, transition, [record])[0]
    found = [
        Reason(
            kind="state",
            holds=in_state,
            message="" if in_state else state_fault(ctx, entity, transition, record).message,
            steps=(("status", str(record["status"])),),
        ),
        Reason(kind="who", holds=mine, message="" if mine else who_fault(ctx, entity, transition, record).message),
    ]
    if transition.condition is not None:
        failed = condition_faults(ctx, at, entity, transition, [record])[0]
        found.append(
            Reason(
                kind="condition",
                holds=failed is None,
                message=failed.message if failed else transition.condition.text,
                steps=values_of(at, transition.condition, record, entity.id),
            )
        )
    return tuple(found)


def values_of(at: Workspace, expr: Expr, record: Row, entity: str) -> tuple[tuple[str, str], ...]:
    """What an expression read on a record, each with its value, as texts."""
    found = ((_name(node), at.input(node, [record], None, entity)[0]) for node in expr.inputs if node != WORKING_DAYS)
    return tuple((name, value_text(at.ctx, value)) for name, value in found)


def _name(node: Node) -> str:
    """An input as a person would write it."""
    if isinstance(node, Path):
        return ".".join((() if node.root == "record" else (node.root,)) + node.steps)
    if isinstance(node, Aggregate):
        return f"{node.function}({node.rows.by or node.rows.entity})"
    if isinstance(node, Balance):
        return f"{node.function}({node.ledger}.{node.measure})"
    return f"{node.name}()" if isinstance(node, Clock) else ""
