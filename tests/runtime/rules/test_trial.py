"""A simulation one can watch and stop: it says how far it is, and nothing of it stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from runtime import records
from runtime.apps import RunningApp
from runtime.errors import Invalid
from runtime.rules_trial import Trial, tried
from runtime.shadows import shadowed
from tests.runtime.rules.firm import NOON, Firm, context

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


def test_a_threshold_is_tried_and_nothing_of_it_stays(firm_app: RunningApp, asking: Connection) -> None:
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


def nobody_is_held_up(app: RunningApp) -> None:
    """Others may write whatever they like, at once."""
    if app.database.dialect == "sqlite":
        with closing(sqlite3.connect(str(app.database.url.database), timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
        return
    with app.database.write() as other:
        for table in app.tables.metadata.tables.values():
            other.execute(select(next(iter(table.c))).with_for_update(nowait=True)).all()


@pytest.fixture(scope="module")
def busy(firm_app: RunningApp) -> RunningApp:
    """The firm with a past."""
    with firm_app.database.write() as connection:
        firm = Firm(context(firm_app, connection))
        for number, qty in enumerate((8, 4, -3, 3, -10, 20)):
            firm.at(NOON + timedelta(days=number)).receive(qty, item="A")
        records.update(firm.ctx, "item", 1, {"cost": 5})
        firm.order(1, due=date(2026, 3, 20))
    return firm_app


@pytest.mark.parametrize(("rule", "fired"), [("above_ten", 2), ("priced", 1), ("drafts", 90)])
def test_nobody_waits_for_a_simulation(busy: RunningApp, asking: Connection, rule: str, fired: int) -> None:
    before = everything(busy)
    found = tried(
        context(busy, asking), busy.model.rules[rule], *QUARTER, progress=lambda share: nobody_is_held_up(busy)
    )
    assert (found.fired, len(found.hits)) == (fired, fired)
    assert everything(busy) == before


def test_what_is_undone_for_a_simulation_is_undone_in_copies(firm_app: RunningApp) -> None:
    item, before = firm_app.tables.entity["item"], everything(firm_app)
    account = firm_app.tables.system.account
    with shadowed(firm_app.database, firm_app.tables.metadata.tables) as connection:
        connection.execute(update(account).values(failed_count=7))
        for _ in range(2):
            savepoint = connection.begin_nested()
            connection.execute(select(item.c.id).where(item.c.id == 2).with_for_update())
            assert connection.execute(update(item).values(name="undone").where(item.c.id > 1)).rowcount == 1
            nobody_is_held_up(firm_app)
            assert connection.execute(select(item.c.name).order_by(item.c.id)).scalars().all() == ["螺栓", "undone"]
            savepoint.rollback()
            assert connection.execute(select(item.c.name).order_by(item.c.id)).scalars().all() == ["螺栓", "螺母"]
            assert set(connection.execute(select(account.c.failed_count)).scalars()) == {7}
            connection.execute(update(account).values(failed_count=7))
    assert everything(firm_app) == before
