"""``dougong check``: a fault of every kind, planted behind the system, is found, named and mended if it can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import text

from runtime.context import RunContext
from runtime.ledgers import Problem
from runtime.proof import mend, prove
from tests.scenarios.clients import Row, code
from tests.scenarios.works import Works

Found = tuple[str, str, str]
"""Code, ledger or entity, and the words for the place."""

PLANTED: Sequence[tuple[str, tuple[Found, ...]]] = (
    ("UPDATE balance_stock SET qty = qty + 1000000", (("balance_differs", "stock", "{stock}"),)),
    ("UPDATE total_stock_by_item SET qty = qty - 1000000", (("total_differs", "stock", "物料 COPPER"),)),
    ("UPDATE pool_stock SET value = value + 1", (("pool_differs", "stock", "物料 COPPER"),)),
    (
        "UPDATE joint_reserved_within_stock SET reserved__qty = reserved__qty + 90000000",
        (
            ("joint_differs", "reserved", "物料 COPPER，仓库 W"),
            ("guard_broken", "stock", "物料 COPPER，仓库 W"),
        ),
    ),
    (
        "UPDATE balance_stock SET qty = -1000000",
        (("balance_differs", "stock", "{stock}"), ("guard_broken", "stock", "{stock}")),
    ),
    (
        "UPDATE ledger_stock SET doc_id = 999999, line_id = NULL, line_entity = NULL WHERE posting = 'stocked'",
        (("record_missing", "stock", "采购入库单 #999999"),),
    ),
    (
        "UPDATE purchase_order__lines SET received_qty = received_qty + 1000000",
        (("remainder_differs", "purchase_order.lines", "采购订单 {order}，明细 1"),),
    ),
    (
        "UPDATE purchase_order__lines SET open_qty = open_qty - 1000000",
        (
            ("remainder_differs", "purchase_order.lines", "采购订单 {order}，明细 1"),
            ("progress_differs", "purchase_order", "采购订单 {order}"),
        ),
    ),
    (
        "UPDATE purchase_order SET execution_status = 'done'",
        (("progress_differs", "purchase_order", "采购订单 {order}"),),
    ),
)


def lived(works: Works) -> Row:
    """Copper is ordered and comes in part; a customer's order holds some of it."""
    buyer, keeper, sales = works.api("buyer"), works.api("keeper"), works.api("sales")
    order = buyer.new(
        "purchase_order",
        partner=code("S"),
        warehouse=code("W"),
        expected_date="2026-01-20",
        lines=[{"item": code("COPPER"), "qty": "100", "price": "10"}],
    )
    order = buyer.take("purchase_order", order["id"], "submit")
    line = {"source_line": order["lines"][0]["id"], "qty": "60"}
    receipt = keeper.new("purchase_receipt", partner=code("S"), warehouse=code("W"), lines=[line])
    keeper.take("purchase_receipt", receipt["id"], "post")
    sold = [{"item": code("COPPER"), "qty": "20", "price": "30"}]
    held = sales.new("sales_order", partner=code("C"), warehouse=code("W"), due_date="2026-02-02", lines=sold)
    sales.take("sales_order", held["id"], "submit")
    return order


@contextmanager
def planted(works: Works, *statements: str) -> Iterator[RunContext]:
    """The app with faults in it, forgotten afterwards."""
    with works.app.database.engine.connect() as connection:
        transaction = connection.begin()
        for statement in statements:
            connection.execute(text(statement))
        yield works.app.context(connection, works.clock)
        transaction.rollback()


def told(problems: Sequence[Problem]) -> list[Found]:
    return [(p.code, p.ledger, p.record) for p in problems]


def test_every_kind_of_fault_is_found_named_and_mended_where_it_can_be(both: Works) -> None:
    order = lived(both)
    words = {"order": order["code"], "stock": "物料 COPPER，仓库 W"}
    for statement, expected in PLANTED:
        with planted(both, statement) as ctx:
            found = prove(ctx)
            assert told(found) == [(c, e, r.format(**words)) for c, e, r in expected], statement
            assert all(p.remedy for p in found)
    with planted(both, *(statement for statement, _ in PLANTED)) as ctx:
        found = prove(ctx)
        assert mend(ctx, found) == 6  # two ledgers; what was drawn, what is left, the axis and its share
        assert told(prove(ctx)) == [(c, e, r) for c, e, r in told(found) if c == "record_missing"]
    with planted(both, "UPDATE purchase_order SET total = total + 1") as ctx:
        assert prove(ctx) == []
        (found,) = prove(ctx, deep=True)
        assert (found.code, found.ledger, found.record) == (
            "formula_differs",
            "purchase_order",
            f"采购订单 {order['code']}",
        )
        assert found.message == "total: 1000.01 is kept, the records say 1000.00"
        assert mend(ctx, [found]) == 1
        assert prove(ctx, deep=True) == []
