"""A firm whose requests go through every way of approving, and the people who send and decide them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.compiler import load_text
from runtime import inbox, records, tasks, workflow
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext, User
from runtime.database import Database
from tests.runtime.made import make_app

MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # ten in the morning in Shanghai
NAMES = ("ann", "bob", "cid", "dan", "eve", "zoe")
ANN, BOB, CID, DAN, EVE = (
    User(account=n, name=name, roles=frozenset({"boss"} if name == "eve" else {"clerk"}), member=n)
    for n, name in enumerate(NAMES[:5], 1)
)
GUEST = User(account=6, name="zoe", roles=frozenset({"guest"}), member=6)
PEOPLE = (ANN, BOB, CID, DAN, EVE, GUEST)
Row = dict[str, Any]


@dataclass
class Office:
    """The app; Ann's superior is Bob, his and that of Eve, the boss, is Cid."""

    app: RunningApp
    moment: datetime = MONDAY

    @contextmanager
    def acting(self, user: User = SYSTEM) -> Iterator[RunContext]:
        with self.app.database.write() as connection:
            clock = FixedClock(self.moment)
            yield RunContext(app=self.app, connection=connection, user=user, clock=clock, language="en", source="api")

    def sent(self, entity: str, *people: User, by: User = ANN, sum: int = 1, **body: Any) -> int:
        """A request sent in; the people its field names decide."""
        with self.acting(by) as ctx:
            values = {"people": [p.member for p in people], "owner": ANN.member, "sum": sum}
            made = records.create(ctx, entity, values).id
            workflow.take(ctx, entity, made, "submit", body)
        return made

    def status(self, entity: str, record: int) -> str:
        with self.acting() as ctx:
            return str(records.load(ctx, entity, record)["status"])

    def asked(self) -> dict[str, list[str]]:
        """Who is asked now, and in which steps."""
        found: dict[str, list[str]] = {}
        for user in PEOPLE:
            with self.acting(user) as ctx:
                steps = [task.step for task in tasks.mine(ctx)]
            if steps:
                found[user.name] = steps
        return found

    def task(self, user: User) -> int:
        with self.acting(user) as ctx:
            return tasks.mine(ctx)[0].id

    def say(self, user: User, decision: str = "approve", note: str = "", **body: Any) -> str:
        """The first task of a person decided; the state of the document after it."""
        task = self.task(user)
        with self.acting(user) as ctx:
            return str(tasks.decide(ctx, task, decision, note, body)["status"])

    def signature(self, user: User) -> int:
        with self.acting(user) as ctx:
            file = ctx.app.tables.system.file
            row = {"name": "s.png", "kind": "image/png", "size": 1, "sha256": "x", "account": user.account}
            known = {name: value for name, value in row.items() if name in file.c}
            rest = {c.name: ctx.now() for c in file.c if c.name.endswith("_at") and not c.nullable}
            return int(ctx.connection.execute(file.insert().returning(file.c.id), {**known, **rest}).scalar_one())

    def told(self, user: User) -> list[str]:
        with self.acting(user) as ctx:
            return [message.kind for message in inbox.mine(ctx)]

    def clear(self) -> None:
        """Nothing is open any more."""
        with self.acting() as ctx:
            system = ctx.app.tables.system
            for table in (system.task, system.inbox, system.substitute, system.reminder, system.holiday):
                ctx.connection.execute(table.delete())


def open_office(database: Database) -> RunningApp:
    """The app with its people."""
    text = (Path(__file__).parent / "data" / "approvals.yaml").read_text(encoding="utf-8")
    model = load_text(text, "approvals.yaml")
    app = make_app("approvals", model, database)
    with Office(app).acting() as ctx:
        system = app.tables.system
        same = {"created_at": MONDAY, "failed_count": 0, "active": True}
        ctx.connection.execute(system.account.insert(), [{**same, "name": u.name, "member": u.member} for u in PEOPLE])
        roles = [{"account": u.account, "role": role} for u in PEOPLE for role in u.roles]
        ctx.connection.execute(system.account_role.insert(), roles)
        records.create_many(ctx, "staff", [{"code": u.name, "name": u.name} for u in PEOPLE])
        records.update(ctx, "staff", 1, {"superior": 2})
        records.update(ctx, "staff", 2, {"superior": 3})
        records.update(ctx, "staff", 5, {"superior": 3})
    return app
