"""Entries made offline that were not taken in: why, both values where others changed the same, redo or discard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity
from runtime import accounts, sync_kept
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.record_texts import record_title
from runtime.sync_entries import Entry
from runtime.sync_kept import Kept
from runtime.syncing import CONFLICT, REFUSED, WAITING
from runtime.workflow import visible
from web.access import reading, writing
from web.api.errors import refusal
from web.display import moment
from web.entry_words import EntryWords
from web.render import render, tell
from web.setting_tabs import setting_tabs
from web.texts import translator
from web.whole import is_whole

FATES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        CONFLICT: ("有冲突", "conflict", "amber"),
        REFUSED: ("被拒绝", "refused", "red"),
        WAITING: ("等前一条", "waits", "accent"),
    }
)
SIDES = ("before", "theirs", "yours")
KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"create": ("新建", "New"), "change": ("修改", "Change of"), "act": ("操作", "Step of")}
)


def not_taken_in() -> AnyResponse:
    """What is open: my own; of administrators everybody's."""
    with reading() as ctx:
        t = translator(ctx.language)
        before = request.args.get("before", "")
        found = sync_kept.not_taken_in(ctx, int(before) if is_whole(before) else 0)
        people = accounts.account_names(ctx, [one.account for one in found])
        words = EntryWords(ctx, [(_entity(ctx, one), _given(one)) for one in found])
        older = url_for("pages.not_taken_in", before=found[-1].id) if len(found) == sync_kept.PAGE else ""
        return render(
            ctx, "pages/not_taken_in.html", title=t("设置", "Settings"), tabs=setting_tabs(ctx, "not_taken_in"),
            rows=[_row(ctx, one, people, words) for one in found], older=older,
        )  # fmt: skip


def _row(ctx: RunContext, one: Kept, people: Mapping[int, str], words: EntryWords) -> dict[str, Any]:
    t = translator(ctx.language)
    chinese, english, tone = FATES[one.fate["fate"]]
    entity = _entity(ctx, one)
    fields = entity.fields if entity is not None else {}
    title, url = _about(ctx, one, entity)
    return {
        "id": one.id,
        "title": title,
        "url": url,
        "parts": words.parts(entity, _given(one)),
        "by": people.get(one.account, ""),
        "made": moment(one.made_at, ctx) if one.made_at is not None else "–",
        "came": moment(one.came_at, ctx),
        "state": t(chinese, english),
        "tone": tone,
        "reasons": [fault["message"] for fault in one.fate["problem"]["errors"]],
        "next": one.fate["next"],
        "clashes": [
            {"label": c["label"], **{side: words.word(fields.get(c["field"]), c[side]) for side in SIDES}}
            for c in one.fate.get("fields", ())
        ],
    }


def _entity(ctx: RunContext, one: Kept) -> Entity | None:
    return ctx.app.model.entities.get(str(one.entry.get("entity")))


def _about(ctx: RunContext, one: Kept, entity: Entity | None) -> tuple[str, str]:
    """What the entry asks for in words, and the way to the record where it names one that the reader may see."""
    t = translator(ctx.language)
    kind = t(*KINDS.get(str(one.entry.get("kind")), ("录入", "Entry")))
    if entity is None:
        return kind, ""
    words, url = [kind, entity.label.get(ctx.language)], ""
    id = Entry(key=one.key, raw=one.entry).whole("id")
    action = str(one.entry.get("action"))
    if entity.workflow is not None and action in entity.workflow.transitions:
        words[0] = entity.workflow.transitions[action].label.get(ctx.language)
    if id is not None:
        try:
            row = visible(ctx, entity.id, [id]).get(id)
        except UserError:
            row = None
        if row is not None:
            words.append(record_title(ctx.app.model, entity.id, row))
            url = url_for("pages.record", entity=entity.id, id=id)
    return " ".join(words), url


def _given(one: Kept) -> Mapping[str, object]:
    """The values it carries, or what its step was given."""
    entry = Entry(key=one.key, raw=one.entry)
    return entry.object("values") or entry.object("body")


def redo(id: int) -> AnyResponse:
    """Take it in after all, and what waited for it."""
    try:
        with writing("sync") as ctx:
            one = sync_kept.kept_entry(ctx, id)
            sync_kept.redo(ctx, id)
        also = sync_kept.follow(replace(ctx, settings=None), one.account, one.key, refusal)
        t = translator(ctx.language)
        more = t(f"，跟着入账 {len(also)} 条", f", and {len(also)} that waited for it") if also else ""
        tell("done", t("已入账", "It is taken in") + more)
    except UserError as error:
        tell("failed", "；".join(f.message for f in error.faults))
    return redirect(url_for("pages.not_taken_in"), 303)


def discard(id: int) -> AnyResponse:
    """It shall not be taken in."""
    try:
        with writing("sync") as ctx:
            sync_kept.discard(ctx, id)
            tell("done", translator(ctx.language)("已作废，不会入账", "It is discarded and will not be taken in"))
    except UserError as error:
        tell("failed", "；".join(f.message for f in error.faults))
    return redirect(url_for("pages.not_taken_in"), 303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/not-taken-in", "not_taken_in", not_taken_in)
    pages.add_url_rule("/not-taken-in/<int:id>/redo", "redo_entry", redo, methods=["POST"])
    pages.add_url_rule("/not-taken-in/<int:id>/discard", "discard_entry", discard, methods=["POST"])
