"""P10: 50,000 rows in from a spreadsheet with all validation, and out again. The goals are CPU seconds.

Items come as people write them: names instead of codes, recognised column by column, kept in the trail; opening stock
comes as one document (``p10_opening``). Beside each stands a program for just this sheet that writes the same rows.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import orjson
from pypinyin import Style, lazy_pinyin
from python_calamine import CalamineWorkbook
from rustpy_xlsxwriter import FastExcel
from sqlalchemy import Connection, select

from runtime.exporting import export_list
from runtime.importing import import_file, sheet_of
from runtime.importing_table import table_of
from runtime.importing_words import recognise
from runtime.queries import ListQuery
from runtime.spreadsheets import write_xlsx
from tests.bench.measure import Figure, against
from tests.bench.p10_opening import opening
from tests.bench.places import NOON, Place

GOAL = "P10"
ENTITY = "partner"
COLUMNS = ("code", "name", "is_supplier", "is_customer", "contact", "phone", "address", "credit_days", "credit_limit",
           "note")  # fmt: skip


class _Undo(Exception):
    """Leaves a transaction without keeping anything."""


def run(place: Place) -> Iterator[Figure]:
    """In and out on this database; nothing stays."""
    count = place.size.import_rows
    content = _sheet(place, count)
    rounds = 1 if place.size.quick else 3
    mine, theirs = against(_undone(place, lambda c: _ours(place, c, content, count)),
                           _undone(place, lambda c: _by_hand(place, c, content)), rounds, 0)  # fmt: skip
    shared = {"goal": GOAL, "database": place.dialect, "unit": "ms CPU", "of": "ours"}
    limit = 2_500.0 * count / 50_000
    yield Figure(name=f"import of {count} rows, XLSX", ours=mine, hand=theirs, limit=limit, **shared)
    yield from _items(place, count, rounds, shared)
    yield opening(place, count, rounds)
    yield from _export(place, content, count, rounds, shared)


def _items(place: Place, count: int, rounds: int, shared: dict[str, Any]) -> Iterator[Figure]:
    """Items by the names of their category, unit and supplier; the ratio is that of 2.5 s to what a program takes."""
    kinds = ("螺栓", "螺母", "垫片", "轴承", "弹簧")
    header = ["编码", "名称", "规格", "类别", "单位", "采购价", "供应商"]
    content = write_xlsx("item", header, (
        [f"T{n:06}", f"{kinds[n % 5]}{n}", f"M{n % 40}", "原料", "件", 1 + n % 900 / 2, f"供应商{n % 20}"]
        for n in range(count)
    ))  # fmt: skip
    mine, theirs = against(_undone(place, lambda c: _items_in(place, c, content, count)),
                           _undone(place, lambda c: _items_by_hand(place, c, content)), rounds, 0)  # fmt: skip
    name = f"import of {count} items, recognised, {count / mine * 1000:,.0f} rows/s"
    yield Figure(name=name, ours=mine, hand=theirs, limit=3.4, **{**shared, "of": "ratio"})


def _items_in(place: Place, connection: Connection, content: bytes, count: int) -> None:
    ctx = place.app.context(connection)
    described = ctx.app.model.entities["item"]
    found = recognise(ctx, described, table_of(sheet_of(ctx, described, content, "item.xlsx")))
    report = import_file(ctx, "item", content, "item.xlsx", replace(found.mapping, recognise=True))
    if report.created != count:
        raise AssertionError(f"{report.created} of {count} items came in: {report.faults[:2]}")


def _items_by_hand(place: Place, connection: Connection, content: bytes) -> None:
    rows = iter(CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python())
    next(rows)
    asked = connection.exec_driver_sql
    categories, units, partners = (
        {name: id for id, name in asked(f"SELECT id, name FROM {table} WHERE deleted_at IS NULL")}
        for table in ("item_category", "unit", "partner")
    )
    known = {code for (code,) in asked("SELECT code FROM item")}
    last = asked("SELECT coalesce(max(id), 0) FROM item").scalar_one()
    moment = NOON.replace(tzinfo=None).isoformat(" ") if place.dialect == "sqlite" else NOON
    made, told = [], []
    for number, (code, name, spec, category, unit, price, supplier) in enumerate(rows, last + 1):
        if not code or not name or code in known or len(code) > 60 or price < 0:
            raise ValueError(code)
        known.add(code)
        money = int((Decimal(repr(price)) * 10**6).to_integral_value())
        plain = name.rstrip("0123456789")
        full, first, sort = (each + name.removeprefix(plain) for each in _spelled(plain))
        values = (code, name, spec, categories[category], units[unit], money, partners[supplier])
        made.append((number, *values, money, f"{code} {name} {full} {first} {spec}".lower(), 1, moment, moment,
                     "raw", "buy", False, False, 0, True, sort))  # fmt: skip
        entry = {"code": code, "name": name, "spec": spec, "category": values[3], "unit": values[4],
                 "purchase_price": price, "supplier": values[6]}  # fmt: skip
        told.append((moment, "api", "item", number, 1, "create", orjson.dumps(entry).decode()))
    _insert_many(place, connection, "item", ITEM_COLUMNS, made)
    _insert_many(place, connection, "dg_audit", TRAIL_COLUMNS, told)


@cache
def _spelled(name: str) -> tuple[str, str, str]:
    tones = lazy_pinyin(name, style=Style.TONE3, neutral_tone_with_five=True)
    sort = "".join(tone + letter for tone, letter in zip(tones, name, strict=True))
    return "".join(lazy_pinyin(name)), "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)), sort


ITEM_COLUMNS = ("id", "code", "name", "spec", "category", "unit", "purchase_price", "supplier", "standard_cost",
                "search_key", "version", "created_at", "changed_at", "item_type", "supply", "tracked", "inspect",
                "lead_time_days", "active", "name__sort")  # fmt: skip
TRAIL_COLUMNS = ("at", "source", "entity", "record", "version", "kind", "changes")


def _insert_many(
    place: Place, connection: Connection, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    marks = ", ".join(["?" if place.dialect == "sqlite" else "%s"] * len(names))
    driver: Any = connection.connection.driver_connection
    driver.cursor().executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)


def _export(place: Place, content: bytes, count: int, rounds: int, shared: dict[str, Any]) -> Iterator[Figure]:
    figures: list[tuple[float, float]] = []

    def filled(connection: Connection) -> object:
        _by_hand(place, connection, content)
        ctx = place.app.context(connection)
        query = ListQuery(fields=COLUMNS)
        mine = against(lambda: export_list(ctx, ENTITY, query), lambda: _export_by_hand(place, connection), rounds, 0)
        figures.append(mine)
        return None

    _undone(place, filled)()
    limit = 1_200.0 * count / 50_000
    mine, theirs = figures[0]
    yield Figure(name=f"export of {count} rows, XLSX", ours=mine, hand=theirs, limit=limit, **shared)


def _undone(place: Place, work: Callable[[Connection], object]) -> Callable[[], object]:
    def call() -> object:
        try:
            with place.database.write() as connection:
                work(connection)
                raise _Undo
        except _Undo:
            return None

    return call


def _sheet(place: Place, count: int) -> bytes:
    fields = place.app.model.entities[ENTITY].fields
    header = [fields[name].label.zh for name in COLUMNS]
    rows = (
        [
            f"K{n:06}",
            f"客户{n}",
            "是",
            "否",
            f"张{n % 97}",
            f"1380000{n:04}",
            f"城北路 {n} 号",
            n % 90,
            n % 1000 + 0.5,
            None,
        ]
        for n in range(count)
    )
    return write_xlsx("partner", header, rows)


def _ours(place: Place, connection: Connection, content: bytes, count: int) -> None:
    report = import_file(place.app.context(connection), ENTITY, content, "partner.xlsx")
    if report.created != count:
        raise AssertionError(f"{report.created} of {count} rows came in: {report.faults[:2]}")


def _by_hand(place: Place, connection: Connection, content: bytes) -> None:
    """Read, check field by field, insert with the driver's own executemany."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    rows = iter(book.get_sheet_by_index(0).to_python())
    next(rows)
    known = {code for (code,) in connection.exec_driver_sql("SELECT code FROM partner")}
    yes = {"是": True, "否": False}
    moment = NOON.replace(tzinfo=None).isoformat(" ") if place.dialect == "sqlite" else NOON
    made = []
    for code, name, supplier, customer, contact, phone, address, days, limit, note in rows:
        if not code or not name or code in known or len(str(code)) > 60:
            raise ValueError(code)
        known.add(code)
        money = int((Decimal(repr(limit)) * 100).to_integral_value())
        key = f"{code} {name}".lower()
        made.append((code, name, yes[supplier], yes[customer], contact, phone, address, int(days), money, note or None,
                     1, True, key, moment, moment))  # fmt: skip
    names = (*COLUMNS, "version", "active", "search_key", "created_at", "changed_at")
    _insert_many(place, connection, "partner", names, made)


def _export_by_hand(place: Place, connection: Connection) -> bytes:
    (table,) = place.plain(ENTITY)
    words = {True: "是", False: "否", None: None}
    rows = []
    for row in connection.execute(select(*(table.c[name] for name in COLUMNS)).order_by(table.c.id)):
        values = dict(zip(COLUMNS, row, strict=True))
        values["is_supplier"], values["is_customer"] = words[row[2]], words[row[3]]
        values["credit_limit"] = None if row[8] is None else row[8] / 100
        rows.append(values)
    buffer = io.BytesIO()
    FastExcel(buffer).sheet("partner", rows).save()
    return buffer.getvalue()
