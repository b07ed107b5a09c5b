"""AdventureWorks brought in with nothing but the product's own importing: mapping files in, reports out."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.apps import RunningApp
from runtime.importing import ImportOptions, Report, import_file
from runtime.importing_mapping import read_mapping

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "adventureworks"
MAPPINGS = Path(__file__).parent / "mappings"
Cut = Mapping[str, tuple[int, int]]
"""File → how many of its first and of its last rows are taken; files not named are taken whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One file to bring in. ``mapping``: "" = by its headings."""

    entity: str
    mapping: str
    file: str
    history: bool = False


STEPS: Sequence[Step] = (
    Step(entity="unit", mapping="01_unit", file="UnitMeasure.csv"),
    Step(entity="item_category", mapping="02_category", file="ProductCategory.csv"),
    Step(entity="item_category", mapping="03_subcategory", file="ProductSubcategory.csv"),
    Step(entity="item_category", mapping="", file="no_category.csv"),
    Step(entity="warehouse", mapping="04_warehouse", file="Location.csv"),
    Step(entity="bin", mapping="05_bin", file="ProductInventory.csv"),
    Step(entity="partner", mapping="06_partner", file="Vendor.csv"),
    Step(entity="item", mapping="07_item", file="Product.csv"),
    Step(entity="item", mapping="08_terms", file="ProductVendor.csv"),
    Step(entity="bom", mapping="09_bom", file="BillOfMaterials.csv"),
    Step(entity="opening", mapping="10_opening", file="ProductInventory.csv"),
    Step(entity="purchase_order", mapping="11_purchase_order", file="PurchaseOrderDetail.csv", history=True),
    Step(entity="purchase_receipt", mapping="12_purchase_receipt", file="PurchaseOrderDetail.csv", history=True),
    Step(entity="work_order", mapping="13_work_order", file="WorkOrder.csv", history=True),
    Step(entity="production_receipt", mapping="14_production_receipt", file="WorkOrder.csv", history=True),
)


def path_of(name: str) -> Path:
    """Where a file of the source lies, packed or not; those the mappings bring along lie beside them."""
    places = (DATA / name, DATA / f"{name}.gz", MAPPINGS / name)
    return next(path for path in places if path.is_file())


def read_data(name: str, cut: Cut | None = None) -> bytes:
    """A file of the source, with as many of its rows as ``cut`` says."""
    content = path_of(name).read_bytes()
    if cut is None or name not in cut:
        return content
    first, last = cut[name]
    header, *rows = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).splitlines()
    return b"\n".join([header, *rows[:first], *(rows[-last:] if last else ())]) + b"\n"


def bring_in(app: RunningApp, steps: Iterable[Step] = STEPS, cut: Cut | None = None) -> dict[str, Report]:
    """Bring in the files of ``steps`` one after the other; the reports by step."""
    reports: dict[str, Report] = {}
    for step in steps:
        with app.database.write() as connection:
            ctx = app.context(connection, source="import")
            mapping = None
            if step.mapping:
                mapping = read_mapping(ctx, (MAPPINGS / f"{step.mapping}.yaml").read_text(encoding="utf-8"))
            options = ImportOptions(as_history=step.history)
            reports[step.mapping or step.file] = import_file(
                ctx, step.entity, read_data(step.file, cut), step.file, mapping, options, files=read_data
            )
    return reports
