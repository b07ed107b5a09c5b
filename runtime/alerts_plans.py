"""Alerts over what a plan reckons: netted anew from time to time, one alert for each thing it plans.

A plan has no rows that anybody writes, so nothing but the clock can tell that it would come out differently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select

from engine.model import Alert
from runtime.alerts import judge, table_of
from runtime.alerts_telling import tell_failed
from runtime.context import RunContext
from runtime.errors import UserError
from runtime.planning import PlanRun, net
from runtime.planning_rows import OWN, root_of
from runtime.rules_look import Records, holds, look
from runtime.rules_people import People
from runtime.rules_running import switched_off

Row = dict[str, Any]


def look_again(ctx: RunContext, wanted: Callable[[Alert], bool]) -> list[str]:
    """Open, refresh and close the wanted alerts over plans; each plan is netted once. The alerts looked at."""
    system = ctx.as_system()
    due = [alert for alert in ctx.app.model.alerts.values() if alert.plan and wanted(alert)]
    off = switched_off(ctx) if due else frozenset[str]()
    runs: dict[str, PlanRun | None] = {}
    looked = []
    for alert in due:
        if f"alert:{alert.id}" in off:
            continue
        if alert.plan not in runs:
            runs[alert.plan] = _netted(system, alert)
        run = runs[alert.plan]
        if run is not None and _judged(system, alert, run):
            looked.append(alert.id)
    return looked


def _netted(ctx: RunContext, alert: Alert) -> PlanRun | None:
    """The plan; where it cannot be reckoned the administrators are told why, once a day."""
    try:
        return net(ctx, alert.plan)
    except (ArithmeticError, UserError, ValueError) as error:
        tell_failed(ctx, alert, _reason(error))
        return None


def _judged(ctx: RunContext, alert: Alert, run: PlanRun) -> bool:
    """Whether the alert could be worked out; what it says of one figure is nothing the schedule could end by."""
    try:
        _judge(ctx, alert, run)
    except (ArithmeticError, ValueError) as error:
        tell_failed(ctx, alert, _reason(error))
        return False
    return True


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def _judge(ctx: RunContext, alert: Alert, run: PlanRun) -> None:
    """Of each thing the first suggestion for which the condition holds counts."""
    held = Records(ctx)
    by_item: dict[int, list[Row]] = {}
    for suggestion in sorted(run.suggestions, key=lambda each: (each.need_date, each.number)):
        by_item.setdefault(suggestion.item, []).append(suggestion.row)
    ids = sorted(by_item.keys() | _open(ctx, alert))
    found = [
        [{**record, **_named(each)} for each in by_item.get(record["id"], ({},))]
        for record in held.rows(alert.entity, ids)
    ]
    rows = _first(held, alert, found)
    judge(ctx, held.at, People(ctx), alert, ids, rows)


def _named(row: Row) -> Row:
    return {root_of(name): row.get(name) for name in OWN}


def _first(held: Records, alert: Alert, found: Sequence[Sequence[Row]]) -> list[Row]:
    """Of each record the row for which the condition holds, or its first; all of them are looked at at once."""
    looked = iter(look(held.at, alert.condition, [row for rows in found for row in rows], alert.entity))
    judged = [[(row, holds(next(looked))) for row in rows] for rows in found]
    return [next((row for row, so in rows if so), rows[0][0]) for rows in judged]


def _open(ctx: RunContext, alert: Alert) -> set[int]:
    table = table_of(ctx)
    query = select(table.c.record).where(table.c.alert == alert.id, table.c.open_key.is_not(None))
    return set(ctx.connection.execute(query).scalars())
