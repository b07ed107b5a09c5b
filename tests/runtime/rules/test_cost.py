"""Rules that a write does not concern cost it nothing."""

from __future__ import annotations

from runtime import records
from runtime.apps import RunningApp
from tests.runtime.rules.firm import context, firm_model, open_firm
from tests.runtime.shop import counting

ELSEWHERE = "app: firm\nrules:\n" + "\n".join(
    f"  other_{n}: {{when: {{changed: person, fields: [mail]}}, then: {{tell: {{send: inbox, to: [boss], say: x}}}}}}"
    for n in range(1000)
)


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
