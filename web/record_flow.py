"""What stands around a record: its axes, the chain of documents, the flow with its people, what happened before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import url_for

from engine.expressions.types import Kind
from engine.model import Entity, Field, State, Workflow
from runtime import audit, comments, documents
from runtime.accounts import account_names, member_names
from runtime.context import RunContext
from runtime.documents_after import Link
from runtime.drawing import drawn_from
from runtime.permissions import rights
from runtime.task_flow import steps
from runtime.task_take_back import takeable
from runtime.workflow import actions
from runtime.workflow_demands import given_files
from runtime.workflow_rights import Action
from web.display import day, moment, option_label, percent, text_of
from web.record_fields import file_view
from web.record_outline import Drawn, Move
from web.texts import translator

Row = Mapping[str, Any]
View = dict[str, Any]

BUTTON_KINDS = {"forward": "", "back": "back", "cancel": "back"}


# --- axes ------------------------------------------------------------------------------------------------------


def approval_tone(state: State) -> str:
    """Which of the five marks of the approval axis a state wears."""
    if state.color in ("draft", "pending", "approved", "refused", "closed"):
        return state.color
    if state.start:
        return "draft"
    if state.approval is not None:
        return "pending"
    return "closed" if state.end and state.id in ("closed", "cancelled") else "approved"


def axis_of(ctx: RunContext, entity: Entity, one: Field, value: object, share: object, *, started: bool) -> View | None:
    """The mark of one axis; ``started``: the document has left its first state."""
    language = ctx.language
    if entity.workflow is not None and one.id == "status":
        state = entity.workflow.states.get(str(value))
        if state is None:
            return None
        return {"axis": "approval", "state": approval_tone(state), "label": state.label.get(language)}
    if one.id in entity.progress:
        return _progress(ctx, entity, one, value, share, started=started)
    return None


def _progress(ctx: RunContext, entity: Entity, one: Field, value: object, share: object, *, started: bool) -> View:
    first = next(iter(entity.progress))
    kind = "execution" if one.id == first else "settlement"
    if not started or value is None:
        return {"axis": kind, "share": None, "label": ""}
    part = int(share * 100) if isinstance(share, Decimal) else 0
    label = option_label(one, value, ctx.language)
    if value == "partial" and isinstance(share, Decimal):
        label = f"{label} {percent(share, 0)}"
    return {"axis": kind, "share": part, "label": label, "closed": value == "closed"}


def chips(ctx: RunContext, entity: Entity, row: Row) -> list[View]:
    """The axes of a record for its head."""
    found = []
    workflow = entity.workflow
    status = row.get("status")
    started = workflow is None or status != workflow.start.id
    for name in ("status", *entity.progress):
        one = entity.fields.get(name)
        if one is None or name not in row:
            continue
        mark = axis_of(ctx, entity, one, row.get(name), row.get(f"{name}_share"), started=started)
        if mark is not None and mark.get("share", 0) is not None:
            found.append(mark)
    return found


# --- chain -----------------------------------------------------------------------------------------------------


def chain(ctx: RunContext, entity: Entity, row: Row) -> tuple[list[View], bool]:
    """Documents before, this one, those after, and what may be drawn next; whether nothing was drawn from it yet."""
    record = row.get("id")
    if not isinstance(record, int):
        return [], True
    links = documents.links(ctx, entity.id, record)
    here = {
        "label": entity.label.get(ctx.language),
        "note": translator(ctx.language)("本单", "this one"),
        "url": "",
        "state": "here",
    }
    before = _grouped(ctx, [link for link in links if link.distance < 0])
    after = _grouped(ctx, [link for link in links if link.distance > 0])
    to_come = _to_come(ctx, entity, {link.entity for link in links})
    steps = [*reversed(before), here, *after, *to_come]
    return (steps if len(steps) > 1 else []), not any(link.distance > 0 for link in links)


def _grouped(ctx: RunContext, links: Sequence[Link]) -> list[View]:
    """One step for each kind of document, nearest first; several of a kind are counted."""
    kinds: dict[str, list[Link]] = {}
    for link in sorted(links, key=lambda link: abs(link.distance)):
        kinds.setdefault(link.entity, []).append(link)
    return [_step(ctx, same) for same in kinds.values()]


def _step(ctx: RunContext, same: Sequence[Link]) -> View:
    first = same[0]
    t = translator(ctx.language)
    when = day(first.date, ctx.today(), ctx.language) if first.date else ""
    note = " ".join(x for x in (first.title, first.status_label, when) if x)
    if len(same) > 1:
        note = t(f"{first.title} 等 {len(same)} 张", f"{first.title} and {len(same) - 1} more")
    url = url_for("pages.record", entity=first.entity, id=first.id) if first.title else ""
    return {"label": first.label, "note": note, "url": url, "state": "done"}


def _to_come(ctx: RunContext, entity: Entity, known: set[str]) -> list[View]:
    t = translator(ctx.language)
    drawn = ctx.app.programs.keep(("drawn from", entity.id), lambda: drawn_from(ctx.app.model, entity.id))
    others = dict.fromkeys(one.drawn for one in drawn)
    found = [
        {
            "label": ctx.app.model.entities[other].label.get(ctx.language),
            "note": t("还没有", "not yet"),
            "url": "",
            "state": "next",
        }
        for other in others
        if other not in known and rights(ctx, other).may("read")
    ]
    return found[:4]


# --- flow ------------------------------------------------------------------------------------------------------


def flow(ctx: RunContext, entity: Entity, row: Row) -> list[View]:
    """The states on the straight way, with the approval's steps: done, now, to come, passed over and why."""
    workflow = entity.workflow
    if workflow is None:
        return []
    path = straight_way(workflow, str(row.get("status") or workflow.start.id))
    here = path.index(str(row.get("status") or workflow.start.id))
    views: list[View] = []
    for position, name in enumerate(path):
        state = workflow.states[name]
        mark = "done" if position < here else "now" if position == here else "next"
        views.append({"label": state.label.get(ctx.language), "state": mark})
        if state.approval is not None:
            views += _steps(ctx, entity, state, row, mark)
    return views


def straight_way(workflow: Workflow, now: str) -> list[str]:
    """From the first state through ``now`` to an end, by forward transitions in the order they are declared."""
    ahead: dict[str, str] = {}
    for transition in workflow.transitions.values():
        if transition.kind == "forward":
            for origin in transition.origins:
                ahead.setdefault(origin, transition.target)
    path = [workflow.start.id]
    while path[-1] in ahead and ahead[path[-1]] not in path:
        path.append(ahead[path[-1]])
    if now not in path:
        path = [*path[:1], now]
    return path


def _steps(ctx: RunContext, entity: Entity, state: State, row: Row, mark: str) -> list[View]:
    told = steps(ctx, entity.id, dict(row), state.id)
    return [
        {
            "label": step.label,
            "who": step.who,
            "when": moment(step.at, ctx) if step.at else "",
            "state": step.state if mark != "done" or step.state != "next" else "done",
            "why": step.why,
            "will": step.state == "next",
        }
        for step in told
    ]


def mine_to_take_back(ctx: RunContext, entity: Entity, row: Row) -> str:
    """Where the reader takes back what he said about a document under approval; nothing where he cannot."""
    state = entity.workflow.states.get(str(row.get("status"))) if entity.workflow else None
    if state is None or state.approval is None:
        return ""
    task = takeable(ctx, entity.id, {row["id"]: state.id}).get(row["id"])
    return url_for("pages.act_on_task", id=task, act="take-back") if task else ""


def given(ctx: RunContext, entity: Entity, record: int) -> list[View]:
    """The signatures, photos and files that steps demanded, each beside who gave it."""
    return [
        {
            **file_view({"id": one.id, "name": one.name, "media_type": one.media_type, "size": one.size}),
            "label": one.label,
            "who": one.who,
            "when": moment(one.at, ctx),
        }
        for one in given_files(ctx, entity.id, record)
    ]


# --- history ---------------------------------------------------------------------------------------------------

ICONS = {"create": "plus", "delete": "trash", "restore": "restore", "history": "database-import"}


FIRST_ENTRIES = 20
"""So much of the trail comes with the page; who wants to know what was before asks for it."""


def history(ctx: RunContext, entity: Entity, record: int, *, whole: bool = False) -> tuple[list[View], bool]:
    """The trail and the comments, newest first, in words; whether there is more."""
    entries = audit.history(ctx, entity.id, record, 200 if whole else FIRST_ENTRIES + 1)
    more = not whole and len(entries) > FIRST_ENTRIES
    entries = entries[:FIRST_ENTRIES] if more else entries
    remarks = comments.remarks(ctx, entity.id, record)
    members = member_names(ctx, [e["member"] for e in entries])
    people = account_names(ctx, [*(e["account"] for e in entries), *(c.account for c in remarks)])
    system = translator(ctx.language)("系统", "System")
    trail = []
    for entry in entries:
        who = members.get(entry["member"] or 0) or people.get(entry["account"] or 0) or system
        trail.append((entry["at"], _told(ctx, entity, entry, who)))
    said = [
        (c.at, {"who": people.get(c.account, c.name), "text": "", "parts": mentions(c.text), "when": moment(c.at, ctx)})
        for c in remarks
    ]
    return [view for _, view in sorted([*trail, *said], key=lambda pair: pair[0], reverse=True)], more


MENTION = re.compile(r"(@[\w·-]{1,40})")


def mentions(text: str) -> list[View]:
    """A remark in pieces: who is mentioned stands out."""
    return [{"text": piece, "at": piece.startswith("@")} for piece in MENTION.split(text) if piece]


def _told(ctx: RunContext, entity: Entity, entry: Mapping[str, Any], who: str) -> View:
    t = translator(ctx.language)
    kind = entry["kind"]
    words = {
        "create": t("新建", "created it"),
        "update": t("修改", "changed it"),
        "delete": t("删除", "deleted it"),
        "restore": t("恢复", "restored it"),
        "history": t("作为历史导入", "imported it as history"),
        "transition": t("流转", "moved it on"),
        "flow": t("改走新流程", "took the new flow"),
        "taken_back": t("撤回同意", "took the approval back"),
        "redone": t("让它入账", "had it taken in"),
    }
    transition = (
        entity.workflow.transitions.get(entry["transition"]) if entity.workflow and entry["transition"] else None
    )
    return {
        "who": who,
        "icon": ICONS.get(kind, ""),
        "text": (transition.label.get(ctx.language) if transition else words.get(kind, t("改动", "changed it")))
        + _made_offline(ctx, entry["made_at"]),
        "when": moment(entry["at"], ctx),
        "changes": [] if kind == "create" else _changes(ctx, entity, entry["changes"]),
        "said": entry.get("note", ""),
    }


def _made_offline(ctx: RunContext, made: datetime | None) -> str:
    """When it was entered, where that was on a device without a connection."""
    if made is None:
        return ""
    return translator(ctx.language)(f"（离线录入于 {moment(made, ctx)}）", f" (made offline, {moment(made, ctx)})")


MOST_CHANGES = 6


def _changes(ctx: RunContext, entity: Entity, changes: Mapping[str, Any]) -> list[View]:
    found = []
    for path, pair in changes.items():
        if not isinstance(pair, list) or len(pair) != 2 or any(isinstance(v, (dict, list)) for v in pair):
            continue
        one = entity.fields.get(path) or _line_field(ctx, entity, path)
        if one is None:
            continue
        found.append(
            {"label": one.label.get(ctx.language), "old": _word(ctx, one, pair[0]), "new": _word(ctx, one, pair[1])}
        )
    return found[:MOST_CHANGES]


def _line_field(ctx: RunContext, entity: Entity, path: str) -> Field | None:
    parts = path.split(".")
    lines = entity.fields.get(parts[0])
    if len(parts) != 3 or lines is None or not lines.lines:
        return None
    return ctx.app.model.entities[lines.lines].fields.get(parts[2])


def _word(ctx: RunContext, one: Field, value: object) -> str:
    if value is None:
        return ""
    if one.options:
        return option_label(one, value, ctx.language)
    if isinstance(value, bool):
        return translator(ctx.language)("是" if value else "否", "yes" if value else "no")
    if one.value.kind is Kind.MOMENT:
        return moment(datetime.fromisoformat(str(value)), ctx)
    return text_of(ctx, one, Decimal(str(value))) if one.type in ("percent", "money") else str(value)


# --- what one may do -------------------------------------------------------------------------------------------


def moves(ctx: RunContext, entity: Entity, row: Row) -> list[tuple[Move, Action]]:
    """The transitions as buttons: backward ones first, the straight way last and primary.

    What only closes a document that is under way is not the straight way: others are drawn from it first.
    """
    ordered = sorted(actions(ctx, entity.id, dict(row)), key=lambda a: ("cancel", "back", "forward").index(a.kind))
    found = [(_move(a), a) for a in ordered]
    workflow = entity.workflow
    if found and workflow is not None and ordered[-1].kind == "forward":
        target = workflow.states[workflow.transitions[ordered[-1].id].target]
        state = workflow.states.get(str(row.get("status")))
        if not target.end or state is None or state.start or state.approval is not None:
            found[-1] = (found[-1][0]._replace(kind="primary"), ordered[-1])
    return found


def _move(action: Action) -> Move:
    return Move(
        id=action.id,
        label=action.label,
        kind=BUTTON_KINDS[action.kind],
        refused=bool(action.refused_because),
        asks=bool(action.demands) or action.kind != "forward",
    )


def draws(ctx: RunContext, entity: Entity, row: Row) -> tuple[Drawn, ...]:
    """Documents that may be drawn from this one now."""
    return tuple([Drawn(name, source.id) for name, source in documents.drawable(ctx, entity.id, dict(row))])


def when(ctx: RunContext, value: object) -> str:
    """A date in words."""
    return day(value, ctx.today(), ctx.language) if hasattr(value, "year") else ""  # type: ignore[arg-type]
