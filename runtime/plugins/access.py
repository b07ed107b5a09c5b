"""The rights of a plug-in: what it declares, filled in with its settings, as a role that stands in no definition."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.frozen import Frozen
from engine.model import AppModel, Role
from runtime.context import RunContext, User
from runtime.errors import Fault
from runtime.messages import fault, say
from runtime.permissions import LEDGER, label_of
from runtime.plugins.declare import Access, Plugin
from runtime.plugins.hints import near
from runtime.plugins.settings import spelled


def filled(plugin: Plugin, settings: Mapping[str, Any]) -> Access:
    """What it declares with its settings in place; what comes to nothing is left out."""

    def said(texts: Sequence[str]) -> tuple[str, ...]:
        made = (spelled(text, settings) for text in texts)
        return tuple(dict.fromkeys(text for text in made if text and not text.endswith(".")))

    def by_entity(given: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        pairs = ((spelled(entity, settings), said(fields)) for entity, fields in given.items())
        return {entity: fields for entity, fields in pairs if entity and fields}

    access = plugin.access
    return Access(
        reads=said(access.reads),
        writes=by_entity(access.writes),
        makes=by_entity(access.makes),
        sees=said(access.sees),
    )


def wrong_access(ctx: RunContext, plugin: Plugin, settings: Mapping[str, Any]) -> list[Fault]:
    """What it wants to read or write that the app does not have."""
    access, model = filled(plugin, settings), ctx.app.model
    return [*_wrong_things(ctx, model, access), *_wrong_fields(ctx, model, access)]


def _wrong_things(ctx: RunContext, model: AppModel, access: Access) -> Iterator[Fault]:
    known = {*model.entities, *(LEDGER + id for id in model.ledgers)}
    for name in dict.fromkeys((*access.reads, *access.writes, *access.makes)):
        if name not in known:
            yield fault(ctx, "plugin_no_such_thing", given=name[:60], hint=near(ctx, name[:60], known))


def _wrong_fields(ctx: RunContext, model: AppModel, access: Access) -> Iterator[Fault]:
    for entity, fields in (*access.writes.items(), *access.makes.items()):
        known = model.entities[entity].fields if entity in model.entities else {}
        for name in fields:
            if known and name not in known:
                label, hint = model.entities[entity].label.get(ctx.language), near(ctx, name[:60], known)
                yield fault(ctx, "plugin_no_such_field", label=label, given=name[:60], hint=hint)


def user_of(model: AppModel, plugin: Plugin, settings: Mapping[str, Any]) -> User:
    """Who acts when the plug-in does: nobody's account, and rights of its own."""
    access = filled(plugin, settings)
    digest = hashlib.sha256(repr(access).encode()).hexdigest()[:16]
    role = Role(
        id=f"plugin:{plugin.id}:{digest}",
        label=plugin.label,
        sees=frozenset(access.sees),
        can=Frozen(_granted(access)),
        fields=Frozen({entity: Frozen(words) for entity, words in _fixed(model, access).items()}),
        rows=(),
    )
    return User(account=0, name=f"plugin:{plugin.id}", roles=frozenset({role.id}), own=role)


def _granted(access: Access) -> dict[str, frozenset[str]]:
    granted: dict[str, set[str]] = {name: {"read"} for name in access.reads}
    for entity in access.writes:
        granted.setdefault(entity, {"read"}).add("change")
    for entity in access.makes:
        granted.setdefault(entity, {"read"}).add("create")
    return {name: frozenset(words) for name, words in granted.items()}


def _fixed(model: AppModel, access: Access) -> dict[str, dict[str, str]]:
    """Of what it may write, the fields that it may not."""
    free: dict[str, set[str]] = {}
    for entity, fields in (*access.writes.items(), *access.makes.items()):
        free.setdefault(entity, set()).update(fields)
    return {
        entity: {name: "read" for name in model.entities[entity].fields if name not in fields}
        for entity, fields in free.items()
        if entity in model.entities
    }


# --- for people --------------------------------------------------------------------------------------------------


def in_words(ctx: RunContext, plugin: Plugin, settings: Mapping[str, Any]) -> list[str]:
    """The rights it asks for, a sentence each."""
    access, model = filled(plugin, settings), ctx.app.model
    comma = "、" if ctx.language != "en" else ", "

    def fields(entity: str, names: Sequence[str]) -> str:
        known = model.entities[entity].fields if entity in model.entities else {}
        return comma.join(known[name].label.get(ctx.language) if name in known else name for name in names)

    said = [say(ctx, "plugin_reads", what=comma.join(label_of(ctx, name) for name in access.reads))]
    for code, given in (("plugin_changes", access.writes), ("plugin_makes", access.makes)):
        said += [say(ctx, code, what=label_of(ctx, id), fields=fields(id, names)) for id, names in given.items()]
    tags = comma.join(model.secrecy[tag].get(ctx.language) if tag in model.secrecy else tag for tag in access.sees)
    return [*(said if access.reads else said[1:]), *([say(ctx, "plugin_sees", what=tags)] if tags else [])]
