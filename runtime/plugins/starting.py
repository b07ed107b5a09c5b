"""Starting what a plug-in does: noted in the caller's transaction, done afterwards by whoever has time.

What follows from a run knows from what it follows: a rule that would start a plug-in again because of what the plug-in
itself wrote about the same record stops, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
from sqlalchemy import insert

from runtime.context import RunContext
from runtime.errors import Conflict
from runtime.finding import find_one
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.plugins.choosing import demand_on
from runtime.plugins.finding import act_of
from runtime.plugins.settings import spelled
from runtime.plugins.values import given_values

CHAIN = "dougong.plugin_chain"
"""What a connection holds while the notes of a run are written: the rules and records that led to it."""
MOST_STEPS = 8
WAITING, WORKING, DONE, FAILED = "waiting", "working", "done", "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Something to be started. ``rule``, ``action``, ``entity``, ``record``: what asked for it ("" = a person)."""

    plugin: str
    act: str
    given: Mapping[str, Any]
    key: str
    rule: str = ""
    action: str = ""
    entity: str = ""
    record: int = 0


def start_for_rule(
    ctx: RunContext, plugin: str, act: str, asked: Sequence[tuple[int, Mapping[str, Any]]], origin: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Note a run for each record with its arguments; what was noted, for the trace."""
    declared, _ = demand_on(ctx, plugin)
    arguments = act_of(ctx, declared, act).arguments
    starts = [
        Start(
            plugin=plugin, act=act, given=given_values(ctx, arguments, given), key=f"{origin['run']}:{record}",
            rule=origin["rule"], action=origin["action"], entity=origin["entity"], record=record,
        )
        for record, given in asked
    ]  # fmt: skip
    _refuse_circles(ctx, starts)
    put(ctx, starts)
    return [{"plugin": plugin, "act": act, "given": as_json(each.given), "run": each.key} for each in starts]


def _refuse_circles(ctx: RunContext, starts: Sequence[Start]) -> None:
    chain = chain_of(ctx)
    if len(chain) >= MOST_STEPS or any(_step(each) in chain for each in starts):
        raise Conflict(fault(ctx, "plugin_loop"))


def start_by_hand(ctx: RunContext, plugin: str, act: str, given: Mapping[str, object]) -> int:
    """An administrator wants it done now; the number of the run. Records may be named by their code."""
    demand_admin(ctx)
    declared, known = demand_on(ctx, plugin)
    wanted = act_of(ctx, declared, act).arguments
    named = {
        name: find_one(ctx, entity, given[name], name)
        for name, argument in wanted.items()
        if given.get(name) and (entity := spelled(argument.of, known.settings)) in ctx.app.model.entities
    }
    arguments = given_values(ctx, wanted, {**given, **named})
    (made,) = put(ctx, [Start(plugin=plugin, act=act, given=arguments, key=f"hand:{uuid4().hex}")])
    return made


def put(ctx: RunContext, starts: Sequence[Start]) -> list[int]:
    """Runs that wait for their turn, in this transaction."""
    table, chain = ctx.app.tables.system.plugin_run, chain_of(ctx)
    rows = [
        {
            "key": each.key, "plugin": each.plugin, "act": each.act, "state": WAITING, "rule": each.rule,
            "given": orjson.dumps(as_json(each.given)).decode(), "action": each.action, "entity": each.entity,
            "record": each.record, "account": ctx.user.account or None, "made_at": ctx.now(), "next_at": ctx.now(),
            "chain": orjson.dumps([*chain, *([_step(each)] if each.rule else [])]).decode(), "attempts": 0,
            "micros": 0, "done": 0, "total": 0,
        }
        for each in starts
    ]  # fmt: skip
    return list(ctx.connection.execute(insert(table).returning(table.c.id), rows).scalars()) if rows else []


def chain_of(ctx: RunContext) -> tuple[str, ...]:
    """What led to what is being written now."""
    found: tuple[str, ...] = ctx.connection.info.get(CHAIN, ())
    return found


def _step(each: Start) -> str:
    return f"{each.rule}:{each.record}"


def as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as they are kept."""
    return {name: _kept(value) for name, value in values.items()}


def _kept(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, (date, datetime)) else value
