"""A record's page as its template takes it, with blanks for everything that belongs to one record or one moment.

What the template looks at is ``Look``; it is the key its outline is kept under. What it only prints are words, and
parts that were made on their own (the lines, the flow, what happened): they are filled in for each request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from flask import url_for
from markupsafe import Markup, escape

from engine.model import Entity, EntityKind
from runtime.context import RunContext
from runtime.permissions import is_admin, rights
from web import formulas
from web.record_warnings import look_url
from web.texts import translator

View = dict[str, Any]
Word = Callable[[str], Markup]

NOBODY = 9_007_199_254_740_881
"""Stands for the record in addresses while they are made."""
MOST_BUTTONS = 4


class Move(NamedTuple):
    """A transition as the page shows it. ``refused``: a reason stands in its way, told in the word of its id."""

    id: str
    label: str
    kind: str
    refused: bool
    asks: bool


class Drawn(NamedTuple):
    """A document that may be drawn from the record."""

    entity: str
    source: str


class Part(NamedTuple):
    """A section of the form."""

    kind: str
    label: str
    folded: bool


class Look(NamedTuple):
    """All that differs between pages of one entity, but for words. ``root``: where the application is mounted.

    ``taken``: the reader may take back what he said about it; ``given``: steps demanded files, which are shown.
    """

    entity: str
    roles: frozenset[str]
    system: bool
    root: str
    new: bool
    versioned: bool
    deleted: bool
    editable: bool
    scripted: bool
    parts: tuple[Part, ...]
    chained: bool = False
    flowing: bool = False
    given: bool = False
    taken: bool = False
    filed: bool = False
    more_history: bool = False
    moves: tuple[Move, ...] = ()
    draws: tuple[Drawn, ...] = ()


def content(ctx: RunContext, entity: Entity, look: Look, word: Word) -> View:
    """The page, to be filled: ``word`` gives the blank of each word, or the word itself where a page is made once."""
    at = _Addresses(word)
    kept: Word = (lambda _name: Markup("")) if look.new else word
    view: View = {
        "title": word("title"),
        "entity": entity.id,
        "id": "" if look.new else word("id"),
        "version": word("version") if look.versioned else "",
        "label": entity.label.get(ctx.language),
        "list_url": url_for("pages.records", entity=entity.id),
        "url": "" if look.new else at("pages.record", entity=entity.id),
        "save_url": _save_url(entity, look, at),
        "marks": word("marks"),
        "chain": word("chain") if look.chained else "",
        "sections": [{**part._asdict(), "html": word(f"part{i}")} for i, part in enumerate(look.parts)],
        "links": word("links"),
        "editable": look.editable,
        "actions": [_action(entity, move, word, at) for move in look.moves],
        "draws": [_draw(ctx, entity, one, at) for one in look.draws],
        "flow": word("flow") if look.flowing else "",
        "given": word("given") if look.given else "",
        "take_back_url": word("take_back") if look.taken else "",
        "flow_url": url_for("pages.workflow", entity=entity.id) if entity.workflow else "",
        "older_url": _older_url(ctx, entity, look, at),
        "recent": kept("recent"),
        "history": kept("history"),
        "history_count": kept("history_count"),
        "more_history": look.more_history,
        "prints": _prints(ctx, entity, look, at),
        "may_delete": not look.new and not look.deleted and rights(ctx, entity.id).may("delete"),
        "deleted": look.deleted,
        "files": kept("files") if look.filed else "",
        "files_count": kept("files_count"),
    }
    return {
        "title": word("title"),
        "r": view,
        "notices": word("notices"),
        "told": word("told"),
        "module": word("module") if look.scripted else "",
        "formulas": formulas.as_attribute(ctx, entity),
        "nav": None if look.new else {"list": view["list_url"], "id": word("id")},
        "save_state": "saved" if look.editable else "",
        "look": at.of(look_url(ctx, entity, None if look.new else NOBODY)) if look.editable else "",
        "more": _more(ctx, entity, look, view, at),
        "analysis_url": "" if look.new else at("pages.analysis", entity=entity.id, lang=ctx.language),
        "comment_url": "" if look.new else at("pages.comment", entity=entity.id),
        "delete_url": "" if look.new else at("pages.delete_record", entity=entity.id),
        "problems": (),
        "clash": None,
        "dirty": False,
    }


class _Addresses:
    """Addresses with the record's place in them."""

    def __init__(self, word: Word) -> None:
        self._word = word

    def __call__(self, endpoint: str, **given: Any) -> Markup:
        return self.of(url_for(endpoint, **given, id=NOBODY))

    def of(self, url: str) -> Markup:
        """An address that names ``NOBODY``, with the record in its place."""
        return self._word("id").join(escape(piece) for piece in url.split(str(NOBODY)))


def _older_url(ctx: RunContext, entity: Entity, look: Look, at: _Addresses) -> str:
    """Where an administrator moves a document that walks an earlier flow to the newest."""
    if look.new or ctx.app.newest is None or not is_admin(ctx):
        return ""
    return at.of(url_for("pages.workflow", entity=entity.id, record=NOBODY, _anchor="older"))


def _save_url(entity: Entity, look: Look, at: _Addresses) -> str:
    if look.new:
        return url_for("pages.create_record", entity=entity.id)
    return at("pages.save_record", entity=entity.id)


def _action(entity: Entity, move: Move, word: Word, at: _Addresses) -> View:
    return {
        **move._asdict(),
        "refused": word(f"refused-{move.id}") if move.refused else "",
        "url": at("pages.act", entity=entity.id, transition=move.id),
        "body": word(f"body-{move.id}") if move.asks and not move.refused else "",
    }


def _draw(ctx: RunContext, entity: Entity, one: Drawn, at: _Addresses) -> View:
    other = ctx.app.model.entities[one.entity]
    t = translator(ctx.language)
    again = one.entity == entity.id  # one of the same kind is told by the way it is made
    made = other.sources[one.source].label if again else other.label
    return {
        "label": t(f"生成{made.get('zh')}", f"Make {made.get('en').lower()}"),
        "url": at.of(url_for("pages.new_record", entity=one.entity, source=one.source, ids=str(NOBODY))),
        "icon": other.icon or "file-plus",
    }


def _prints(ctx: RunContext, entity: Entity, look: Look, at: _Addresses) -> list[View]:
    if look.new or not rights(ctx, entity.id).may("print"):
        return []
    return [
        {"label": p.label.get(ctx.language), "url": at("pages.print_record", print=p.id), "icon": "printer"}
        for p in ctx.app.model.prints.values()
        if p.entity == entity.id
    ]


def _more(ctx: RunContext, entity: Entity, look: Look, view: Mapping[str, Any], at: _Addresses) -> list[View]:
    """What stands in the menu: copying, deleting or restoring, and the steps back that were folded into it."""
    t = translator(ctx.language)
    found: list[View] = []
    if not look.new and rights(ctx, entity.id).may("create") and entity.kind is not EntityKind.SETTING:
        copy = at.of(url_for("pages.new_record", entity=entity.id, copy=NOBODY))
        found.append({"label": t("复制一张", "Duplicate"), "url": copy, "icon": "copy"})
    if look.deleted:
        url = at("pages.restore_record", entity=entity.id)
        found.append({"label": t("恢复", "Restore"), "url": "", "attrs": {"data-post": url}, "icon": "restore"})
    elif view["may_delete"]:
        found.append({"label": t("删除", "Delete"), "attrs": {"data-dialog": "delete"}, "icon": "trash"})
    return [*found, *_folded(look, view["actions"])]


def _folded(look: Look, actions: Sequence[View]) -> list[View]:
    """Steps back move into the menu where there are too many buttons; those refused say why in the page."""
    if len(actions) + len(look.draws) + look.editable <= MOST_BUTTONS:
        return []
    found: list[View] = [{"sep": True}]
    for action in actions:
        if action["kind"] == "back":
            action["folded"] = True
            if not action["refused"] and action["asks"]:
                attrs = {"data-dialog": f"do-{action['id']}"}
                found.append({"label": action["label"], "kind": "back", "attrs": attrs})
    return found if len(found) > 1 else []
