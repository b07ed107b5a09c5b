"""The firm's working days as expressions read them: one text, made by the database from what is kept there.

Python and the browser get the text as a value, statements have it as a part of theirs, so it is never out of date.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    Date,
    Integer,
    String,
    Text,
    case,
    cast,
    column,
    func,
    literal,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY

from engine.compile.layers import CATALOGUE
from engine.expressions.functions import WORKING_DAYS
from engine.expressions.tree import Clock, Scalar
from engine.expressions.workdays import WorkingDays, read_working_days
from runtime.sql_scope import Sql

if TYPE_CHECKING:
    from runtime.context import RunContext
    from runtime.system_tables import SystemTables

WEEK = "working_week"
"""The state that holds the firm's own hours and weekdays."""
MOST_DAYS = 3_700_000
"""As many days as there are dates: further than this nobody looks."""


@cache
def official() -> Mapping[date, tuple[bool, str]]:
    """The official days that come with the product: whether people work, and why."""
    with (CATALOGUE / "calendars" / "cn.csv").open(encoding="utf-8", newline="") as file:
        rows = {date.fromisoformat(r["day"]): (r["works"] == "yes", r["name"]) for r in csv.DictReader(file)}
    return MappingProxyType(rows)


@cache
def _official_text() -> str:
    days = official().items()
    return "|".join(",".join(d.isoformat() for d, (works, _) in days if works is wanted) for wanted in (True, False))


def working_days_text(ctx: RunContext) -> str:
    """The calendar of an app, as ``engine.expressions.workdays`` reads it."""
    system, dialect = ctx.app.tables.system, ctx.connection.dialect.name
    return str(ctx.connection.execute(select(working_days_sql(system, dialect))).scalar_one())


def working_days(ctx: RunContext) -> WorkingDays:
    """The calendar of an app."""
    return read_working_days(working_days_text(ctx))


def clock_value(ctx: RunContext, node: Clock) -> Scalar:
    """What the clock says, or the calendar."""
    if node == WORKING_DAYS:
        return working_days_text(ctx)
    return ctx.today() if node.name == "today" else ctx.now()


def working_days_sql(system: SystemTables, dialect: str) -> Sql:
    """The same text within a statement."""
    state, sqlite = system.app_state, dialect == "sqlite"
    kept = func.json_extract(state.c.value, "$.weekdays")
    if not sqlite:
        kept = func.json_extract_path_text(cast(state.c.value, JSON), "weekdays")
    week = select(kept).where(state.c.key == WEEK).scalar_subquery()
    own = [_own_days(system, works=works, sqlite=sqlite) for works in (True, False)]
    made: Sql = func.coalesce(week, "", type_=Text())
    for part in (*own, literal(_official_text(), Text())):
        made = made.concat("|").concat(part)
    return made


def _own_days(system: SystemTables, *, works: bool, sqlite: bool) -> Sql:
    day, chosen = system.holiday.c.day, system.holiday.c.works == (true() if works else ~true())
    joined = func.group_concat(day, ",") if sqlite else func.string_agg(func.to_char(day, "YYYY-MM-DD"), ",")
    return func.coalesce(select(joined).where(chosen).scalar_subquery(), "", type_=Text())


def after_workdays_sql(day: Sql, count: Sql, calendar: Sql) -> Sql:
    """The ``count``-th working day after ``day`` on PostgreSQL, by looking at one day after the other.

    What is read from the calendar stands in selects of its own, which are worked out once a statement. Of so many
    weeks as days are wanted and days are named, each has one working day at least.
    """
    weekdays, *lists = (func.split_part(calendar, "|", n, type_=Text()) for n in range(1, 6))
    usual_days = select(func.coalesce(func.nullif(weekdays, ""), "01234")).scalar_subquery()
    named_days = [select(cast(func.string_to_array(each, ","), ARRAY(Date()))).scalar_subquery() for each in lists]
    most = 7 * (func.abs(count) + func.cardinality(named_days[1]) + func.cardinality(named_days[3]))
    steps = func.generate_series(1, func.least(most, MOST_DAYS)).table_valued(column("n", Integer()))
    steps = steps.render_derived(name="steps")
    step = steps.c.n
    at = type_coerce(day.op("+")(case((count < 0, -step), else_=step)), Date())
    usual = func.strpos(usual_days, cast(cast(func.extract("isodow", at), Integer()) - 1, String())) > 0
    named = [(func.array_position(days, at).is_not(None), n % 2 == 0) for n, days in enumerate(named_days)]
    works = case(*((held, literal(worked)) for held, worked in named), else_=usual)
    found = select(at).where(works).order_by(step).offset(func.greatest(func.abs(count) - 1, 0)).limit(1)
    return case((count == 0, day), else_=found.correlate_except(steps).scalar_subquery())
