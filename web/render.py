"""Turn a page's content into HTML: the shell, the words of the reader's language, and what was to be told."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

from flask import Response, flash, g, get_flashed_messages, stream_with_context
from markupsafe import Markup, escape

from runtime.context import RunContext
from web.access import served
from web.outlines import blank, outline
from web.sessions import csrf_token
from web.shell import Frame, frame
from web.templating import environment, html, piece

NOW = "<!-- so far -->"
TOASTS = """{%- from 'components/feedback.html' import flash -%}\
{%- for f in flashes %}{{ flash(f.kind, f.text, f.url, f.action) }}{% endfor -%}"""


def render(ctx: RunContext, template: str, *, title: str, status: int = 200, **content: Any) -> Response:
    """The page ``template`` for the person behind the request."""
    return Response(html(ctx.language, template, title=title, **_around(ctx), **content), status=status)


def render_slowly(ctx: RunContext, template: str, *, title: str, **content: Any) -> Response:
    """A page that is sent as it is made: what its template goes through may take its time, and end when nobody reads.

    What stands before each ``NOW`` is sent at once. The transaction of ``ctx`` is over by then; what the template
    calls opens its own.
    """
    made = environment(ctx.language).get_template(template)
    sent = _portions(made.generate(title=title, now=Markup(NOW), **_around(ctx), **content))
    return Response(stream_with_context(sent), headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"})


def _portions(pieces: Iterable[str]) -> Iterator[str]:
    """A template's many small pieces, put together up to each ``NOW``."""
    waiting: list[str] = []
    for each in pieces:
        waiting.append(each)
        if NOW in each:
            yield "".join(waiting)
            waiting = []
    yield "".join(waiting)


def _around(ctx: RunContext) -> dict[str, Any]:
    """What stands around every page of a person."""
    csrf = csrf_token()
    around = frame(ctx, served().names(), csrf)
    return {
        "theme": g.person.theme,
        "density": g.person.prefs.get("density", ""),
        "csrf": csrf,
        "frame": around,
        "shell": {"app": {"name": around.firm}, "user": {"name": around.person}},
        "flashes": told(),
    }


def render_outline(
    ctx: RunContext,
    template: str,
    key: Hashable,
    content: Callable[[], Mapping[str, Any]],
    value: Callable[[str], str],
    *,
    status: int = 200,
) -> Response:
    """A page from its outline. ``key``: all that ``content`` looks at; ``value``: what belongs into each blank.

    ``content`` (with the title) is asked for once a key. Nothing of one person may stand in it.
    """
    csrf, theme, density = csrf_token(), g.person.theme, g.person.prefs.get("density", "")
    around = frame(ctx, served().names(), csrf)
    page = outline(
        ctx,
        (template, ctx.language, theme, density, key),
        lambda: html(
            ctx.language,
            template,
            theme=theme,
            density=density,
            csrf=blank("csrf"),
            frame=Frame(blank("side"), blank("bottom"), "", ""),
            shell={"app": {"name": blank("firm")}, "user": {"name": blank("person")}},
            **content(),
        ),
    )
    of_all = {
        "csrf": str(escape(csrf)),
        "side": around.side,
        "bottom": around.bottom,
        "firm": str(escape(around.firm)),
        "person": str(escape(around.person)),
    }
    return Response(page.filled(lambda name: of_all[name] if name in of_all else value(name)), status=status)


def told() -> list[dict[str, str]]:
    """The toasts that wait for the next page."""
    waiting: Any = get_flashed_messages(with_categories=True)
    return [{"kind": kind, **words} for kind, words in waiting]


def toasts(ctx: RunContext) -> str:
    """The same as HTML."""
    flashes = told()
    return piece(ctx.language, TOASTS, flashes=flashes) if flashes else ""


def bare(template: str, language: str, *, title: str, status: int = 200, **content: Any) -> Response:
    """A page without the frame: log-in, print."""
    page = html(
        language,
        template,
        title=title,
        theme="auto",
        density="",
        csrf=csrf_token(),
        shell=None,
        flashes=[],
        **content,
    )
    return Response(page, status=status)


def tell(kind: str, text: str, url: str = "", action: str = "") -> None:
    """A toast on the next page. ``kind``: done, info or failed; ``action`` names the link (undo, the next step)."""
    flash({"text": text, "url": url, "action": action}, kind)  # type: ignore[arg-type]
