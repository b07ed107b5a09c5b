"""The way out where a name is not known, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from engine.problems import shorten
from runtime.context import RunContext
from runtime.messages import say


def near(ctx: RunContext, word: str, known: Iterable[str]) -> str:
    """The names that are close, else those there are."""
    names = sorted(set(known))
    close = get_close_matches(word, names, n=2, cutoff=0.6)
    if close:
        return say(ctx, "did_you_mean", near=" / ".join(close))
    return say(ctx, "plugin_known", known=shorten(names)) if names else ""
