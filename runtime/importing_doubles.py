"""Rows that are no records of their own: totals, rows that stand there twice, and names the firm knows already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import select

from engine.model import Entity, EntityKind
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.importing_header import is_total
from runtime.importing_mapping import FileMapping
from runtime.importing_table import RowFault, Table
from runtime.messages import fault
from runtime.permissions import label_of
from runtime.row_rules import row_condition

AT_ONCE = 500


def leave_totals(ctx: RunContext, table: Table) -> list[RowFault]:
    """Rows that add up the others go."""
    rows = zip(*table.columns.values(), strict=True) if table.columns else iter(())
    said = fault(ctx, "import_total_row")
    return _without(table, {at: said for at, row in enumerate(rows) if is_total(row)})


def leave_same(ctx: RunContext, mapping: FileMapping, table: Table) -> list[RowFault]:
    """Rows like one above them in everything that is taken go; rows of documents may well be alike."""
    if mapping.group:
        return []
    columns = list(dict.fromkeys(cell.column for cell in mapping.cells.values() if cell.column))
    first: dict[tuple[str, ...], int] = {}
    out: dict[int, Fault] = {}
    for at, key in enumerate(table.keys(columns)):
        seen = first.setdefault(key, at)
        if seen != at:
            out[at] = fault(ctx, "import_same_row", line=table.lines[seen])
    return _without(table, out)


def _without(table: Table, out: Mapping[int, Fault]) -> list[RowFault]:
    told = [
        RowFault(line=table.lines[at], field="", code=said.code, message=said.message, level="skip")
        for at, said in out.items()
    ]
    if out:
        table.keep([at for at in range(len(table.lines)) if at not in out])
    return told


def same_keys(ctx: RunContext, entity: Entity, mapping: FileMapping, table: Table) -> list[RowFault]:
    """Rows whose code (or what else is unique) stands in a row above: which of them is meant nobody knows; they go."""
    if mapping.group:
        return []
    faults: list[RowFault] = []
    for path, cell in mapping.cells.items():
        spec = entity.fields.get(path)
        if spec is None or not cell.column or not (path == "code" or spec.unique or path == mapping.match):
            continue
        first: dict[str, int] = {}
        gone: set[int] = set()
        for at, word in enumerate(table.words(cell.column)):
            seen = first.setdefault(word, at) if word else at
            if seen != at:
                gone.add(at)
                label = spec.label.get(ctx.language)
                said = fault(ctx, "import_same_key", label=label, given=word[:40], line=table.lines[seen])
                faults.append(RowFault(line=table.lines[at], field=path, code=said.code, message=said.message))
        table.keep([at for at in range(len(table.lines)) if at not in gone])
    return faults


def alike(ctx: RunContext, entity: Entity, mapping: FileMapping, table: Table) -> Iterator[RowFault]:
    """Rows whose name the firm has already, under another code: to be looked at."""
    cell = mapping.cells.get("name")
    if entity.kind is not EntityKind.MASTER or cell is None or not cell.column or mapping.match == "name":
        return
    words = table.words(cell.column)
    titles = _named(ctx, entity, [word for word in dict.fromkeys(words) if word])
    code = mapping.cells.get("code")
    own = table.words(code.column) if code is not None and code.column else [""] * len(words)
    for line, word, mine in zip(table.lines, words, own, strict=True):
        title = titles.get(word)
        if title is not None and title != mine:
            said = fault(ctx, "import_alike", label=label_of(ctx, entity.id), title=f"{title} {word}".strip()[:60])
            yield RowFault(line=line, field="name", code=said.code, message=said.message, level="warn")


def _named(ctx: RunContext, entity: Entity, words: Sequence[str]) -> dict[str, str]:
    """Name → code of the records that are called so."""
    table = ctx.app.tables.entity[entity.id]
    condition = row_condition(ctx, entity.id)
    found: dict[str, str] = {}
    for start in range(0, len(words), AT_ONCE):
        query = select(table.c.name, table.c.code).where(
            table.c.name.in_(words[start : start + AT_ONCE]), table.c.deleted_at.is_(None)
        )
        rows = ctx.connection.execute(query if condition is None else query.where(condition))
        found.update({name: str(code or "") for name, code in rows})
    return found
