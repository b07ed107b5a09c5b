"""How the acting person wants to be told: channels, addresses, quiet hours, daily digest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault
from web.access import reading, writing
from web.api.bodies import body_object
from web.api.shapes import answer
from web.contact_view import contact_view, keep_contact


def contact() -> Response:
    """What I have said."""
    with reading() as ctx:
        return answer(_shown(ctx))


def change() -> Response:
    """Say it anew; what is not named stays."""
    with writing("api") as ctx:
        asked = body_object(ctx)
        said = {**_shown(ctx), **asked}
        keep_contact(ctx, _form(ctx, said), _channels(ctx, said, asked))
        return answer(_shown(ctx))


def _shown(ctx: RunContext) -> dict[str, Any]:
    view = contact_view(ctx)
    quiet = [view["quiet"]["from"], view["quiet"]["to"]]
    return {
        "channel": next(iter(view["channels"]), ""),
        "channels": view["channels"],
        "addresses": {each["id"]: each["value"] for each in view["addresses"]},
        "quiet": quiet if all(quiet) else None,
        "daily": view["daily"] or None,
    }


def _channels(ctx: RunContext, said: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Those beside the inbox: ``channels``, or the one that ``channel`` names."""
    if "channels" not in asked and "channel" in asked:
        return [str(asked["channel"] or "")]
    if not isinstance(said["channels"], list):
        raise Malformed(fault(ctx, "not_a_list", "channels", label="channels"))
    return [str(each) for each in said["channels"]]


def _form(ctx: RunContext, said: Mapping[str, Any]) -> dict[str, str]:
    """The same as the page's form would send it."""
    addresses, quiet = said["addresses"], said["quiet"] or ["", ""]
    if not isinstance(addresses, dict):
        raise Malformed(fault(ctx, "not_an_object", "addresses", label="addresses"))
    if not isinstance(quiet, list) or len(quiet) != 2:
        raise Malformed(fault(ctx, "hours_both", "quiet"))
    hours = {"quiet_from": quiet[0], "quiet_to": quiet[1], "daily": said["daily"]}
    return {name: str(value or "") for name, value in {**addresses, **hours}.items()}


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/contact", "contact", contact)
    api.add_url_rule("/contact", "contact_change", change, methods=["PATCH"])
