"""A station as its page takes it: what waits, the document that was picked, its keys, what a key asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import url_for

from engine.expressions.tree import Expr
from engine.model import Entity, Field, Queue, Station, StationAct
from runtime import documents, workflow
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.paths import path_end, path_values
from runtime.permissions import rights
from runtime.queries import ListQuery, list_records
from runtime.query_columns import ListColumn, Named
from runtime.record_inputs import Workspace
from runtime.record_preview import preview
from runtime.record_reading import visible_record, with_live
from runtime.record_texts import full_title
from runtime.stations import queues_of, starts_of, waiting
from runtime.workflow_rights import asked, transition_of
from web.display import text_of
from web.forms import percent_typed
from web.record_actions import demand_view
from web.record_fields import FieldScene, field_view, reference_text, target_of
from web.record_flow import chips
from web.record_grid import section_lead
from web.record_page import scene_of
from web.whole import is_whole

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


def _at_end(ctx: RunContext, scene: FieldScene, entity: Entity, rows: Sequence[Row], path: str) -> list[str]:
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
        words = _at_end(ctx, scene, inner, rows, path)
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


# --- what a key asks for ---------------------------------------------------------------------------------------


def made_row(ctx: RunContext, act: StationAct, values: Row) -> Row:
    """The document a key makes as it would be, without what the person may not see."""
    entity = ctx.app.model.entities[act.entity]
    row = preview(ctx, entity.id, values)[0]
    with_live(Workspace(ctx), entity, [row])
    return visible_record(ctx, entity.id, row)


def ask_view(
    ctx: RunContext,
    act: StationAct,
    entity: Entity,
    row: Row,
    faults: Sequence[Fault] = (),
    posted: Mapping[str, str] | None = None,
) -> View:
    """The few fields of a document that are given here; ``posted``: what was typed before it was refused."""
    scene = scene_of(ctx, entity, row, faults=faults)
    taken = act.transition or act.then
    then = transition_of(ctx, entity.id, taken) if taken else None
    demands = asked(ctx, Workspace(ctx), entity, then, row) if then else ()
    head = [
        _asked_field(scene, entity, entity.fields[name], row, "", posted) for name in act.ask if name in entity.fields
    ]
    return {
        "label": (then.label if then else entity.label).get(ctx.language),
        "given": [{"name": name, "value": row[name]} for name in act.fill if isinstance(row.get(name), int)],
        "fields": [*head, *(demand_view(ctx, entity, row, demand, scene) for demand in demands)],
        "lines": _asked_lines(ctx, scene, entity, row, act, posted),
    }


def lines_of(entity: Entity, act: StationAct) -> tuple[Field | None, tuple[str, ...]]:
    """The lines field a key asks about, and the names asked for in each line."""
    inside = [path.split(".", 1) for path in act.ask if "." in path]
    if not inside:
        return None, ()
    return entity.fields[inside[0][0]], tuple(name for lines, name in inside if lines == inside[0][0])


def _asked_lines(
    ctx: RunContext, scene: FieldScene, entity: Entity, row: Row, act: StationAct, posted: Mapping[str, str] | None
) -> list[View]:
    lines, names = lines_of(entity, act)
    if lines is None:
        return []
    inner, rows = ctx.app.model.entities[lines.lines], row.get(lines.id) or ()
    lead = section_lead(inner)
    titles = _at_end(ctx, scene, inner, rows, lead)
    target = (inner.fields[lead].targets or ("",))[0] if lead else ""
    codes = _at_end(ctx, scene, inner, rows, f"{lead}.barcode") if "barcode" in _names(ctx, target) else []
    own = _at_end(ctx, scene, inner, rows, f"{lead}.code") if "code" in _names(ctx, target) else []
    found, judged = [], _judged(ctx, inner, row, rows, names)
    for index, line in enumerate(rows):
        prefix = f"{lines.id}-{index}-"
        below = {path.removeprefix(f"{lines.id}.{index + 1}."): said for path, said in scene.errors.items()}
        at = FieldScene(ctx=ctx, names=scene.names, errors=below, conditions=judged[index])
        shown = [name for name in names if judged[index].get((name, "visible"), True) or name in below]
        fields = [_asked_field(at, inner, inner.fields[name], line, prefix, posted) for name in shown]
        scanned = " ".join(word for words in (own, codes) for word in words[index : index + 1] if word)
        found.append({"title": titles[index] if titles else str(index + 1), "codes": scanned, "fields": fields})
    return found


def _judged(
    ctx: RunContext, inner: Entity, row: Row, lines: Sequence[Row], names: Sequence[str]
) -> list[dict[tuple[str, str], bool]]:
    """For each line what is asked for, and what has to be given."""
    at, owned = Workspace(ctx), [{**line, "parent": row} for line in lines]
    found: list[dict[tuple[str, str], bool]] = [{} for _ in lines]
    for name in names:
        for what, given in (("visible", inner.fields[name].visible), ("required", inner.fields[name].required)):
            holds = at.evaluate(given, owned, None, inner.id) if isinstance(given, Expr) else []
            for one, held in zip(found, holds, strict=False):
                one[name, what] = held is True
    return found


def _names(ctx: RunContext, entity: str) -> Mapping[str, Field]:
    found = ctx.app.model.entities.get(entity)
    return found.fields if found is not None else {}


def _asked_field(
    scene: FieldScene, entity: Entity, one: Field, row: Row, prefix: str, posted: Mapping[str, str] | None
) -> View:
    """A field as it stands at a station: named by its place, references typed or scanned."""
    view = field_view(scene, entity, one, row)
    name = f"{prefix}{one.id}"
    picked = view["type"] in TYPED and not prefix and one.create is None
    if picked:
        text = posted.get(f"{name}__text", "") if posted is not None else view.get("text", "")
        value = posted.get(name, "") if posted is not None else view.get("value", "")
        return {**view, "readonly": False, "computed": "", "own": False, "url": "", "value": value, "text": text}
    typed = view["type"] in TYPED
    value = posted.get(name, "") if posted is not None else _code(scene, one, row) if typed else view.get("value", "")
    unit = entity.fields.get(one.unit_field)
    if unit is not None:
        view["unit"] = reference_text(scene, unit, row.get(unit.id))
    view.update(id=name, html_id=name, readonly=False, computed="", value=value, own=False)
    return {**view, "type": "barcode"} if typed else view


def _code(scene: FieldScene, one: Field, row: Row) -> str:
    """A referenced record as it is scanned: by its code."""
    target = target_of(one, row.get(one.id))
    return str(scene.names.get(target, {}).get("code") or "") if target else ""


def asked_values(entity: Entity, act: StationAct, inner: Entity | None, drawn: Row, posted: Mapping[str, str]) -> Row:
    """A document that is made, or the changes of one that is there, with what was given at the station.

    Lines of which nothing came are left out of a document that is made.

    ``inner``: the entity of the lines that were asked about.
    """
    head = [name for name in act.ask if "." not in name and name in posted]
    values = {
        **(drawn if act.entity else {}),
        **{n: _given(entity.fields[n], posted[n], posted.get(f"{n}__text", "")) for n in head},
    }
    lines, names = lines_of(entity, act)
    if lines is None or inner is None:
        return values
    counted = entity.sources[act.source].quantity if act.source else ""
    kept = []
    for index, line in enumerate(drawn.get(lines.id) or ()):
        given = {n: _given(inner.fields[n], posted[at]) for n in names if (at := f"{lines.id}-{index}-{n}") in posted}
        if counted not in names or str(given.get(counted) or "").strip(" 0."):
            kept.append({**(line if act.entity else {"id": line["id"]}), **given})
    return {**values, lines.id: kept}


def _given(one: Field, raw: str, words: str = "") -> object:
    """What was given: a reference by its id where it was picked, else by the words it is called."""
    if one.targets and is_whole(raw) and words:
        return int(raw)
    return percent_typed(raw) if one.type == "percent" else raw.strip() or words.strip() or None
