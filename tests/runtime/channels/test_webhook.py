"""Webhooks: signed JSON, judged by the status, and never held up by a server that hangs."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import pytest

from runtime.channels import CHANNELS, Answer, Verdict, Wire
from tests.runtime.channels.test_robots import NOW, OK, letter
from tests.runtime.outside import Outside, listening


@pytest.fixture
def outside() -> Iterator[Outside]:
    with listening() as found:
        found.answer = (204, b"")
        yield found


def send(outside: Outside, secret: str = "", count: int = 1, timeout: float = 5) -> list[Answer]:
    letters = [letter(key=f"k|{n}", entity="order", record=7, body={"total": "12.50"}) for n in range(count)]
    config = {"url": f"{outside.url}/in?a=1", "secret": secret}
    return CHANNELS["webhook"].send(config, letters, Wire(now=NOW, timeout=timeout))


def test_the_receiver_can_tell_who_sent_it(outside: Outside) -> None:
    assert send(outside, "s3cret") == [OK]
    (heard,) = outside.heard
    assert (heard.path, heard.headers["x-dougong-timestamp"]) == ("/in?a=1", "1700000000")
    expected = hmac.new(b"s3cret", b"1700000000." + heard.raw, "sha256").hexdigest()
    assert heard.headers["x-dougong-signature"] == f"v1={expected}"
    assert heard.headers["x-dougong-delivery"] == "k|0"


def test_the_body_says_what_and_about_which_record(outside: Outside) -> None:
    send(outside)
    assert outside.heard[0].body == {
        "id": "k|0",
        "title": {"zh": "库存告急", "en": "Low stock"},
        "text": {"zh": "螺栓 190", "en": "bolts 190"},
        "entity": "order",
        "record": 7,
        "origin": "",
        "link": "",
        "at": "2023-11-14T22:13:20+00:00",
        "data": {"total": "12.50"},
    }
    assert "x-dougong-signature" not in outside.heard[0].headers


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.SENT), (202, Verdict.SENT), (301, Verdict.GIVE_UP), (400, Verdict.GIVE_UP),
        (401, Verdict.SWITCH_OFF), (404, Verdict.GIVE_UP), (410, Verdict.SWITCH_OFF), (408, Verdict.AGAIN),
        (429, Verdict.AGAIN), (500, Verdict.AGAIN), (599, Verdict.AGAIN),
    ],
)  # fmt: skip
def test_the_status_decides(outside: Outside, status: int, verdict: Verdict) -> None:
    outside.answer = (status, b"whatever it says")
    assert [a.verdict for a in send(outside)] == [verdict]


def test_where_nobody_answers_the_others_do_not_wait_as_long_again(outside: Outside) -> None:
    outside.answer = lambda _heard: (outside.let_go.wait(20), (200, b""))[1]
    answers = send(outside, count=20, timeout=0.2)
    assert [a.verdict for a in answers] == [Verdict.AGAIN] * 20
    assert len(outside.heard) == 1


def test_a_refused_letter_does_not_hold_up_the_next(outside: Outside) -> None:
    outside.answer = lambda heard: (400 if heard.body["id"] == "k|0" else 200, b"")
    assert [a.verdict for a in send(outside, count=3)] == [Verdict.GIVE_UP, Verdict.SENT, Verdict.SENT]


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "not a url", "http://x/ y", "http://x:port/"])
def test_an_address_that_cannot_be_called_switches_off(url: str) -> None:
    (answer,) = CHANNELS["webhook"].send({"url": url}, [letter()], Wire(now=NOW))
    assert answer.verdict is Verdict.SWITCH_OFF
