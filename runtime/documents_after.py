"""The chain of documents: what came before a document, what came after, and what undoing it would touch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    CompoundSelect,
    Select,
    Table,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from engine.model import EntityKind
from runtime.context import RunContext
from runtime.drawing import Drawn, drawn_from, drawn_of
from runtime.errors import Conflict
from runtime.messages import fault
from runtime.permissions import label_of, rights
from runtime.prepared import Statement, padded, prepare_statement
from runtime.record_inputs import Workspace
from runtime.record_rows import FEW, read_rows
from runtime.record_texts import record_title
from runtime.workflow_rights import transition_of

Row = dict[str, Any]
Node = tuple[str, int]
MOST_STEPS = 12
MOST_DOCUMENTS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A document in the chain. ``distance``: steps away, negative before. ``neighbour``: (entity, id) it hangs on.

    ``done``: share of it that was drawn on or executed, where it has such an axis. Hidden ones carry no title.
    """

    entity: str
    id: int
    label: str
    title: str
    status: str
    status_label: str
    status_color: str
    date: date | None
    done: Decimal | None
    distance: int
    neighbour: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something undoing a document touches: ``document`` (must be undone first) or ``ledger`` (is countered)."""

    kind: str
    label: str
    title: str
    entity: str = ""
    id: int = 0
    count: int = 0
    blocks: bool = False


# --- edges -----------------------------------------------------------------------------------------------------


def _pairs(ctx: RunContext, entity: str, ids: Iterable[int], given: str) -> list[tuple[Drawn, int, int]]:
    """(source, origin id, drawn id) of headers joined, found from either end: ``given`` is origins or drawns.

    One statement for all sources of the entity, or for all that draw from it.
    """
    some = padded(sorted(ids))
    sources, rows = (
        _followed(ctx, entity, some, given) if len(some) <= FEW else _followed_by_many(ctx, entity, some, given)
    )
    found = {(number, origin, to) for number, origin, to in rows if origin is not None}
    return [(sources[number], origin, to) for number, origin, to in sorted(found)]


Followed = tuple[Sequence[Drawn], Iterable[Sequence[Any]]]


def _followed(ctx: RunContext, entity: str, ids: Sequence[int], given: str) -> Followed:
    """The sources and the rows found, of few documents: by a statement prepared for that many."""
    some = padded(ids)
    places = [bindparam(f"i{n}", type_=BigInteger()) for n in range(len(some))]
    key = ("chain of few", entity, given, len(some))
    sources, few = ctx.app.programs.keep(key, lambda: _prepared_pairs(ctx, entity, given, places))
    return sources, few.run(ctx, {f"i{n}": id for n, id in enumerate(some)}) if few is not None else ()


def _followed_by_many(ctx: RunContext, entity: str, ids: Sequence[int], given: str) -> Followed:
    places: BindParameter[Any] = bindparam("ids", expanding=True)
    sources, query = ctx.app.programs.keep(
        ("chain", entity, given), lambda: _pairs_query(ctx, entity, Side(given, places))
    )
    return sources, ctx.connection.execute(query, {"ids": ids}) if query is not None else ()


def _prepared_pairs(
    ctx: RunContext, entity: str, given: str, places: Sequence[Any]
) -> tuple[Sequence[Drawn], Statement | None]:
    sources, query = _pairs_query(ctx, entity, Side(given, places))
    return sources, None if query is None else prepare_statement(ctx, query, list(query.selected_columns))


class Side(NamedTuple):
    """The end documents are given by (``origins`` or ``drawns``), and their ids in a statement."""

    given: str
    ids: Any


def _pairs_query(
    ctx: RunContext, entity: str, side: Side
) -> tuple[Sequence[Drawn], Select[Any] | CompoundSelect[Any] | None]:
    model = ctx.app.model
    sources = drawn_from(model, entity) if side.given == "origins" else drawn_of(model, model.entities[entity])
    queries = [
        select(literal_column(str(number)).label("source"), *found.columns)
        for number, drawn in enumerate(sources)
        for query in _queries(ctx, drawn, side)
        for found in (query.subquery(),)
    ]
    if not queries:
        return sources, None
    return sources, queries[0] if len(queries) == 1 else union_all(*queries)


def _queries(ctx: RunContext, drawn: Drawn, side: Side) -> list[Select[Any]]:
    """The statements that follow one source from ``origins`` or from ``drawns``, made once."""
    queries = [_by_rows(ctx, drawn, side)] if drawn.source.line_field else []
    if drawn.source.header_field and drawn.source.header_field != drawn.source.line_field:
        queries.append(_by_header(ctx, drawn, side))
    return queries


def _by_rows(ctx: RunContext, drawn: Drawn, side: Side) -> Select[Any]:
    tables = ctx.app.tables.entity
    row, header = tables[drawn.drawn_row], tables[drawn.drawn]
    to = row.c.parent if drawn.source.lines_into else row.c.id
    named = row.c[drawn.source.line_field]
    joined = row.join(header, header.c.id == row.c.parent) if drawn.source.lines_into else row
    origin = named
    if drawn.source.lines_from:
        lines = tables[drawn.origin_row].alias("origin_line")
        joined = joined.join(lines, lines.c.id == named)
        origin = lines.c.parent
    query = select(origin, to).select_from(joined).where(header.c.deleted_at.is_(None)).distinct()
    return query.where((origin if side.given == "origins" else to).in_(side.ids))


def _by_header(ctx: RunContext, drawn: Drawn, side: Side) -> Select[Any]:
    header = ctx.app.tables.entity[drawn.drawn]
    name = drawn.source.header_field
    link = ctx.app.tables.links.get((drawn.drawn, name))
    if link is not None:
        joined, origin = header.join(link, link.c.owner == header.c.id), link.c.value
        query = select(origin, header.c.id).select_from(joined)
    else:
        origin = header.c[name]
        query = select(origin, header.c.id)
    query = query.where(header.c.deleted_at.is_(None))
    if side.given == "origins":
        return query.where(origin.in_(side.ids))
    return query.where(header.c.id.in_(side.ids), origin.is_not(None))


# --- the chain -------------------------------------------------------------------------------------------------


def links(ctx: RunContext, entity: str, record_id: int) -> list[Link]:
    """The documents before and after a record, nearest first on each side, as far as the chain goes."""
    before = _walk(ctx, (entity, record_id), forward=False)
    after = _walk(ctx, (entity, record_id), forward=True)
    return [*_told(ctx, before, -1), *_told(ctx, after, 1)]


def _walk(ctx: RunContext, start: Node, *, forward: bool) -> dict[Node, tuple[int, Node]]:
    """Every document reached, with its distance and the document it was reached from."""
    found: dict[Node, tuple[int, Node]] = {}
    edge: dict[str, set[int]] = {start[0]: {start[1]}}
    for distance in range(1, MOST_STEPS + 1):
        reached: dict[str, set[int]] = {}
        for entity, ids in sorted(edge.items()):
            for node, neighbour in _steps(ctx, entity, ids, forward=forward):
                if node != start and node not in found and len(found) < MOST_DOCUMENTS:
                    found[node] = (distance, neighbour)
                    reached.setdefault(node[0], set()).add(node[1])
        if not reached:
            break
        edge = reached
    return found


def _steps(ctx: RunContext, entity: str, ids: set[int], *, forward: bool) -> Iterable[tuple[Node, Node]]:
    """(document reached, document it hangs on) one step from ``ids``."""
    for drawn, origin, to in _pairs(ctx, entity, ids, "origins" if forward else "drawns"):
        yield ((drawn.drawn, to), (entity, origin)) if forward else ((drawn.origin, origin), (entity, to))


def _told(ctx: RunContext, found: dict[Node, tuple[int, Node]], sign: int) -> list[Link]:
    by_entity: dict[str, set[int]] = {}
    for entity, record in found:
        by_entity.setdefault(entity, set()).add(record)
    rows = {(e, i): row for e, ids in by_entity.items() for i, row in read_rows(ctx, e, ids).items()}
    told = [_link(ctx, node, rows[node], sign * at, by) for node, (at, by) in found.items() if node in rows]
    return sorted(told, key=lambda link: (abs(link.distance), link.entity, link.id))


def _link(ctx: RunContext, node: Node, row: Row, distance: int, neighbour: Node) -> Link:
    entity = ctx.app.model.entities[node[0]]
    readable = rights(ctx, entity.id).may("read")
    state = entity.workflow.states.get(str(row.get("status"))) if entity.workflow else None
    day = row.get("date")
    return Link(
        entity=entity.id,
        id=node[1],
        label=entity.label.get(ctx.language),
        title=record_title(ctx.app.model, entity.id, row) if readable else "",
        status=state.id if state else "",
        status_label=state.label.get(ctx.language) if state else "",
        status_color=state.color if state else "",
        date=day if isinstance(day, date) else None,
        done=_done(ctx, entity.id, row) if readable else None,
        distance=distance,
        neighbour=neighbour,
    )


def _done(ctx: RunContext, entity: str, row: Row) -> Decimal | None:
    """The share of the first progress axis that is stored."""
    for name in ctx.app.model.entities[entity].progress:
        share = row.get(f"{name}_share")
        if isinstance(share, Decimal):
            return share
    return None


# --- undoing ---------------------------------------------------------------------------------------------------


def hanging(ctx: RunContext, entity: str, records: Sequence[Row]) -> list[tuple[Drawn, Row]]:
    """The documents drawn from these records which still hold what they drew."""
    ids = [record["id"] for record in records]
    found: dict[Node, tuple[Drawn, Row]] = {}
    pairs = _pairs(ctx, entity, ids, "origins")
    for drawn in {id(drawn): drawn for drawn, _, _ in pairs}.values():
        rows = list(read_rows(ctx, drawn.drawn, {to for source, _, to in pairs if source is drawn}).values())
        if drawn.source.holds is not None and rows:
            held = Workspace(ctx).evaluate(drawn.source.holds, rows, None, drawn.drawn)
            rows = [row for row, holds in zip(rows, held, strict=True) if holds]
        for row in rows:
            found.setdefault((drawn.drawn, row["id"]), (drawn, row))
    return [found[node] for node in sorted(found)]


def check_nothing_hangs(ctx: RunContext, entity: str, records: Sequence[Row]) -> None:
    """Refuse to undo documents on which others hang, naming them."""
    found = hanging(ctx, entity, records)
    if not found:
        return
    model = ctx.app.model
    names = [f"{label_of(ctx, drawn.drawn)} {record_title(model, drawn.drawn, row)}" for drawn, row in found]
    titles = "、".join(record_title(model, entity, record) for record in records)
    raise Conflict(fault(ctx, "documents_hang", label=label_of(ctx, entity), title=titles, names="、".join(names[:20])))


def reversal_effects(
    ctx: RunContext, entity: str, record_id: int, transition_id: str, *, alone: bool = False
) -> list[Effect]:
    """What a transition that undoes touches: documents in its way, and moves of each ledger that are countered.

    ``alone``: the caller knows that nothing was drawn from the record.
    """
    transition = transition_of(ctx, entity, transition_id)
    model = ctx.app.model
    effects = [
        Effect(
            kind="document",
            label=label_of(ctx, drawn.drawn),
            title=record_title(model, drawn.drawn, row),
            entity=drawn.drawn,
            id=row["id"],
            blocks=True,
        )
        for drawn, row in (hanging(ctx, entity, [{"id": record_id}]) if transition.reverses and not alone else ())
    ]
    workflow = model.entities[entity].workflow
    sets = {workflow.transitions[name].posts for name in transition.reverses} if workflow else set()
    counts = _moves_of(ctx, entity, record_id, sets) if sets else {}
    for ledger in model.ledgers.values():
        count = counts.get(ledger.id, 0)
        if count:
            effects.append(
                Effect(kind="ledger", label=ledger.label.get(ctx.language), title="", entity=ledger.id, count=count)
            )
    return effects


def _moves_of(ctx: RunContext, entity: str, record_id: int, sets: set[str]) -> dict[str, int]:
    """How many moves of the posting sets stand in each ledger, all ledgers in one statement."""
    named = tuple(sorted(sets))
    query = ctx.app.programs.keep(("standing moves", named), lambda: _standing(ctx, named))
    return {ledger: count for ledger, count in query.run(ctx, {"record": record_id, "entity": entity}) if count}


def _standing(ctx: RunContext, sets: Sequence[str]) -> Statement:
    query = union_all(*(_standing_in(ledger, moves, sets) for ledger, moves in ctx.app.tables.moves.items()))
    return prepare_statement(ctx, query, list(query.selected_columns))


def _standing_in(ledger: str, moves: Table, sets: Sequence[str]) -> Select[str, int]:
    countered = moves.alias("countered")
    return select(literal(ledger), func.count(moves.c.id)).where(
        moves.c.doc_id == bindparam("record"),
        moves.c.doc_entity == bindparam("entity"),
        moves.c.posting_set.in_(sets),
        moves.c.counter_of.is_(None),
        ~select(countered.c.id).where(countered.c.counter_of == moves.c.id).exists(),
    )


def is_document(ctx: RunContext, entity: str) -> bool:
    """Whether an entity's records are documents."""
    found = ctx.app.model.entities.get(entity)
    return found is not None and found.kind is EntityKind.DOCUMENT
