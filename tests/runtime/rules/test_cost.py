"""Rules that a write does not concern cost it nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from runtime import records
from runtime.apps import RunningApp
from tests.runtime.rules.firm import context, firm_model, open_firm
from tests.runtime.shop import counting

ELSEWHERE = "app: firm\nrules:\n" + "\n".join(
    f"  other_{n}: {{when: {{changed: person, fields: [mail]}}, then: {{tell: {{send: inbox, to: [boss], say: x}}}}}}"
    for n in range(1000)
)


def speaking(count: int) -> str:
    """So many rules more that say something when the safety stock of an item is changed."""
    tell = "{tell: {send: inbox, to: [boss], say: <name>}}"
    rules = (f"  speaks_{n}: {{when: {{changed: item, fields: [safety]}}, then: {tell}}}" for n in range(count))
    return "app: firm\nrules:\n" + "\n".join(rules)


def statements(app: RunningApp) -> list[str]:
    """What one change of an order sends, when everything has been compiled before."""
    with app.database.write() as connection:
        ctx = context(app, connection)
        order = records.create(
            ctx, "order", {"partner": {"code": "K"}, "lines": [{"item": {"code": "A"}, "qty": 1}]}
        ).id
        records.update(ctx, "order", order, {"note": "1"})
        with counting(connection) as counter:
            records.update(ctx, "order", order, {"note": "2"})
        connection.rollback()
    return counter.statements


def test_a_thousand_rules_on_other_entities_add_no_statement(make_database: object) -> None:
    few = open_firm(make_database("sqlite"))  # type: ignore[operator]
    many = open_firm(make_database("sqlite"), firm_model(ELSEWHERE))  # type: ignore[operator]
    assert len(many.model.rules) == len(few.model.rules) + 1000
    assert len(statements(many)) == len(statements(few))


def test_a_write_that_no_rule_asks_about_sends_nothing_for_rules(make_database: object) -> None:
    app = open_firm(make_database("sqlite"))  # type: ignore[operator]
    assert not any("dg_rule" in text or "dg_alert" in text for text in statements(app))


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_what_ten_rules_say_in_one_write_goes_out_in_as_many_statements_as_what_one_says(
    make_database: object, dialect: str
) -> None:
    sent, told = [], []
    for count in (1, 10):
        app = open_firm(make_database(dialect), firm_model(speaking(count)))  # type: ignore[operator]
        with app.database.write() as connection:
            ctx = context(app, connection)
            records.update(ctx, "item", 1, {"safety": 1})
            with counting(connection) as counter:
                records.update(ctx, "item", 1, {"safety": 2})
            outbox = app.tables.system.outbox
            said = select(func.count()).where(outbox.c.origin.startswith("rule:speaks_"))
            told.append(connection.execute(said).scalar_one())
            connection.rollback()
        sent.append(counter.statements)
    assert told == [2, 20]
    assert len(sent[1]) == len(sent[0])
    assert not any("SAVEPOINT" in text for text in sent[1])
