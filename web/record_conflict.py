"""Somebody saved first: what they changed, what you changed, and whether both fit together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from engine.model import Entity
from runtime import audit
from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.record_preview import preview
from runtime.records import load_visible
from runtime.values import ENTERED
from web.display import moment, text_of
from web.texts import translator
from web.whole import is_whole

Row = dict[str, Any]


def clash_view(ctx: RunContext, entity: Entity, kept: Row, values: Mapping[str, object]) -> dict[str, Any] | None:
    """Both sides for the macro ``conflict``; mergeable when no field was changed by both."""
    seen = request.form.get("version", "")
    if not is_whole(seen):
        return None
    since = [e for e in audit.history(ctx, entity.id, kept["id"]) if (e["version"] or 0) > int(seen)]
    if not since:
        return None
    theirs = _their_fields(since)
    mine = _my_fields(ctx, entity, kept, values, theirs)
    fields = [entity.fields[n] for n in dict.fromkeys((*theirs, *mine)) if n in entity.fields]
    changes = [
        {
            "label": one.label.get(ctx.language),
            "old": str(theirs[one.id][0] or "") if one.id in theirs else text_of(ctx, one, kept.get(one.id)),
            "theirs": text_of(ctx, one, kept.get(one.id)),
            "mine": str(request.form.get(one.id, "")) if one.id in mine else "",
        }
        for one in fields
        if not one.lines
    ]
    who = account_names(ctx, [since[0]["account"]]).get(
        since[0]["account"] or 0, translator(ctx.language)("系统", "System")
    )
    return {
        "who": who,
        "when": moment(since[0]["at"], ctx),
        "changes": changes,
        "mergeable": not set(theirs) & set(mine),
    }


def _their_fields(since: list[dict[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for entry in since:
        for path, pair in entry["changes"].items():
            name = path.split(".")[0].split("__")[0]
            if isinstance(pair, list):
                found.setdefault(name, pair)
    return found


def _my_fields(
    ctx: RunContext, entity: Entity, kept: Row, values: Mapping[str, object], theirs: Mapping[str, list[Any]]
) -> list[str]:
    """Fields the person changed: what was posted against what is kept, theirs left out where equal."""
    old = load_visible(ctx, entity.id, kept["id"])
    mine, _ = preview(ctx, entity.id, values, old)
    found = []
    for name in values:
        one = entity.fields.get(name)
        if one is None or one.lines:
            continue
        if mine.get(name) != old.get(name) or mine.get(name + ENTERED) != old.get(name + ENTERED):
            found.append(name)
    return [n for n in found if n not in theirs or str(theirs[n][0]) != str(mine.get(n))]
