"""A rule over the past: when it would have fired, on what; nothing is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.compiler import load_text
from engine.expressions.render import render
from runtime import records
from runtime.alerts_past import replayed
from runtime.rules_simulate import Simulated, simulate
from tests.runtime.rules.firm import NOON, Firm

DATA = Path(__file__).parent / "data"
DAY = timedelta(days=1)
MARCH = (date(2026, 3, 1), date(2026, 3, 31))


def everything(firm: Firm) -> dict[str, list[Any]]:
    """All rows of all tables."""
    connection, tables = firm.ctx.connection, firm.ctx.app.tables.metadata.tables.values()
    return {t.name: sorted(map(str, connection.execute(select(t)))) for t in tables}


def simulated(firm: Firm, rule: str, since: date = MARCH[0], until: date = MARCH[1], **changes: Any) -> Simulated:
    """Simulate, and see that nothing has changed."""
    before = everything(firm)
    found = simulate(firm.ctx, replace(firm.ctx.app.model.rules[rule], **changes), since, until)
    assert everything(firm) == before
    return found


def days(found: Simulated) -> list[int]:
    return [hit.at.day for hit in found.hits]


def test_transitions_are_judged_on_the_record_as_it_was(firm: Firm) -> None:
    big, small = firm.order(20), firm.order(4)
    firm.at(NOON + DAY).take("order", big, "approve")
    firm.at(NOON + 2 * DAY).take("order", small, "approve")
    records.update(firm.at(NOON + 3 * DAY).ctx, "partner", 1, {"email": "x@example.com"})
    found = simulated(firm, "to_customer")
    assert (found.looked, found.fired, days(found)) == (2, 1, [3])
    (hit,) = found.hits
    assert (hit.entity, hit.record, hit.title) == ("order", big, "SO-0001")
    assert hit.effects[0]["addresses"] == ["x@example.com"]
    assert found.notes != []


def test_a_changed_field_is_what_it_was_then(firm: Firm) -> None:
    for number, cost in enumerate(("10", "30", "50")):
        records.update(firm.at(NOON + number * DAY).ctx, "item", 1, {"cost": cost})
    rule = load_text(
        "app: x\nentities:\n  item: {kind: master, fields: {cost: {type: money}}}\nrules:\n"
        "  dear: {when: {changed: item, fields: [cost]}, if: cost > 20, then: {a: {set: {note: x}}}}\n"
    ).rules["dear"]
    found = simulated(firm, "priced", condition=rule.condition)
    assert (found.looked, found.fired, days(found)) == (3, 2, [3, 4])
    assert [dict(hit.parts[0].inputs)["cost"] for hit in found.hits] == [30, 50]


def test_a_crossing_over_other_documents_is_found_at_its_moment(firm: Firm) -> None:
    line = firm.lines(firm.order(1000))[0]["id"]
    for number, qty in enumerate((500, 399, 1, 50)):
        firm.at(NOON + number * DAY).receive(qty, line=line)
    found = simulated(firm, "nine_tenths")
    assert (found.fired, days(found)) == (1, [4])
    assert found.hits[0].entity == "order"


def test_a_crossing_of_a_ledger_is_found_and_armed_again(firm: Firm) -> None:
    for number, qty in enumerate((8, 4, -3, 3, -10, 20)):
        firm.at(NOON + number * DAY).receive(qty, item="A")
    found = simulated(firm, "above_ten")
    assert days(found) == [3, 7]
    assert simulated(firm, "above_ten", date(2026, 3, 4)).fired == 1


def test_dates_and_turns_are_worked_out(firm: Firm) -> None:
    firm.take("order", firm.order(1, due="2026-03-20"), "approve")
    firm.order(2, due="2026-03-20")
    assert [(hit.at, hit.title) for hit in simulated(firm, "prepare").hits] == [
        (datetime(2026, 3, 18, 0, 0, tzinfo=UTC), "SO-0001")
    ]
    assert simulated(firm, "drafts", date(2026, 3, 1), date(2026, 3, 3)).fired == 3


def test_an_alert_is_tried_on_the_past_like_a_rule(firm: Firm) -> None:
    records.update(firm.ctx, "item", 1, {"safety": "8"})
    for number, qty in enumerate((10, -3, 1, 1, -5)):  # 10, 7 (low), 8 (within the band), 9 (ended), 4 (low again)
        firm.at(NOON + (number + 1) * DAY).receive(qty, item="A")
    before = everything(firm)
    found = simulate(firm.ctx, replayed(firm.ctx, "alert:low"), *MARCH)
    assert everything(firm) == before
    assert (found.rule, days(found)) == ("alert:low", [2, 4, 7])
    assert [hit.effects[0]["text"] for hit in found.hits] == [f"A 现存 {n}，安全库存 8" for n in (0, 7, 4)]
    late = replayed(firm.ctx, "alert:late").trigger.that
    assert late is not None
    assert render(late.tree) == ("status == approved and due < today() and (due < today() or due < today() - days(5))")


def test_nothing_that_is_compiled_for_a_simulation_stays(firm: Firm) -> None:
    firm.at(NOON + DAY).take("order", firm.order(20), "approve")
    known = firm.ctx.app.programs

    def kept() -> list[int]:
        return [len(getattr(known, room)) for room in ("_functions", "_readings", "_expressions", "_ways", "_kept")]

    before = kept()
    for _ in range(3):
        draft = load_text((DATA / "firm.yaml").read_text(encoding="utf-8")).rules["to_customer"]
        assert simulate(firm.ctx, draft, *MARCH).fired == 1
        simulate(firm.ctx, replayed(firm.ctx, "alert:low"), *MARCH)
    assert kept() == before
