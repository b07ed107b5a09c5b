"""The parts of a record's page as HTML: the component macros, rendered once for each shape and filled from then on."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from runtime.context import RunContext
from web.shapes import shapes

View = Mapping[str, Any]

SAID = frozenset({"error", "warn", "url"})
WORDS = SAID | {"value", "text"}
FILES = WORDS | {"id", "name", "thumb", "size"}
CELLS = WORDS | {"second", "id", "index", "number", "inputs", "html"}
FRAME = frozenset({"body", "note", "text", "words", "error"})
BODY = frozenset({"body"})
STEPS = frozenset({"label", "note", "url", "who", "when", "why"})
ENTRY = frozenset({"text", "when", "said", "old", "new", "url"})
STEERED = frozenset({"choice", "choices", "yes_no"})
"""Types of fields whose macro looks at the value."""
FACED = frozenset({"member"})
"""Types of fields whose macro draws the first letter of the words."""
SAYING = frozenset({"label"})
GIVEN = frozenset({"value"})
SPOKEN = frozenset({"text"})


def json_text(data: object) -> Markup:
    """JSON as an attribute in single quotes carries it."""
    return htmlsafe_json_dumps(data, dumps=lambda given, **_: orjson.dumps(given).decode())


class RecordHtml:
    """What is printed of a record, part by part."""

    def __init__(self, ctx: RunContext) -> None:
        self._shapes = shapes(ctx)
        self._html = self._shapes.html

    def field(self, view: View) -> Markup:
        """One field to fill in or to read."""
        return self._html("fields:field", view, _slots(view))

    def fields(self, views: Sequence[View], columns: int) -> Markup:
        """The fields of a section."""
        body = _joined(self.field(view) for view in views)
        return self._html("fields:fields_frame", {"columns": columns, "body": body}, BODY)

    def pairs(self, views: Sequence[View]) -> Markup:
        """The fields of a section nobody may write."""
        body = _joined(self._html("document:pair", view, FILES if view.get("files") else WORDS) for view in views)
        return self._html("document:pairs_frame", {"body": body}, BODY)

    def grid(self, grid: View) -> Markup:
        """Lines of a record."""
        name, columns, locked = grid["name"], grid["columns"], grid["locked"]
        key = grid["key"]
        fixed = (name, columns, locked)
        rows = Markup("".join([self._line(row, fixed, key) for row in grid["rows"]]))
        data = {"totals": grid["totals"], "note": grid["note"], "error": grid["error"], "body": rows}
        return self._html("grid:grid_frame", data, FRAME, fixed=(*fixed, grid["title"]), key=key)

    def _line(self, row: View, fixed: tuple[Any, ...], key: Hashable) -> str:
        """One line: its shape is which of its words are empty."""
        if row["errors"] or row["warnings"] or row["note"] or row["links"]:
            return self._html("grid:one_row", _told(row, fixed[1], row["cells"]), CELLS, fixed=fixed, key=key)
        cells = row["cells"]
        words = [word for cell in cells for word in cell if word]
        there = tuple([(not value, not text, not code) for value, text, code in cells])
        values = [row["index"], row["number"], row["id"], row["inputs"], *words]

        def make(marks: Sequence[str]) -> Markup:
            given = iter(marks[4:])
            marked = [tuple(next(given) if word else "" for word in cell) for cell in cells]
            index, number, id, inputs = marks[:4]
            view = {**row, "index": index, "number": number, "id": id if row["id"] else "", "inputs": inputs}
            return self._shapes.call("grid:one_row", *fixed, _told(view, fixed[1], marked))

        return self._shapes.filled((key, bool(row["id"]), bool(row["inputs"]), there), values, make)

    def chain(self, steps: Sequence[View]) -> Markup:
        """The documents before and after."""
        return self._html("document:chain_bar", steps, STEPS)

    def flow(self, steps: Sequence[View]) -> Markup:
        """The states and their people."""
        return self._html("document:flow", steps, STEPS)

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


def _told(row: View, columns: Sequence[View], cells: Sequence[Sequence[str]]) -> dict[str, Any]:
    """A line as the macro takes it."""
    errors, warnings = row["errors"], row["warnings"]
    told: dict[str, Any] = {}
    for column, (value, text, code) in zip(columns, cells, strict=True):
        view = told[column["id"]] = {"value": value, "text": text, "second": code}
        if column["path"] in errors:
            view["error"] = errors[column["path"]]
        if column["path"] in warnings:
            view["warn"] = warnings[column["path"]]
    note = {"tone": "", "html": row["note"], "buttons": ""} if row["note"] else None
    kept = {name: row[name] for name in ("id", "index", "number", "inputs", "links")}
    return {**kept, "cells": told, "note": note}


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
