"""Rights at the one gate: actions, hidden and read-only fields, rows, on every path."""

from __future__ import annotations

import pytest

from runtime import audit, records
from runtime.context import RunContext
from runtime.errors import Forbidden, Invalid, Malformed, NotFound
from runtime.permissions import rights
from runtime.queries import Filter, ListQuery, list_records
from tests.runtime.shop import as_seller

LINES = [{"item": "A-0001", "qty": 1}]


def test_rights_of_a_role(seller: RunContext) -> None:
    thing = rights(seller, "thing")
    assert (thing.may("read"), thing.may("change"), thing.may("create")) == (True, False, False)
    assert thing.hidden == {"cost", "margin"}  # the margin is made of the cost
    assert thing.readonly == {"kind"}
    assert rights(seller, "order").hidden == {"note"}
    assert rights(seller, "order.lines").may("change")
    assert not rights(seller, "rules").may("read")


def test_actions_a_role_lacks_are_refused(seller: RunContext) -> None:
    with pytest.raises(Forbidden) as error:
        records.update(seller, "thing", 1, {"name": "x"})
    assert error.value.faults[0].message == "You may not change Thing"
    with pytest.raises(Forbidden):
        records.read(seller, "rules", 1)


def test_hidden_fields_are_absent_and_cannot_be_written(seller: RunContext) -> None:
    assert not {"cost", "margin"} & records.read(seller, "thing", 2).keys()
    with pytest.raises(Invalid) as error:
        records.create(seller, "order", {"place": "N", "lines": LINES, "note": "x"})
    assert [(f.field, f.code) for f in error.value.faults] == [("note", "unknown_field")]


@pytest.mark.parametrize("text", ["cost > 1", "margin > 1", "price - cost > 0"])
def test_hidden_fields_cannot_be_filtered_by(seller: RunContext, text: str) -> None:
    with pytest.raises(Malformed):
        list_records(seller, "thing", ListQuery(filter=text))


def test_hidden_fields_are_no_columns_filters_or_sorts(seller: RunContext) -> None:
    for query in (
        ListQuery(fields=("name", "cost")),
        ListQuery(sort=(("cost", False),)),
        ListQuery(filters=(Filter("cost", "gt", ("1",)),)),
    ):
        with pytest.raises(Malformed):
            list_records(seller, "thing", query)
    with pytest.raises(Malformed):
        list_records(seller, "order.lines", ListQuery(fields=("item.cost",)))
    shown = list_records(seller, "thing", ListQuery())
    assert not {"cost", "margin"} & {c.path for c in shown.columns}


def test_rows_of_others_do_not_exist(ctx: RunContext, seller: RunContext) -> None:
    mine = records.create(ctx, "order", {"place": "N", "lines": LINES})
    other = records.create(ctx, "order", {"place": "S", "lines": LINES})
    assert [row[0] for row in list_records(seller, "order", ListQuery()).rows] == [mine.id]
    assert len(list_records(seller, "order.lines", ListQuery()).rows) == 1
    for act in (
        lambda: records.read(seller, "order", other.id),
        lambda: records.update(seller, "order", other.id, {"due": "2026-12-01"}),
        lambda: records.delete(seller, "order", other.id),
    ):
        with pytest.raises(NotFound):
            act()


def test_nobody_puts_a_record_out_of_his_own_reach(ctx: RunContext, seller: RunContext) -> None:
    with pytest.raises(Forbidden):
        records.create(seller, "order", {"place": "S", "lines": LINES})
    mine = records.create(as_seller(ctx), "order", {"place": "N", "lines": LINES})
    with pytest.raises(Forbidden):
        records.update(seller, "order", mine.id, {"place": "S"})


def test_the_trail_hides_what_the_record_hides(ctx: RunContext, boss: RunContext, seller: RunContext) -> None:
    records.update(ctx, "thing", 2, {"cost": "6", "name": "红糖"})
    seen = audit.history(boss, "thing", 2)[0]["changes"]
    assert seen == {"cost": ["5", "6"], "margin": ["3.5", "2.5"], "name": ["白糖", "红糖"]}
    assert audit.history(seller, "thing", 2)[0]["changes"] == {"name": ["白糖", "红糖"]}
