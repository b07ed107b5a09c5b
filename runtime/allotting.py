"""Lines split over what is there: each then names the balance (a lot, say) that a posting will take it from.

The ledger decides exactly as it would when the posting is written; nothing is written here but the lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.expressions.tree import Path
from engine.model import Allot, Entity, Field
from runtime import postings, records
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.ledgers.book import Book
from runtime.ledgers.plan import plan
from runtime.ledgers.requests import DimensionValue
from runtime.values import Base

Row = dict[str, Any]
Amounts = Mapping[str, Decimal]
"""Resource of the ledger -> how much of it a balance gives."""
Parts = list[tuple[DimensionValue, Amounts]]
OWN = frozenset(("id", "parent", "position"))


def allot_lines(ctx: RunContext, entity: str, found: Sequence[Row], transition: str) -> bool:
    """Split the lines which this transition allots; whether any were."""
    changed: dict[int, Row] = {}
    for field in ctx.app.model.entities[entity].fields.values():
        allot = ctx.app.model.entities[field.lines].allot if field.lines else None
        if allot is None or transition not in allot.upon:
            continue
        due = [record for record in found if any(line.get(allot.into) is None for line in record[field.id])]
        for record in due:
            lines = _split(ctx, entity, ctx.app.model.entities[field.lines], allot, record, record[field.id])
            if lines is not None:
                changed.setdefault(record["id"], {})[field.id] = lines
    if changed:
        records.apply_system(ctx, entity, changes=changed)
    return bool(changed)


def _split(
    ctx: RunContext, entity: str, described: Entity, allot: Allot, record: Row, lines: Sequence[Row]
) -> list[Row] | None:
    """The lines anew, in their order; ``None`` where nothing changes."""
    parts = _taken(ctx, entity, allot, record)
    amounts = _amounts(ctx, entity, described, allot)
    made: list[Row] = []
    split = False
    for line in lines:
        pieces = parts.get(line["id"], []) if line.get(allot.into) is None else []
        if not pieces or any(where is None for where, _ in pieces):
            made.append({"id": line["id"]})
            continue
        split = True
        made += [_piece(described, line, allot.into, amounts, piece, i == 0) for i, piece in enumerate(pieces)]
    return made if split else None


def _amounts(ctx: RunContext, entity: str, described: Entity, allot: Allot) -> dict[str, Field]:
    """Resource -> the field of the line that gives it: what is split with the lines."""
    one = next(p for p in ctx.app.model.entities[entity].postings[allot.posts] if p.id == allot.posting)
    found = {}
    for resource, expr in one.amounts.items():
        tree = expr.tree if expr is not None else None
        if isinstance(tree, Path) and len(tree.steps) == 1 and not described.fields[tree.steps[0]].formula:
            found[resource] = described.fields[tree.steps[0]]
    return found


def _piece(
    described: Entity,
    line: Row,
    into: str,
    amounts: Mapping[str, Field],
    piece: tuple[DimensionValue, Amounts],
    first: bool,
) -> Row:
    where, taken = piece
    values: Row = {"id": line["id"]} if first else {name: line[name] for name in _copied(described, line)}
    values[into] = where
    values.update({f.id: Base(taken[r]) for r, f in amounts.items() if r in taken and line.get(f.id) is not None})
    return values


def _copied(described: Entity, line: Mapping[str, object]) -> list[str]:
    """What a further piece has in common with the line it was split from."""
    return [f.id for f in described.fields.values() if f.formula is None and f.id in line and f.id not in OWN]


def _taken(ctx: RunContext, entity: str, allot: Allot, record: Row) -> dict[int, Parts]:
    """Line -> what the posting would take for it, by balance. What the ledger refuses is left to the posting."""
    wanted = [r for r in postings.build(ctx, entity, [record], allot.posts) if r.posting == allot.posting]
    book = Book(ctx)
    try:
        plan(book, wanted)
    except UserError:
        return {}
    found: dict[int, dict[DimensionValue, dict[str, Decimal]]] = {}
    for draft in book.drafts:
        if draft.line is not None and draft.shape.main in draft.amounts:
            part = found.setdefault(draft.line.id, {}).setdefault(draft.dimensions.get(allot.dimension), {})
            for resource, amount in draft.amounts.items():
                part[resource] = part.get(resource, Decimal(0)) - amount
    return {line: list(parts.items()) for line, parts in found.items()}
