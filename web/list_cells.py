"""Cells of list pages, compiled once per list and language: a line of text with a place for each column.

Everything constant in a row (classes, addresses, words) is written into the line when it is compiled. What is left for
each row is one small function a column and one formatting operation. Rows are lean: end tags that HTML does not need
are left out, and what holds for all rows stands once, at the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.query_columns import ListColumn
from runtime.value_numbers import readable
from web import display
from web.file_cells import FILES, files_cell, names_in
from web.list_marks import Mark, Marks, drawings
from web.record_flow import approval_tone
from web.safe_text import safe
from web.texts import translator

Row = Sequence[Any]
Cell = Callable[[Row, "Kit"], str]
EMPTY: Mapping[int, str] = MappingProxyType({})
MOST_DAYS = 64
"""Lists whose dates in words are remembered, for the day."""
TONES: Mapping[str, str] = MappingProxyType({"yellow": "amber"})
"""The page's word for a colour of the metadata."""


@dataclass(slots=True)
class Kit:
    """What cells need for one request; dates seen this day are looked up. ``lean``: marks are drawn once, elsewhere."""

    ctx: RunContext
    today: date
    lean: bool
    dates: dict[tuple[object, ...], str] = field(default_factory=dict)
    symbols: set[str] = field(default_factory=set)
    files: Mapping[int, str] = field(default_factory=dict)

    def draw(self, mark: Mark) -> str:
        """The cell of a mark."""
        if not self.lean:
            return mark.whole
        self.symbols.add(mark.symbol)
        return mark.short


@dataclass(frozen=True, slots=True)
class Bench:
    """What cells are compiled with."""

    entity: Entity
    language: str
    scale: int
    places: Mapping[str, int]
    marks: Marks


@dataclass(frozen=True, slots=True)
class Lines:
    """The compiled rows of a list: the text of a row, its title, and the cells after it."""

    text: str
    title: Callable[[Row, Kit], str]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Rows as HTML, and the drawings they refer to: these stand in front of the table."""

    rows: Markup
    drawings: Markup

    def __html__(self) -> str:
        return self.rows


def _td(*classes: str) -> str:
    names = " ".join(name for name in classes if name)
    return f'<td class="{names}">' if " " in names else f"<td class={names}>" if names else "<td>"


# --- what each kind of value becomes ----------------------------------------------------------------------------


def _figure(index: int, slot: str, text: Callable[[Any], str]) -> Cell:
    side = slot if slot == "fig" else "num"
    start, nothing = _td(side), _td(side, "t3") + "–"

    def cell(row: Row, _kit: Kit) -> str:
        value = row[index]
        return nothing if value is None else start + text(value)

    return cell


def _money(bench: Bench, one: Field, index: int, slot: str) -> Cell:
    if one.value.per_unit:
        made = readable if one.formula is not None else Decimal
        return _figure(index, slot, lambda value: display.price(made(value), bench.scale))
    shape = f",.{bench.scale}f"
    return _figure(index, slot, lambda value: format(value, shape).replace("-", display.MINUS))


def _number(_bench: Bench, one: Field, index: int, slot: str) -> Cell:
    if one.type == "ratio":
        return _figure(index, slot, str)
    if one.type == "percent":
        return _figure(index, slot, display.percent)
    if one.formula is not None:
        return _figure(index, slot, lambda value: display.number(readable(Decimal(value))))
    return _figure(index, slot, display.number)


def _written(index: int, slot: str, text: Callable[[Any, Kit], str]) -> Cell:
    """A cell of words; a dash where there are none."""
    start, nothing = _td(slot), _td("t3", slot) + "–"

    def cell(row: Row, kit: Kit) -> str:
        value = row[index]
        words = "" if value is None else text(value, kit)
        return start + safe(words) if words else nothing

    return cell


def _text(_bench: Bench, _one: Field, index: int, slot: str) -> Cell:
    return _written(index, slot, lambda value, _kit: str(value))


def _choice(bench: Bench, one: Field, index: int, slot: str) -> Cell:
    nothing = _td("t3", slot) + "–"
    known = {o.id: _td(slot) + safe(o.label.get(bench.language)) for o in one.options}
    return lambda row, _kit: known.get(row[index], nothing)


def _moment(_bench: Bench, _one: Field, index: int, slot: str) -> Cell:
    return _written(index, slot, lambda value, kit: display.moment(value, kit.ctx))


def _flag(bench: Bench, _one: Field, index: int, slot: str) -> Cell:
    yes = _td(slot) + bench.marks.flag(translator(bench.language)("是", "yes"))
    no = _td("t3", slot) + "–"
    return lambda row, _kit: yes if row[index] else no


def _reference(index: int, slot: str) -> Cell:
    return _written(index, slot, lambda value, _kit: str(value.name or value.code or value.id))


def _other(_bench: Bench, one: Field, index: int, slot: str) -> Cell:
    return _written(index, slot, lambda value, kit: display.text_of(kit.ctx, one, value))


def _date(index: int, slot: str, still_open: Callable[[Row], bool] | None) -> Cell:
    """A date; where something is due on it, its distance too, while something is left."""
    nothing = _td("t3", slot) + "–"

    def cell(row: Row, kit: Kit) -> str:
        value = row[index]
        if value is None:
            return nothing
        key = (index, value, still_open is not None and still_open(row))
        found = kit.dates.get(key)
        if found is None:
            found = kit.dates[key] = _dated(kit, value, slot, due=key[2])
        return found

    return cell


def _dated(kit: Kit, value: date, slot: str, *, due: bool) -> str:
    text = display.day(value, kit.today, kit.ctx.language)
    words, tone = display.age(value, kit.today, kit.ctx.language, due=due)
    return f"{_td(tone, slot)}{text}<small>{words}</small>" if words else _td(slot) + text


def _day(bench: Bench, one: Field, index: int, slot: str) -> Cell:
    """Lateness is told of days that something is due on."""
    own = bench.places.get(one.id) == index
    return _date(index, slot, _open_test(bench) if own and is_due(one) else None)


BY_KIND: Mapping[Kind, Callable[[Bench, Field, int, str], Cell]] = MappingProxyType(
    {
        Kind.NUMBER: _number,
        Kind.MONEY: _money,
        Kind.QUANTITY: _number,
        Kind.CHOICE: _choice,
        Kind.TEXT: _text,
        Kind.DATE: _day,
        Kind.MOMENT: _moment,
        Kind.YES_NO: _flag,
    }
)


def is_due(one: Field) -> bool:
    """Whether something is due on a date: its name says so."""
    return one.value.kind is Kind.DATE and bool({"due", "expected"} & set(one.id.split("_")))


def _open_test(bench: Bench) -> Callable[[Row], bool] | None:
    """Whether a row is under way: left its first state and not done."""
    entity = bench.entity
    place, status = bench.places.get(next(iter(entity.progress), "")), bench.places.get("status")
    if place is None:
        return None
    ended = {s.id for s in entity.workflow.states.values() if s.end} if entity.workflow and status else set[str]()
    at = status or place
    return lambda row: row[place] not in ("done", "closed") and row[at] not in ended


# --- the three axes ---------------------------------------------------------------------------------------------


def _state(bench: Bench, index: int) -> Cell:
    """The mark of the approval axis."""
    states = bench.entity.workflow.states.values() if bench.entity.workflow else ()
    made = {s.id: _approval(bench, approval_tone(s), s.label.get(bench.language)) for s in states}
    nothing = _td("t3", "ax") + "–"

    def cell(row: Row, kit: Kit) -> str:
        mark = made.get(row[index])
        return nothing if mark is None else kit.draw(mark)

    return cell


def _approval(bench: Bench, tone: str, label: str) -> Mark:
    return bench.marks.axis({"axis": "approval", "state": tone, "label": label}, "ax")


def _axis(bench: Bench, name: str, index: int) -> Cell:
    """The mark of a derived axis; none before the document has left its first state."""
    share_at, status_at = bench.places.get(f"{name}_share"), bench.places.get("status")
    workflow = bench.entity.workflow
    start = workflow.start.id if workflow is not None and status_at is not None else None
    none = bench.marks.axis({"axis": "execution", "share": None, "label": ""}, "ax")
    made: dict[tuple[object, int], Mark] = {}

    def cell(row: Row, kit: Kit) -> str:
        value = row[index]
        if value is None or (start is not None and row[status_at or 0] == start):
            return kit.draw(none)
        share = row[share_at] if share_at is not None else None
        key = (value, int(share * 100) if isinstance(share, Decimal) else 0)
        mark = made.get(key)
        if mark is None:
            mark = made[key] = _progress(bench, name, *key)
        return kit.draw(mark)

    return cell


def _progress(bench: Bench, name: str, value: object, part: int) -> Mark:
    label = display.option_label(bench.entity.fields[name], value, bench.language)
    kind = "execution" if name == next(iter(bench.entity.progress)) else "settlement"
    text = f"{label} {part}%" if value == "partial" else label
    return bench.marks.axis({"axis": kind, "share": part, "label": text, "closed": value == "closed"}, "ax")


# --- the compiled rows ------------------------------------------------------------------------------------------


def cell_of(bench: Bench, column: ListColumn, index: int, slot: str) -> Cell:
    """The function that shows the value at ``index`` of a row."""
    one = column.field
    own = "." not in column.path
    if own and one.id == "status" and bench.entity.workflow is not None:
        return _state(bench, index)
    if own and one.id in bench.entity.progress:
        return _axis(bench, one.id, index)
    if one.type in FILES:
        return files_cell(one, index, _td(slot), _td("t3", slot) + "–")
    if one.many or one.value.many:
        return _other(bench, one, index, slot)
    if column.target:
        return _reference(index, slot)
    return BY_KIND.get(one.value.kind, _other)(bench, one, index, slot)


def _title(column: ListColumn) -> Callable[[Row, Kit], str]:
    """What stands first in a row, as words."""
    one = column.field
    if column.target:
        return lambda row, _kit: "–" if row[1] is None else safe(str(row[1].name or row[1].code or row[1].id))
    if one.value.kind is Kind.TEXT and not (one.many or one.value.many or one.type in display.BY_TYPE):
        return lambda row, _kit: safe(row[1]) if row[1] else "–"
    return lambda row, kit: safe(display.text_of(kit.ctx, one, row[1])) or "–"


SLOTS: Mapping[str, str] = MappingProxyType({"lead": "lead", "second": "sec", "figure": "fig", "axis": "ax"})
"""The class of a cell by its place on a phone's card."""


def slots(columns: Sequence[ListColumn], entity: Entity) -> list[str]:
    """Where each column stands on a phone's card: title, lead, figure, axes, the second line."""
    found: list[str] = []
    due = next((c.path for c in columns if is_due(c.field)), "")
    taken = {"second"} if due else set()
    for index, column in enumerate(columns):
        found.append("second" if column.path == due else _slot(column, entity, index, taken))
        taken.add(found[-1])
    return found


def _slot(column: ListColumn, entity: Entity, index: int, taken: set[str]) -> str:
    one = column.field
    if index == 0:
        return "title"
    if one.id == "status" or one.id in entity.progress:
        return "axis"
    if one.value.kind is Kind.MONEY and "figure" not in taken:
        return "figure"
    if "lead" not in taken and (column.target or one.value.kind is Kind.TEXT):
        return "lead"
    return "second" if "second" not in taken else ""


def summed(columns: Sequence[ListColumn]) -> int:
    """The place of the amount that the bulk bar adds up, counted from 1; 0 where a list has none."""
    amounts = (i for i, c in enumerate(columns) if c.field.type == "money" and not c.field.value.per_unit)
    return next(amounts, -1) + 1


def summed_label(columns: Sequence[ListColumn]) -> str:
    """What the bulk bar adds up, in words."""
    place = summed(columns)
    return columns[place - 1].label if place else ""


def _compiled(
    ctx: RunContext, entity: Entity, columns: Sequence[ListColumn], shown: int, base: str, *, pick: bool
) -> Lines:
    places = {c.path: i + 1 for i, c in enumerate(columns)}
    bench = Bench(entity, ctx.language, ctx.app.model.currency_scale, places, Marks(ctx.language))
    seen = columns[:shown]
    marked = slots(seen, entity)
    cells = tuple(cell_of(bench, c, i + 1, SLOTS.get(marked[i], "")) for i, c in enumerate(seen) if i)
    select = safe(translator(ctx.language)("选中", "Select")).replace("%", "%%")
    box = f'<td><input type=checkbox aria-label="{select} %(title)s">' if pick else ""
    link = f"<th scope=row><a href={base.replace('%', '%%')}/%(id)s>%(title)s</a>"
    return Lines(f'<tr data-id="%(id)s"%(mark)s>{box}{link}%(cells)s', _title(seen[0]), cells)


def render_rows(
    ctx: RunContext,
    entity: Entity,
    columns: Sequence[ListColumn],
    rows: Sequence[Row],
    base: str,
    shown: int,
    *,
    pick: bool = True,
    marks: Mapping[int, str] = EMPTY,
    before: Callable[[Row], str] | None = None,
) -> Rendered:
    """The rows as HTML; columns after the first ``shown`` were fetched only for the marks of the axes.

    ``marks``: colours of rows by id. ``before``: what stands in front of a row: the heading of a group, or nothing.
    """
    key = ("list", entity.id, tuple(c.path for c in columns), shown, ctx.language, base, pick)
    lines = ctx.app.programs.latest("rows", key, lambda: _compiled(ctx, entity, columns, shown, base, pick=pick))
    today = ctx.today()
    kit = Kit(ctx, today, lean=pick, dates=ctx.app.programs.latest("days", (today, key), _no_days, MOST_DAYS))
    kit.files = names_in(ctx, [column.field for column in columns], rows)
    tones = {id: f' class="{TONES.get(color, color)}"' for id, color in marks.items()}
    text, title, cells = lines.text, lines.title, lines.cells
    found = [
        (before(row) if before is not None else "")
        + text
        % {
            "id": row[0],
            "mark": tones.get(row[0], ""),
            "title": title(row, kit),
            "cells": "".join([cell(row, kit) for cell in cells]),
        }
        for row in rows
    ]
    return Rendered(Markup("".join(found)), drawings(kit.symbols))


def _no_days() -> dict[tuple[object, ...], str]:
    return {}


def hidden_helper(column: ListColumn, entity: Entity) -> bool:
    """Shares of axes that were fetched only for their mark."""
    return column.path.removesuffix("_share") in entity.progress and column.path.endswith("_share")
