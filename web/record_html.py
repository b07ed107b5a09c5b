"""The parts of a record's page as HTML: the component macros, rendered once for each shape and filled from then on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from runtime.context import RunContext
from web.shapes import safe, shapes

View = Mapping[str, Any]

SAID = frozenset({"error", "warn", "url"})
WORDS = SAID | {"value", "text"}
FILES = WORDS | {"id", "name", "thumb", "size"}
CELLS = WORDS | {"second", "id", "index", "number", "inputs", "html"}
FRAME = frozenset({"body", "note", "text", "words", "error"})
BODY = frozenset({"body"})
STEPS = frozenset({"label", "note", "url", "who", "when", "why"})
BROUGHT = frozenset({"when", "name", "url", "thumb"})
ENTRY = frozenset({"text", "when", "said", "old", "new", "url"})
STEERED = frozenset({"choice", "choices", "yes_no"})
"""Types of fields whose macro looks at the value."""
FACED = frozenset({"member"})
"""Types of fields whose macro draws the first letter of the words."""
SAYING = frozenset({"label"})
GIVEN = frozenset({"value"})
SPOKEN = frozenset({"text"})
MOVED = frozenset({"value", "text", "low", "high", "step"})
NONE: Mapping[str, str] = MappingProxyType({})
Fixed = tuple[str, Sequence[Mapping[str, Any]], bool]
"""Of a grid: its name, its columns, whether nothing may be typed."""


def json_text(data: object) -> Markup:
    """JSON as an attribute in single quotes carries it."""
    return htmlsafe_json_dumps(data, dumps=lambda given, **_: orjson.dumps(given).decode())


class Line:
    """A line of the grid. ``words``: index, number, id, figures for formulas, then three for each cell."""

    __slots__ = ("errors", "links", "note", "warnings", "words")

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.links: Sequence[View] = ()
        self.errors: Mapping[str, str] = NONE
        self.warnings: Mapping[str, str] = NONE
        self.note = ""

    def told(self, columns: Sequence[View], words: Sequence[str]) -> dict[str, Any]:
        """The line as the macro takes it, with these words."""
        cells: dict[str, Any] = {}
        for place, column in enumerate(columns):
            value, text, code = words[4 + 3 * place : 7 + 3 * place]
            view = cells[column["id"]] = {"value": value, "text": text, "second": code}
            if column["path"] in self.errors:
                view["error"] = self.errors[column["path"]]
            if column["path"] in self.warnings:
                view["warn"] = self.warnings[column["path"]]
        note = {"tone": "", "html": self.note, "buttons": ""} if self.note else None
        index, number, id, inputs = words[:4]
        first = {"id": id, "index": index, "number": number, "inputs": inputs and Markup(inputs)}
        return {**first, "links": self.links, "cells": cells, "note": note}


class RecordHtml:
    """What is printed of a record, part by part."""

    def __init__(self, ctx: RunContext) -> None:
        self._shapes = shapes(ctx)
        self._html = self._shapes.html

    def field(self, view: View) -> Markup:
        """One field to fill in or to read."""
        return self._html("fields:field", view, _slots(view))

    def pair(self, view: View) -> Markup:
        """One field nobody may write."""
        return self._html("document:pair", view, FILES if view.get("files") else WORDS)

    def marked(self, macro: str, shape: Hashable, words: Sequence[str], view: Callable[[Sequence[str]], View]) -> str:
        """A field whose shape is known: ``view`` is only asked, with marks for its words, where it is new."""
        return self._shapes.filled(shape, safe(words), lambda marks: self._shapes.call(macro, view(marks)))

    def fields_frame(self, body: Markup, columns: int) -> Markup:
        """The fields of a section."""
        return self._html("fields:fields_frame", {"columns": columns, "body": body}, BODY)

    def pairs_frame(self, body: Markup) -> Markup:
        """The fields of a section nobody may write."""
        return self._html("document:pairs_frame", {"body": body}, BODY)

    def slider(self, view: View) -> Markup:
        """A number one may move to and fro."""
        return self._html("what_if:slider", view, MOVED)

    def grid(self, key: Hashable, fixed: Fixed, title: str, lines: Iterable[Line], frame: View) -> Markup:
        """Lines of a record; ``key`` stands for ``fixed``: the name of the lines, their columns, whether they are
        locked."""
        body = Markup("".join([self._line(line, fixed, key) for line in lines]))
        return self._html("grid:grid_frame", {**frame, "body": body}, FRAME, fixed=(*fixed, title), key=(key, title))

    def _line(self, line: Line, fixed: Fixed, key: Hashable) -> str:
        """One line: its shape is whether it carries figures for formulas, and which cells have a code."""
        words = line.words
        if line.errors or line.warnings or line.note or line.links:
            return self._html("grid:one_row", line.told(fixed[1], words), CELLS, fixed=fixed, key=key)
        codes = tuple([not word for word in words[6::3]])

        def make(marks: Sequence[str]) -> Markup:
            steering = {place for place in range(3, len(words), 3) if not words[place]}
            given = ["" if place in steering else mark for place, mark in enumerate(marks)]
            return self._shapes.call("grid:one_row", *fixed, line.told(fixed[1], given))

        return self._shapes.filled((key, not words[3], codes), [*words[:4], *safe(words[4:])], make)

    def chain(self, steps: Sequence[View]) -> Markup:
        """The documents before and after."""
        return self._html("document:chain_bar", steps, STEPS)

    def flow(self, steps: Sequence[View]) -> Markup:
        """The states and their people."""
        return self._html("document:flow", steps, STEPS)

    def given(self, files: Sequence[View]) -> Markup:
        """What steps demanded, and who gave it."""
        return self._html("document:given_files", files, BROUGHT)

    def entries(self, entries: Sequence[View]) -> list[Markup]:
        """What happened, entry by entry."""
        return [self._html("document:history_entry", entry, ENTRY) for entry in entries]

    def history(self, entries: Sequence[Markup]) -> Markup:
        """Entries, one below the other."""
        return self._html("document:history_frame", {"body": _joined(entries)}, BODY)

    def marks(self, axes: Sequence[View]) -> Markup:
        """How far the record has come, beside its title."""
        return self._html("states:axis_chips", axes, SAYING)

    def links(self, pairs: Sequence[tuple[str, object]]) -> Markup:
        """What a new document was drawn from, as it is posted."""
        return self._html("fields:hidden_inputs", [{"name": name, "value": value} for name, value in pairs], GIVEN)

    def notices(self, texts: Sequence[str]) -> Markup:
        """What should be looked at."""
        return self._html("feedback:notices", [{"text": text} for text in texts], SPOKEN)

    def files(self, files: Sequence[View]) -> Markup:
        """Everything that is attached."""
        return self._html("document:file_list", files, FILES)

    def touched(self, effects: Sequence[str]) -> Markup:
        """What a step touches, in its dialog."""
        return self._html("document:touched", [{"text": text} for text in effects], SPOKEN)


def _slots(view: View) -> frozenset[str]:
    kind = view.get("type")
    if kind in STEERED:
        return SAID
    if kind in FACED:
        return SAID | {"value"}
    return FILES if view.get("files") else WORDS


def _joined(pieces: Iterable[Markup]) -> Markup:
    return Markup("".join(pieces))


__all__ = ["RecordHtml", "json_text"]
