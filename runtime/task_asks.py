"""What an approval asks for: of who approves, what his step demands; of who sends, whom he names."""

from __future__ import annotations

from engine.model import Approval, Entity, Step
from runtime.context import RunContext
from runtime.messages import say
from runtime.task_people import CHOSEN
from runtime.workflow_rights import Asked


def step_asked(ctx: RunContext, entity: Entity, step: Step) -> tuple[Asked, ...]:
    """What the step demands, and the fields that it lets be filled in."""
    found = []
    for demand in step.demands:
        one = entity.fields.get(demand.field)
        label = one.label.get(ctx.language) if one else say(ctx, f"demand_{demand.kind}")
        found.append(Asked(kind=demand.kind, field=demand.field, count=demand.count, label=label))
    for path in step.required:
        label = entity.fields[path].label.get(ctx.language)
        found.append(Asked(kind="field", field=path, label=label))
    return tuple(found)


def chosen_asked(ctx: RunContext, approval: Approval) -> tuple[Asked, ...]:
    """The steps whose approvers the initiator names."""
    return tuple(
        Asked(kind=CHOSEN, field=step.id, label=step.label.get(ctx.language))
        for step in approval.steps
        if any(who.kind == "chosen" for who in step.who)
    )
