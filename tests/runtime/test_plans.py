"""Lists of the discrete template find their rows by an index: plans are looked at, not times."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from engine import load_app
from engine.model import View
from runtime.apps import RunningApp
from runtime.context import SYSTEM, RunContext, SystemClock
from runtime.database import Database
from runtime.ledgers import balances
from runtime.queries import ListQuery, list_records
from runtime.query_filters import Filter
from runtime.tables import build_tables
from runtime.trace import trace

ENTITIES = ("purchase_order", "purchase_receipt", "sales_order")
MOST_FILTERED = 4


@pytest.fixture(scope="module")
def app(module_database: Database) -> RunningApp:
    """The template's tables, empty: plans of SQLite do not depend on rows, PostgreSQL is asked to avoid scans."""
    model = load_app("discrete")
    tables = build_tables(model)
    with module_database.write() as connection:
        tables.metadata.create_all(connection)
    return RunningApp(name="plans", model=model, tables=tables, database=module_database)


@pytest.fixture
def ctx(app: RunningApp) -> Iterator[RunContext]:
    with app.database.read() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            connection.execute(text("SET LOCAL enable_sort = off"))
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        yield RunContext(app=app, connection=connection, user=SYSTEM, clock=SystemClock())


@pytest.fixture
def writing(app: RunningApp) -> Iterator[RunContext]:
    """Rows may be written; nothing of them stays."""
    with app.database.engine.connect() as connection:
        transaction = connection.begin()
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        yield RunContext(app=app, connection=connection, user=SYSTEM, clock=SystemClock())
        transaction.rollback()


def sent(connection: Connection, work: Callable[[], object]) -> list[tuple[str, Any]]:
    """The statements of a call with their values."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        found.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(connection, "before_cursor_execute", note)
    return found


def plan(connection: Connection, statement: str, parameters: Any) -> str:
    """How the database would go about it."""
    numbers = [int(number) for number in re.findall(r"\$(\d+)", statement)]
    if numbers:  # as the server numbers them
        statement, parameters = re.sub(r"\$\d+", "%s", statement), tuple(parameters[n - 1] for n in numbers)
    how = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    rows = connection.exec_driver_sql(how + statement, parameters).all()
    return "\n".join(str(row[-1]) for row in rows)


def faults(plan_text: str, table: str, dialect: str) -> list[str]:
    """Lines of a plan that read the whole table or sort what they read."""
    wrong = {
        "sqlite": lambda line: (
            (f"SCAN {table}" in line and "USING" not in line) or line == "USE TEMP B-TREE FOR ORDER BY"
        ),
        "postgresql": lambda line: (
            f"Seq Scan on {table}" in line
            or f"Index Scan using pk_{table} " in line
            or line.lstrip("-> ").startswith("Sort  (")
        ),
    }
    return [line for line in plan_text.splitlines() if wrong[dialect](line)]


def list_views(app: RunningApp, entity: str) -> list[View]:
    return [v for v in app.model.entities[entity].views.values() if v.type == "list"]


def test_a_scan_and_a_sort_are_told(ctx: RunContext) -> None:
    dialect = ctx.connection.dialect.name
    query = "SELECT id FROM purchase_order WHERE terms = 'x' ORDER BY total"

    assert len(faults(plan(ctx.connection, query, ()), "purchase_order", dialect)) == 2


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_declared_view_reads_its_first_page_along_an_index(ctx: RunContext, app: RunningApp, entity: str) -> None:
    dialect = ctx.connection.dialect.name
    found = {}
    for view in list_views(app, entity):
        query = ListQuery(view=view.id, fields=("code", "status"))
        (statement, parameters), *_ = sent(ctx.connection, lambda q=query: list_records(ctx, entity, q))
        found[view.id] = faults(plan(ctx.connection, statement, parameters), entity, dialect)

    assert found == {view: [] for view in found}


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_declared_filter_of_the_first_view_is_answered_by_an_index(
    ctx: RunContext, app: RunningApp, entity: str
) -> None:
    dialect = ctx.connection.dialect.name
    view, *_ = list_views(app, entity)
    found = {}
    for path in view.filters[:MOST_FILTERED]:
        field = app.model.entities[entity].fields.get(path)
        if field is None or field.live:
            continue
        value = field.options[0].id if field.options else "2026-01-01" if field.type == "date" else "1"
        query = ListQuery(view=view.id, fields=("code",), filters=(Filter(path, "eq", (value,)),))
        (statement, parameters), *_ = sent(ctx.connection, lambda q=query: list_records(ctx, entity, q))
        found[path] = faults(plan(ctx.connection, statement, parameters), entity, dialect)

    assert found
    assert found == {path: [] for path in found}


def test_genealogy_and_past_balances_are_read_along_indexes(writing: RunContext, app: RunningApp) -> None:
    ctx = writing
    moves, edge, lot = app.tables.ledgers.moves["stock"], app.tables.ledgers.edge, app.tables.entity["lot"]
    now, dialect = ctx.now(), ctx.connection.dialect.name
    written = {"kind": "purchase", "at": now, "entered_at": now, "cost": "given", "posting_set": "p", "posting": "p"}
    ctx.connection.execute(lot.insert().values(id=1, version=1, code="L1", created_at=now, changed_at=now))
    for number, signed in ((1, 5), (2, -5), (3, 5)):
        own = {"id": number, "item": 1, "lot": 1, "qty": signed, "doc_entity": "purchase_receipt", "doc_id": number}
        ctx.connection.execute(moves.insert().values(**own, **written))
    ends = {"from_ledger": "stock", "from_move": 2, "to_ledger": "stock", "to_move": 3}
    ctx.connection.execute(edge.insert().values(**ends, qty=5))

    def asked() -> None:
        assert trace(ctx, "lot", 1, "forward").edges
        assert [row.amounts["qty"] for row in balances(ctx, "stock", where={"item": 1}, as_of=now)] == [5]

    found = {}
    for statement, parameters in sent(ctx.connection, asked):
        told = plan(ctx.connection, statement, parameters) if "ledger_" in statement else ""
        for table in ("ledger_stock", "ledger_edge"):
            told_of = faults(told, table, dialect)
            found[statement, table] = [line for line in told_of if not re.search("ORDER BY|Sort|pk_ledger", line)]
    assert len(found) > 4
    assert found == {spot: [] for spot in found}
