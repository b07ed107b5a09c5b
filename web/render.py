"""Turn a page's content into HTML: the shell, the words of the reader's language, and what was to be told."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, g, get_flashed_messages
from flask_wtf.csrf import generate_csrf

from runtime.accounts import account_names
from runtime.context import RunContext
from web.access import served
from web.shell import shell
from web.templating import html


def render(ctx: RunContext, template: str, *, title: str, status: int = 200, **content: Any) -> Response:
    """The page ``template`` for the person behind the request."""
    person = g.person
    name = account_names(ctx, [person.user.account]).get(person.user.account, person.user.name)
    page = html(
        ctx.language,
        template,
        title=title,
        theme=person.theme,
        density=person.prefs.get("density", ""),
        csrf=generate_csrf(),
        shell=shell(ctx, served().names(), name),
        flashes=told(),
        **content,
    )
    return Response(page, status=status)


def told() -> list[dict[str, str]]:
    """The toasts that wait for the next page."""
    waiting: Any = get_flashed_messages(with_categories=True)
    return [{"kind": kind, **words} for kind, words in waiting]


def bare(template: str, language: str, *, title: str, status: int = 200, **content: Any) -> Response:
    """A page without the frame: log-in, print."""
    page = html(
        language,
        template,
        title=title,
        theme="auto",
        density="",
        csrf=generate_csrf(),
        shell=None,
        flashes=[],
        **content,
    )
    return Response(page, status=status)


def tell(kind: str, text: str, url: str = "", action: str = "") -> None:
    """A toast on the next page. ``kind``: done, info or failed; ``action`` names the link (undo, the next step)."""
    flash({"text": text, "url": url, "action": action}, kind)  # type: ignore[arg-type]
