"""An app of the template without demo data: the masters of the scenarios, people of every role, a clock one sets."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import URL, create_engine, func, make_url, select, text

from runtime.accounts import add_account, create_token
from runtime.app_setup import set_up
from runtime.app_source import start_from
from runtime.apps import AppHome, RunningApp
from runtime.context import RunContext
from runtime.finding import find_one
from runtime.records import create, update
from tests.scenarios.clients import Api, Web, code
from web.application import create_app

NAME = "works"
START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
PASSWORD = "right-horse-9"
ROLES = ("admin", "manager", "sales", "buyer", "keeper", "production", "quality", "finance", "viewer")
PEOPLE: Mapping[str, tuple[str, ...]] = {**{role: (role,) for role in ROLES}, "keeper_b": ("keeper",)}
"""Log-in name -> roles; each is an employee of the same code."""

Row = dict[str, Any]
_numbers = itertools.count(1)


class MovingClock:
    """Stands where it is put; each call of a client moves it on by a minute."""

    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return self.moment

    def tick(self) -> None:
        """A minute passes."""
        self.moment += timedelta(minutes=1)


@dataclass
class Works:
    """A running app and those who work with it."""

    home: AppHome
    clock: MovingClock
    tokens: Mapping[str, str]
    _apis: dict[str, Api] = field(default_factory=dict)

    @cached_property
    def flask(self) -> Flask:
        """The application."""
        return create_app(self.home, clock=self.clock, testing=True)

    @property
    def app(self) -> RunningApp:
        """The app in its newest version."""
        return self.home.get(NAME)

    def api(self, person: str = "admin") -> Api:
        """A program of a person."""
        if person not in self._apis:
            self._apis[person] = Api(self.flask, self.tokens[person], self.clock.tick)
        return self._apis[person]

    def web(self, person: str) -> Web:
        """A person at a browser, logged in."""
        return Web(self.flask, person, PASSWORD, self.clock.tick)

    def day(self, iso: str, hour: int = 9) -> None:
        """Put the clock on a day, at an hour of Shanghai."""
        self.clock.moment = datetime.fromisoformat(f"{iso}T{hour:02}:00:00+08:00").astimezone(UTC)

    @contextmanager
    def acting(self) -> Iterator[RunContext]:
        """The system itself, for what no person does."""
        self.clock.tick()
        with self.app.database.write() as connection:
            yield self.app.context(connection, self.clock, source="test")

    def scalar(self, sql: str, **values: object) -> Any:
        """One value by hand-written SQL."""
        with self.app.database.read() as connection:
            return connection.execute(text(sql), values).scalar()

    def row_counts(self) -> dict[str, int]:
        """Rows of every table: what a refusal must leave as it was."""
        tables = sorted(self.app.tables.metadata.tables.values(), key=lambda table: table.name)
        with self.app.database.read() as connection:
            return {t.name: connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables}

    # what most stories begin with

    def bought(self, item: str, qty: str, price: str, warehouse: str = "W", **line: object) -> Row:
        """Goods that came without an order."""
        keeper = self.api("admin")
        row = {"item": code(item), "qty": qty, "price": price, **line}
        made = keeper.new("purchase_receipt", partner=code("S"), warehouse=code(warehouse), lines=[row])
        return keeper.take("purchase_receipt", made["id"], "post")

    def stock(self, item: str, warehouse: str = "", resource: str = "qty") -> Decimal:
        """What there is of an item."""
        rows = self.api("admin").balances("stock", group_by="item,warehouse")
        return sum(
            (
                Decimal(str(row[resource] or 0))
                for row in rows
                if row["item"]["code"] == item and (not warehouse or row["warehouse"]["code"] == warehouse)
            ),
            Decimal(0),
        )

    def item(self, item: str) -> Row:
        """An item with its live figures."""
        api = self.api("admin")
        return api.read("item", self.id("item", item))

    def id(self, entity: str, given: str) -> int:
        """The id of a master by its code."""
        table = self.app.tables.entity[entity]
        with self.app.database.read() as connection:
            return int(connection.execute(select(table.c.id).where(table.c.code == given)).scalar_one())


def prepare(folder: Path, url: str = "") -> dict[str, str]:
    """Make the workshop with its masters and people; tokens by log-in name. Tests work on copies of it."""

    def fill(ctx: RunContext) -> dict[str, str]:
        add_masters(ctx)
        tokens = add_people(ctx, {"keeper": [code("W"), code("Q"), code("R")], "keeper_b": [code("B")]})
        seller = {"salesperson": code("SALES")}
        update(ctx, "partner", find_one(ctx, "partner", code("C"), "partner"), seller)
        return tokens

    return prepare_from("discrete", fill, folder, url)


def prepare_from(
    template: str, fill: Callable[[RunContext], dict[str, str]], folder: Path, url: str = ""
) -> dict[str, str]:
    """Make an app of a template; ``fill`` makes masters and people and gives their tokens."""
    clock = MovingClock(START - timedelta(days=4))
    home = AppHome(folder, url, clock)
    app = home.create(NAME, start_from(NAME, template))
    set_up(app, clock)
    with app.database.write() as connection:
        tokens = fill(app.context(connection, clock))
    home.close()
    return tokens


def add_masters(ctx: RunContext) -> None:
    """Units, places, partners and items of the scenarios."""

    def new(entity: str, **values: object) -> None:
        create(ctx, entity, values)

    new("unit", code="PC", name="件")
    new("unit", code="KG", name="千克", measures="mass", step="0.001")
    for short, name in (("RM", "原料"), ("FG", "成品")):
        new("item_category", code=short, name=name)
    new("warehouse", code="Q", name="待检仓", use="quarantine")
    new("warehouse", code="R", name="不良仓", use="reject")
    new("warehouse", code="W", name="一号仓", quarantine=code("Q"), reject=code("R"))
    new("warehouse", code="B", name="二号仓")
    new("partner", code="S", name="华东铜业", is_supplier=True, email="s@example.com", credit_days=30)
    new("partner", code="C", name="远东电器", is_customer=True, credit_days=30)
    raw = {"category": code("RM"), "supplier": code("S")}
    kilo, piece = {"unit": code("KG")}, {"unit": code("PC")}
    new(
        "item",
        code="COPPER",
        name="铜棒",
        planned_price="11",
        purchase_price="11",
        lead_time_days=5,
        pack_qty="25",
        **kilo,
        **raw,
    )
    new("item", code="SCREW", name="螺丝", purchase_price="0.1", **piece, **raw)
    product = {"category": code("FG"), "supply": "make", "item_type": "product", **piece}
    new("item", code="CONN", name="连接器", sale_price="20", **product)
    new("item", code="PART", name="零件", sale_price="20", **product)
    new("bom", item=code("CONN"), lines=[
        {"item": code("COPPER"), "qty": "0.25", "scrap": "0.03"},
        {"item": code("SCREW"), "qty": "2"},
    ])  # fmt: skip
    new("bom", item=code("PART"), lines=[{"item": code("COPPER"), "qty": "1"}])


def add_people(ctx: RunContext, warehouses: Mapping[str, list[Row]]) -> dict[str, str]:
    """A person for each role the app has, some with warehouses of their own; tokens by log-in name."""
    tokens = {}
    known = ctx.app.model.roles
    for name, roles in PEOPLE.items():
        if not set(roles) <= set(known):
            continue
        row = {"code": name.upper(), "name": f"{name} 员工"}
        made = create(ctx, "employee", row | ({"warehouses": warehouses[name]} if name in warehouses else {}))
        account = add_account(ctx, name, PASSWORD, roles, member=made.id)
        tokens[name] = create_token(ctx, account, "test")
    return tokens


def copied_file(prepared: Path, folder: Path) -> AppHome:
    """A copy of an embedded app in a folder of its own; what was compiled is shared."""
    (folder / "apps").mkdir(parents=True)
    _share_cache(prepared, folder)
    source, copy = prepared / "apps" / f"{NAME}.db", folder / "apps" / f"{NAME}.db"
    whole, target = sqlite3.connect(source), sqlite3.connect(copy)
    whole.backup(target)
    whole.close()
    target.close()
    return AppHome(folder)


def _share_cache(prepared: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(prepared / "cache", folder / "cache")


class Server:
    """A PostgreSQL server on which whole databases are copied from one another."""

    def __init__(self, url: str) -> None:
        self._url: URL = make_url(url).set(drivername="postgresql+psycopg")
        self._engine = create_engine(self._url, isolation_level="AUTOCOMMIT")

    def database(self, template: str = "") -> str:
        """A new database; its name."""
        name = f"sc_{uuid.uuid4().hex[:10]}"
        with self._engine.connect() as connection:
            like = f" TEMPLATE {template} STRATEGY file_copy" if template else ""
            connection.execute(text(f"CREATE DATABASE {name}{like}"))
        return name

    def drop(self, name: str) -> None:
        """Away with it, whoever is connected."""
        with self._engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def url(self, name: str) -> str:
        """The address of a database."""
        return self._url.set(database=name).render_as_string(hide_password=False)

    def close(self) -> None:
        """Let the server go."""
        self._engine.dispose()


def copied_database(server: Server, template: str, prepared: Path, folder: Path) -> tuple[AppHome, str]:
    """A copy of an app on PostgreSQL: its home and the name of its database."""
    _share_cache(prepared, folder)
    name = server.database(template)
    return AppHome(folder, server.url(name)), name
