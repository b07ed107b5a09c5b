"""Working days as one text, which every reading of an expression understands: ``weekdays|works|rests|works|rests``.

``weekdays`` names those worked (0 = Monday, empty = Monday to Friday). The first two lists are days as the firm says
them, the next two those of the official calendar; days are ISO dates parted by commas. What the firm says comes first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from engine.expressions.problems import ExpressionOverflow

WEEKDAYS = frozenset(range(5))
_LAST = date.max.toordinal()


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """Which days are worked: some weekdays, but for ``extra`` days worked beside them and ``missing`` ones at rest.

    Both are days since the first of the calendar, in order.
    """

    weekdays: frozenset[int]
    extra: tuple[int, ...]
    missing: tuple[int, ...]

    def until(self, day: int) -> int:
        """How many days are worked from the first of the calendar, a Monday, through ``day``."""
        weeks, rest = divmod(day, 7)
        whole = weeks * len(self.weekdays) + sum(weekday < rest for weekday in self.weekdays)
        return whole + bisect_right(self.extra, day) - bisect_right(self.missing, day)

    def after(self, day: date, count: int) -> date:
        """The ``count``-th working day after ``day``, before it if negative, the day itself for none."""
        if count == 0:
            return day
        here = day.toordinal()
        wanted = self.until(here) + count if count > 0 else self.until(here - 1) + count + 1
        found = bisect_left(range(_LAST + 1), wanted, lo=1, key=self.until)
        if wanted < 1 or found > _LAST:
            raise ExpressionOverflow("the date is out of range")
        return date.fromordinal(found)


@lru_cache(maxsize=256)
def read_working_days(text: str) -> WorkingDays:
    """The working days that a text tells."""
    weekdays, *lists = text.split("|")
    named: dict[int, bool] = {}
    for place, days in enumerate(lists):
        for day in filter(None, days.split(",")):
            named.setdefault(date.fromisoformat(day).toordinal(), place % 2 == 0)
    return working_days(frozenset(int(c) for c in weekdays if c.isdigit()) or WEEKDAYS, named)


def working_days(weekdays: frozenset[int], named: Mapping[int, bool]) -> WorkingDays:
    """``named``: days that are said to be worked or not, whatever their weekday."""
    usual = {day: (day - 1) % 7 in weekdays for day in named}
    extra = sorted(day for day, works in named.items() if works and not usual[day])
    missing = sorted(day for day, works in named.items() if usual[day] and not works)
    return WorkingDays(weekdays, tuple(extra), tuple(missing))
