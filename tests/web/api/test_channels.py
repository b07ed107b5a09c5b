"""Channels and the outbox through the API; the stream tells messages without any change of a record."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.model import Text
from runtime import outbox
from runtime.context import FixedClock
from runtime.outbox import Outgoing
from runtime.outbox_courier import deliver
from tests.runtime.outside import Outside, listening
from tests.scenarios.works import Works
from tests.web.api.test_records import some_item
from tests.web.api.test_rooms import events_in, stream


@pytest.fixture
def outside() -> Iterator[Outside]:
    with listening() as found:
        yield found


def say(office: Works, kind: str, key: str, **more) -> None:
    with office.acting() as ctx:
        told = Outgoing(kind=kind, key=key, title=Text(zh="到货", en="Here"), text=Text(zh="螺栓", en="bolts"), **more)
        outbox.post(ctx, told)


def test_a_channel_is_made_tried_changed_and_removed(office: Works, outside: Outside) -> None:
    api = office.api()
    asked = {"name": "api robot", "kind": "dingtalk", "settings": {"token": "tok-en-1", "base": outside.url}}
    made = api.post("/channels", asked, status=201)
    assert (made["kept"], made["config"], made["active"]) == (["token"], {"base": outside.url}, True)
    assert api.post(f"/channels/{made['id']}/test") == {"sent": True, "verdict": "sent", "error": ""}
    changed = api.call("PATCH", f"/channels/{made['id']}", {"name": "robot", "active": False}).get_json()
    assert (changed["name"], changed["active"], changed["kept"]) == ("robot", False, ["token"])
    assert "tok-en" not in str(api.get("/channels"))
    assert api.call("DELETE", f"/channels/{made['id']}").status_code == 204
    assert [c for c in api.items("/channels") if c["id"] == made["id"]] == []


def test_the_outbox_is_read_and_a_message_sent_again(office: Works, outside: Outside) -> None:
    outside.answer = (400, b"no")
    say(office, "webhook", "api-hook", addresses=(outside.url,))
    deliver(office.app, FixedClock(office.clock.now()))
    (row,) = [m for m in office.api().items("/outbox", state="dead") if m["key"].startswith("api-hook")]
    assert (row["error"], row["attempts"], row["title"]) == ("HTTP 400", 1, "到货")
    outside.answer = (200, b"")
    assert office.api().post(f"/outbox/{row['id']}/resend")["state"] == "waiting"
    deliver(office.app, FixedClock(office.clock.now()))
    assert office.api().get(f"/outbox/{row['id']}")["state"] == "sent"


def test_they_are_for_administrators(office: Works) -> None:
    for path in ("/channels", "/outbox"):
        assert office.api("keeper").call("GET", path).status_code == 403
    asked = {"name": "x", "kind": "webhook", "settings": {"url": "http://x"}}
    assert office.api("keeper").call("POST", "/channels", asked).status_code == 403


def test_the_stream_tells_a_message_that_came_with_no_change(office: Works) -> None:
    last = office.scalar("SELECT max(id) FROM dg_audit")
    seen = office.scalar("SELECT coalesce(max(id), 0) FROM dg_inbox")
    keeper = office.scalar("SELECT id FROM dg_account WHERE name = 'keeper'")
    say(office, "inbox", "api-inbox", accounts=frozenset({keeper}))
    told = dict(events_in(stream(office, "keeper", f"{last}-{seen}")))
    assert (told["inbox"]["title"], told["counts"]["messages"]) == ("到货", office.scalar(
        "SELECT count(*) FROM dg_inbox WHERE account = :who AND acknowledged_at IS NULL", who=keeper
    ))  # fmt: skip
    assert "cards" not in told


def test_figures_are_worth_asking_for_again_after_any_change(office: Works) -> None:
    before = office.scalar("SELECT max(id) FROM dg_audit")
    some_item(office.api(), code="LIVE-1")
    assert dict(events_in(stream(office, "keeper", f"{before}-0")))["cards"] == {"changed": True}
