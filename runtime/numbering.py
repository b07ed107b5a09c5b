"""Codes of new records: one counter row per entity, period and what the pattern names, raised in the same transaction.

A counter never goes back and a code typed by hand moves it on, so no number is given twice. Being part of the
record's own transaction, a number is lost only together with its record: there are no gaps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Table, bindparam, func
from sqlalchemy.dialects import postgresql, sqlite

from engine.model import Entity, Numbering, Segment
from runtime.context import RunContext
from runtime.prepared import Statement, prepare_statement
from runtime.record_inputs import Workspace
from runtime.record_texts import value_text

Row = dict[str, Any]
PERIODS: Mapping[str, str] = {"never": "", "year": "%Y", "month": "%Y%m", "week": "%G-W%V", "day": "%Y%m%d"}
DATE_PARTS = (("yyyy", "%Y"), ("yy", "%y"), ("MM", "%m"), ("dd", "%d"), ("ww", "%V"))
LONGEST = 18


@dataclass(frozen=True, slots=True)
class Pattern:
    """A record's code around its serial, and the counter it draws on; ``missing``: labels of empty fields."""

    before: str
    after: str
    length: int
    counter: str
    missing: tuple[str, ...]


def assign_codes(at: Workspace, entity: Entity, rows: Sequence[Row]) -> dict[int, tuple[str, ...]]:
    """Give every row without a code the next one. Answers, by index, which empty fields kept one from being made."""
    assert entity.number is not None
    refused: dict[int, tuple[str, ...]] = {}
    waiting: dict[str, list[tuple[Row, Pattern]]] = {}
    typed: dict[str, int] = {}
    for index, (row, pattern) in enumerate(zip(rows, _patterns(at, entity, entity.number, rows), strict=True)):
        if row.get("code"):
            number = _serial_in(str(row["code"]), pattern)
            if number is not None and not pattern.missing:
                typed[pattern.counter] = max(number, typed.get(pattern.counter, 0))
        elif pattern.missing:
            refused[index] = pattern.missing
        else:
            waiting.setdefault(pattern.counter, []).append((row, pattern))
    for counter in sorted(typed.keys() | waiting.keys()):  # one order, so that two writers never wait for each other
        due = waiting.get(counter, [])
        last = _raise(at.ctx, counter, len(due), typed.get(counter, 0))
        for number, (row, pattern) in enumerate(due, last - len(due) + 1):
            row["code"] = f"{pattern.before}{number:0{pattern.length}d}{pattern.after}"
    return refused


def _patterns(at: Workspace, entity: Entity, number: Numbering, rows: Sequence[Row]) -> list[Pattern]:
    values = {i: _values(at, entity, s, rows) for i, s in enumerate(number.segments) if s.kind in ("field", "date")}
    today = at.ctx.today()
    made = []
    alike = all(segment.expr is None for segment in number.segments)
    same: dict[date, Pattern] = {}  # where nothing of the record is in its code, all of one day share a pattern
    for index, row in enumerate(rows):
        day = row.get("date") if isinstance(row.get("date"), date) else today
        day = day or today
        pattern = same.get(day) if alike else None
        if pattern is None:
            pattern = _pattern(at.ctx, entity, number, {i: column[index] for i, column in values.items()}, day)
            same[day] = pattern
        made.append(pattern)
    return made


def _values(at: Workspace, entity: Entity, segment: Segment, rows: Sequence[Row]) -> list[Any]:
    if segment.expr is None:
        return [None] * len(rows)
    return at.evaluate(segment.expr, rows, None, entity.id)


def _pattern(ctx: RunContext, entity: Entity, number: Numbering, values: Mapping[int, Any], day: date) -> Pattern:
    before, after, length, serial = "", "", 1, False
    named: list[str] = []
    missing: list[str] = []
    for index, segment in enumerate(number.segments):
        if segment.kind == "serial":
            serial, length = True, segment.length or 1
            continue
        piece = segment.text
        if segment.kind == "date":
            of = values.get(index)
            piece = date_text(segment.text or "yyyyMMdd", of if isinstance(of, date) else day)
        elif segment.kind == "field":
            piece = value_text(ctx, values[index], segment.expr)
            named.append(piece)
            if not piece:
                missing.append(segment.expr.text if segment.expr else "")
        before, after = (before, after + piece) if serial else (before + piece, after)
    counter = "|".join((entity.id, _formatted(PERIODS[number.reset], day), *named))
    return Pattern(before, after, length, counter, tuple(missing))


@lru_cache(maxsize=2000)
def _formatted(pattern: str, day: date) -> str:
    return day.strftime(pattern)


@lru_cache(maxsize=2000)
def date_text(pattern: str, day: date) -> str:
    """``yyyyMM`` → ``202603``."""
    for word, code in DATE_PARTS:
        pattern = pattern.replace(word, day.strftime(code))
    return pattern


def _serial_in(code: str, pattern: Pattern) -> int | None:
    """The number inside a code typed by hand, if it has the form of ours."""
    if not code.startswith(pattern.before):
        return None
    found = re.fullmatch(re.escape(pattern.before) + r"([0-9]+)" + re.escape(pattern.after), code)
    return int(found[1]) if found and len(found[1]) <= LONGEST else None


def _raise(ctx: RunContext, counter: str, count: int, least: int) -> int:
    """Move a counter on by ``count``, from at least ``least``; answers the last number taken."""
    statement = ctx.app.programs.keep("serial", lambda: _upsert(ctx))
    given = {"counter": counter, "first": least + count, "least": least, "count": count}
    return int(statement.run(ctx, given)[0][0])


def _upsert(ctx: RunContext) -> Statement:
    """One statement that makes the counter or moves it on: two writers take turns at its row."""
    table: Table = ctx.app.tables.system.serial
    on_server = ctx.app.database.dialect == "postgresql"
    insert = (postgresql if on_server else sqlite).insert
    greatest = func.greatest if on_server else func.max
    least, count = bindparam("least", type_=BigInteger), bindparam("count", type_=BigInteger)
    made = insert(table).values(key=bindparam("counter"), value=bindparam("first"))
    higher = greatest(table.c.value, least) + count
    raised = made.on_conflict_do_update(index_elements=[table.c.key], set_={"value": higher})
    return prepare_statement(ctx, raised.returning(table.c.value), [table.c.value])
