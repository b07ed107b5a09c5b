"""Keys of workflows and approvals; see ``schema_keys``."""

from __future__ import annotations

from engine.schema_keys import (
    _ENTRY,
    COUNT,
    EXPRESSION,
    FLAG,
    NAME,
    NAME_OR_NAMES,
    NAMES,
    PATH,
    TEXT,
    Keys,
    Shape,
    each,
    mapped,
    ref,
    text_or,
    words,
)

WORKFLOW: Keys = {
    "states": (each(ref("state")), "States."),
    "transitions": (each(ref("transition")), "Ways between states."),
}
STATE: Keys = {
    **_ENTRY,
    "start": (FLAG, "New records begin here."),
    "end": (FLAG, "Nothing follows."),
    "edit": (NAMES, "Fields still editable."),
    "approval": (ref("approval"), "Steps that decide in this state."),
    "color": (TEXT, "Tone of its chip."),
}
APPROVAL: Keys = {
    "steps": (each(ref("step")), "Steps; one whose `if` is false is passed over."),
    "nobody": (text_or("who"), "Who decides when nobody is found."),
    "outcome": (ref("outcome"), "Transitions taken."),
    "initiator_is_approver": (NAME, "`self`: may decide; `skip`: passed over; a field of members: those above."),
    "same_person_again": (words("always", "once", "next_only"), "Whether who has approved is asked again."),
    "resubmit": (words("ask", "walk_again", "straight_back"), "The way after a return."),
    "copies": ({"type": "array", "items": text_or("who")}, "Who is told of the end."),
    "urge_again": (TEXT, "Who sent it urges again after `4 hours` at the earliest (1 hour)."),
}
STEP: Keys = {
    **_ENTRY,
    "if": (EXPRESSION, "Condition on the record."),
    "otherwise": (NAMES, "The default branch: asked when the `if` of none of these steps holds."),
    "who": ({"type": "array", "items": text_or("who")}, "Who decides."),
    "handle": (FLAG, "Something is to be done and said to be done; nobody refuses here."),
    "wait": (TEXT, "Nobody is asked: it goes on after `2 work_days`, `24 hours`."),
    "decide": (
        {
            "type": ["string", "object"],
            "if": {"type": "object"},
            "then": ref("quorum"),
            "else": words("any", "all", "in_turn", "random"),
        },
        "One of them, all, one after the other, one drawn by lot, `{at_least: 2}` or `{share: 60 %}`.",
    ),
    "stage": (COUNT, "Steps of the same stage stand side by side."),
    "demands": (ref("demands"), "What each approval brings along."),
    "fields": (mapped(words("edit", "required")), "Fields an approver may, or must, fill in."),
    "deadlines": (each(ref("deadline")), "What happens when a say is late."),
    "copies": ({"type": "array", "items": text_or("who")}, "Who is told when the document comes to this step."),
}
QUORUM: Keys = {
    "at_least": (COUNT, "So many approvals decide."),
    "share": (TEXT, "Such a share of those asked decides: `60 %`."),
}
DEADLINE: Keys = {
    **_ENTRY,
    "after": (TEXT, "`8 work_hours`, `2 work_days`, `24 hours`, `2 days`."),
    "at": (EXPRESSION, "Instead: the date by which, or the moment at which."),
    "do": (words("remind", "approve", "reject", "escalate"), "What is done."),
    "to": ({"type": "array", "items": text_or("who")}, "Whom it is escalated to."),
}
OUTCOME: Keys = {
    "approved": (NAME, "Transition when approved."),
    "refused": (NAME, "Transition when refused."),
    "returned": (NAME, "Transition when returned to who asks."),
}
WHO: Keys = {
    "role": (NAME, "Everyone with the role."),
    "field": (PATH, "The member that a field holds."),
    "member": (EXPRESSION, "The member an expression gives."),
    "chosen": (FLAG, "Whom the initiator names (of `role`, if given); approvals only."),
    "initiator": (FLAG, "Who sent it for approval; approvals only."),
    "person": (TEXT, "Who logs in by this name; approvals only."),
    "asked": (FLAG, "Whose say is late; `to` of a deadline only."),
    "along": (NAME, "Those above: along this field of members; approvals only."),
    "levels": (COUNT, "How many above."),
}
TRANSITION: Keys = {
    **_ENTRY,
    "from": (NAME_OR_NAMES, "States it starts from."),
    "to": (NAME, "State it leads to."),
    "by": ({"type": ["string", "array"], "items": text_or("who")}, "Who may; without it only the approval."),
    "if": (EXPRESSION, "Condition on the record."),
    "say": (TEXT, "What is said when the condition fails."),
    "demands": (ref("demands"), "What it asks for."),
    "posts": (NAME, "Posting set to run (its own unless said)."),
    "reverses": (NAME_OR_NAMES, "Transitions whose moves are countered."),
    "kind": (words("forward", "back", "cancel"), "How its button looks."),
    "until": (words("first_decision"), "Only while nobody has spoken in the approval."),
}
_TIMES: Shape = {"type": ["boolean", "integer"]}
DEMANDS: Keys = {
    "note": (FLAG, "A note."),
    "photo": (_TIMES, "Photos."),
    "scan": (EXPRESSION, "A scan that equals this."),
    "signature": (FLAG, "A signature."),
    "file": (_TIMES, "Files."),
    "fields": (
        {"type": ["array", "object"], "items": NAME, "additionalProperties": EXPRESSION},
        "Fields to be filled (when a condition holds).",
    ),
}
