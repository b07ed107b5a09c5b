"""Lines that fill themselves from what the ledgers know: the genealogy of a record, the balances a posting takes."""

from __future__ import annotations

from engine.compile.bench import Bench, EntityDraft
from engine.compile.explode import filled_fields
from engine.compile.part import Part
from engine.compile.scope import AppScope
from engine.expressions.types import QUANTITY, Type, reference
from engine.model import Allot, Traced
from engine.problems import did_you_mean, got


def compile_traced(bench: Bench, draft: EntityDraft) -> Traced | None:
    """How the lines of a document are filled from the genealogy of a record that it names."""
    part = draft.part.part("trace")
    if part is None:
        return None
    start, entity = part.text("from"), part.text("to")
    info = bench.info(draft.parent, start)
    if info is None or not info.type.targets:
        part.problem(
            "D305", "from", f"{draft.parent} has no reference {got(start)}", "name a reference of the document"
        )
        return None
    if entity not in bench.entities:
        part.problem("D304", "to", f"unknown entity {got(entity)}", did_you_mean(entity, bench.entities))
        return None
    names: dict[str, Type] = {"traced": QUANTITY, "traced_from": reference(info.type.targets[0])}
    scope = AppScope(bench=bench, root_entity=entity, this_entity=entity, names=names)
    return Traced(
        start=start,
        direction=part.text("direction") or "forward",
        entity=entity,
        upon=part.text("upon"),
        fill=filled_fields(bench, draft, part, scope),
    )


def compile_allot(bench: Bench, draft: EntityDraft) -> Allot | None:
    """Over which balances the lines of a document are split."""
    part = draft.part.part("allot")
    if part is None:
        return None
    posts, _, posting = part.text("posting").partition(".")
    into = part.text("into")
    if bench.draft(draft.id, into) is None:
        what = f"{draft.id} has no field {got(into)}"
        part.problem("D305", "into", what, did_you_mean(into, bench.names(draft.id)))
        return None
    if not _writes(bench, draft, posts, posting):
        part.problem(
            "D708", "posting", f"{draft.parent} has no posting {got(part.text('posting'))}", "write set.posting"
        )
        return None
    return Allot(
        posts=posts,
        posting=posting,
        dimension=part.text("dimension") or into,
        into=into,
        upon=tuple(word.text for word in part.words("upon")),
    )


def _writes(bench: Bench, draft: EntityDraft, posts: str, posting: str) -> bool:
    """Whether the document has this posting, once for each of these lines."""
    sets: Part | None = bench.entities[draft.parent].part.part("postings")
    found = sets.part(posts) if sets else None
    one = found.part(posting) if found else None
    return one is not None and f"{draft.parent}.{one.text('each')}" == draft.id
