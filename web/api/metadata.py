"""The app's definition by API: as it is, its versions, and the way back to one of them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from runtime.app_source import flat_text
from runtime.apps import versions
from runtime.context import RunContext
from runtime.permissions import demand
from web.access import app_name, home, reading
from web.api.shapes import answer

METADATA = "metadata"
DEFINE = "define"
"""Held by who may do everything: the definition is the administrator's."""
TOLD = ("number", "at", "account", "note", "base", "base_version", "hash")


def definition() -> Response:
    """The own layer, and the whole app as one file."""
    with reading() as ctx:
        _demand(ctx)
        app = ctx.app
        assert app.definition is not None
        own = app.definition
        return answer(
            {
                "app": app.name,
                "version": app.version,
                "title": {"zh": app.model.title.zh, "en": app.model.title.en},
                "base": own.base or None,
                "base_version": own.base_version or None,
                "layer": own.text,
                "flat": app.programs.keep(METADATA, lambda: flat_text(own)),
            }
        )


def _demand(ctx: RunContext) -> None:
    demand(ctx, METADATA, DEFINE)


def history() -> Response:
    """All versions, newest first."""
    with reading() as ctx:
        _demand(ctx)
        items: list[dict[str, Any]] = [
            {name: getattr(row, name) for name in TOLD} for row in versions(ctx.app, ctx.connection)
        ]
        return answer({"items": items, "next": None, "count": len(items)})


def rollback(number: int) -> Response:
    """An earlier version again, as a new one; what it does not know stays restorable."""
    with reading() as ctx:
        _demand(ctx)
        account, language = ctx.user.account, ctx.language
    change = home().rollback(app_name(), number, account=account, language=language)
    return answer(
        {
            "version": change.version or home().get(app_name()).version,
            "differences": [{"path": path, "old": old, "new": new} for path, old, new in change.differences],
            "steps": [step.describe(language) for step in change.steps],
        }
    )


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/metadata", "metadata", definition)
    api.add_url_rule("/metadata/versions", "versions", history)
    api.add_url_rule("/metadata/versions/<id:number>/rollback", "rollback", rollback, methods=["POST"])
