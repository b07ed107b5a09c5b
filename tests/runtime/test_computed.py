"""Formulas of other records after a write: everything that follows, and nothing else."""

from __future__ import annotations

from decimal import Decimal

from runtime import computed, records
from runtime.context import RunContext

D = Decimal


def ordered(ctx: RunContext, thing: int) -> Decimal:
    return records.load(ctx, "thing", thing)["ordered"]  # type: ignore[no-any-return]


def order(ctx: RunContext, *lines: tuple[int, int]) -> int:
    values = {"place": 1, "lines": [{"item": item, "qty": qty} for item, qty in lines]}
    return records.create(ctx, "order", values).id


def cells(ctx: RunContext, entity: str, record: int, *fields: str) -> dict[tuple[str, str], int]:
    wave = computed.touch(ctx, entity, [record], fields)
    return {cell: len(ids) for cell, ids in wave.done.items()}


def test_a_sum_over_other_documents_follows_their_lines(ctx: RunContext) -> None:
    first = order(ctx, (1, 5), (2, 3))
    order(ctx, (1, 7))
    assert (ordered(ctx, 1), ordered(ctx, 2)) == (D(12), D(3))
    line = records.load(ctx, "order", first)["lines"][0]
    records.update(ctx, "order", first, {"lines": [{"id": line["id"], "qty": "1"}]})
    assert (ordered(ctx, 1), ordered(ctx, 2)) == (D(8), D(0))
    moved = records.load(ctx, "order", first)["lines"][0]
    records.update(ctx, "order", first, {"lines": [{"id": moved["id"], "item": 2}]})
    assert (ordered(ctx, 1), ordered(ctx, 2)) == (D(7), D(1))


def test_a_change_reaches_through_references_to_the_header_and_counts_cells(ctx: RunContext) -> None:
    ids = [order(ctx, (1, 10), (2, 10)) for _ in range(3)]
    table = ctx.app.tables.entity["group"]
    ctx.connection.execute(table.update().where(table.c.id == 1).values(share=D("0.5")))
    assert cells(ctx, "group", 1, "share") == {("order.lines", "charge"): 3, ("order", "total"): 3}
    assert [records.load(ctx, "order", i)["total"] for i in ids] == [D(115)] * 3
    assert cells(ctx, "group", 1, "share") == {}


def test_the_write_door_carries_the_wave(ctx: RunContext) -> None:
    made = order(ctx, (1, 10))
    records.update(ctx, "group", 1, {"share": "20 %"})
    after = records.load(ctx, "order", made)
    assert (after["lines"][0]["charge"], after["total"]) == (D(4), D(24))
    records.update(ctx, "thing", 1, {"group": "B"})
    assert records.load(ctx, "order", made)["total"] == D(20)


def test_a_change_nobody_reads_computes_nothing(ctx: RunContext) -> None:
    order(ctx, (1, 10))
    assert cells(ctx, "group", 1, "name", "note") == {}
    assert cells(ctx, "thing", 1, "name", "origin") == {}


def test_computing_everything_again_changes_nothing(ctx: RunContext) -> None:
    order(ctx, (1, 10), (2, 4))
    assert computed.recompute_all(ctx).done == {}
