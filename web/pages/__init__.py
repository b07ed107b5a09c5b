"""The pages people work on, each made from metadata and the reader's rights."""

from __future__ import annotations

from flask import Blueprint, Flask

from web import formulas
from web.pages import (
    account,
    alerts,
    analysis,
    assist,
    attachments,
    boards,
    channels,
    figures,
    form_looks,
    imported,
    imports,
    ledgers,
    lists,
    messages,
    opening,
    outbox,
    plans,
    plugins,
    prints,
    push,
    records,
    rules,
    rules_past,
    settings,
    start,
    stations,
    sync,
    tasks,
    traces,
    workflows,
    working_days,
)

ROOMS = (
    account,
    alerts,
    analysis,
    assist,
    attachments,
    boards,
    channels,
    figures,
    form_looks,
    formulas,
    imported,
    imports,
    ledgers,
    lists,
    messages,
    opening,
    outbox,
    plans,
    plugins,
    prints,
    push,
    records,
    rules,
    rules_past,
    settings,
    start,
    stations,
    sync,
    tasks,
    traces,
    workflows,
    working_days,
)


def register(app: Flask) -> None:
    """Attach all pages under one name, so that addresses are made as ``pages.<function>``."""
    pages = Blueprint("pages", __name__)
    for room in ROOMS:
        room.register(pages)
    app.register_blueprint(pages)
