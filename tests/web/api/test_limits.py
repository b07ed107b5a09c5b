"""The fence around the API: who came too often waits, nobody else does, and nobody is remembered for ever."""

from __future__ import annotations

import pytest

from web.api import limits
from web.api.limits import Turnstile, turnstile


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


@pytest.mark.parametrize("wrong", ["many", "10", "10 per week", "-1 per minute", "10 per second or so"])
def test_a_limit_that_says_nothing_is_refused_at_the_start(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not such as '1200 per minute'"):
        turnstile(wrong)
