"""What a thing is made of, on its own page: the lines of the structure's version in force, with what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import url_for

from engine.model import Structure
from runtime import workflow
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.record_reading import visible_record, with_live
from runtime.record_rows import rows_by
from runtime.values import Ref
from web.lines_table import MOST_LINES, computed_facts, lines_table

Part = dict[str, Any]


def made_of(ctx: RunContext, entity: str, id: int) -> list[Part]:
    """One part for each structure that says what this record is made of today."""
    found = []
    for structure in ctx.app.model.structures.values():
        header = ctx.app.model.entities[structure.entity]
        if entity in header.fields[structure.makes].targets and rights(ctx, header.id).may("read"):
            row = _in_force(ctx, structure, entity, id)
            if row is not None:
                found.append(_part(ctx, structure, row))
    return found


def _in_force(ctx: RunContext, structure: Structure, entity: str, id: int) -> dict[str, Any] | None:
    """The newest version that holds today."""
    mine = (id, Ref(entity, id))
    rows = [row for row in rows_by(ctx, structure.entity, structure.makes, [id]) if row[structure.makes] in mine]
    if structure.where is not None and rows:
        holds = Workspace(ctx).evaluate(structure.where, rows, None, structure.entity)
        rows = [row for row, held in zip(rows, holds, strict=True) if held is True]
    today, first, last = ctx.today(), structure.valid_from, structure.valid_to
    rows = [row for row in rows if not first or row[first] is None or row[first] <= today]
    rows = [row for row in rows if not last or row[last] is None or row[last] >= today]
    if not rows:
        return None
    newest = max(rows, key=lambda row: (str(row[first] or "") if first else "", row["id"]))
    return workflow.visible(ctx, structure.entity, [newest["id"]]).get(newest["id"])


def _part(ctx: RunContext, structure: Structure, row: dict[str, Any]) -> Part:
    header = ctx.app.model.entities[structure.entity]
    with_live(Workspace(ctx), header, [row])
    seen = visible_record(ctx, header.id, row)
    sections = header.form.sections if header.form else ()
    section = next((s for s in sections if s.lines == structure.lines), None)
    columns = section.fields if section else (structure.uses,)
    label = structure.label.get(ctx.language)
    return {
        "label": label,
        "code": seen.get("code") or header.label.get(ctx.language),
        "url": url_for("pages.record", entity=header.id, id=row["id"]),
        "facts": computed_facts(ctx, header, seen),
        "table": _said_only(lines_table(ctx, header.fields[structure.lines], columns, seen, label)),
        "shares": _shares(seen.get(structure.lines) or (), section.footer if section else ()),
    }


def _said_only(table: Part) -> Part:
    """The table without columns in which nothing stands."""
    kept = [n for n in range(len(table["heads"])) if any(row[n]["text"] for row in table["rows"])]
    return {
        **table,
        "heads": [table["heads"][n] for n in kept],
        "rows": [[row[n] for n in kept] for row in table["rows"]],
    }


def _shares(lines: Sequence[Mapping[str, Any]], footer: Sequence[str]) -> list[Decimal]:
    """What each line makes of the figure that is added up below them, in per cent; nothing where it is not known."""
    values = [line.get(footer[-1]) for line in lines[:MOST_LINES]] if footer else []
    known = [value for value in values if isinstance(value, Decimal) and value >= 0]
    whole = sum(known, Decimal(0))
    if not whole or len(known) < len(values):
        return []
    return [round(value / whole * 100, 1) for value in known]
