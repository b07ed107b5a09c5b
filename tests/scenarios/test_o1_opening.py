"""O1: items, partners, stock, receivables and payables from the firm's own sheets; compared; wiped, redone, live."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from runtime.errors import Conflict
from runtime.importing import ImportOptions, Report, import_file
from runtime.importing_mapping import Cell, FileMapping
from runtime.opening import check_list
from tests.scenarios.clients import Row, told
from tests.scenarios.works import NAME, Works, add_masters

ITEMS = [
    {"编码": "NUT", "名称": "螺母", "单位": "PC", "类别": "RM", "批次": ""},
    {"编码": "GLUE", "名称": "胶水", "单位": "KG", "类别": "RM", "批次": "是"},
]
PARTNERS = [
    {"编码": "C2", "名称": "南方电机", "客户": "是", "供应商": ""},
    {"编码": "S2", "名称": "北方化工", "客户": "", "供应商": "是"},
]
STOCK = [
    {"单": "1", "物料": "NUT", "仓库": "W", "批次": "", "有效期": "", "数量": "1000", "金额": "120.50"},
    {"单": "1", "物料": "GLUE", "仓库": "W", "批次": "G-01", "有效期": "2026-06-30", "数量": "12.5", "金额": "250.00"},
    {"单": "1", "物料": "GLUE", "仓库": "B", "批次": "G-02", "有效期": "2026-07-15", "数量": "7.5", "金额": "180.25"},
]
RECEIVABLES = [
    {"单": "2", "单位": "C2", "到期": "2026-01-20", "金额": "30000.00"},
    {"单": "2", "单位": "C2", "到期": "2026-02-10", "金额": "4500.40"},
]
PAYABLES = [{"单": "3", "单位": "S2", "到期": "2026-01-31", "金额": "8000.10"}]

FIELDS = {
    "item": {"code": "编码", "name": "名称", "unit": "单位", "category": "类别", "tracked": "批次"},
    "partner": {"code": "编码", "name": "名称", "is_customer": "客户", "is_supplier": "供应商"},
    "lines": {
        "item": "物料",
        "warehouse": "仓库",
        "lot": "批次",
        "expiry_date": "有效期",
        "qty": "数量",
        "value": "金额",
    },
    "receivables": {"partner": "单位", "due_date": "到期", "amount": "金额"},
    "payables": {"partner": "单位", "due_date": "到期", "amount": "金额"},
}


def sheet(rows: list[dict[str, str]]) -> bytes:
    """A spreadsheet as a firm saves it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def brought(works: Works, rows: list[dict[str, str]], entity: str, lines: str = "") -> Report:
    """A sheet comes in; each of its rows is good."""
    start = f"{lines}." if lines else ""
    cells = {f"{start}{name}": Cell(column=column) for name, column in FIELDS[lines or entity].items()}
    mapping = FileMapping(entity=entity, cells=cells, group=("单",) if lines else ())
    with works.acting() as ctx:
        report = import_file(ctx, entity, sheet(rows), "firm.csv", mapping)
    assert (report.faults, report.rows, report.written) == ([], len(rows), True)
    return report


def everything_comes_in(works: Works) -> None:
    brought(works, ITEMS, "item")
    brought(works, PARTNERS, "partner")
    finance = works.api("finance")
    for rows, lines in ((STOCK, "lines"), (RECEIVABLES, "receivables"), (PAYABLES, "payables")):
        (made,) = brought(works, rows, "opening", lines).ids
        finance.take("opening", made, "post")


def taken(works: Works) -> dict[str, tuple[int, Decimal | None, Decimal | None]]:
    """Each table of the check list: how much, what it is worth, what is missing."""
    with works.acting() as ctx:
        return {t.opening.id: (t.count, t.total, t.difference) for t in check_list(ctx)}


def total(rows: list[dict[str, str]]) -> Decimal:
    return sum((Decimal(row["金额"]) for row in rows), Decimal(0))


def lots(works: Works) -> list[tuple[str, str, Decimal, Decimal]]:
    rows: list[Row] = works.api("finance").balances("stock", group_by="warehouse,lot")
    return sorted(
        (r["warehouse"]["code"], (r["lot"] or {}).get("code", ""), Decimal(r["qty"]), Decimal(r["value"])) for r in rows
    )


def test_o1_the_sheets_come_in_and_agree_with_the_books(works: Works) -> None:
    everything_comes_in(works)
    assert lots(works) == [  # the average of glue is the firm's: 430.25 for 20 kg
        ("B", "G-02", Decimal("7.5"), Decimal("161.34")),
        ("W", "", Decimal(1000), Decimal("120.50")),
        ("W", "G-01", Decimal("12.5"), Decimal("268.91")),
    ]
    assert (total(STOCK), total(RECEIVABLES), total(PAYABLES)) == (
        Decimal("550.75"),
        Decimal("34500.40"),
        Decimal("8000.10"),
    )
    books = {"total.stock": "550.75", "total.receivables": "34,500.40", "total.payables": "8000.11"}
    assert works.web("admin").post("/opening", action="totals", **books).status_code == 303
    found = taken(works)
    assert {name: found[name][1:] for name in ("stock", "receivables", "payables")} == {
        "stock": (Decimal("550.75"), Decimal(0)),
        "receivables": (Decimal("34500.40"), Decimal(0)),
        "payables": (Decimal("8000.10"), Decimal("-0.01")),
    }
    assert "-0.01" in works.web("admin").open("/opening").text.replace("−", "-")


def test_o1_wiped_and_done_again_until_the_app_is_live(works: Works) -> None:
    everything_comes_in(works)
    first = taken(works)
    admin = works.web("admin")
    before = works.row_counts()
    assert admin.post("/opening", action="wipe", confirm="another").status_code == 422
    assert works.row_counts()["opening"] == before["opening"] == 3
    assert works.web("keeper").post("/opening", action="wipe", confirm=NAME).status_code == 403
    assert works.row_counts()["opening"] == 3

    assert admin.post("/opening", action="wipe", confirm=NAME).status_code == 303
    after = works.row_counts()
    assert (after["item"], after["partner"], after["opening"], after["ledger_stock"]) == (0, 0, 0, 0)
    assert after["dg_account"] == before["dg_account"]
    assert {count for count, _, _ in taken(works).values()} == {0}
    with works.acting() as ctx:
        add_masters(ctx)
    everything_comes_in(works)
    assert taken(works) == first

    assert admin.post("/opening", action="live").status_code == 303
    kept = works.row_counts()
    for action in ("wipe", "live"):
        assert admin.post("/opening", action=action, confirm=NAME).status_code == 422
    assert works.row_counts() == kept
    assert taken(works) == first


def owed(amount: str) -> Row:
    line = {"partner": {"code": "C2"}, "due_date": "2026-01-20", "amount": amount}
    return {"receivables": [line]}


def test_o1_no_opening_document_comes_in_or_goes_once_the_app_is_live(both: Works) -> None:
    brought(both, PARTNERS, "partner")
    finance, admin = both.api("finance"), both.api("admin")
    posted, draft = (finance.new("opening", **owed(amount))["id"] for amount in ("100", "7"))
    finance.take("opening", posted, "post")
    unit = admin.new("unit", code="ZHI", name="只")["id"]
    assert admin.change("unit", unit, measures="length")["measures"] == "length"
    assert both.web("admin").post("/opening", action="live").status_code == 303
    before = both.row_counts(), taken(both)

    step = f"/opening/{draft}/actions/post"
    for person, path, body in (
        (finance, "/opening", owed("5")),
        (finance, step, {}),
        (admin, f"/opening/{posted}/actions/cancel", {"note": "again"}),
    ):
        assert [e["code"] for e in person.refused(409, "POST", path, body)] == ["opening_when_live"]
    for kept_as_history in (False, True):
        cells = {f"receivables.{name}": Cell(column=column) for name, column in FIELDS["receivables"].items()}
        mapping = FileMapping(entity="opening", cells=cells, group=("单",))
        how = ImportOptions(as_history=kept_as_history)
        with both.acting() as ctx, pytest.raises(Conflict, match="已于"):
            import_file(ctx, "opening", sheet(RECEIVABLES), "firm.csv", mapping, how)
    (said,) = admin.refused(422, "PATCH", f"/unit/{unit}", {"measures": "mass"})
    assert (said["code"], said["field"]) == ("fixed_once_live", "measures")
    page = both.web("finance")
    assert "已于" in told(page.try_press(page.open("/e/opening/new")))
    assert (both.row_counts(), taken(both)) == before

    admin.take("opening", draft, "cancel", note="never posted")
    assert admin.change("unit", unit, name="支")["name"] == "支"
    brought(both, [{**PARTNERS[0], "编码": "C9"}], "partner")  # masters go on growing
