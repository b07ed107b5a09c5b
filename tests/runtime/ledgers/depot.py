"""The app of the ledgers' tests on a database, and short words to post with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, func, insert, select, update

from engine.compiler import load_text
from engine.model import AppModel
from runtime.apps import RunningApp
from runtime.context import SYSTEM, FixedClock, RunContext
from runtime.database import Database
from runtime.ledgers import DocumentKey, MoveRequest, Posted, Verb, post, reverse
from runtime.ledgers.checking import check
from tests.runtime.made import make_tables, tables_of

LEDGER_WORDS = ("ledger", "balance", "total", "joint", "pool", "layer", "snapshot")
NOON = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)  # noon in Shanghai


@cache
def depot_model() -> AppModel:
    """The compiled definition."""
    text = (Path(__file__).parent / "data" / "depot.yaml").read_text(encoding="utf-8")
    return load_text(text, "depot.yaml")


def on(day: int, hour: int = 4, month: int = 3) -> datetime:
    """A moment of March 2026, UTC."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


class Depot:
    """The app on a database. Things 1-3 (3 tracked), places 1, 2, 9 (9 may be negative), batches 1-4, workers 1-2.

    No data class: hypothesis would print all of the app.
    """

    def __init__(self, app: RunningApp) -> None:
        self.app = app
        self.now = NOON

    def __repr__(self) -> str:
        return "<depot>"

    @contextmanager
    def acting(self, language: str = "en") -> Iterator[RunContext]:
        """A write transaction."""
        with self.app.database.write() as connection:
            yield self.context(connection, language)

    def context(self, connection: Connection, language: str = "en") -> RunContext:
        """The context of a call."""
        clock = FixedClock(self.now)
        return RunContext(app=self.app, connection=connection, user=SYSTEM, clock=clock, language=language)

    def post(self, *requests: MoveRequest) -> Posted:
        """Post in a transaction of its own."""
        with self.acting() as ctx:
            return post(ctx, requests)

    def reverse(self, document: int, posting_set: str = "post") -> Posted:
        """Undo what a document posted."""
        with self.acting() as ctx:
            return reverse(ctx, DocumentKey(entity="thing", id=document), [posting_set])

    def setting(self, **values: str) -> None:
        """Change the costing setting."""
        table = self.app.tables.entity["costing"]
        with self.acting() as ctx:
            if ctx.connection.scalar(select(func.count()).select_from(table)):
                ctx.connection.execute(update(table).values(**values))
            else:
                ctx.connection.execute(insert(table).values(**values))

    def empty(self) -> None:
        """Forget all moves and settings."""
        self.now = NOON
        tables = self.app.tables
        mine = [t for t in tables.metadata.tables.values() if t.name.split("_")[0] in LEDGER_WORDS]
        with self.acting() as ctx:
            for table in (*mine, tables.entity["costing"]):
                ctx.connection.execute(table.delete())
            ctx.connection.execute(update(tables.entity["thing"]).values(standard=None))

    def rows(self, table: Any, *columns: str) -> list[tuple[Any, ...]]:
        """The rows of a table, sorted."""
        chosen = [table.c[c] for c in columns] if columns else list(table.c)
        with self.app.database.read() as connection:
            return sorted((tuple(r) for r in connection.execute(select(*chosen))), key=repr)

    def pool(self, thing: int = 1) -> tuple[Decimal, Decimal]:
        """Quantity and value of a thing over all its pools."""
        table = self.app.tables.ledgers.pool["goods"]
        with self.app.database.read() as connection:
            query = select(func.sum(table.c.qty), func.sum(table.c.value)).where(table.c.thing == thing)
            qty, value = connection.execute(query).one()
        return (qty or Decimal(0), value or Decimal(0))

    def problems(self, *only: str) -> list[str]:
        """What the check finds, as text."""
        with self.app.database.read() as connection:
            found = check(connection, self.app.model, self.app.tables, documents=False, only=only)
            return [str(p) for p in found]


class Sandbox:
    """One transaction that stands for a whole database: what is written in it is soon gone, and nothing is waited for.

    ``read`` and ``write`` give the connection that is open already; a write that fails takes back its own part.
    """

    def __init__(self, connection: Connection, dialect: str) -> None:
        self.connection = connection
        self.dialect = dialect

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """What stands in the transaction."""
        yield self.connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A part of the transaction."""
        with self.connection.begin_nested():
            yield self.connection


class PassingDepot(Depot):
    """A depot inside one transaction: emptying it is going back to where it began."""

    def __init__(self, app: RunningApp, connection: Connection) -> None:
        super().__init__(replace(app, database=cast(Database, Sandbox(connection, app.database.dialect))))
        self._connection = connection
        self._begun = connection.begin_nested()

    def empty(self) -> None:
        """Forget all that happened."""
        self.now = NOON
        self._begun.rollback()
        self._begun = self._connection.begin_nested()


@contextmanager
def passing(depot: Depot) -> Iterator[Depot]:
    """The depot, empty, for as many stories as one likes; nothing of them stays."""
    depot.empty()
    engine = depot.app.database.engine.execution_options(dougong_begin="write")
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            yield PassingDepot(depot.app, connection)
        finally:
            transaction.rollback()


def open_depot(database: Database, *, fresh: bool = True) -> Depot:
    """The app on ``database``, with its few records."""
    model = depot_model()
    depot = Depot(RunningApp(name="depot", model=model, tables=tables_of(model), database=database))
    if fresh:
        with database.change_schema() as connection:
            make_tables(connection, depot.app.tables.metadata)
        fill(depot)
    return depot


def fill(depot: Depot) -> None:
    """The few records of the app."""
    entity = depot.app.tables.entity
    rows: Mapping[str, list[dict[str, Any]]] = {
        "thing": [
            {"id": i, "code": f"T{i}", "name": f"Thing {i}", "tracked": i == 3, "standard": None} for i in (1, 2, 3)
        ],
        "place": [{"id": i, "code": f"P{i}", "name": f"Place {i}", "negative": i == 9} for i in (1, 2, 9)],
        "batch": [
            {"id": 1, "code": "B1", "expiry": date(2026, 6, 30), "blocked": False},
            {"id": 2, "code": "B2", "expiry": date(2026, 7, 15), "blocked": False},
            {"id": 3, "code": "B3", "expiry": None, "blocked": False},
            {"id": 4, "code": "B4", "expiry": date(2026, 5, 1), "blocked": True},
        ],
        "worker": [{"id": i, "code": f"W{i}", "name": f"Worker {i}", "daily": Decimal(8)} for i in (1, 2)],
    }
    with depot.acting() as ctx:
        for name, values in rows.items():
            ctx.connection.execute(insert(entity[name]), values)


KEYS = count(1)


def request(verb: Verb, ledger: str = "goods", **given: Any) -> MoveRequest:
    """A request with defaults: thing 1 at place 1, now."""
    words = {k: given.pop(k) for k in list(given) if k in WORDS}
    amounts = {k: _number(v) for k, v in given.pop("amounts", {}).items()}
    amounts |= {k: _number(given.pop(k)) for k in ("qty", "weight", "amount", "hours") if k in given}
    value = given.pop("value", None)
    document = given.pop("document", 1)
    line = given.pop("line", None)
    plain = ledger in ("goods", "promised")
    dimensions = {**({"thing": 1, "place": 1} if plain and not words.get("from_") else {}), **given}
    return MoveRequest(
        ledger=ledger,
        key=words.pop("key", f"r{next(KEYS)}"),
        verb=verb,
        dimensions=dimensions,
        amounts=amounts,
        value=None if value is None else Decimal(value),
        at=words.pop("at", NOON),
        document=DocumentKey(entity="thing", id=document),
        line=DocumentKey(entity="batch", id=line) if line else None,
        posting_set=words.pop("posting_set", "post"),
        **words,
    )


WORDS = frozenset(
    (
        "key",
        "at",
        "whole_day",
        "posting",
        "posting_set",
        "kind",
        "from_",
        "allocate",
        "short",
        "short_dimensions",
        "returns",
        "corrects",
    )
)


def _number(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def add(ledger: str = "goods", **given: Any) -> MoveRequest:
    """Something comes in."""
    return request(Verb.ADD, ledger, **given)


def take(ledger: str = "goods", **given: Any) -> MoveRequest:
    """Something goes out."""
    return request(Verb.TAKE, ledger, **given)


def give_back(ledger: str = "goods", *, of: tuple[int, str], **given: Any) -> MoveRequest:
    """Something comes back."""
    returns = (DocumentKey(entity="batch", id=of[0]), of[1])
    return request(Verb.RETURNS, ledger, returns=returns, **given)


def revalue(ledger: str = "goods", **given: Any) -> MoveRequest:
    """A cost changes."""
    return request(Verb.REVALUE, ledger, **given)


def values(posted: Posted) -> list[Decimal]:
    """The values of the moves of a call."""
    return [m.amounts["value"] for m in posted.moves]
