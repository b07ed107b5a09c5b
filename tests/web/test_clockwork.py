"""The clockwork of a server: what is due is done and what is said is sent, app by app, faults of one no other's."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.model import Text
from runtime.app_source import pin
from runtime.apps import AppHome
from runtime.outbox import Outgoing, post, rows_of
from tests.runtime.outside import Outside, listening
from tests.web.test_cli import SHOP
from web.clockwork import carry, carry_all

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
