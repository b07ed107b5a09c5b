"""What a firm is told by itself: dunning in steps, ends of contracts, milestones, goods missing in a transfer."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select

from runtime.schedule import tick
from tests.scenarios.agency import billed, line, paid, signed
from tests.scenarios.clients import Row, code
from tests.scenarios.test_g1_transfer import photo
from tests.scenarios.works import Works


def told(works: Works, origin: str) -> list[tuple[str, str]]:
    """Log-in name and Chinese text of what went into people's inboxes."""
    system = works.app.tables.system
    outbox, account = system.outbox, system.account
    query = select(account.c.name, outbox.c.text_zh).join(account, account.c.id == outbox.c.account)
    query = query.where(outbox.c.origin == origin, outbox.c.kind == "inbox").order_by(outbox.c.id)
    with works.app.database.read() as connection:
        return [(name, text) for name, text in connection.execute(query)]


def passes(works: Works, day: str) -> None:
    """Nine o'clock of a day, and what is due then."""
    works.day(day)
    with works.acting() as ctx:
        tick(ctx)


def states(works: Works, alert: str) -> list[tuple[str, bool]]:
    """Level of each alert, and whether it is open."""
    table = works.app.tables.system.alert
    query = select(table.c.level, table.c.open_key).where(table.c.alert == alert).order_by(table.c.id)
    with works.app.database.read() as connection:
        return [(level, key is not None) for level, key in connection.execute(query)]


def test_s3_an_invoice_is_dunned_in_steps_until_it_is_paid(agency_both: Works) -> None:
    agency = agency_both
    agency.day("2026-01-05")
    bill = billed(agency, "36000", "2026-01-15")
    passes(agency, "2026-01-15")
    assert states(agency, "dunning") == []
    passes(agency, "2026-01-16")
    assert states(agency, "dunning") == [("friendly", True)]
    assert told(agency, "alert:dunning") == [
        ("sales", f"城建集团 的 {bill['code']} 应于 2026-01-15 付款，还欠 36000.00")
    ]
    passes(agency, "2026-01-17")
    assert len(told(agency, "alert:dunning")) == 1  # once a step
    passes(agency, "2026-01-30")
    assert states(agency, "dunning") == [("firm", True)]
    assert sorted(name for name, _ in told(agency, "alert:dunning")[1:]) == ["finance", "sales"]
    agency.day("2026-01-31")
    paid(agency, "20000", bill)
    assert states(agency, "dunning") == [("firm", True)]
    paid(agency, "16000", bill)
    assert states(agency, "dunning") == [("firm", False)]


def test_s1_the_end_of_a_contract_and_its_milestones_are_announced(agency: Works) -> None:
    agency.day("2026-01-05")
    year = line("全年维护", "2026-02-20", "1", node="period")
    made = signed(agency, "24000", year, kind="service", end_date="2026-04-30")
    passes(agency, "2026-02-16")
    assert told(agency, "rule:milestone_soon") == []
    passes(agency, "2026-02-17")
    assert sorted(name for name, _ in told(agency, "rule:milestone_soon")) == ["production", "sales"]
    passes(agency, "2026-03-01")
    assert [text for _, text in told(agency, "rule:contract_ends_60")] == [
        f"城建集团 的 {made['code']} 将于 2026-04-30 到期，请谈续签"
    ]
    passes(agency, "2026-03-31")
    assert sorted(name for name, _ in told(agency, "rule:contract_ends_30")) == ["manager", "sales"]
    assert states(agency, "milestone_late") == [("", True)]


def test_s1_a_renewal_is_drafted_before_a_yearly_contract_ends(agency: Works) -> None:
    agency.day("2026-01-05")
    halves = (line("上半年", "2026-06-30", "0.5"), line("下半年", "2026-12-31", "0.5"))
    terms = {"kind": "service", "start_date": "2026-01-01", "end_date": "2026-12-31", "terms": "半年"}
    made = signed(agency, "24000", *halves, **terms)
    once = signed(agency, "9000", line("验收", "2026-12-31", "1"), title="一次性项目")
    passes(agency, "2026-11-01")
    assert [r["code"] for r in agency.api().items("/contract")] == [once["code"], made["code"]]
    passes(agency, "2026-11-02")
    drafts = agency.api("sales").items("/contract", filter="status == draft", fields="id,renews,start_date,end_date")
    assert [(d["renews"]["code"], d["start_date"], d["end_date"]) for d in drafts] == [
        (made["code"], "2027-01-01", "2027-12-31")
    ]
    rows = agency.api("sales").read("contract", drafts[0]["id"])["milestones"]
    assert [(r["name"], r["due_date"], r["share"]) for r in rows] == [
        ("上半年", "2027-06-30", "0.5"),
        ("下半年", "2027-12-31", "0.5"),
    ]
    passes(agency, "2026-11-03")
    assert len(agency.api().items("/contract", filter="status == draft")) == 1
    assert agency.api().explain("renewal_rate", period="this_year")["value"] == "0.0000000000"
    agency.api("sales").take("contract", drafts[0]["id"], "submit")
    agency.api("manager").decide("contract", drafts[0]["id"])
    assert agency.api("sales").read("contract", made["id"])["renewed"] is True


def test_s3_money_moves_through_the_accounts(agency_both: Works) -> None:
    agency = agency_both
    finance = agency.api("finance")
    bank = finance.new("account", code="BANK", name="基本户")
    till = finance.new("account", code="TILL", name="备用金", type="cash")
    agency.day("2026-01-05")

    def entry(direction: str, amount: str, **more: object) -> Row:
        body = {"direction": direction, "account": code("BANK"), "amount": amount, **more}
        made = finance.new("cash_entry", **body)
        return finance.take("cash_entry", made["id"], "submit")

    assert entry("opening", "5000")["status"] == "posted"
    entry("transfer", "800", to_account=code("TILL"))
    agency.day("2026-02-10")
    bill = billed(agency, "3000", "2026-02-01")
    matched = {"document": {"entity": "invoice", "code": bill["code"]}, "amount": "3000"}
    body = {"direction": "receive", "partner": code("C"), "amount": "3000", "account": code("BANK"), "lines": [matched]}
    finance.take("payment", finance.new("payment", **body)["id"], "post")
    finance.new("cash_item", code="RENT", name="房租")
    entry("outlay", "1200", item=code("RENT"))
    much = finance.new("cash_entry", direction="outlay", account=code("TILL"), item=code("RENT"), amount="900")
    faults = finance.refused(409, "POST", f"/cash_entry/{much['id']}/actions/submit", {})
    assert "备用金 余额只有 800" in str(faults)
    assert [Decimal(finance.read("account", one["id"])["balance"]) for one in (bank, till)] == [6000, 800]
    found = finance.get("/reports/account_statement", period="this_month")
    (row,) = [row["values"] for row in found["rows"] if "BANK" in str(row)]
    figures = [Decimal(row[name]) for name in ("opening", "received", "other_out", "closing")]
    assert figures == [4200, 3000, 1200, 6000]


def test_g1_what_is_missing_in_a_transfer_is_told_until_it_is_decided(trade: Works) -> None:
    trade.bought("BOLT", "100", "4", "A")
    sender, receiver = trade.api("keeper"), trade.api("keeper_b")
    goods = {"item": code("BOLT"), "qty": "40"}
    made = receiver.new("transfer", from_warehouse=code("A"), to_warehouse=code("B"), lines=[goods])
    receiver.take("transfer", made["id"], "submit")
    sender.decide("transfer", made["id"])
    sender.take("transfer", made["id"], "dispatch", photo=[photo(trade, "keeper")])
    row = receiver.read("transfer", made["id"])["lines"][0]["id"]
    receiver.change("transfer", made["id"], lines=[{"id": row, "signed_qty": "38"}])
    assert states(trade, "transfer_short") == []
    receiver.take("transfer", made["id"], "sign", scan=made["code"])
    assert states(trade, "transfer_short") == [("", True)]
    assert sorted(name for name, _ in told(trade, "alert:transfer_short")) == ["keeper", "manager"]
    receiver.change("transfer", made["id"], difference_as="lost")
    receiver.take("transfer", made["id"], "post")
    assert states(trade, "transfer_short") == [("", False)]
