"""AdventureWorks brought in with nothing but the product's own importing: mapping files in, reports out."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime.apps import RunningApp
from runtime.importing import ImportOptions, Report, import_file
from runtime.importing_mapping import read_mapping

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "adventureworks"
MAPPINGS = Path(__file__).parent / "mappings"

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the AdventureWorks data is not at {DATA}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One file to bring in."""

    mapping: str
    file: str
    history: bool = False


STEPS: Sequence[Step] = (
    Step(mapping="01_unit", file="UnitMeasure.csv"),
    Step(mapping="02_category", file="ProductCategory.csv"),
    Step(mapping="03_subcategory", file="ProductSubcategory.csv"),
    Step(mapping="", file="no_category.csv"),
    Step(mapping="04_warehouse", file="Location.csv"),
    Step(mapping="05_bin", file="ProductInventory.csv"),
    Step(mapping="06_partner", file="Vendor.csv"),
    Step(mapping="07_item", file="Product.csv"),
    Step(mapping="08_terms", file="ProductVendor.csv"),
    Step(mapping="09_bom", file="BillOfMaterials.csv"),
    Step(mapping="10_opening", file="ProductInventory.csv"),
    Step(mapping="11_purchase_order", file="PurchaseOrderDetail.csv", history=True),
    Step(mapping="12_purchase_receipt", file="PurchaseOrderDetail.csv", history=True),
    Step(mapping="13_work_order", file="WorkOrder.csv", history=True),
    Step(mapping="14_production_receipt", file="WorkOrder.csv", history=True),
)


def read_data(name: str) -> bytes:
    """A file of the source, packed or not."""
    found = DATA / name
    return found.read_bytes() if found.is_file() else (DATA / f"{name}.gz").read_bytes()


def bring_in(app: RunningApp, steps: Iterable[Step] = STEPS, cut: Mapping[str, int] | None = None) -> dict[str, Report]:
    """Bring in the files of ``steps`` one after the other; ``cut``: only so many rows of a step's file."""
    reports: dict[str, Report] = {}
    for step in steps:
        content = read_data(step.file) if step.mapping else (MAPPINGS / step.file).read_bytes()
        most = (cut or {}).get(step.mapping)
        with app.database.write() as connection:
            ctx = app.context(connection, source="import")
            entity, mapping = "item_category", None
            if step.mapping:
                mapping = read_mapping(ctx, (MAPPINGS / f"{step.mapping}.yaml").read_text(encoding="utf-8"))
                entity = mapping.entity
            report = import_file(
                ctx, entity, content if most is None else first_rows(content, most), step.file, mapping,
                ImportOptions(as_history=step.history), files=read_data,
            )  # fmt: skip
        reports[step.mapping or step.file] = report
    return reports


def first_rows(content: bytes, most: int) -> bytes:
    """The header and the first rows of a CSV file."""

    text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    return b"\n".join(text.split(b"\n")[: most + 1])
