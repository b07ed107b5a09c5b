"""Rules under way in one transaction: what was read and done so far, and what becomes of those that break or go in
circles: their traces say so, and those who administer the app are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from engine.model import Rule, Text
from runtime import outbox
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.outbox import Outgoing
from runtime.prepared import prepare_statement
from runtime.rules_index import Index
from runtime.rules_look import Records
from runtime.rules_people import People
from runtime.rules_sets import Waiting
from runtime.rules_traces import FAILED, Trace, reason_of

Row = dict[str, Any]
ROUNDS = 12
"""How often rules may follow rules in one transaction."""
LOOP_TEXT = Text(
    "规则在同一次保存里又触发了自己，已停止：请检查它的动作是否改变了它自己的触发条件",
    "The rule set itself off again within one save and was stopped: see whether what it does changes what it waits for",
)


CHAIN_TEXT = Text(
    f"规则一条接一条触发了 {ROUNDS} 轮还没有完，已停止，这条规则没有再执行：请检查哪些规则互相触发",
    f"Rules set each other off {ROUNDS} times over within one save and were stopped before this one: see which do so",
)


@dataclass(slots=True)
class Running:
    """One transaction's rules: what was read, who acted on what, what is to be kept."""

    ctx: RunContext
    records: Records
    people: People
    index: Index
    acted: set[tuple[str, int]] = field(default_factory=set)
    traces: list[Trace] = field(default_factory=list)
    switches: list[frozenset[str]] = field(default_factory=list)
    said: list[Outgoing] = field(default_factory=list)
    waiting: Waiting = field(default_factory=Waiting)

    def say(self) -> None:
        """What rules have said so far goes out, all of it at once."""
        if self.said:
            outbox.post_many(self.ctx, self.said)
            self.said = []

    def is_off(self, id: str) -> bool:
        """Whether somebody has switched it off; asked of the database once, and only when something is due."""
        if not self.switches:
            self.switches.append(switched_off(self.ctx))
        return id in self.switches[0]


def switched_off(ctx: RunContext) -> frozenset[str]:
    """The rules and alerts that somebody has switched off."""
    column = ctx.app.tables.system.rule_switch.c
    query = ctx.app.programs.keep(
        "switched off", lambda: prepare_statement(ctx, select(column.rule).where(column.off), [column.rule])
    )
    return frozenset(rule for (rule,) in query.run(ctx, {}))


def fail(running: Running, rule: Rule, row: Row, traces: Mapping[int, Trace], error: Exception) -> None:
    reason = reason_of(error)
    if rule.blocks:
        label = rule.label.get(running.ctx.language)
        raise Invalid(fault(running.ctx, "rule_blocks", label=label, reason=reason)) from error
    trace = traces[row["id"]]
    trace.result, trace.error = FAILED, reason
    tell_administrators(running, rule, row, Text(f"规则执行失败：{reason}", f"The rule failed: {reason}"))


def broken(running: Running, rule: Rule, ids: Sequence[int], event: str, error: Exception) -> None:
    """A condition that cannot be worked out."""
    reason = reason_of(error)
    if rule.blocks:
        label = rule.label.get(running.ctx.language)
        raise Invalid(fault(running.ctx, "rule_blocks", label=label, reason=reason)) from error
    for i in ids:
        running.traces.append(Trace(rule.id, rule.trigger.entity, i, event, FAILED, error=reason))
    if ids:
        tell_administrators(
            running, rule, {"id": ids[0]}, Text(f"条件无法计算：{reason}", f"Not to be worked out: {reason}")
        )


def tell_administrators(running: Running, rule: Rule, row: Row, text: Text) -> None:
    """Once a day for each rule."""
    entity = running.ctx.app.model.entities[rule.trigger.entity]
    running.said.append(
        Outgoing(
            kind="inbox",
            key=f"rule_failed:{rule.id}:{running.ctx.today().isoformat()}",
            title=rule.label,
            text=text,
            accounts=running.people.administrators(),
            entity=entity.parent or entity.id,
            record=0 if entity.parent else row["id"],
            origin=f"rule:{rule.id}",
        )
    )
