"""A small firm with plug-ins on both databases; every test leaves it as it found it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from engine.compiler import load_text
from engine.model import AppModel
from runtime import records, rules_traces, workflow
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext, User
from runtime.database import Database
from runtime.plugins import choosing, running, starting
from runtime.plugins.finding import market
from runtime.plugins.running import Ended, Run
from runtime.tables import build_tables
from tests.runtime.plugins.site import probe_installed

NOON = FixedClock(datetime(2026, 3, 31, 4, 0, tzinfo=UTC))
BOSS = User(account=1, name="boss", roles=frozenset({"boss"}))


@cache
def works_model(more: str = "") -> AppModel:
    """The compiled definition; ``more``: a layer over it."""
    text = (Path(__file__).parent / "data" / "works.yaml").read_text(encoding="utf-8")
    return load_text(text, "works.yaml", layers=[("more.yaml", more)] if more else [])


@dataclass(frozen=True)
class Works:
    """The firm; each call is a transaction of its own, as a request is."""

    app: RunningApp

    def context(self, connection: Any, language: str = "zh") -> RunContext:
        """The boss at work."""
        return RunContext(app=self.app, connection=connection, user=BOSS, clock=NOON, language=language, source="api")

    def write(self, work: Any, language: str = "zh") -> Any:
        """Something done in a transaction."""
        with self.app.database.write() as connection:
            return work(self.context(connection, language))

    def change(self, **values: object) -> None:
        """The item A is changed."""
        self.write(lambda ctx: records.update(ctx, "item", 1, values))

    def item(self, id: int = 1) -> dict[str, Any]:
        """An item as it is."""
        with self.app.database.read() as connection:
            return dict(records.load(self.context(connection), "item", id))

    def start(self, act: str, **given: object) -> int:
        """Somebody starts it by hand."""
        return int(self.write(lambda ctx: starting.start_by_hand(ctx, "probe", act, given)))

    def work_off(self) -> list[Ended]:
        """What is due is done."""
        return running.work_off(self.app, NOON)

    def run(self, act: str, **given: object) -> Run:
        """Started by hand, done, and what is kept of it."""
        number = self.start(act, **given)
        self.work_off()
        with self.app.database.read() as connection:
            (found,) = running.runs(self.context(connection), number=number)
        return found

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        with self.app.database.read() as connection:
            return running.runs(self.context(connection))[::-1]

    def looks(self, rule: str) -> list[rules_traces.Run]:
        """What a rule did, oldest first."""
        with self.app.database.read() as connection:
            return rules_traces.runs(self.context(connection), rule)[::-1]

    def inbox(self) -> list[tuple[str, str]]:
        """What administrators and others were told."""
        table = self.app.tables.system.outbox
        with self.app.database.read() as connection:
            rows = connection.execute(table.select().order_by(table.c.id))
            return [(row.origin, row.text_zh) for row in rows]

    def switch(self, *, on: bool) -> None:
        """The probe goes on or off."""
        self.write(lambda ctx: choosing.switch(ctx, "probe", on=on))

    def issue(self, qty: int, moment: datetime, *, undone: bool = False) -> None:
        """Something is taken from the shelf."""

        def taken(ctx: RunContext) -> None:
            ctx = replace(ctx, clock=FixedClock(moment))
            made = records.create(ctx, "issue", {"item": 1, "qty": qty}).id
            workflow.take(ctx, "issue", made, "post")
            if undone:
                workflow.take(ctx, "issue", made, "undo")

        self.write(taken)

    def clear(self) -> None:
        """As at the beginning, but for what the ledgers hold; nothing hangs any more."""
        never = sys.modules["dougong_probe"].NEVER
        never.set()
        for thread in threading.enumerate():
            if thread.name.startswith("plugin-"):
                thread.join()
        never.clear()
        system = self.app.tables.system
        with self.app.database.write() as connection:
            for table in (system.plugin, system.plugin_run, system.rule_run, system.outbox, system.audit, system.inbox):
                connection.execute(delete(table))
            connection.execute(self.app.tables.entity["remark"].delete())
            plain = {"note": None, "times": 0, "cost": None, "wish": None, "heard": None, "lead": None}
            connection.execute(self.app.tables.entity["item"].update().values(plain | {"safety": None, "point": None}))


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A plug-in of somebody else is installed."""
    with probe_installed(tmp_path_factory.mktemp("site")):
        market()
        yield


@pytest.fixture(scope="module")
def works_app(module_database: Database, probe: None) -> RunningApp:
    """The app, shared by the tests of a module."""
    model = works_model()
    tables = build_tables(model)
    app = RunningApp(name="works", model=model, tables=tables, database=module_database)
    with module_database.write() as connection:
        tables.metadata.create_all(connection)
        ctx = RunContext(app=app, connection=connection, user=SYSTEM, clock=NOON)
        account = {"name": "boss", "created_at": NOON.now(), "failed_count": 0, "active": True}
        connection.execute(tables.system.account.insert(), [account])
        connection.execute(tables.system.account_role.insert(), [{"account": 1, "role": "boss"}])
        records.create_many(ctx, "item", [{"code": "A", "name": "螺栓"}, {"code": "B", "name": "螺母"}])
    return app


@pytest.fixture
def works(works_app: RunningApp) -> Iterator[Works]:
    """The firm with nothing done yet."""
    works = Works(works_app)
    yield works
    works.clear()
