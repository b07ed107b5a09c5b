"""What a key of a station asks for: fields of a document, of each of its lines, and of lines added on the spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.expressions.tree import Expr
from engine.model import Entity, Field, StationAct
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.record_inputs import Workspace
from runtime.record_preview import preview
from runtime.record_reading import visible_record, with_live
from runtime.workflow_rights import asked, transition_of
from web.forms import percent_typed
from web.record_actions import demand_view
from web.record_fields import FieldScene, field_view, reference_text, target_of
from web.record_grid import section_lead
from web.record_page import scene_of
from web.station_view import at_end
from web.whole import is_whole

Row = dict[str, Any]
View = dict[str, Any]
TYPED = frozenset({"reference", "member"})
"""Types that are typed or scanned at a station, where others are picked from a list."""
MOST_ADDED = 30
"""Lines that may be added in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Lines a key asks about: the field, what is asked of each line, and whether lines may be added."""

    field: Field
    names: tuple[str, ...]
    adds: bool

    @property
    def counter(self) -> str:
        """The name under which a form says how many lines were added."""
        return f"{self.field.id}__added"


def groups_of(entity: Entity, act: StationAct) -> tuple[Group, ...]:
    """The lines a key asks about, in the order in which they are named."""
    inside = [path.split(".", 1) for path in act.ask if "." in path]
    found = dict.fromkeys(lines for lines, _ in inside)
    return tuple(
        Group(
            field=entity.fields[lines],
            names=tuple(name for owner, name in inside if owner == lines),
            adds=lines in act.adds,
        )
        for lines in found
    )


def made_row(ctx: RunContext, act: StationAct, values: Row) -> Row:
    """The document a key makes as it would be, without what the person may not see."""
    entity = ctx.app.model.entities[act.entity]
    row = preview(ctx, entity.id, values)[0]
    with_live(Workspace(ctx), entity, [row])
    return visible_record(ctx, entity.id, row)


# --- lines that are added ---------------------------------------------------------------------------------------


def with_added(
    ctx: RunContext,
    act: StationAct,
    entity: Entity,
    row: Row,
    source: tuple[str, Row],
    posted: Mapping[str, str] | None,
) -> Row:
    """The document with the lines that are being added.

    ``source``: the document that was picked, on which the values of the first new line are worked out.
    """
    values = dict(row)
    for group in groups_of(entity, act):
        there = list(row.get(group.field.id) or ())
        if count := _added(group, len(there), posted):
            first = {} if there else _first(ctx, act.adds[group.field.id], source)
            values[group.field.id] = [*there, first, *({} for _ in range(count - 1))]
    return values


def _added(group: Group, there: int, posted: Mapping[str, str] | None) -> int:
    """How many lines are added: as many as the form has and one more where that was asked for; to begin with one
    where there is none yet."""
    if not group.adds:
        return 0
    if posted is None:
        return 0 if there else 1
    said = posted.get(group.counter, "")
    return min(MOST_ADDED, (int(said) if is_whole(said) else 0) + (posted.get("more") == group.field.id))


def _first(ctx: RunContext, fill: Mapping[str, Expr], source: tuple[str, Row]) -> Row:
    at, (entity, row) = Workspace(ctx), source
    return {name: at.evaluate(expr, [row], None, entity)[0] for name, expr in fill.items()}


# --- what is shown ------------------------------------------------------------------------------------------------


def ask_view(
    ctx: RunContext,
    act: StationAct,
    entity: Entity,
    row: Row,
    source: tuple[str, Row],
    faults: Sequence[Fault] = (),
    posted: Mapping[str, str] | None = None,
) -> View:
    """The few fields of a document that are given here; ``posted``: what was typed before it was refused.

    ``source``: the document that was picked.
    """
    there = {group.field.id: len(row.get(group.field.id) or ()) for group in groups_of(entity, act)}
    row = with_added(ctx, act, entity, row, source, posted)
    scene = scene_of(ctx, entity, row, faults=faults)
    taken = act.transition or act.then
    then = transition_of(ctx, entity.id, taken) if taken else None
    demands = asked(ctx, Workspace(ctx), entity, then, row) if then else ()
    head = [
        _asked_field(scene, entity, entity.fields[name], row, "", posted) for name in act.ask if name in entity.fields
    ]
    groups = groups_of(entity, act)
    return {
        "label": (then.label if then else entity.label).get(ctx.language),
        "given": [{"name": name, "value": row[name]} for name in act.fill if isinstance(row.get(name), int)],
        "fields": [*head, *(demand_view(ctx, entity, row, demand, scene) for demand in demands)],
        "groups": [_group_view(ctx, scene, row, group, there[group.field.id], posted) for group in groups],
    }


def _group_view(
    ctx: RunContext, scene: FieldScene, row: Row, group: Group, there: int, posted: Mapping[str, str] | None
) -> View:
    return {
        "id": group.field.id,
        "label": group.field.label.get(ctx.language),
        "adds": group.adds,
        "counter": group.counter,
        "added": len(row.get(group.field.id) or ()) - there,
        "lines": _asked_lines(ctx, scene, row, group, posted),
    }


def _asked_lines(
    ctx: RunContext, scene: FieldScene, row: Row, group: Group, posted: Mapping[str, str] | None
) -> list[View]:
    inner, rows = ctx.app.model.entities[group.field.lines], row.get(group.field.id) or ()
    lead = section_lead(inner)
    titles = at_end(ctx, scene, inner, rows, lead)
    target = (inner.fields[lead].targets or ("",))[0] if lead else ""
    codes = at_end(ctx, scene, inner, rows, f"{lead}.barcode") if "barcode" in _names(ctx, target) else []
    own = at_end(ctx, scene, inner, rows, f"{lead}.code") if "code" in _names(ctx, target) else []
    found, judged = [], _judged(ctx, inner, row, rows, group.names)
    for index, line in enumerate(rows):
        prefix = f"{group.field.id}-{index}-"
        below = {path.removeprefix(f"{group.field.id}.{index + 1}."): said for path, said in scene.errors.items()}
        at = FieldScene(ctx=ctx, names=scene.names, errors=below, conditions=judged[index])
        shown = [name for name in group.names if judged[index].get((name, "visible"), True) or name in below]
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


# --- what was given ---------------------------------------------------------------------------------------------


def asked_values(
    ctx: RunContext, entity: Entity, act: StationAct, drawn: Row, source: tuple[str, Row], posted: Mapping[str, str]
) -> Row:
    """A document that is made, or the changes of one that is there, with what was given at the station.

    ``source``: the document that was picked.
    Lines of which nothing came are left out of a document that is made; so are added lines in which nothing stands.
    """
    head = [name for name in act.ask if "." not in name and name in posted]
    values = {
        **(drawn if act.entity else {}),
        **{n: _given(entity.fields[n], posted[n], posted.get(f"{n}__text", "")) for n in head},
    }
    counted = entity.sources[act.source].quantity if act.source else ""
    lines = with_added(ctx, act, entity, drawn, source, posted)
    for group in groups_of(entity, act):
        there, rows = len(drawn.get(group.field.id) or ()), lines.get(group.field.id) or ()
        given = _given_lines(ctx, group, rows, posted)
        old = (_kept(act, group, line, told, counted) for line, told in given[:there])
        new = ({**line, **filled} for line, told in given[there:] if (filled := _stands(told)))
        values[group.field.id] = [*(line for line in old if line is not None), *new]
    return values


def _given_lines(
    ctx: RunContext, group: Group, lines: Sequence[Row], posted: Mapping[str, str]
) -> list[tuple[Row, Row]]:
    """Each line with what was given of it."""
    fields = ctx.app.model.entities[group.field.lines].fields
    found = []
    for index, line in enumerate(lines):
        places = ((name, f"{group.field.id}-{index}-{name}") for name in group.names)
        found.append((line, {name: _given(fields[name], posted[at]) for name, at in places if at in posted}))
    return found


def _kept(act: StationAct, group: Group, line: Row, told: Row, counted: str) -> Row | None:
    """A line that was there; ``None``: it is made from a source, and nothing came of it."""
    if not act.entity:
        return {"id": line["id"], **told}
    nothing = counted in group.names and not str(told.get(counted) or "").strip(" 0.")
    return None if nothing else {**line, **told}


def _stands(told: Row) -> Row:
    """What was filled in of a line that is added: what was left empty follows from the rest."""
    return {name: value for name, value in told.items() if value is not None}


def _given(one: Field, raw: str, words: str = "") -> object:
    """What was given: a reference by its id where it was picked, else by the words it is called."""
    if one.targets and is_whole(raw) and words:
        return int(raw)
    return percent_typed(raw) if one.type == "percent" else raw.strip() or words.strip() or None
