"""Stations: the screen of a work place. A code is scanned, a document is picked, one of a few keys is pressed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity, Queue, Station, StationAct
from runtime import documents, records, workflow
from runtime.context import RunContext
from runtime.errors import Conflict, Fault, Invalid, NotFound, UserError
from runtime.messages import fault
from runtime.record_inputs import Workspace
from runtime.record_reading import visible_record, with_live
from runtime.stations import Scan, queues_of, scanned, station_of, stations_of, waiting
from web.access import reading, writing
from web.record_actions import body_of
from web.render import render, tell
from web.station_asks import ask_view, asked_values, groups_of, made_row
from web.station_view import (
    filled,
    picked_view,
    place_view,
    queue_views,
    start_views,
)
from web.texts import translator
from web.whole import is_whole

Row = dict[str, Any]


def stations() -> AnyResponse:
    """The stations at which the reader works; the only one is opened at once."""
    with reading() as ctx:
        mine = stations_of(ctx)
        if len(mine) == 1:
            return redirect(url_for("pages.station", station=mine[0].id))
        shown = [
            {
                "label": s.label.get(ctx.language),
                "help": s.help.get(ctx.language) if s.help else "",
                "icon": s.icon,
                "url": url_for("pages.station", station=s.id),
            }
            for s in mine
        ]
        return render(ctx, "pages/stations.html", title=translator(ctx.language)("工位", "Stations"), stations=shown)


def station(station: str) -> AnyResponse:
    """A station: what waits, what was scanned, the document that was picked."""
    with reading() as ctx:
        found = station_of(ctx, station)
        place = _place(ctx, found)
        scan = scanned(ctx, found, place, request.args.get("q", ""))
        if len(scan.found) == 1:
            one = scan.found[0]
            return redirect(url_for("pages.station", station=station, queue=one.queue, doc=one.id))
        return _page(ctx, found, place, scan)


def _place(ctx: RunContext, station: Station) -> int | None:
    """Where the device stands: chosen once, kept in the browser."""
    key = f"place:{ctx.app.name}:{station.place}"
    given = request.args.get("place")
    if given is not None:
        session[key] = int(given) if is_whole(given) else None
    kept = session.get(key)
    return kept if station.place and isinstance(kept, int) else None


def _page(
    ctx: RunContext,
    station: Station,
    place: int | None,
    scan: Scan,
    *,
    faults: tuple[Fault, ...] = (),
    chosen: tuple[str, str, str] | None = None,
    status: int = 200,
) -> Response:
    """``chosen``: queue, document and key; of the address unless said."""
    base = url_for("pages.station", station=station.id)
    narrowed: dict[str, tuple[int, ...]] = {}
    for one in scan.found:
        narrowed[one.queue] = (*narrowed.get(one.queue, ()), one.id)
    name, doc, key = chosen or (request.args.get("queue", ""), request.args.get("doc", ""), request.args.get("act", ""))
    queue = next((q for q in queues_of(ctx, station) if q.id == name), None)
    row = _row(ctx, queue, int(doc)) if queue is not None and is_whole(doc) else None
    picked = picked_view(ctx, queue, row, base) if queue is not None and row is not None else None
    act = next((a for a in queue.acts if a.id == key and a.ask), None) if queue is not None and row else None
    asks = (
        _ask(ctx, act, row, queue.entity, faults) if act is not None and row is not None and queue is not None else None
    )
    return render(
        ctx,
        "pages/station.html",
        title=station.label.get(ctx.language),
        status=status,
        station={"label": station.label.get(ctx.language), "icon": station.icon, "url": base},
        help=station.help.get(ctx.language) if station.help else "",
        several=len(stations_of(ctx)) > 1,
        places=place_view(ctx, station, place),
        queues=queue_views(ctx, station, place, base, narrowed),
        open_queue=queue.id if queue is not None else "",
        doc=int(doc) if picked is not None else 0,
        starts=start_views(ctx, station),
        picked=picked,
        ask=asks,
        ask_url=f"{base}/{name}/{doc}/{key}",
        problems=[f.message for f in faults],
        told=scan.told,
        q=request.args.get("q", ""),
        narrowed=bool(narrowed),
    )


def _row(ctx: RunContext, queue: Queue, id: int) -> Row | None:
    """A document of a queue with its live figures; ``None`` once it no longer waits there."""
    if not waiting(ctx, queue, None, (id,)).rows:
        return None
    row = records.load_visible(ctx, queue.entity, id)
    with_live(Workspace(ctx), ctx.app.model.entities[queue.entity], [row])
    return visible_record(ctx, queue.entity, row)


def _ask(
    ctx: RunContext, act: StationAct, row: Row, entity: str, faults: tuple[Fault, ...]
) -> Mapping[str, Any] | None:
    try:
        drawn = _start(ctx, act, row, entity) if act.entity else row
    except Conflict:
        return None
    shown = made_row(ctx, act, drawn) if act.entity else row
    asked = ctx.app.model.entities[act.entity or entity]
    typed = request.form if request.method == "POST" else None
    return ask_view(ctx, act, asked, shown, (entity, row), faults, typed)


def _start(ctx: RunContext, act: StationAct, row: Row, entity: str) -> Row:
    """The document a key makes, before anything was given."""
    return documents.draft(ctx, act.entity, act.source, [row["id"]]) if act.source else filled(ctx, act, row, entity)


# --- pressing a key --------------------------------------------------------------------------------------------


def press(station: str, queue: str, id: int, act: str) -> AnyResponse:
    """Do what a key says, whole or not at all; the station stays open for the next document."""
    if request.form.get("more"):
        with reading() as ctx:
            found = station_of(ctx, station)
            return _page(ctx, found, _place(ctx, found), Scan(), chosen=(queue, str(id), act))
    try:
        with writing() as ctx:
            found = station_of(ctx, station)
            where, key = _key(ctx, found, queue, act)
            if not waiting(ctx, where, None, (id,)).rows:
                raise Conflict(fault(ctx, "station_gone"))
            _do(ctx, where, key, id)
    except UserError as error:
        with reading() as ctx:
            found = station_of(ctx, station)
            status = 422 if isinstance(error, Invalid) else 404 if isinstance(error, NotFound) else 409
            chosen = (queue, str(id), act)
            return _page(
                ctx, found, _place(ctx, found), Scan(), faults=tuple(error.faults), chosen=chosen, status=status
            )
    return redirect(url_for("pages.station", station=station), code=303)


def _key(ctx: RunContext, station: Station, queue: str, act: str) -> tuple[Queue, StationAct]:
    for one in queues_of(ctx, station):
        for key in one.acts:
            if (one.id, key.id) == (queue, act):
                return one, key
    raise NotFound(fault(ctx, "no_such_page", given=act[:60]))


def _do(ctx: RunContext, queue: Queue, act: StationAct, id: int) -> None:
    entity = ctx.app.model.entities[act.entity or queue.entity]
    taken = act.then if act.entity else act.transition
    body = body_of(ctx, entity, taken, request.form) if taken else {}
    if act.entity:
        saved = records.create(ctx, entity.id, _drawn(ctx, queue, act, id))
        id = saved.id
        row = workflow.take(ctx, entity.id, id, taken, body, saved=saved) if taken else {"code": saved.code}
    elif act.ask:
        saved = records.update(ctx, entity.id, id, _changed(ctx, entity, act, id))
        row = workflow.take(ctx, entity.id, id, taken, body, saved=saved)
    else:
        row = workflow.take(ctx, entity.id, id, taken, body)
    transition = entity.workflow.transitions.get(taken) if entity.workflow else None
    done = transition.label.get(ctx.language) if transition else translator(ctx.language)("已生成", "Made")
    url = url_for("pages.record", entity=entity.id, id=id)
    name = f"{entity.label.get(ctx.language)} {row.get('code') or ''}".strip()
    tell("done", f"{done} {name}", url, translator(ctx.language)("打开", "Open"))


def _drawn(ctx: RunContext, queue: Queue, act: StationAct, id: int) -> Row:
    """The document made for another, with what was given here."""
    entity = ctx.app.model.entities[act.entity]
    row = records.load_visible(ctx, queue.entity, id)
    drawn = _start(ctx, act, row, queue.entity)
    values = asked_values(ctx, entity, act, drawn, (queue.entity, row), request.form)
    if any(drawn.get(group.field.id) and not values[group.field.id] for group in groups_of(entity, act)):
        raise Invalid(fault(ctx, "station_no_lines"))
    return values


def _changed(ctx: RunContext, entity: Entity, act: StationAct, id: int) -> Row:
    """What was given here of a document that is there."""
    row = records.load_visible(ctx, entity.id, id)
    return asked_values(ctx, entity, act, row, (entity.id, row), request.form)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/stations", "stations", stations)
    pages.add_url_rule("/stations/<station>", "station", station)
    pages.add_url_rule("/stations/<station>/<queue>/<int:id>/<act>", "press", press, methods=["POST"])
