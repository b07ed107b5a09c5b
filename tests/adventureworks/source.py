"""The source itself in a database of its own: what the tests compute there, they compute without the product."""

from __future__ import annotations

import csv
import gzip
import io
import sqlite3
from typing import Any

from tests.adventureworks.loading import DATA, Cut, read_data

FILES = (
    "BillOfMaterials", "Location", "Product", "ProductCategory", "ProductInventory", "ProductSubcategory",
    "ProductVendor", "PurchaseOrderDetail", "PurchaseOrderHeader", "UnitMeasure", "Vendor", "WorkOrder",
)  # fmt: skip


class Source:
    """The CSVs as tables of text, empty cells as NULL; ``line`` is the row's line in its file."""

    def __init__(self, cut: Cut | None = None) -> None:
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        self.database.create_function("money", -1, _scaled, deterministic=True)
        for name in FILES:
            self._load(name, cut)

    def _load(self, name: str, cut: Cut | None) -> None:
        content = read_data(f"{name}.csv", cut)
        text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig")
        header, *rows = csv.reader(io.StringIO(text, newline=""))
        columns = ", ".join(f'"{column}"' for column in header)
        self.database.execute(f"create table {name} (line integer, {columns})")
        marks = ", ".join("?" * (len(header) + 1))
        lines = ([line, *(cell or None for cell in row)] for line, row in enumerate(rows, 2))
        self.database.executemany(f"insert into {name} values ({marks})", lines)

    def all(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.database.execute(query, values).fetchall()

    def one(self, query: str, **values: object) -> Any:
        """The one value of a query."""
        return self.database.execute(query, values).fetchone()[0]

    def column(self, query: str, **values: object) -> list[Any]:
        """The first column of a query."""
        return [row[0] for row in self.all(query, **values)]


def _scaled(text: str | None) -> int | None:
    """An amount in ten-thousandths, exactly: the source's prices have four decimals."""
    if text is None:
        return None
    whole, _, part = str(text).partition(".")
    return int(whole) * 10_000 + int((part + "0000")[:4])


__all__ = ["DATA", "Source"]
