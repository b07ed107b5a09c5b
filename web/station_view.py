"""A station as its page takes it: what waits, the document that was picked, its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import url_for

from engine.model import Entity, Field, Queue, Station, StationAct
from runtime import documents, workflow
from runtime.context import RunContext
from runtime.paths import path_end, path_values
from runtime.permissions import rights
from runtime.queries import ListQuery, list_records
from runtime.query_columns import ListColumn, Named
from runtime.record_inputs import Workspace
from runtime.record_texts import full_title
from runtime.stations import queues_of, starts_of, waiting
from web.display import text_of
from web.record_actions import demand_view
from web.record_fields import FieldScene, reference_text, target_of
from web.record_flow import chips
from web.record_page import scene_of

Row = dict[str, Any]
View = dict[str, Any]
MOST_PLACES = 200
TYPED = frozenset({"reference", "member"})
"""Types that are typed or scanned at a station, where others are picked from a list."""


def place_view(ctx: RunContext, station: Station, place: int | None) -> View | None:
    """The places one may stand at; ``None`` for a station that knows none."""
    if not station.place or not rights(ctx, station.place).may("read"):
        return None
    page = list_records(ctx, station.place, ListQuery(fields=("code", "name"), page_size=MOST_PLACES))
    label = ctx.app.model.entities[station.place].label.get(ctx.language)
    options = [
        {"value": r[0], "text": " ".join(str(w) for w in r[1:] if w), "chosen": r[0] == place} for r in page.rows
    ]
    return {"label": label, "options": options}


def queue_views(
    ctx: RunContext, station: Station, place: int | None, base: str, narrowed: Mapping[str, tuple[int, ...]]
) -> list[View]:
    """The queues with what waits in each; ``narrowed``: what a scan left of each."""
    found = []
    for queue in queues_of(ctx, station):
        ids = narrowed.get(queue.id, ()) if narrowed else None
        page = waiting(ctx, queue, place, ids)
        rows = [_waiting_row(ctx, page.columns, row, f"{base}?queue={queue.id}&doc={row[0]}") for row in page.rows]
        found.append({"id": queue.id, "label": queue.label.get(ctx.language), "count": page.count, "rows": rows})
    return found


def _waiting_row(ctx: RunContext, columns: Sequence[ListColumn], row: Sequence[Any], url: str) -> View:
    words = [_word(ctx, column, value) for column, value in zip(columns, row[1:], strict=True)]
    return {"id": row[0], "url": url, "title": words[0] or str(row[0]), "facts": [word for word in words[1:] if word]}


def _word(ctx: RunContext, column: ListColumn, value: object) -> str:
    if isinstance(value, Named):
        return str(value.name or value.code or "")
    return text_of(ctx, column.field, value)


def start_views(ctx: RunContext, station: Station) -> list[View]:
    """The keys that begin a new document."""
    found = []
    for name in starts_of(ctx, station):
        entity = ctx.app.model.entities[name]
        url = url_for("pages.new_record", entity=name)
        found.append({"label": entity.label.get(ctx.language), "icon": entity.icon or "plus", "url": url})
    return found


def picked_view(ctx: RunContext, queue: Queue, row: Row, base: str) -> View:
    """The document that was picked: what it is, its lines, and the keys one may press now."""
    entity = ctx.app.model.entities[queue.entity]
    scene = scene_of(ctx, entity, row)
    page = waiting(ctx, queue, None, (row["id"],))
    told = [pair for line in page.rows for pair in zip(page.columns[1:], line[2:], strict=True)]
    here = f"{base}/{queue.id}/{row['id']}"
    return {
        "title": full_title(Workspace(ctx), entity.id, row),
        "kind": entity.label.get(ctx.language),
        "url": url_for("pages.record", entity=entity.id, id=row["id"]),
        "chips": chips(ctx, entity, row),
        "facts": [{"label": c.label, "text": _word(ctx, c, v)} for c, v in told if v not in (None, "")],
        "lines": _lines(ctx, scene, entity, row, queue),
        "keys": [
            *_transitions(ctx, scene, entity, row, queue, here, base),
            *_drawings(ctx, entity, row, queue, here, base),
        ],
    }


def at_end(ctx: RunContext, scene: FieldScene, entity: Entity, rows: Sequence[Row], path: str) -> list[str]:
    """The words at the end of a path, for each row; nothing where the person may not see it."""
    one = entity.fields.get(path)
    if one is not None:
        return [_told(scene, one, row.get(path)) for row in rows] if rights(ctx, entity.id).sees(path) else []
    end = path_end(ctx, entity.id, path)
    if end is None:
        return []
    return [_told(scene, end.field, value) for value in path_values(ctx, entity.id, list(rows), path)]


def _told(scene: FieldScene, one: Field, value: object) -> str:
    return reference_text(scene, one, value) if target_of(one, value) else text_of(scene.ctx, one, value)


def _lines(ctx: RunContext, scene: FieldScene, entity: Entity, row: Row, queue: Queue) -> View | None:
    rows: Sequence[Row] = row.get(queue.lines) or ()
    if not queue.lines or not rows:
        return None
    inner = ctx.app.model.entities[entity.fields[queue.lines].lines]
    columns = []
    for path in queue.columns:
        words = at_end(ctx, scene, inner, rows, path)
        end = inner.fields.get(path)
        label = end.label if end is not None else far.field.label if (far := path_end(ctx, inner.id, path)) else None
        if words and any(words) and label is not None:
            columns.append({"label": label.get(ctx.language), "words": words})
    return {"columns": columns, "count": len(rows)}


def _transitions(
    ctx: RunContext, scene: FieldScene, entity: Entity, row: Row, queue: Queue, here: str, base: str
) -> list[View]:
    """Keys that move the document itself; those that ask for something open a dialog."""
    may = {action.id: action for action in workflow.actions(ctx, entity.id, row)}
    found = []
    for act in queue.acts:
        action = may.get(act.transition)
        if action is None:
            continue
        label = act.label.get(ctx.language) if act.label else action.label
        fields = [demand_view(ctx, entity, row, demand, scene) for demand in action.demands]
        refused = action.refused_because if not act.ask else ""  # what is given here may be what is missing
        url = f"{base}?queue={queue.id}&doc={row['id']}&act={act.id}" if act.ask else ""
        found.append(_key(act, label, f"{here}/{act.id}", url=url, refused=refused, fields=fields))
    return found


def _drawings(ctx: RunContext, entity: Entity, row: Row, queue: Queue, here: str, base: str) -> list[View]:
    """Keys that make a document from this one: at once, after a few figures, or on its own page."""
    may = {(made, source.id) for made, source in documents.drawable(ctx, entity.id, row)}
    found = []
    for act in queue.acts:
        free = bool(act.entity and not act.source) and rights(ctx, act.entity).may("create")
        if not free and (act.entity, act.source) not in may:
            continue
        label = (act.label or ctx.app.model.entities[act.entity].label).get(ctx.language)
        if act.ask:
            url = f"{base}?queue={queue.id}&doc={row['id']}&act={act.id}"
        elif not act.then:
            url = new_url(ctx, act, row, entity.id)
        else:
            url = ""
        found.append(_key(act, label, f"{here}/{act.id}", url=url))
    return found


def new_url(ctx: RunContext, act: StationAct, row: Row, entity: str) -> str:
    """The page on which the document that a key makes is filled in."""
    if act.source:
        return url_for("pages.new_record", entity=act.entity, source=act.source, ids=row["id"])
    given = {f"f.{name}": value for name, value in filled(ctx, act, row, entity).items()}
    return f"{url_for('pages.new_record', entity=act.entity)}?{urlencode(given)}"


def filled(ctx: RunContext, act: StationAct, row: Row, entity: str) -> Row:
    """The values of a document made without a source."""
    at = Workspace(ctx)
    return {name: at.evaluate(expr, [row], None, entity)[0] for name, expr in act.fill.items()}


def _key(
    act: StationAct, label: str, post: str, *, url: str = "", refused: str = "", fields: Sequence[View] = ()
) -> View:
    icon = act.icon or ("check" if act.transition else "file-plus")
    return {"id": act.id, "label": label, "icon": icon, "post": post, "url": url, "refused": refused, "fields": fields}
