"""Pieces of HTML rendered once for each shape of what they show, and filled from then on.

What a macro makes depends on two kinds of data: on what steers it (which field, which state, what is empty) and on
words it only copies. Everything that steers makes up the *shape*. For a shape that is new, the macro is rendered with
marks in place of the words; from then on the finished text is filled by one formatting operation. Macros stay the only
place where HTML is written.

A word may only be a slot of a macro that copies it: what is compared, counted or cut by the macro belongs to the shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from markupsafe import Markup, escape

from runtime.context import RunContext
from web.templating import environment

Fill = Callable[[Sequence[str]], str]
MARK = re.compile("\ue000(\\d+)\ue001")
"""Two signs nobody types (private use): they pass through escaping as they are."""
UNSAFE = re.compile("[&<>\"']").search
"""Where something stands that HTML would take for its own."""
MOST = 4000
"""Shapes kept of an app and language; beyond that all are made anew."""
SLOT = "\ue000"


class Shapes:
    """The macros of one language for one version of an app, with all shapes seen so far."""

    def __init__(self, language: str) -> None:
        self._environment = environment(language)
        self._modules: dict[str, Any] = {}
        self._known: dict[Hashable, Fill] = {}

    def html(
        self,
        macro: str,
        data: Any,
        slots: frozenset[str] = frozenset(),
        *,
        fixed: Sequence[Any] = (),
        key: Hashable = None,
    ) -> Markup:
        """``file:macro`` called with ``fixed`` and ``data``; ``key`` stands for ``fixed``, ``slots`` names what is only
        copied, wherever in ``data`` it stands."""
        values: list[object] = []
        shape = (macro, key, _shape(data, slots, values))
        fill = self._known.get(shape)
        if fill is None:
            fill = self._keep(shape, str(self._macro(macro)(*fixed, _marked(data, slots, [0]))))
        return Markup(fill([_safe(value) for value in values]))

    def filled(self, shape: Hashable, values: Sequence[str], make: Callable[[Sequence[str]], Markup]) -> str:
        """The same for who knows the shape: ``make`` renders it with a mark for each value. They are safe as HTML."""
        fill = self._known.get(shape)
        if fill is None:
            fill = self._keep(shape, str(make([_mark_of(number) for number in range(len(values))])))
        return fill(values)

    def _keep(self, shape: Hashable, html: str) -> Fill:
        if len(self._known) >= MOST:
            self._known.clear()
        fill = self._known[shape] = _filling(html)
        return fill

    def call(self, macro: str, *given: Any) -> Markup:
        """A macro as it is."""
        return Markup(self._macro(macro)(*given))

    def _macro(self, name: str) -> Any:
        file, _, macro = name.partition(":")
        if file not in self._modules:
            self._modules[file] = self._environment.get_template(f"components/{file}.html").module
        return getattr(self._modules[file], macro)


def safe(words: Sequence[str]) -> Sequence[str]:
    """The words as HTML says them; they are looked at all at once, as few have anything to be escaped."""
    if UNSAFE("".join(words)) is None:
        return words
    return [escape(word) for word in words]


def _safe(value: object) -> str:
    return value if type(value) is str and UNSAFE(value) is None else escape(value)


def shapes(ctx: RunContext) -> Shapes:
    """The shapes of the reader's language."""
    return ctx.app.programs.keep(("shapes", ctx.language), lambda: Shapes(ctx.language))


def _shape(data: Any, slots: frozenset[str], values: list[object]) -> Hashable:
    """Everything of ``data`` that steers; what is only copied goes to ``values`` in the order it is met."""
    if isinstance(data, Mapping):
        found: list[Hashable] = []
        for name, value in data.items():
            if name in slots and value and not isinstance(value, (list, tuple, dict)):
                values.append(value)
                found.append((name, SLOT))
            elif isinstance(value, (list, tuple, dict)):
                found.append((name, _shape(value, slots, values)))
            else:
                found.append((name, value))
        return tuple(found)
    if isinstance(data, (list, tuple)):
        return tuple([_shape(each, slots, values) for each in data])
    return data  # type: ignore[no-any-return]


def _marked(data: Any, slots: frozenset[str], count: list[int]) -> Any:
    """``data`` with a mark in each slot, numbered in the order ``_shape`` meets them."""
    if isinstance(data, Mapping):
        return {name: _mark(name, value, slots, count) for name, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_marked(each, slots, count) for each in data]
    return data


def _mark(name: str, value: Any, slots: frozenset[str], count: list[int]) -> Any:
    if name in slots and value and not isinstance(value, (list, tuple, dict)):
        count[0] += 1
        return _mark_of(count[0] - 1)
    return _marked(value, slots, count)


def _mark_of(number: int) -> str:
    return f"\ue000{number}\ue001"


def _filling(html: str) -> Fill:
    """The function that puts values where the marks stand. Pieces are joined: formatting reads them sign by sign."""
    pieces = MARK.split(html)
    order = [int(each) for each in pieces[1::2]]
    if not order:
        return lambda _values: html
    if len(order) == 1:
        before, only, after = pieces[0], order[0], pieces[2]
        return lambda values: f"{before}{values[only]}{after}"
    pick = itemgetter(*order)

    def fill(values: Sequence[str]) -> str:
        found = pieces.copy()
        found[1::2] = pick(values)
        return "".join(found)

    return fill
