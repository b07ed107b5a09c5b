"""``dougong check``: what does not hold, where in people's words, and what to do about it; and mending what can be.

Running rows and computed figures follow from moves and records: they can be made anew. Moves and records cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.model import Dimension
from runtime.computed import recompute_all
from runtime.context import RunContext
from runtime.ledgers import check, rebuild
from runtime.ledgers.checking_guards import check_guards
from runtime.ledgers.requests import Problem
from runtime.messages import say
from runtime.permissions import label_of
from runtime.proof_formulas import check_formulas
from runtime.record_reading import Titles, titles

RUNNING = frozenset(
    {"balance_differs", "total_differs", "joint_differs", "pool_differs", "layers_differ", "value_without_quantity"}
)
COMPUTED = frozenset({"remainder_differs", "progress_differs", "formula_differs"})
GUARDED = frozenset({"guard_broken"})

_PART = re.compile(r"(?<!\\)\|")

Spot = tuple[str, int]


def prove(ctx: RunContext, *, deep: bool = False) -> list[Problem]:
    """Everything that does not hold, each with its place and its remedy. ``deep``: every stored formula too."""
    found = check(ctx.connection, ctx.app.model, ctx.app.tables)
    found += check_guards(ctx)
    found += check_formulas(ctx, deep=deep)
    places = [_places(ctx, problem) for problem in found]
    names = titles(ctx, {spot for place in places for _, spot in place})
    return [
        replace(problem, record=_record(ctx, place, names) or problem.key, remedy=say(ctx, _remedy(problem)))
        for problem, place in zip(found, places, strict=True)
    ]


def mend(ctx: RunContext, problems: Iterable[Problem]) -> int:
    """Make anew what follows from moves and records; how many ledgers and figures that were."""
    wanted = list(problems)
    ledgers = sorted({p.ledger for p in wanted if p.code in RUNNING})
    for ledger in ledgers:
        rebuild(ctx, ledger)
    cells = sorted({(p.ledger, p.message.partition(":")[0]) for p in wanted if p.code in COMPUTED})
    if cells:
        recompute_all(ctx, cells)
    return len(ledgers) + len(cells)


def _remedy(problem: Problem) -> str:
    if problem.code in RUNNING | COMPUTED:
        return "proof_mend"
    return "proof_guard" if problem.code in GUARDED else "proof_moves"


def _places(ctx: RunContext, problem: Problem) -> Sequence[tuple[str, Spot]]:
    """The records a problem is about, each with what it is in the words of the app."""
    model = ctx.app.model
    if problem.code in COMPUTED:
        return _of_record(ctx, problem.ledger, int(problem.key))
    ledger = model.ledgers[problem.ledger]
    if problem.grain:
        parts = _PART.split(problem.key)[-len(problem.grain) :]
        held = [(ledger.dimensions[name], part) for name, part in zip(problem.grain, parts, strict=True)]
        return [(d.label.get(ctx.language), spot) for d, part in held if (spot := _referred(d, part))]
    return _of_move(ctx, problem)


def _referred(dimension: Dimension, part: str) -> Spot | None:
    entity, _, record = part.rpartition(":")
    entity = entity or (dimension.targets[0] if len(dimension.targets) == 1 else "")
    return (entity, int(record)) if entity and record.isdigit() else None


def _of_move(ctx: RunContext, problem: Problem) -> Sequence[tuple[str, Spot]]:
    moves = ctx.app.tables.ledgers.moves[problem.ledger].c
    found = ctx.connection.execute(moves.id.table.select().where(moves.id == int(problem.key))).mappings().first()
    if found is None or found["doc_entity"] not in ctx.app.model.entities:
        return []
    return _of_record(ctx, found["doc_entity"], found["doc_id"])


def _of_record(ctx: RunContext, entity: str, record: int) -> Sequence[tuple[str, Spot]]:
    """The record, or for a line what it is a line of and its place there."""
    described = ctx.app.model.entities[entity]
    if not described.parent:
        return [(label_of(ctx, entity), (entity, record))]
    table = ctx.app.tables.entity[entity]
    row = ctx.connection.execute(table.select().where(table.c.id == record)).mappings().first()
    if row is None:
        return []
    line = f"{label_of(ctx, entity)} {row['position']}"
    return [*_of_record(ctx, described.parent, row["parent"]), (line, (entity, record))]


def _record(ctx: RunContext, place: Sequence[tuple[str, Spot]], names: Titles) -> str:
    words = []
    for label, (entity, record) in place:
        row = names.get((entity, record), {})
        named = row.get("code") or row.get("name") or ("" if "parent" in row else f"#{record}")
        words.append(f"{label} {named}".strip())
    return (" " if ctx.language == "en" else "，").join(words)


__all__ = ["mend", "prove"]
