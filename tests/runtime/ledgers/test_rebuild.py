"""Running rows are made anew from the moves, and the check finds what does not hold."""

from __future__ import annotations

import uuid
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import pytest
from sqlalchemy import update

from runtime.app_source import pin
from runtime.apps import AppHome
from runtime.ledgers import check, keep_months, post, rebuild, to_rebuild
from tests.runtime.ledgers.depot import Depot, add, depot_model, fill, on, take


def _story(depot: Depot) -> None:
    depot.now = on(20, month=5)
    depot.post(add(qty=10, value=100, at=on(2)), add(thing=3, batch=1, qty=4, value=9, at=on(2)))
    depot.post(take(qty=10, at=on(3)))
    depot.post(add(qty=7, value=140, at=on(4)), add("promised", qty=2, demand=2, at=on(5)))
    depot.post(take(place=9, thing=2, qty=3, at=on(5)), add(place=2, qty=5, value=1, at=on(6)), take(qty=2, at=on(7)))
    with depot.acting() as ctx:
        keep_months(ctx, "goods", on(30, month=4).date())


@pytest.mark.parametrize("method", ["average", "fifo", "lot", "standard"])
def test_rows_made_anew_are_those_that_were_kept(depot: Depot, method: str) -> None:
    depot.setting(method=method, pool="place")
    _story(depot)
    tables = depot.app.tables
    kept = [
        tables.ledgers.balance["goods"],
        *(tables.ledgers.total["goods", t] for t in ("by_place", "by_thing")),
        tables.ledgers.joint["promised_within_stock"],
        tables.ledgers.snapshot["goods"],
    ]
    pool, layer = tables.ledgers.pool["goods"], tables.ledgers.layer["goods"]

    def found() -> object:
        rows = [depot.rows(table) for table in kept]
        return rows, depot.rows(pool, "key", "qty", "value", "last_at"), depot.rows(layer, "pool_key", "qty", "value")

    before = found()
    with depot.acting() as ctx:
        for table in (*kept, pool):
            column = "value" if "value" in table.c else table.c.keys()[-2]
            if table.c[column].type.python_type is Decimal:
                ctx.connection.execute(update(table).values({column: Decimal(77)}))
        rebuild(ctx, "goods")
    assert found() == before
    assert depot.problems() == []


def test_a_changed_grain_asks_for_new_rows() -> None:
    model = depot_model()
    goods = model.ledgers["goods"]
    other = replace(goods, totals=MappingProxyType({**goods.totals, "by_place": ("place",)}))
    changed = replace(model, ledgers=MappingProxyType({**model.ledgers, "goods": other}))
    assert to_rebuild(model, model) == ()
    assert to_rebuild(model, changed) == ("goods", "promised")


def test_the_check_names_rows_that_do_not_hold_and_records_that_are_gone(depot: Depot) -> None:
    depot.post(add(qty=10, value=100, document=777))
    tables = depot.app.tables
    with depot.acting() as ctx:
        for table in (tables.ledgers.balance["goods"], tables.ledgers.pool["goods"]):
            ctx.connection.execute(update(table).values(qty=Decimal(9)))
        post(ctx, [take(qty=4, key="sent"), add("road", from_=("sent",), trip=1)])
        ctx.connection.execute(update(tables.ledgers.edge).values(qty=Decimal(40)))
        found = check(ctx.connection, depot.app.model, tables)
    assert {(p.code, p.ledger) for p in found} == {
        ("balance_differs", "goods"),
        ("pool_differs", "goods"),
        ("record_missing", "goods"),
        ("edge_too_much", "goods"),
    }


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_publishing_another_grain_makes_the_rows_anew(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str
) -> None:
    home = AppHome(tmp_path, "" if dialect == "sqlite" else request.getfixturevalue("postgres_url"))
    text = (Path(__file__).parent / "data" / "depot.yaml").read_text(encoding="utf-8")
    name = f"depot_{uuid.uuid4().hex[:8]}"
    depot = Depot(home.create(name, pin(text)))
    fill(depot)
    _story(depot)
    wider = text.replace("by_thing: [thing]}", "by_thing: [thing], by_lot: [thing, batch]}")
    wider = wider.replace("      batch: {to: batch, optional: = not thing.tracked}", LOT_AND_MAKER)
    home.publish(name, pin(wider))
    depot.app = home.get(name)
    by_lot = depot.app.tables.ledgers.total["goods", "by_lot"]
    assert depot.rows(by_lot, "thing", "batch", "qty") == [
        (1, None, Decimal(10)),
        (2, None, Decimal(-3)),
        (3, 1, Decimal(4)),
    ]
    depot.post(take(qty=2, at=on(8)))
    assert depot.problems() == []
    depot.app.database.drop_schema()
    home.close()


LOT_AND_MAKER = """      batch: {to: batch, optional: = not thing.tracked}
      maker: {to: worker, optional: true}"""
