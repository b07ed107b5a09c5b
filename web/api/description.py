"""``openapi.json``: what this app offers."""

from __future__ import annotations

from flask import Blueprint, Response, request

from web.access import reading
from web.api.openapi import describe
from web.api.shapes import answer

NAME = "/openapi.json"


def description() -> Response:
    """The description of the app asked for; the same for everybody who may log in."""
    with reading() as ctx:
        server = request.path.removesuffix(NAME)
        return answer(ctx.app.programs.keep(("openapi", server), lambda: describe(ctx.app.model, server)))


def register(api: Blueprint) -> None:
    """Attach the address."""
    api.add_url_rule(NAME, "openapi", description)
