"""The clockwork of a server: what is due is done and what is said is sent, app by app, faults of one no other's."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest

from engine.model import Text
from runtime.app_source import pin
from runtime.apps import AppHome
from runtime.context import RunContext
from runtime.outbox import Outgoing, post, rows_of
from runtime.plugins.running import runs
from runtime.plugins.starting import Start, put
from runtime.schedule import Done
from tests.runtime.outside import Outside, listening
from tests.web.test_cli import SHOP
from web.clockwork import carry, carry_all, run_plugins_of, tick_all

WORDS = Text(zh="到货", en="Here")


@pytest.fixture
def home(tmp_path: Path):
    found = AppHome(tmp_path)
    for name in ("one", "two"):
        found.create(name, pin(SHOP))
    yield found
    found.close()


def say(home: AppHome, app: str, outside: Outside, key: str = "k") -> None:
    found = home.get(app)
    with found.database.write() as connection:
        told = Outgoing(kind="webhook", key=key, title=WORDS, text=WORDS, addresses=(f"{outside.url}/{app}",))
        post(found.context(connection), told)


def states(home: AppHome, app: str) -> list[str]:
    found = home.get(app)
    with found.database.read() as connection:
        return [row["state"] for row in rows_of(found.context(connection), "k")]


def test_every_app_is_carried_for(home: AppHome) -> None:
    with listening() as outside:
        outside.answer = (200, b"")
        for app in ("one", "two"):
            say(home, app, outside)
        carry_all(home)
        assert sorted(h.path for h in outside.heard) == ["/one", "/two"]
    assert (states(home, "one"), states(home, "two")) == (["sent"], ["sent"])


def break_outbox(home: AppHome, app: str) -> None:
    """No round of this app can be gone through: what a message is given is no JSON."""
    found = home.get(app)
    table = found.tables.system.outbox
    with found.database.write() as connection:
        connection.execute(table.update().values(body="{"))


def test_an_error_nobody_expected_ends_neither_the_courier_nor_another_apps_messages(home: AppHome) -> None:
    over, came, again = threading.Event(), threading.Event(), threading.Event()
    with listening() as outside:
        outside.answer = lambda heard: ((again if heard.path == "/one" else came).set(), (200, b""))[1]
        say(home, "one", outside)
        break_outbox(home, "one")
        carry_all(home)
        assert outside.heard == []
        courier = threading.Thread(target=carry, args=(home, over), daemon=True)
        courier.start()
        say(home, "two", outside)
        assert came.wait(30)
        assert not again.is_set()
        found = home.get("one")
        with found.database.write() as connection:
            connection.execute(found.tables.system.outbox.update().values(body="{}"))
        assert again.wait(30)
        over.set()
        courier.join(30)


def test_an_error_nobody_expected_ends_neither_the_schedule_nor_another_apps_turn(
    home: AppHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def tick(ctx: RunContext) -> list[Done]:
        asked.append(ctx.app.name)
        return [] if ctx.app.name == "two" else [Done(kind="x", subject="x", through=date.fromordinal(1 // 0))]

    monkeypatch.setattr("web.clockwork.tick", tick)
    tick_all(home)
    tick_all(home)
    assert asked == ["one", "two"] * 2


def test_what_is_said_while_the_server_runs_leaves_by_itself(home: AppHome) -> None:
    over, came = threading.Event(), threading.Event()
    with listening() as outside:
        outside.answer = lambda _heard: (came.set(), (200, b""))[1]
        courier = threading.Thread(target=carry, args=(home, over), daemon=True)
        courier.start()
        say(home, "two", outside)
        assert came.wait(30)
        over.set()
        courier.join(30)
    assert not courier.is_alive()


def test_what_plug_ins_were_started_for_is_done_in_every_app(home: AppHome) -> None:
    for name in ("one", "two"):
        app = home.get(name)
        with app.database.write() as connection:
            put(app.context(connection), [Start(plugin="gone", act="do", given={}, key="k")])
    with home.get("one").database.write() as connection:  # what it was given is no JSON: a fault of this app alone
        table = home.get("one").tables.system.plugin_run
        connection.execute(table.update().values(given="{"))
    run_plugins_of(home, home.names())
    app = home.get("two")
    with app.database.read() as connection:
        (run,) = runs(app.context(connection))
    assert (run.state, run.error) == ("failed", "没有安装插件 gone，有：replenishment_advice")
