"""P10: opening stock from a spreadsheet: one document of 50,000 lines, each an item of its own, not posted yet.

The program beside it knows the sheet: it finds items and warehouses by code, checks each line, and writes the same
document, lines and trail. The ratio is that of 2.5 s to what a program takes.
"""

from __future__ import annotations

import io
import resource
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
from python_calamine import CalamineWorkbook
from sqlalchemy import Connection, func, select

from runtime.importing import import_file
from runtime.importing_mapping import Cell, FileMapping
from runtime.spreadsheets import write_xlsx
from tests.bench.measure import Figure, against
from tests.bench.places import NOON, Place

ENTITY = "opening"
COLUMNS = {"item": "物料", "warehouse": "仓库", "qty": "数量", "value": "金额"}
MAPPING = FileMapping(
    entity=ENTITY, cells={f"lines.{name}": Cell(column=column) for name, column in COLUMNS.items()}, group=("单",)
)
LINES = ("parent", "position", "item", "unit", "qty", "qty__entered", "warehouse", "value")
TRAIL = ("at", "source", "entity", "record", "version", "kind", "transition", "note", "changes")


class _Undo(Exception):
    """Leaves a transaction without keeping anything."""


def opening(place: Place, count: int, rounds: int) -> Figure:
    """The document on this database; nothing stays."""
    header = ["单", *COLUMNS.values()]
    rows = (["1", f"O{n:06}", f"W{n % 4}", 1 + n % 500, (1 + n % 500) * 3.25] for n in range(count))
    content = write_xlsx("opening", header, rows)
    figures: list[tuple[float, float]] = []
    try:
        with place.database.write() as connection:
            _make_items(place, connection, count)
            check_same_rows(place, connection, content, count)
            mine = _undone(connection, lambda: _ours(place, connection, content, count))
            hand = _undone(connection, lambda: _by_hand(place, connection, content))
            figures.append(against(mine, hand, rounds, 0))
            raise _Undo
    except _Undo:
        pass
    ours, theirs = figures[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figure(
        goal="P10", name=f"opening stock of {count} rows, XLSX, {count / ours * 1000:,.0f} rows/s",
        database=place.dialect, unit="ms CPU", ours=ours, hand=theirs, limit=3.4,
        note=f"the process at most {peak:,.0f} MiB",
    )  # fmt: skip


def _undone(connection: Connection, work: Callable[[], object]) -> Callable[[], object]:
    def call() -> object:
        savepoint = connection.begin_nested()
        work()
        savepoint.rollback()
        return None

    return call


def _make_items(place: Place, connection: Connection, count: int) -> None:
    """An item a line: what a firm has when its stock comes in."""
    (item,) = place.plain("item")
    unit = connection.exec_driver_sql("SELECT id FROM unit ORDER BY id LIMIT 1").scalar_one()
    category = connection.exec_driver_sql("SELECT id FROM item_category ORDER BY id LIMIT 1").scalar_one()
    shared = {
        "unit": unit, "category": category, "version": 1, "created_at": NOON, "changed_at": NOON, "item_type": "raw",
        "supply": "buy", "tracked": False, "inspect": False, "active": True,
    }  # fmt: skip
    connection.execute(
        item.insert(),
        [{**shared, "code": f"O{n:06}", "name": f"物料{n}", "search_key": f"o{n:06}"} for n in range(count)],
    )


def check_same_rows(place: Place, connection: Connection, content: bytes, count: int) -> None:
    """Both leave the same document and lines behind."""
    head, lines, trail = place.plain(ENTITY, f"{ENTITY}__lines", "dg_audit")
    kept = [c for c in lines.c if c.name not in ("id", "parent")]
    left = []
    for work in (lambda: _ours(place, connection, content, count), lambda: _by_hand(place, connection, content)):
        savepoint = connection.begin_nested()
        work()
        own = connection.scalar(select(func.max(head.c.id)))
        found = connection.execute(select(*kept).where(lines.c.parent == own).order_by(lines.c.position)).all()
        document = connection.execute(select(head.c.stock_total, head.c.code).where(head.c.id == own)).one()
        told = connection.scalar(select(trail.c.changes).where(trail.c.entity == ENTITY, trail.c.record == own))
        left.append((list(map(tuple, found)), tuple(document), len(orjson.loads(told)["lines"])))
        savepoint.rollback()
    if left[0] != left[1]:
        raise AssertionError("the hand-written opening balances write other rows than ours")


def _ours(place: Place, connection: Connection, content: bytes, count: int) -> None:
    report = import_file(place.app.context(connection), ENTITY, content, "opening.xlsx", MAPPING)
    if report.created != 1 or report.rows != count:
        raise AssertionError(f"{report.created} documents of {report.rows} rows came in: {report.faults[:2]}")


def _by_hand(place: Place, connection: Connection, content: bytes) -> None:
    rows = iter(CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python())
    next(rows)
    asked = connection.exec_driver_sql
    found = asked("SELECT code, id, unit, active, tracked FROM item WHERE deleted_at IS NULL")
    items = {code: (id, unit) for code, id, unit, active, tracked in found if active and not tracked}
    warehouses = dict(asked("SELECT code, id FROM warehouse WHERE deleted_at IS NULL").all())
    moment = NOON.replace(tzinfo=None).isoformat(" ") if place.dialect == "sqlite" else NOON
    (head,) = place.plain(ENTITY)
    lines: list[tuple[Any, ...]] = []
    told: list[dict[str, Any]] = []
    total = 0
    for position, (_, code, where, qty, value) in enumerate(rows, 1):
        item, unit = items[code]
        if qty <= 0 or value < 0:
            raise ValueError(code)
        whole = int((Decimal(repr(qty)) * 10**6).to_integral_value())
        money = int((Decimal(repr(value)) * 100).to_integral_value())
        total += money
        lines.append((None, position, item, unit, whole, whole, warehouses[where], money))
        told.append({"item": item, "warehouse": warehouses[where], "qty": str(qty), "unit": unit, "value": str(value)})
    serial = (
        asked("SELECT coalesce(max(value), 0) FROM dg_serial WHERE substr(key, 1, 8) = 'opening|'").scalar() or 0
    ) + 1
    made = {
        "version": 1, "created_at": NOON, "changed_at": NOON, "code": f"QC{_year(place)}-{serial:03}",
        "search_key": f"qc{serial:03}", "date": NOON.date(), "stock_total": total, "receivable_total": 0,
        "payable_total": 0, "status": "draft",
    }  # fmt: skip
    own = connection.execute(head.insert().returning(head.c.id), made).scalar_one()
    _insert_many(place, connection, f"{ENTITY}__lines", LINES, [(own, *line[1:]) for line in lines])
    text = orjson.dumps({"code": made["code"], "stock_total": total, "lines": told}).decode()
    _insert_many(place, connection, "dg_audit", TRAIL, [(moment, "api", ENTITY, own, 1, "create", "", "", text)])


def _year(place: Place) -> int:
    return place.app.context(None).today().year  # type: ignore[arg-type]  # only its clock is asked


def _insert_many(place: Place, connection: Connection, table: str, names: tuple[str, ...], rows: list[Any]) -> None:
    marks = ", ".join(["?" if place.dialect == "sqlite" else "%s"] * len(names))
    driver: Any = connection.connection.driver_connection
    driver.cursor().executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)


__all__ = ["opening"]
