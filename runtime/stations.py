"""Stations at work: who stands where, what waits there, and which of it a scanned code means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.model import Queue, Station
from runtime.barcodes import BarcodeProblem, is_gs1, parse
from runtime.context import RunContext
from runtime.errors import Malformed, NotFound
from runtime.messages import fault
from runtime.model_scope import parse_filter
from runtime.permissions import READ, is_admin, label_of, rights
from runtime.queries import ListQuery, Page, list_records
from runtime.query_columns import column_if_seen
from runtime.query_filters import Filter

MOST_WAITING = 60
"""Documents shown of a queue; more are counted, and found by a scan."""
MOST_CODE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A document that a scan means, and the queue it waits in."""

    queue: str
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a scanned code means here: documents that wait, or the sentence that says why there is none."""

    found: tuple[Found, ...] = ()
    told: str = ""


def stations_of(ctx: RunContext) -> list[Station]:
    """The stations at which the acting person works."""
    stations = ctx.app.model.stations.values()
    return [s for s in stations if (not s.roles or is_admin(ctx) or set(s.roles) & ctx.user.roles) and _usable(ctx, s)]


def _usable(ctx: RunContext, station: Station) -> bool:
    return bool(queues_of(ctx, station) or starts_of(ctx, station))


def station_of(ctx: RunContext, name: str) -> Station:
    """A station of the acting person by its id."""
    found = next((s for s in stations_of(ctx) if s.id == name), None)
    if found is None:
        raise NotFound(fault(ctx, "no_such_page", given=name[:60]))
    return found


def queues_of(ctx: RunContext, station: Station) -> list[Queue]:
    """The queues whose documents the acting person may read."""
    return [queue for queue in station.queues if rights(ctx, queue.entity).may(READ)]


def starts_of(ctx: RunContext, station: Station) -> list[str]:
    """The entities of which the acting person may begin a document here."""
    return [entity for entity in station.starts if rights(ctx, entity).may("create")]


def waiting(ctx: RunContext, queue: Queue, place: int | None, ids: tuple[int, ...] | None = None) -> Page:
    """The documents of a queue at a place, or those of them that ``ids`` names; columns: code, then the facts."""
    return list_records(ctx, queue.entity, _asked(ctx, queue, place, ids))


def _asked(ctx: RunContext, queue: Queue, place: int | None, ids: tuple[int, ...] | None) -> ListQuery:
    filters = [Filter(queue.place, "eq", (place,))] if place is not None and queue.place else []
    if ids is not None:
        filters.append(Filter("id", "in", ids))
    facts = tuple(path for path in queue.facts if column_if_seen(ctx, queue.entity, path))
    return ListQuery(
        fields=(_title(ctx, queue), *facts),
        where=(queue.where,) if queue.where is not None else (),
        filters=tuple(filters),
        sort=queue.sort,
        count="capped",
        page_size=MOST_WAITING,
    )


def _title(ctx: RunContext, queue: Queue) -> str:
    fields = ctx.app.model.entities[queue.entity].fields
    return next((name for name in ("code", "name") if name in fields), "id")


def scanned(ctx: RunContext, station: Station, place: int | None, code: str) -> Scan:
    """What a code means at a station."""
    code = code.strip()[:MOST_CODE]
    if not code:
        return Scan()
    words = [*_spellings(ctx, code)]
    queues = queues_of(ctx, station)
    found = tuple(Found(queue=q.id, id=row) for q in queues for row in dict.fromkeys(_matching(ctx, q, place, words)))
    return Scan(found=found) if found else Scan(told=_why_not(ctx, station, place, words, code))


def _spellings(ctx: RunContext, code: str) -> Iterator[str]:
    """The code itself; of a GS1 string also what it names: the lot and the article, with and without leading zeros."""
    yield code
    if not is_gs1(code):
        return
    try:
        read = parse(code, ctx.today())
    except BarcodeProblem:
        return
    gtin = read.gtin or ""
    yield from (word for word in dict.fromkeys((read.lot, gtin, gtin.lstrip("0"))) if word)


def _matching(ctx: RunContext, queue: Queue, place: int | None, words: list[str]) -> Iterator[int]:
    """Documents of a queue one of whose paths has the value that was scanned."""
    for word in words:
        for path in queue.scan:
            query = _asked(ctx, queue, place, None)
            try:
                narrowed = (*query.where, parse_filter(ctx, queue.entity, _equals(ctx, queue, path, word)))
                page = list_records(ctx, queue.entity, ListQuery(where=narrowed, filters=query.filters, fields=("id",)))
            except Malformed:  # a path this person may not read finds nothing
                continue
            yield from (row[0] for row in page.rows)


def _equals(ctx: RunContext, queue: Queue, path: str, word: str) -> str:
    """The condition as people would type it; codes hold no quotes."""
    text = word.replace('"', "").replace("\\", "")
    head, _, rest = path.partition(".")
    one = ctx.app.model.entities[queue.entity].fields.get(head)
    return f'any({head}, where={rest} == "{text}")' if one is not None and one.lines else f'{path} == "{text}"'


def _why_not(ctx: RunContext, station: Station, place: int | None, words: list[str], code: str) -> str:
    """Why nothing waits here by that code: it is elsewhere or in another state, or there is no such thing."""
    for queue in queues_of(ctx, station):
        entity = ctx.app.model.entities[queue.entity]
        if "code" not in entity.fields:
            continue
        shown = ("code", "status") if entity.workflow is not None else ("code",)
        page = list_records(ctx, entity.id, ListQuery(filters=(Filter("code", "in", tuple(words)),), fields=shown))
        if page.rows:
            told = {"label": label_of(ctx, entity.id), "title": page.rows[0][1]}
            if place is not None and waiting(ctx, queue, None, (page.rows[0][0],)).rows:
                return fault(ctx, "station_elsewhere", **told).message
            state = entity.workflow.states.get(str(page.rows[0][2])) if entity.workflow else None
            words_of = state.label.get(ctx.language) if state else ""
            return fault(ctx, "station_not_waiting", state=words_of, **told).message
    return fault(ctx, "station_unknown", given=code).message
