"""A simulation one can watch and stop: it says how far it is, and nothing of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, select

from runtime.apps import RunningApp
from runtime.errors import Invalid
from runtime.rules_trial import Trial
from tests.runtime.rules.firm import context

QUARTER = (date(2026, 1, 1), date(2026, 3, 31))


@pytest.fixture
def asking(firm_app: RunningApp) -> Iterator[Connection]:
    """The transaction of who asks."""
    with firm_app.database.read() as connection:
        yield connection


def trial(app: RunningApp, asking: Connection, rule: str, days: tuple[date, date] = QUARTER) -> Trial:
    return Trial(context(app, asking), app.model.rules[rule], *days)


def everything(app: RunningApp) -> dict[str, list[Any]]:
    with app.database.read() as connection:
        return {t.name: sorted(map(str, connection.execute(select(t)))) for t in app.tables.metadata.tables.values()}


def test_a_trial_says_how_far_it_is_and_writes_nothing(firm_app: RunningApp, asking: Connection) -> None:
    before = everything(firm_app)
    watched = trial(firm_app, asking, "drafts")
    shares = list(watched.shares())
    assert len(shares) == 90
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    assert watched.result is not None
    assert (watched.result.since, watched.result.until) == QUARTER
    assert everything(firm_app) == before


def test_who_leaves_stops_the_work(firm_app: RunningApp, asking: Connection) -> None:
    watched = trial(firm_app, asking, "drafts", (date(2026, 1, 1), date(2028, 12, 31)))
    shares = watched.shares()
    next(shares)
    shares.close()  # type: ignore[attr-defined]
    assert watched.result is None


def test_a_threshold_is_tried_in_a_transaction_of_which_nothing_stays(firm_app: RunningApp, asking: Connection) -> None:
    before = everything(firm_app)
    watched = trial(firm_app, asking, "above_ten")
    list(watched.shares())
    assert watched.result is not None
    assert everything(firm_app) == before


def test_what_the_simulation_refuses_is_raised(firm_app: RunningApp, asking: Connection) -> None:
    with pytest.raises(Invalid) as refused:
        list(trial(firm_app, asking, "drafts", (date(2026, 3, 31), date(2026, 1, 1))).shares())
    assert refused.value.faults[0].code == "bad_days"
    with pytest.raises(Invalid) as refused:
        list(trial(firm_app, asking, "drafts", (date(2020, 1, 1), date(2026, 1, 1))).shares())
    assert refused.value.faults[0].message == "一次最多看 1100 天"
