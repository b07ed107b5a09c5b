"""A workflow as people see it: the drawing's boxes and labels in words, and the same content as lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import url_for

from engine.model import Entity, State, Workflow
from runtime.context import RunContext
from runtime.workflow_counts import in_states
from runtime.workflow_words import StateSaid, StepSaid, Told, WaySaid, say_workflow
from web.record_flow import approval_tone
from web.texts import translator
from web.workflow_layout import WIDTH, Drawing, Spot, Way, drawing

View = dict[str, Any]
TONES: Mapping[str, str] = {"draft": "", "pending": "accent", "approved": "green", "refused": "red", "closed": "off"}
ICONS: Mapping[str, str] = {
    "note": "note",
    "photo": "camera",
    "scan": "scan",
    "signature": "writing",
    "file": "paperclip",
}
PAD, ICON, NARROW, BROAD = 10, 18, 6.4, 13
"""Of a pill: the space at its ends, an icon in it; how wide a Latin and a Chinese letter are."""


def wide(text: str) -> int:
    """About how many pixels a text takes."""
    return round(sum(BROAD if ord(letter) > 0x2E7F else NARROW for letter in text))


def fitted(text: str, room: int) -> str:
    """A text cut to a width; the whole of it stands in the list below the drawing."""
    if wide(text) <= room:
        return text
    while text and wide(text) > room - BROAD:
        text = text[:-1]
    return f"{text.rstrip()}…"


def workflow_view(ctx: RunContext, entity: Entity) -> View:
    """The drawing and the lists of one entity's workflow."""
    workflow = entity.workflow
    assert workflow is not None
    told, counted = say_workflow(ctx, entity), in_states(ctx, entity)
    drawn = drawn_of(workflow, told)
    states = {s.id: _state(ctx, entity, workflow.states[s.id], s, counted.get(s.id, 0)) for s in told.states}
    return {
        "width": drawn.width,
        "height": drawn.height,
        "lines": drawn.lines,
        "boxes": [_box(drawn, states[s.id], s) for s in told.states],
        "labels": _labels(ctx, drawn, told),
        "states": list(states.values()),
        "ways": [_told(ctx, way, told) for way in told.ways],
    }


def drawn_of(workflow: Workflow, told: Told) -> Drawing:
    """Where everything stands: boxes as high as their steps, gaps as wide as their words."""
    spots = [Spot(id=state.id, lines=len(state.steps)) for state in told.states]
    return drawing(spots, [_way(way) for way in told.ways], workflow.start.id)


def _way(way: WaySaid) -> Way:
    return Way(
        id=way.id,
        origins=way.origins,
        target=way.target,
        width=max(_pill(way), wide(way.who), wide(way.condition)),
        back=way.kind == "back",
        off=way.kind == "cancel",
    )


def _pill(way: WaySaid) -> int:
    return wide(way.label) + 2 * PAD + ICON * sum(kind in ICONS for kind, _ in way.demands)


def _state(ctx: RunContext, entity: Entity, state: State, said: StateSaid, count: int) -> View:
    t = translator(ctx.language)
    tone = approval_tone(state)
    edit = t("、", ", ").join(said.edit)
    return {
        "id": state.id,
        "label": said.label,
        "mark": {"axis": "approval", "state": tone, "label": said.label},
        "tone": TONES[tone],
        "count": t(f"现有 {count} 张", f"{count} now"),
        "number": count,
        "url": f"{url_for('pages.records', entity=entity.id)}?{urlencode({'where.status': state.id})}",
        "steps": said.steps,
        "notes": said.notes,
        "edit": t(f"还可以改：{edit}", f"May still be changed: {edit}") if edit else "",
        "start": state.start,
    }


def _box(drawn: Drawing, state: View, said: StateSaid) -> View:
    box = drawn.boxes[said.id]
    room = WIDTH - 24
    return {
        **state,
        "x": box.x,
        "y": box.y,
        "w": WIDTH,
        "h": box.h,
        "short": fitted(state["label"], room),
        "rows": [fitted(_step(step), room) for step in said.steps],
    }


def _step(step: StepSaid) -> str:
    return f"{step.number} {step.label}{' *' if step.condition else ''}"


def _labels(ctx: RunContext, drawn: Drawing, told: Told) -> list[View]:
    t = translator(ctx.language)
    ways = {way.id: way for way in told.ways}
    found = []
    for label in drawn.labels:
        way = ways[label.id]
        width = min(_pill(way), label.room - 4)
        icons = [ICONS[kind] for kind, _ in way.demands if kind in ICONS]
        found.append(
            {
                "x": label.x,
                "y": label.y,
                "w": width,
                "left": label.x - width // 2,
                "text": fitted(way.label, width - 2 * PAD - ICON * len(icons) + 4),
                "icons": [
                    {"name": name, "x": label.x + width // 2 - PAD - ICON * (n + 1) + 4} for n, name in enumerate(icons)
                ],
                "middle": label.x - ICON * len(icons) // 2,
                "notes": [
                    fitted(note, label.room - 8) for note in _notes(way, t("审批决定", "by the approval")) if note
                ],
                "title": way.sentence,
            }
        )
    return found


def _notes(way: WaySaid, by_itself: str) -> tuple[str, str]:
    return way.who or by_itself, way.condition


def _told(ctx: RunContext, way: WaySaid, told: Told) -> View:
    names = {state.id: state.label for state in told.states}
    rules = ctx.app.model.rules
    return {
        "id": way.id,
        "label": way.label,
        "sentence": way.sentence,
        "from": [names[origin] for origin in way.origins],
        "to": names[way.target],
        "rules": [
            {"label": rules[id].label.get(ctx.language), "url": url_for("pages.rule", rule=id)} for id in way.rules
        ],
    }
