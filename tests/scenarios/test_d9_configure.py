"""D9: the admin changes a running app that holds data; nobody is logged out and nothing is lost."""

from __future__ import annotations

from decimal import Decimal

from runtime.app_source import pin
from tests.scenarios.clients import code
from tests.scenarios.works import NAME, Works

OWN = """
entities:
  item:
    number: {pattern: <category.code>-<serial:6>}
  purchase_receipt:
    fields:
      lines:
        fields:
          batch_no:    {type: text, label: 批次号 | Batch number}
          good_until:  {type: date, label: 有效期 | Good until}
    form:
      lines: {columns: [+batch_no, +good_until]}
"""


def publish(works: Works, own: str) -> None:
    """Add a layer of one's own on the app as it is."""
    definition = works.app.definition
    assert definition is not None
    text = definition.text.rstrip() + "\n" + own.lstrip("\n")
    changed = pin(text, kept=definition, name=NAME)
    assert works.home.preview(NAME, changed).steps
    works.home.publish(NAME, changed)


def test_d9_a_code_rule_and_fields_on_receipts_while_the_app_runs(works: Works) -> None:
    keeper = works.web("keeper")
    first = works.bought("SCREW", "100", "0.1")
    category = {"category": code("RM"), "unit": code("PC"), "supplier": code("S")}
    assert works.api("buyer").new("item", name="垫片", **category)["code"] == "RM-0001"
    before = works.row_counts()

    publish(works, OWN)

    after = works.row_counts()
    assert {n: after[n] for n in before if not n.startswith("dg_")} == {
        n: c for n, c in before.items() if not n.startswith("dg_")
    }
    assert works.stock("SCREW") == 100
    assert keeper.get("/").status_code == 200  # still logged in
    page = keeper.open("/e/purchase_receipt/new")
    assert "批次号" in page.text
    assert "有效期" in page.text
    assert works.api("keeper").read("purchase_receipt", first["id"])["lines"][0]["batch_no"] is None
    row = {"batch_no": "A-7", "good_until": "2026-06-30"}
    found = works.bought("SCREW", "5", "0.1", **row)
    line = works.api("keeper").read("purchase_receipt", found["id"])["lines"][0]
    assert (line["batch_no"], line["good_until"]) == ("A-7", "2026-06-30")
    assert works.api("buyer").new("item", name="弹垫", **category)["code"] == "RM-000002"


def test_d9_units_with_conversions_kilos_pieces_and_coils(works: Works) -> None:
    admin = works.api("admin")
    admin.new("unit", code="COIL", name="卷")
    copper = works.id("item", "COPPER")
    admin.change("item", copper, units=[{"unit": code("COIL"), "ratio": "25"}, {"unit": code("PC"), "ratio": "1/3"}])
    works.bought("COPPER", "4", "250", unit=code("COIL"))
    assert works.stock("COPPER") == 100
    works.bought("COPPER", "3", "4", unit=code("PC"))
    assert works.stock("COPPER") == 101
    assert works.stock("COPPER", resource="value") == Decimal("1012.00")


def test_d9_zones_and_bins(works: Works) -> None:
    admin, keeper = works.api("admin"), works.api("keeper")
    admin.new("zone", code="Z1", name="A 区", warehouse=code("W"))
    admin.new("bin", code="A-01", name="A-01", warehouse=code("W"), zone=code("Z1"))
    works.bought("SCREW", "100", "0.1", bin=code("A-01"))
    rows = keeper.balances("stock", group_by="item,warehouse,bin")
    assert [(r["bin"]["code"], Decimal(r["qty"])) for r in rows] == [("A-01", 100)]
