"""The fence around the API: who came too often waits, nobody else does, and nobody is remembered for ever."""

from __future__ import annotations

import pytest

from tests.scenarios.works import Works
from web.api import limits
from web.api.limits import Turnstile, turnstile
from web.application import create_app


class Hand:
    """A clock moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_caller_is_counted_from_the_first_time_and_begins_anew_after_the_period() -> None:
    clock = Hand()
    gate = Turnstile(2, 60, clock)
    assert gate.through("a") == (1, 60)
    clock.now += 20.5
    assert gate.through("a") == (0, 40)
    assert gate.through("a") == (-1, 40)
    assert gate.through("b") == (1, 60)
    clock.now += 39.5
    assert gate.through("a") == (1, 60)


def test_callers_whose_time_is_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MANY", 3)
    clock = Hand()
    gate = Turnstile(5, 1, clock)
    for name in "abc":
        gate.through(name)
    clock.now += 2
    gate.through("d")
    assert list(gate._seen) == ["d"]


def test_when_all_places_are_taken_new_callers_share_one_and_nobody_looks_through_all_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MANY", 3)
    clock = Hand()
    gate = Turnstile(5, 60, clock)
    for name in "abc":
        assert gate.through(name) == (4, 60)
    assert [gate.through(name)[0] for name in "de"] == [4, 3]
    looked_through = gate._seen
    clock.now += 0.5
    assert [gate.through(name)[0] for name in "fga"] == [2, 1, 3]
    assert gate._seen is looked_through
    clock.now += 60
    assert gate.through("e") == (4, 60)
    assert list(gate._seen) == ["e"]


def test_made_up_tokens_of_one_address_are_counted_together(
    office_on_file: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CROWD", 3)
    client = create_app(office_on_file.home, testing=True, options={"API_LIMIT": "1 per minute"}).test_client()

    def refused_as_too_many(token: str, address: str) -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.get("/api/v1/item", headers=headers, environ_base={"REMOTE_ADDR": address})
        return answer.status_code == 429

    assert [refused_as_too_many(f"made-up-{n}", "192.0.2.1") for n in range(5)] == [False, False, False, True, True]
    assert not refused_as_too_many("made-up-5", "192.0.2.2")


@pytest.mark.parametrize("wrong", ["many", "10", "10 per week", "-1 per minute", "10 per second or so"])
def test_a_limit_that_says_nothing_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not such as '1200 per minute'"):
        turnstile(wrong)
