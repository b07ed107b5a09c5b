"""What a write hands on to what comes next in the transaction: the record exactly as it would be read."""

from __future__ import annotations

from typing import Any

from runtime import records
from runtime.context import RunContext

LINES = [{"item": "A-0001", "qty": "2", "unit": "box"}, {"item": "B-0001", "qty": "500", "unit": "g"}]


def handed_on(saved: records.Saved) -> dict[str, Any]:
    assert saved.written is not None
    return saved.written.row


def test_a_new_record_is_handed_on_as_it_would_be_read(ctx: RunContext) -> None:
    saved = records.create(ctx, "order", {"place": "N", "lines": LINES})
    assert handed_on(saved) == records.load(ctx, "order", saved.id)


def test_a_changed_record_is_handed_on_as_it_would_be_read(ctx: RunContext) -> None:
    first = records.create(ctx, "order", {"place": "N", "lines": LINES})
    kept = records.load(ctx, "order", first.id)["lines"][0]["id"]
    lines = [{"id": kept, "qty": "3"}, {"item": "B-0001", "qty": "1"}]
    saved = records.update(ctx, "order", first.id, {"date": "2026-03-05", "lines": lines})
    assert handed_on(saved) == records.load(ctx, "order", saved.id)


def test_links_ratios_and_references_to_several_entities_are_handed_on(ctx: RunContext) -> None:
    for entity, values in (
        ("employee", {"code": "E9", "name": "王", "places": [{"code": "N"}, {"code": "S"}]}),
        ("unit", {"code": "g9", "name": "克", "measures": "mass", "ratio": "1/3"}),
    ):
        saved = records.create(ctx, entity, values)
        assert handed_on(saved) == records.load(ctx, entity, saved.id)


def test_many_records_hand_nothing_on(ctx: RunContext) -> None:
    both = records.create_many(ctx, "place", [{"code": "P1", "name": "甲"}, {"code": "P2", "name": "乙"}])
    assert [saved.written for saved in both] == [None, None]
