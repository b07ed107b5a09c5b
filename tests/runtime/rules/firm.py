"""A small firm with one rule of each kind, opened on an empty database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from engine.compiler import load_text
from engine.model import AppModel
from runtime import ledgers, records, rules_traces, workflow
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext, User
from runtime.database import Database
from runtime.schedule import tick
from tests.runtime.made import make_app

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # noon in Shanghai
BOSS = User(account=2, name="boss", roles=frozenset({"boss"}), member=1)
NAMES = ("admin", "boss", "clerk", "chief")


@cache
def firm_model(more: str = "") -> AppModel:
    """The compiled definition; ``more``: a layer over it."""
    text = (Path(__file__).parent / "data" / "firm.yaml").read_text(encoding="utf-8")
    return load_text(text, "firm.yaml", layers=[("more.yaml", more)] if more else [])


def open_firm(database: Database, model: AppModel | None = None) -> RunningApp:
    """The app with its people, a customer and two items."""
    app = make_app("firm", model or firm_model(), database)
    with database.write() as connection:
        fill(context(app, connection))
    return app


def context(app: RunningApp, connection: Connection, user: User = SYSTEM, moment: datetime = NOON) -> RunContext:
    """The context of a call."""
    return RunContext(app=app, connection=connection, user=user, clock=FixedClock(moment), source="api")


def fill(ctx: RunContext) -> None:
    """The basic records."""
    system = ctx.app.tables.system
    people = [{"name": n, "created_at": NOON, "failed_count": 0, "active": True, "member": None} for n in NAMES]
    people[1]["member"] = 1
    ctx.connection.execute(system.account.insert(), people)
    holds = [{"account": n, "role": role} for n, role in enumerate(NAMES, 1) if role != "admin"]
    ctx.connection.execute(system.account_role.insert(), holds)
    records.create(ctx, "person", {"code": "P1", "name": "安娜", "mail": "anna@example.com"})
    records.create_many(ctx, "item", [{"code": "A", "name": "螺栓"}, {"code": "B", "name": "螺母", "keeper": 1}])
    records.create(ctx, "partner", {"code": "K", "name": "客户", "email": "k@example.com"})


@dataclass(frozen=True)
class Firm:
    """The firm at work in one transaction, at one moment."""

    ctx: RunContext

    def at(self, moment: datetime) -> Firm:
        """The same at another moment."""
        return Firm(replace(self.ctx, clock=FixedClock(moment)))

    def tick(self, moment: datetime) -> None:
        """What is due at a moment is done."""
        tick(self.at(moment).ctx)

    def order(self, *quantities: int, **values: object) -> int:
        """An order for items A, B …"""
        lines = [{"item": {"code": "AB"[n]}, "qty": qty} for n, qty in enumerate(quantities)]
        return records.create(self.ctx, "order", {"partner": {"code": "K"}, "lines": lines, **values}).id

    def take(self, entity: str, record: int, transition: str) -> None:
        """A transition."""
        workflow.take(self.ctx, entity, record, transition)

    def receive(self, qty: int | str, *, line: int | None = None, item: str = "") -> int:
        """A receipt, posted."""
        values: dict[str, object] = {"qty": qty, "line": line, "item": {"code": item} if item else None}
        made = records.create(self.ctx, "receipt", values).id
        self.take("receipt", made, "post")
        return made

    def lines(self, order: int) -> list[dict[str, Any]]:
        """The lines of an order."""
        found: list[dict[str, Any]] = records.load(self.ctx, "order", order)["lines"]
        return found

    def told(self, origin: str) -> list[tuple[str, str, str]]:
        """What a rule or an alert said so far: channel, to whom, text."""
        table = self.ctx.app.tables.system.outbox
        query = select(table).where(table.c.origin == origin).order_by(table.c.id)
        return [
            (row.kind, NAMES[row.account - 1] if row.account else row.address, row.text_zh)
            for row in self.ctx.connection.execute(query)
        ]

    def results(self, rule: str) -> list[str]:
        """What the looks of a rule came to, oldest first."""
        return [run.result for run in reversed(rules_traces.runs(self.ctx, rule))]

    def on_hand(self) -> dict[int, int]:
        """The balances."""
        return {row.dimensions["item"]: int(row.amounts["qty"]) for row in ledgers.balances(self.ctx, "shelf")}  # type: ignore[misc]
