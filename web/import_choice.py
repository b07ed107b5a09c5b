"""What was chosen on the import page: each column's field, what is made on the way, what may become new fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from sqlalchemy import select

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.importing_fields import NewField, field_id, propose
from runtime.importing_known import known_words
from runtime.importing_mapping import Cell, FileMapping, importable, kept_mappings, still_fitting
from runtime.importing_table import EMPTY, Table, cell_text
from runtime.importing_words import grouping, recognise, samples
from runtime.permissions import is_admin, rights

NEW = "+"
"""Chosen for a column: it becomes a new field."""
Form = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """``kept``: the kept mapping it comes from; ``by_hand``: one that the page cannot show in full.

    ``gone``: fields of the kept mapping that the app no longer has; their columns are left out.
    """

    mapping: FileMapping
    fresh: tuple[NewField, ...] = ()
    by_content: frozenset[str] = field(default_factory=frozenset)
    kept: str = ""
    by_hand: bool = False
    gone: tuple[str, ...] = ()


def choice_of(ctx: RunContext, entity: Entity, table: Table, form: Form) -> Choice:
    """What the form says; at first what was kept for such a file, else what the file looks like."""
    kept = form.get("kept", "")
    found, gone = still_fitting(ctx, entity.id, kept) if kept and kept != "-" else (None, ())
    if found is not None and not found.recognise:
        return Choice(mapping=found, kept=kept, by_hand=True, gone=gone)
    if any(name.startswith("map.") for name in form):
        return replace(_chosen(ctx, entity, table, form), gone=gone)
    if found is None and not kept:
        kept, found, gone = _fitting(ctx, entity, table)
    if found is not None:
        return Choice(mapping=found, kept=kept, gone=gone)
    proposal = recognise(ctx, entity, table)
    cells = {path: _with_making(ctx, entity, path, cell) for path, cell in proposal.mapping.cells.items()}
    mapping = FileMapping(entity=entity.id, cells=cells, group=proposal.mapping.group, recognise=True)
    return Choice(mapping=mapping, by_content=proposal.by_content)


def _fitting(ctx: RunContext, entity: Entity, table: Table) -> tuple[str, FileMapping | None, tuple[str, ...]]:
    """The kept mapping whose columns are all in the file; of several the one with most of them."""
    best: tuple[int, str, FileMapping | None, tuple[str, ...]] = (1, "", None, ())
    for name in kept_mappings(ctx, entity.id):
        try:
            found, gone = still_fitting(ctx, entity.id, name)
        except Invalid:
            continue  # one that fits the app no more is not proposed; who picks it is told why
        columns = {cell.column for cell in found.cells.values() if cell.column} if found else set()
        if found is not None and found.recognise and columns <= set(table.columns) and len(columns) > best[0]:
            best = (len(columns), name, found, gone)
    return best[1], best[2], best[3]


def _with_making(ctx: RunContext, entity: Entity, path: str, cell: Cell) -> Cell:
    """Where there is no record of the named kind at all, those that the file names are meant to be made."""
    spec = dict(importable(ctx, entity)).get(path)
    target = makes(ctx, spec) if spec is not None else ""
    if not target:
        return cell
    table = ctx.app.tables.entity[target]
    empty = ctx.connection.execute(select(table.c.id).where(table.c.deleted_at.is_(None)).limit(1)).first() is None
    return Cell(column=cell.column, create=empty)


def makes(ctx: RunContext, spec: Field) -> str:
    """What a reference names that may be made by its name alone, "" for none."""
    one = spec.value.kind is Kind.REFERENCE and len(spec.targets) == 1 and not spec.many and spec.create is None
    if not one:
        return ""
    target = ctx.app.model.entities[spec.targets[0]]
    given = {"code", "name"}
    needs = [f for f in target.fields.values() if f.required is True and f.default is None and f.id not in given]
    return target.id if not needs and "name" in target.fields and rights(ctx, target.id).may("create") else ""


def _chosen(ctx: RunContext, entity: Entity, table: Table, form: Form) -> Choice:
    paths = dict(importable(ctx, entity))
    cells: dict[str, Cell] = {}
    fresh: list[NewField] = []
    for index, heading in enumerate(table.columns):
        path = form.get(f"map.{index}", "")
        if heading and path == NEW and is_admin(ctx):
            fresh.append(_new_field(entity, table, heading, index, form, [one.id for one in fresh]))
        elif heading and path in paths:
            cells.setdefault(path, Cell(column=heading, create=form.get(f"create.{index}") == "1"))
    for path, spec in paths.items():
        value = form.get(f"const.{path}", "").strip()
        if value and path not in cells:
            cells[path] = Cell(constant=value, create=bool(makes(ctx, spec)))
    match = form.get("match", "")
    mapping = FileMapping(
        entity=entity.id,
        cells=cells,
        group=grouping({path: cell for path, cell in cells.items() if cell.column}),
        match=match if match in matches(entity, cells) else "",
        recognise=True,
    )
    told = frozenset(heading for index, heading in enumerate(table.columns) if form.get(f"by.{index}"))
    return Choice(mapping=mapping, fresh=tuple(fresh), by_content=told, kept=form.get("kept", "").strip("-"))


def _new_field(entity: Entity, table: Table, heading: str, index: int, form: Form, others: list[str]) -> NewField:
    proposed = propose(entity, heading, table.columns[heading], others)
    label = form.get(f"label.{index}", "").strip()[:40] or proposed.label
    kind = form.get(f"type.{index}", "") or proposed.type
    options = proposed.options or (tuple(samples(table.columns[heading])[:30]) if kind == "choice" else ())
    id = proposed.id if label == proposed.label else field_id(label, {*entity.fields, *others})
    return NewField(column=heading, id=id, label=label, type=kind, options=options if kind == "choice" else ())


def matches(entity: Entity, cells: Mapping[str, Cell]) -> list[str]:
    """Fields of the file by which a record may be found again."""
    return [
        path
        for path, cell in cells.items()
        if "." not in path and cell.column and (path in ("code", "name") or entity.fields[path].unique)
    ]


def missing_words(ctx: RunContext, spec: Field, table: Table, heading: str) -> list[str]:
    """Words of a column that name no record."""
    words = samples(table.columns[heading])
    known = known_words(ctx, spec.targets[0], words)
    return [word for word in words if word not in known]


def needed(ctx: RunContext, entity: Entity, mapping: FileMapping) -> list[tuple[str, Field]]:
    """Fields that must have a value, which neither the file nor the app gives."""
    found = []
    lines = {path.partition(".")[0] for path in mapping.cells if "." in path}
    for path, spec in importable(ctx, entity):
        given = spec.default is not None or spec.fill is not None or (path == "code" and entity.number is not None)
        cell = mapping.cells.get(path)
        mine = "." not in path or path.partition(".")[0] in lines
        if spec.required is True and not given and mine and (cell is None or not cell.column):
            found.append((path, spec))
    return found


def written(mapping: FileMapping) -> str:
    """A mapping of this page as it is kept."""
    fields: dict[str, Any] = {}
    for path, cell in mapping.cells.items():
        source = {"column": cell.column} if cell.column else {"constant": cell.constant}
        fields[path] = {**source, "create": "true"} if cell.create else cell.column or source
    data: dict[str, Any] = {"entity": mapping.entity, "recognise": "true", "fields": fields}
    if mapping.group:
        data["group"] = list(mapping.group)
    if mapping.match:
        data["match"] = mapping.match
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)


def examples(table: Table, heading: str, most: int = 3) -> list[str]:
    """The first different values under a heading."""
    found: dict[str, None] = {}
    for cell in table.columns[heading][:200]:
        if cell not in EMPTY:
            found.setdefault(cell_text(cell).strip()[:24])
            if len(found) == most:
                break
    return [word for word in found if word]
