"""Meaning of posting sets: each belongs to a transition, each transition that names one finds it."""

from __future__ import annotations

from engine.compile.part import Part
from engine.model import Entity
from engine.problems import did_you_mean, got


def check_posting_sets(entity: Entity, part: Part) -> None:
    """Note posting sets without a transition, and transitions that post what is not there."""
    workflow = entity.workflow
    posted = {transition.posts for transition in workflow.transitions.values()} if workflow else set()
    sets = part.part("postings")
    for name in entity.postings:
        if name not in posted and sets is not None:
            what = f"no transition of {entity.id} posts {got(name)}"
            sets.problem("D709", name, what, did_you_mean(name, posted))
    written = part.part("workflow")
    transitions = written.part("transitions") if written else None
    for transition in workflow.transitions.values() if workflow else ():
        if transition.posts != transition.id and transition.posts not in entity.postings and transitions is not None:
            block = transitions.part(transition.id)
            if block is not None:
                what = f"{entity.id} has no posting set {got(transition.posts)}"
                block.problem("D304", "posts", what, did_you_mean(transition.posts, entity.postings))
