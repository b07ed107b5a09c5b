"""Lines of a document as a table to read, away from its page; and the figures that its form computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for

from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.paths import path_end, path_values
from runtime.record_reading import titles
from web.display import is_numeric, text_of

Part = dict[str, Any]
Row = Mapping[str, Any]
Names = Mapping[tuple[str, int], Mapping[str, Any]]
MOST_LINES = 200


def computed_facts(ctx: RunContext, document: Entity, row: Row) -> list[Part]:
    """The figures its form computes."""
    names = [
        n for s in (document.form.sections if document.form else ()) if not (s.folded or s.lines) for n in s.fields
    ]
    fields = [document.fields[n] for n in dict.fromkeys(names) if n in document.fields]
    shown = [f for f in fields if f.formula is not None and is_numeric(f) and row.get(f.id) is not None]
    return [{"label": f.label.get(ctx.language), "text": text_of(ctx, f, row[f.id])} for f in shown]


def lines_table(ctx: RunContext, field: Field, columns: Sequence[str], row: Row, label: str) -> Part:
    """The lines in these columns: those the reader may see."""
    lines = [dict(line) for line in row.get(field.id) or ()]
    ends = [(path, end.field) for path in columns if (end := path_end(ctx, field.lines, path)) is not None]
    shown = lines[:MOST_LINES]
    values = {path: path_values(ctx, field.lines, shown, path) for path, _ in ends}
    names = titles(
        ctx,
        [(f.targets[0], v) for path, f in ends if len(f.targets) == 1 for v in values[path] if isinstance(v, int)],
    )
    return {
        "label": label,
        "count": len(lines),
        "heads": [{"label": f.label.get(ctx.language), "num": is_numeric(f)} for _, f in ends],
        "rows": [[_cell(ctx, f, values[path][i], names) for path, f in ends] for i in range(len(shown))],
    }


def _cell(ctx: RunContext, field: Field, value: object, names: Names) -> Part:
    """What stands in a cell, with the way to the record it names."""
    if len(field.targets) == 1 and isinstance(value, int):
        named = names.get((field.targets[0], value), {"id": value})
        return {
            "text": text_of(ctx, field, named),
            "url": url_for("pages.record", entity=field.targets[0], id=value) if "code" in named else "",
        }
    return {"text": text_of(ctx, field, value) if value is not None else "", "url": ""}
