"""Marks in lists (states, how far something has come, ticks): each drawn once in front of the table and referred to.

A list of fifty rows shows a handful of different marks a hundred times. Their drawings come from the macros that all
pages use; here they are taken apart into the drawing and what stands in the cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from markupsafe import Markup

from web.assets import load_glyphs
from web.templating import environment

AXIS = "{%- from 'components/states.html' import axis -%}{{ axis(a) }}"
FLAG = "{%- from 'components/icon.html' import icon -%}{{ icon('check', label=word, cls='icon-s') }}"
DRAWN = re.compile(r'<span class="axis ?([^"]*)"><svg([^>]*)>(.*?)</svg>(.*)</span>', re.DOTALL)
USED = re.compile(r'<use href="[^"#]*#([^"]+)"/>')
BOX = re.compile(r'viewBox="([^"]+)"')
TINT = re.compile(r'class="icon ?([^"]*)"')


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark. ``whole``: a cell with the drawing in it; ``short``: a cell that refers to ``symbol``."""

    whole: str
    short: str
    symbol: str


class Marks:
    """The marks of one compiled list: the same drawing has the same short name."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._names: dict[str, str] = {}
        self._numbers = count(1)

    def axis(self, view: Mapping[str, object], slot: str) -> Mark:
        """The mark of an axis: ``view`` as ``states.axis`` takes it."""
        drawn = str(environment(self._language).from_string(AXIS).render(a=view))
        whole = f"<td class={slot}>{drawn}"
        found = DRAWN.fullmatch(drawn)
        if found is None or found[1] == "boxed":
            return Mark(whole, whole, "")
        tone, attributes, inner, label = found.groups()
        box, inner = _drawing(attributes, inner)
        name = self._names.setdefault(box + inner, f"_{next(self._numbers)}")
        tint = TINT.search(attributes)
        worn = f" class={tint[1]}" if tint is not None and tint[1] else ""
        classes = f'"{slot} {tone}"' if tone else slot
        short = f"<td class={classes}><svg{worn} aria-hidden=true><use href=#{name} /></svg>{label}"
        return Mark(whole, short, f'<symbol id="{name}" viewBox="{box}">{inner}</symbol>')

    def flag(self, word: str) -> str:
        """The tick for yes."""
        return str(environment(self._language).from_string(FLAG).render(word=word))


def _drawing(attributes: str, inner: str) -> tuple[str, str]:
    """The box and the lines of a drawing; an icon of the sprite is copied, as a reference cannot refer on."""
    used = USED.fullmatch(inner)
    if used is not None:
        return load_glyphs()[used[1]]
    box = BOX.search(attributes)
    return box[1] if box else "0 0 24 24", inner


def drawings(symbols: Iterable[str]) -> Markup:
    """The drawings that the rows of a list refer to."""
    found = "".join(sorted(symbols))
    return Markup(f'<svg class="drawings" aria-hidden="true">{found}</svg>' if found else "")
