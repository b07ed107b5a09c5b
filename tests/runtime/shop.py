"""A small app for the tests of records: opened on an empty database, with a few records to refer to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from engine.compiler import load_text
from engine.model import AppModel
from runtime import records
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext, User
from runtime.database import Database
from tests.runtime.made import make_app

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # noon in Shanghai
BOSS = User(account=2, name="boss", roles=frozenset({"boss"}))
SELLER = User(account=3, name="seller", roles=frozenset({"seller"}), member=1)


@cache
def shop_model() -> AppModel:
    """The compiled definition."""
    text = (Path(__file__).parent / "data" / "shop.yaml").read_text(encoding="utf-8")
    return load_text(text, "shop.yaml")


@dataclass(frozen=True)
class Shop:
    """The app on a database."""

    app: RunningApp

    @contextmanager
    def acting(self, user: User = SYSTEM, language: str = "zh", moment: datetime = NOON) -> Iterator[RunContext]:
        """A write transaction in which ``user`` acts."""
        with self.app.database.write() as connection:
            yield self.context(connection, user, language, moment)

    def context(
        self, connection: Connection, user: User = SYSTEM, language: str = "zh", moment: datetime = NOON
    ) -> RunContext:
        """The context of a call."""
        return RunContext(
            app=self.app, connection=connection, user=user, clock=FixedClock(moment), language=language, source="api"
        )


def open_shop(database: Database) -> Shop:
    """Tables and basic records: units, groups, two things, two places, the seller's member record."""
    shop = Shop(make_app("shop", shop_model(), database))
    with shop.acting() as ctx:
        fill(ctx)
    return shop


def fill(ctx: RunContext) -> None:
    """The basic records."""
    insert = ctx.app.tables.system.account.insert()
    names = ("admin", "boss", "seller")
    accounts = [{"name": name, "created_at": NOON, "failed_count": 0, "active": True} for name in names]
    ctx.connection.execute(insert, accounts)
    records.create_many(ctx, "place", [{"code": "N", "name": "北店"}, {"code": "S", "name": "南店"}])
    records.create(ctx, "employee", {"code": "E1", "name": "安娜", "places": [{"code": "N"}]})
    units = [
        {"code": "pc", "name": "个"},
        {"code": "box", "name": "箱"},
        {"code": "kg", "name": "千克", "measures": "mass", "ratio": "1"},
        {"code": "g", "name": "克", "measures": "mass", "ratio": "1/1000"},
    ]
    records.create_many(ctx, "unit", units)
    records.create_many(ctx, "group", [{"code": "A", "name": "甲", "share": "10%"}, {"code": "B", "name": "乙"}])
    things = [
        {"group": "A", "name": "六角螺栓", "unit": "pc", "price": "2", "units": [{"unit": "box", "ratio": "25"}]},
        {"group": "B", "name": "白糖", "unit": "kg", "price": "8.5", "cost": "5"},
    ]
    records.create_many(ctx, "thing", things)


@dataclass
class Counter:
    """Statements sent since it was made."""

    statements: list[str]

    def __len__(self) -> int:
        return len(self.statements)


@contextmanager
def counting(connection: Connection) -> Iterator[Counter]:
    """Count the statements of a block."""
    counter = Counter([])

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        counter.statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield counter
    finally:
        event.remove(connection, "before_cursor_execute", note)


def as_seller(ctx: RunContext) -> RunContext:
    """The same call by the seller."""
    return replace(ctx, user=SELLER)
