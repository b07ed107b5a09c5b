"""Entries made offline: a batch taken in, each with its own fate; what was not taken in, redone or discarded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from runtime import sync_kept
from runtime.accounts import account_names
from runtime.sync_entries import read_batch
from runtime.syncing import DISCARDED
from web.access import reading, writing
from web.api import parameters
from web.api.bodies import body_object
from web.api.errors import refusal
from web.api.shapes import answer
from web.repeating import note_commit

MOST_BYTES = 4 * 1024 * 1024
INNER = frozenset(("seen", "own", sync_kept.RIGHTS))
"""What is kept of an answer for entries that go on from it and for redoing, and is nobody else's business."""


def sync() -> Response:
    """Take a batch in; 200 with the fate of each entry, in their order."""
    if (request.content_length or 0) > MOST_BYTES:
        raise RequestEntityTooLarge
    with reading("sync") as ctx:
        entries = read_batch(ctx, body_object(ctx))
        sync_kept.refuse_overfull(ctx, len(entries))
    note_commit()  # each entry is a transaction of its own: nothing repeats them but whoever sends them
    fates = sync_kept.take_batch(replace(ctx, settings=None), entries, refusal)
    return answer({"items": [told(fate) for fate in fates]})


def told(fate: dict[str, Any]) -> dict[str, Any]:
    """A fate as it is answered."""
    return {name: value for name, value in fate.items() if name not in INNER}


def listed() -> Response:
    """What was not taken in and is open: the caller's own, of administrators everybody's; newest first."""
    with reading() as ctx:
        found = sync_kept.not_taken_in(ctx, parameters.whole(ctx, "cursor", 0))
        names = account_names(ctx, [one.account for one in found])
        items = [_json(one, names.get(one.account, "")) for one in found]
        more = str(found[-1].id) if len(found) == sync_kept.PAGE else None
        return answer({"items": items, "next": more, "count": len(items)})


def _json(one: sync_kept.Kept, person: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "by": person,
        "made_at": one.made_at,
        "came_at": one.came_at,
        "entry": one.entry,
        **told(one.fate),
    }


def redo(id: int) -> Response:
    """Take a kept entry in after all: its own values count."""
    with writing("sync") as ctx:
        one = sync_kept.kept_entry(ctx, id)
        done = sync_kept.redo(ctx, id)
    also = sync_kept.follow(replace(ctx, settings=None), one.account, one.key, refusal)
    return answer({**told(done), "followed": [told(fate) for fate in also]})


def discard(id: int) -> Response:
    """An entry that shall not be taken in."""
    with writing("sync") as ctx:
        sync_kept.discard(ctx, id)
        return answer({"id": id, "fate": DISCARDED})


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/sync", "sync", sync, methods=["POST"])
    api.add_url_rule("/sync", "not_taken_in", listed)
    api.add_url_rule("/sync/<id:id>/redo", "redo_entry", redo, methods=["POST"])
    api.add_url_rule("/sync/<id:id>/discard", "discard_entry", discard, methods=["POST"])
