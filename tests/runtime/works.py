"""A small works for the tests of documents: opened on an empty database, with people, places and things."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from engine.compiler import load_text
from engine.model import AppModel
from runtime import documents, records, workflow
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext, User
from runtime.database import Database
from tests.runtime.made import make_app

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # noon in Shanghai
BOSS = User(account=1, name="boss", roles=frozenset({"boss"}), member=1)
BUYER = User(account=2, name="buyer", roles=frozenset({"buyer"}), member=2)
ANNA = User(account=3, name="anna", roles=frozenset({"keeper"}), member=3)
BEN = User(account=4, name="ben", roles=frozenset({"keeper"}), member=4)
CHIEF = User(account=5, name="chief", roles=frozenset({"chief"}), member=5)
MAKER = User(account=6, name="maker", roles=frozenset({"maker"}), member=6)
PEOPLE = (BOSS, BUYER, ANNA, BEN, CHIEF, MAKER)


@cache
def works_model() -> AppModel:
    """The compiled definition."""
    text = (Path(__file__).parent / "data" / "works.yaml").read_text(encoding="utf-8")
    return load_text(text, "works.yaml")


@dataclass(frozen=True)
class Works:
    """The app on a database."""

    app: RunningApp

    @contextmanager
    def acting(self, user: User = SYSTEM, language: str = "en", moment: datetime = NOON) -> Iterator[RunContext]:
        """A write transaction in which ``user`` acts."""
        with self.app.database.write() as connection:
            yield self.context(connection, user, language, moment)

    def context(self, connection: Connection, user: User, language: str, moment: datetime) -> RunContext:
        """The context of a call."""
        return RunContext(
            app=self.app, connection=connection, user=user, clock=FixedClock(moment), language=language, source="api"
        )

    def new(self, entity: str, user: User = SYSTEM, **values: Any) -> int:
        """Make a record."""
        with self.acting(user) as ctx:
            return records.create(ctx, entity, values).id

    def take(self, user: User, entity: str, record: int, transition: str, **body: Any) -> dict[str, Any]:
        """Take a transition."""
        with self.acting(user) as ctx:
            return workflow.take(ctx, entity, record, transition, body)

    def draw(self, user: User, entity: str, source: str, *ids: int, lines: list[int] | None = None) -> list[int]:
        """Draw documents."""
        with self.acting(user) as ctx:
            return [saved.id for saved in documents.draw(ctx, entity, source, ids, lines)]

    def load(self, entity: str, record: int) -> dict[str, Any]:
        """A record as it is."""
        with self.acting() as ctx:
            return records.load(ctx, entity, record)

    def balances(self, ledger: str, *names: str) -> dict[Any, Decimal]:
        """Amounts of the first resource that are not zero, by the dimensions named."""
        table = self.app.tables.balance[ledger]
        resource = next(iter(self.app.model.ledgers[ledger].resources))
        with self.app.database.read() as connection:
            rows = connection.execute(select(*(table.c[n] for n in names), table.c[resource])).all()
        found: dict[Any, Decimal] = {}
        for *key, amount in rows:
            name = key[0] if len(key) == 1 else tuple(key)
            if amount:
                found[name] = found.get(name, Decimal(0)) + amount
        return found

    def moves(self, ledger: str) -> int:
        """How many moves there are."""
        with self.app.database.read() as connection:
            return len(connection.execute(select(self.app.tables.moves[ledger].c.id)).all())

    def stock(self, place: int, **things: str) -> None:
        """Bring things (code: quantity) in, at 10.00 each."""
        lines = [{"item": {"code": code}, "qty": qty, "price": "10"} for code, qty in things.items()]
        receipt = self.new("receipt", BOSS, place=place, lines=lines)
        self.take(BOSS, "receipt", receipt, "post")


def open_works(database: Database) -> Works:
    """Tables, accounts, two places (1 kept by Anna, 2 by Ben) and a few things."""
    works = Works(make_app("works", works_model(), database))
    with works.acting() as ctx:
        _fill(ctx)
    return works


def _fill(ctx: RunContext) -> None:
    system = ctx.app.tables.system
    accounts = [{"name": u.name, "created_at": NOON, "failed_count": 0, "active": True} for u in PEOPLE]
    ctx.connection.execute(system.account.insert(), accounts)
    roles = [{"account": u.account, "role": role} for u in PEOPLE for role in u.roles]
    ctx.connection.execute(system.account_role.insert(), roles)
    records.create_many(ctx, "staff", [{"code": u.name, "name": u.name} for u in PEOPLE])
    records.create_many(
        ctx,
        "unit",
        [
            {"code": "pc", "name": "个"},
            {"code": "box", "name": "箱"},
            {"code": "kg", "name": "千克", "measures": "mass", "step": "0.001"},
        ],
    )
    records.create_many(
        ctx,
        "place",
        [{"code": "N", "name": "北", "keeper": ANNA.member}, {"code": "S", "name": "南", "keeper": BEN.member}],
    )
    pieces, kilos = {"code": "pc"}, {"code": "kg"}
    records.create_many(
        ctx,
        "thing",
        [
            {"code": "BOLT", "name": "螺栓", "unit": pieces, "units": [{"unit": {"code": "box"}, "ratio": "25"}]},
            {
                "code": "COPPER",
                "name": "铜棒",
                "unit": kilos,
                "pack": "100",
                "lead": 5,
                "vendor": "Metals",
                "cost": "50",
            },
            {"code": "SCREW", "name": "螺丝", "unit": pieces, "lead": 2, "vendor": "Metals", "cost": "0.05"},
            {"code": "CONN", "name": "接头", "unit": pieces, "supply": "make", "lead": 1},
            {"code": "KIT", "name": "套件", "unit": pieces, "supply": "phantom"},
        ],
    )
    records.create(
        ctx,
        "formula",
        {
            "code": "F1",
            "name": "接头",
            "item": {"code": "CONN"},
            "lines": [
                {"item": {"code": "COPPER"}, "qty": "0.25", "scrap": "0.03", "instead": [{"code": "BOLT"}]},
                {"item": {"code": "KIT"}, "qty": "1"},
            ],
        },
    )
    records.create(
        ctx,
        "formula",
        {"code": "F2", "name": "套件", "item": {"code": "KIT"}, "lines": [{"item": {"code": "SCREW"}, "qty": "2"}]},
    )
