"""Words of a file as people write them into what the write door takes: names for codes, ``12 kg``, other cases.

Looks at the whole file at once, before its rows become records; what is named and not there is made if asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime import records
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.importing_cells import AMOUNT, taken
from runtime.importing_header import plain_word
from runtime.importing_known import BY_WORD, bare, known_words
from runtime.importing_mapping import Cell, FileMapping, field_at
from runtime.importing_table import EMPTY, RowFault, Table, cell_text
from runtime.messages import fault
from runtime.permissions import rights

MOST_WORDS = 5000
AMOUNTS = frozenset((Kind.NUMBER, Kind.MONEY, Kind.QUANTITY))


@dataclass(slots=True)
class Refined:
    """The mapping as it is to be used, what was made for it (entity and id), and what was wrong with that."""

    mapping: FileMapping
    made: list[tuple[str, int]] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)


def refine(ctx: RunContext, entity: Entity, mapping: FileMapping, table: Table) -> Refined:
    """``mapping`` for just this file."""
    done = Refined(mapping)
    cells = dict(mapping.cells)
    if mapping.recognise:
        cells.update(_amounts(ctx, entity, cells, table))
    for path, cell in cells.items():
        spec = field_at(ctx, entity, path)
        if spec is None or not (mapping.recognise or cell.create):
            continue
        cells[path] = _translated(ctx, spec, cell, table, done)
    done.mapping = replace(mapping, cells=cells)
    if mapping.recognise:
        done.faults.extend(_other_units(ctx, entity, done.mapping, table))
    return done


def _amounts(ctx: RunContext, entity: Entity, cells: Mapping[str, Cell], table: Table) -> dict[str, Cell]:
    """Cells of numbers whose columns have words in them; the words are the unit where none is given."""
    found: dict[str, Cell] = {}
    for path, cell in cells.items():
        spec = field_at(ctx, entity, path)
        if spec is None or not _plain(cell) or spec.value.kind not in AMOUNTS or spec.type in ("percent", "ratio"):
            continue
        words = {m[2] for raw in table.columns[cell.column] if isinstance(raw, str) and (m := AMOUNT.match(raw))}
        if not words:
            continue  # numbers, or what no one can read: told by the write door
        found[path] = replace(cell, take="number")
        unit = unit_path(entity, path, spec)
        if unit and unit not in cells and unit not in found and words - {None, ""}:
            found[unit] = Cell(column=cell.column, take="word", create=_creates(cells, unit))
    return found


def _creates(cells: Mapping[str, Cell], unit: str) -> bool:
    """Units are made where other things that are named may be."""
    return any(cell.create for path, cell in cells.items() if path != unit)


def _plain(cell: Cell) -> bool:
    return cell == Cell(column=cell.column, create=cell.create) and bool(cell.column)


def unit_path(entity: Entity, path: str, spec: Field) -> str:
    """The field that says in which unit a quantity is, "" for what has none."""
    prefix = path.rpartition(".")[0]
    if spec.unit_field:
        return f"{prefix}.{spec.unit_field}" if prefix else spec.unit_field
    if spec.of_field == "this" and entity.measured is not None and not prefix:
        return entity.measured.unit
    return ""


def _translated(ctx: RunContext, spec: Field, cell: Cell, table: Table, done: Refined) -> Cell:
    """With a translation for words that are neither codes nor options as they stand."""
    usual = cell.values is None and not (cell.lookup or cell.prefix or cell.text or cell.by or spec.many)
    if not usual or not (cell.column or cell.create):
        return cell
    if spec.options and cell.column:
        return _options(spec, cell, table)
    if spec.value.kind is Kind.REFERENCE and len(spec.targets) == 1 and spec.create is None:
        return _named(ctx, spec, cell, table, done)
    return cell


def _words(cell: Cell, table: Table) -> dict[str, int]:
    """Different words of a column with the row of their first appearance."""
    found: dict[str, int] = {}
    for row, raw in enumerate(table.columns[cell.column]):
        if raw not in EMPTY:
            word = cell_text(taken(raw, cell.take) if cell.take else raw).strip()
            if word and word not in found:
                found[word] = row
                if len(found) > MOST_WORDS:
                    return {}
    return found


def _options(spec: Field, cell: Cell, table: Table) -> Cell:
    exact = {w for o in spec.options for w in (o.id, o.label.zh, o.label.en)}
    bare_words = {plain_word(w): o.id for o in spec.options for w in (o.id, o.label.zh, o.label.en)}
    values = {
        word: bare_words[plain_word(word)]
        for word in _words(cell, table)
        if word not in exact and plain_word(word) in bare_words
    }
    return replace(cell, values=values) if values else cell


def _named(ctx: RunContext, spec: Field, cell: Cell, table: Table, done: Refined) -> Cell:
    target = spec.targets[0]
    words = _words(cell, table) if cell.column else {str(cell.constant): 0} if table.lines else {}
    known = known_words(ctx, target, words)
    if cell.create and rights(ctx, target).may("create"):
        for same in _alike(word for word in words if word not in known):
            word = same[0]
            made = known_words(ctx, target, [word]).get(word, "") if BY_WORD.get(bare(word)) else ""
            made = made or _make(ctx, spec, word, table.lines[words[word]], done)
            if made:
                known |= dict.fromkeys(same, made)
    if not cell.column:
        return replace(cell, constant=known.get(str(cell.constant), cell.constant))
    values: dict[str, object] = {word: key for word, key in known.items() if word != key}
    return replace(cell, values=values) if values else cell


def _alike(words: Iterable[str]) -> Iterable[list[str]]:
    """Words that are the same but for case and width name one record, called as it is written first."""
    found: dict[str, list[str]] = {}
    for word in words:
        found.setdefault(bare(word), []).append(word)
    return found.values()


def _make(ctx: RunContext, spec: Field, word: str, line: int, done: Refined) -> str:
    """A record called so; what finds it, or "" with the reason told."""
    target = ctx.app.model.entities[spec.targets[0]]
    values: dict[str, Any] = {"name": word} if "name" in target.fields else {}
    if target.number is None and "code" in target.fields:
        values["code"] = word
    values.update(_measure(target, word))
    savepoint = ctx.connection.begin_nested()
    try:
        saved = records.create(ctx, target.id, values)
    except UserError as error:
        savepoint.rollback()
        done.faults.extend(
            RowFault(
                line=line,
                field=spec.id,
                code=one.code,
                message=fault(
                    ctx, "import_not_made", label=target.label.get(ctx.language), given=word[:40], reason=one.message
                ).message,
            )
            for one in error.faults
        )
        return ""
    savepoint.commit()
    done.made.append((target.id, saved.id))
    return saved.code or word


def _measure(target: Entity, word: str) -> dict[str, Any]:
    """What everybody knows of a unit: what it measures, and how it converts."""
    known = BY_WORD.get(bare(word))
    if target.measuring is None or known is None:
        return {}
    options = {option.id for option in target.fields[target.measuring.dimension].options}
    if known.dimension not in options:
        return {}
    return {target.measuring.dimension: known.dimension, target.measuring.ratio: known.ratio}


def _other_units(ctx: RunContext, entity: Entity, mapping: FileMapping, table: Table) -> Iterator[RowFault]:
    """Amounts written in another unit than their row is counted in: taken as they stand they would be wrong."""
    for path, cell in mapping.cells.items():
        spec = field_at(ctx, entity, path)
        unit = unit_path(entity, path, spec) if spec is not None and cell.take == "number" else ""
        given = mapping.cells.get(unit) if unit else None
        if spec is None or given is None or not given.column or given.column == cell.column:
            continue
        own, said = (_units_of(ctx, entity, one, unit, table) for one in (given, replace(cell, take="word")))
        for row, (mine, other) in enumerate(zip(own, said, strict=True)):
            if other and mine != other:
                raw = cell_text(table.columns[cell.column][row])
                told = fault(ctx, "import_other_unit", label=spec.label.get(ctx.language), given=raw[:40], unit=mine)
                yield RowFault(line=table.lines[row], field=path, code=told.code, message=told.message)


def _units_of(ctx: RunContext, entity: Entity, cell: Cell, unit: str, table: Table) -> Sequence[str]:
    spec = field_at(ctx, entity, unit)
    words = [
        cell_text(taken(raw, cell.take) if cell.take else raw).strip() if raw not in EMPTY else ""
        for raw in table.columns[cell.column]
    ]
    known = known_words(ctx, spec.targets[0], [w for w in set(words) if w]) if spec is not None else {}
    return [known.get(word, bare(word)) if word else "" for word in words]
