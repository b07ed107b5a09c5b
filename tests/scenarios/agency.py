"""A service firm of the service template without demo data: customers, people as resources, everybody's log-in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runtime.context import RunContext
from runtime.finding import find_one
from runtime.records import create, update
from tests.scenarios.clients import code
from tests.scenarios.works import Row, Works, add_people, prepare_from


def prepare_agency(folder: Path, url: str = "") -> dict[str, str]:
    """Make the firm; tokens by log-in name."""
    return prepare_from("service", _fill, folder, url)


def _fill(ctx: RunContext) -> dict[str, str]:
    def new(entity: str, **values: object) -> None:
        create(ctx, entity, values)

    def change(entity: str, of: str, values: Mapping[str, object]) -> None:
        update(ctx, entity, find_one(ctx, entity, code(of), entity), values)

    new("partner", code="C", name="城建集团", is_customer=True, credit_days=30)
    new("partner", code="D", name="绿地物业", is_customer=True, credit_days=15, credit_limit="50000")
    new("partner", code="S", name="蓝图外包", is_supplier=True, email="s@example.com")
    new("service_item", code="DEV", name="系统开发", charge="day", price="2000", cost="900", tax_rate="0")
    new("resource", code="ANNA", name="安娜", use="person", daily_hours="8")
    new("resource", code="VAN", name="检测车", use="machine", daily_hours="8")
    new("resource", code="ROOM", name="会议室", use="place", daily_hours="8")
    tokens = add_people(ctx, {})
    for customer in ("C", "D"):
        change("partner", customer, {"salesperson": code("SALES")})
    change("employee", "PRODUCTION", {"cost_rate": "120", "superior": code("MANAGER")})
    return tokens


def line(name: str, due: str, weight: str, **values: object) -> Row:
    """A milestone."""
    return {"name": name, "due_date": due, "weight": weight, **values}


def contract(agency: Works, amount: str, *milestones: Row, partner: str = "C", **values: object) -> Row:
    """A contract as sales writes it."""
    head = {"partner": code(partner), "title": "监测平台", "amount": amount, "end_date": "2026-12-31", **values}
    return agency.api("sales").new("contract", milestones=list(milestones), **head)


def signed(agency: Works, amount: str, *milestones: Row, partner: str = "C", **values: object) -> Row:
    """A contract that everybody has approved."""
    made = contract(agency, amount, *milestones, partner=partner, **values)
    path = agency.api("sales").take("contract", made["id"], "submit")
    for person in ("manager", "finance", "admin"):
        if path["status"] == "pending" and agency.api(person).items("/tasks"):
            agency.api(person).decide("contract", made["id"])
            path = agency.api("admin").read("contract", made["id"])
    assert path["status"] == "running"
    return agency.api("admin").read("contract", made["id"])


def billed(agency: Works, amount: str, due: str, partner: str = "C") -> Row:
    """An invoice by hand, issued."""
    row = {"name": "服务费", "amount": amount, "tax_rate": "0"}
    made = agency.api("finance").new("invoice", partner=code(partner), due_date=due, lines=[row])
    return agency.api("finance").take("invoice", made["id"], "post")


def paid(agency: Works, amount: str, invoice: Row, partner: str = "C") -> Row:
    """Money that names the invoice it settles."""
    matched = {"document": {"entity": "invoice", "code": invoice["code"]}, "amount": amount}
    made = agency.api("finance").new(
        "payment", direction="receive", partner=code(partner), amount=amount, lines=[matched]
    )
    return agency.api("finance").take("payment", made["id"], "post")
