"""When a message may ring: quiet hours of the rule and of the person, and what is told once a day together.

The inbox has everything at once; this is about what leaves the app. Messages that were put off to the same moment
leave as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.model import Pace

QUIET, DAILY = "quiet", "daily"
"""Names of the preferences of an account: two hours of the day, and one."""
AT_ONCE = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A person's own: nothing rings between the two hours of ``quiet``; with ``daily`` all of a day comes then."""

    quiet: tuple[time, time] | None = None
    daily: time | None = None


ALWAYS = Hours()


def hours_of(prefs: Mapping[str, Any]) -> Hours:
    """What a person has said about it."""
    quiet = prefs.get(QUIET)
    both = tuple(time.fromisoformat(each) for each in quiet) if isinstance(quiet, list) and len(quiet) == 2 else None
    daily = prefs.get(DAILY)
    return Hours(quiet=(both[0], both[1]) if both else None, daily=time.fromisoformat(daily) if daily else None)


def leaves(now: datetime, zone: ZoneInfo, pace: Pace, hours: Hours = ALWAYS) -> datetime:
    """The moment from which a message said now may leave."""
    if pace.urgent:
        return now
    moment = now.astimezone(zone)
    daily = hours.daily or pace.daily
    if daily is not None:
        moment = _next(moment, daily)
    windows = [each for each in (pace.quiet, hours.quiet) if each is not None and each[0] != each[1]]
    for window in windows * 2:  # the end of one may lie within the other
        if _within(moment.time(), *window):
            moment = _next(moment, window[1])
    return now if moment <= now else moment.astimezone(now.tzinfo)


def _within(at: time, begins: time, ends: time) -> bool:
    return begins <= at < ends if begins < ends else at >= begins or at < ends


def _next(moment: datetime, at: time) -> datetime:
    """The next time it is ``at``; now counts."""
    found = datetime.combine(moment.date(), at, moment.tzinfo)
    return found if found >= moment else datetime.combine(moment.date() + timedelta(days=1), at, moment.tzinfo)
