"""What several rules set on the same records is one write: one version, one line of the trail.

A rule that does nothing but set fields of its record lets them wait. The next rule goes on beside them as long as it
reads nothing but plain fields of its own record that nobody waits to set; before any other rule is asked, what waits
is written, so whatever a rule reads, it finds what those before it have set.

Of two rules that set the same field the later one in order counts. What the earlier one set is then never written: no
trail, and no rule that waits for a change, knows of it; the traces of both say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.expressions.tree import Expr
from engine.model import Rule
from runtime import records
from runtime.context import RunContext
from runtime.rules_actions import Acting, Done, filled, read_by
from runtime.rules_look import kept_value
from runtime.rules_traces import FIRED, Trace

Row = dict[str, Any]
OVERRULES, OVERRULED = "overrules", "overruled_by"
"""Of what a rule did: field → the rule that had set it before, or that set it afterwards."""
TITLES = frozenset(("code", "name"))
"""What a message says of its record without being asked to."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One rule that set fields of these records, and what it did with each."""

    rule: Rule
    due: Sequence[Row]
    event: str
    traces: Mapping[int, Trace]
    done: Sequence[Sequence[Done]]

    def fired(self, micros: int) -> None:
        """It has done so; ``micros``: how long the writing took for each record."""
        for row, told in zip(self.due, self.done, strict=True):
            trace = self.traces[row["id"]]
            trace.result, trace.actions = FIRED, list(told)
        self.took(micros)

    def took(self, micros: int) -> None:
        """So much longer for each record than what is in the traces already."""
        for row in self.due:
            self.traces[row["id"]].micros += micros

    def renewed(self, rows: Sequence[Row]) -> list[Row]:
        """Its records as they are now; what came with the event alone is as it was."""
        known = {row["id"]: row for row in self.due}
        return [{**{n: v for n, v in known[row["id"]].items() if n not in row}, **row} for row in rows]


@dataclass(slots=True)
class Waiting:
    """What waits to be set: by entity and record, field by field, and the turns it comes from."""

    values: dict[str, dict[int, Row]] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    setters: dict[tuple[str, int, str], tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def add(self, acting: Acting, due: Sequence[Row], traces: Mapping[int, Trace]) -> None:
        """What a rule sets; of two that set the same field the later one counts."""
        given = [(action, filled(acting, action, due)) for action in acting.rule.actions]
        done: list[list[dict[str, Any]]] = [[] for _ in due]
        waiting = self.values.setdefault(acting.entity, {})
        for action, values in given:
            for row, each, told in zip(due, values, done, strict=True):
                known = {**row, **waiting.get(row["id"], {})}
                changes = {n: v for n, v in each.items() if known.get(n) != v}
                said = {n: [kept_value(known.get(n)), kept_value(v)] for n, v in changes.items()}
                told.append({"id": action.id, "kind": action.kind, "set": said})
                if changes:
                    waiting.setdefault(row["id"], {}).update(changes)
                for name in changes:
                    self._note((acting.entity, row["id"], name), acting.rule.id, told[-1])
        self.turns.append(Turn(acting.rule, due, acting.event, traces, done))

    def _note(self, cell: tuple[str, int, str], rule: str, told: dict[str, Any]) -> None:
        """Who sets a field last; where another rule has set it before, what both did says so."""
        earlier, done = self.setters.get(cell, (rule, told))
        if earlier != rule:
            done.setdefault(OVERRULED, {})[cell[2]] = rule
            told.setdefault(OVERRULES, {})[cell[2]] = earlier
        self.setters[cell] = (rule, told)

    def write(self, ctx: RunContext) -> None:
        """Write it, one call of the door for each entity."""
        for entity, waiting in self.values.items():
            if waiting:
                records.update_many(ctx, entity, [(record, each, None) for record, each in waiting.items()])

    def hinders(self, ctx: RunContext, rule: Rule) -> bool:
        """Whether a rule has to wait until this is written."""
        reads = ctx.app.programs.keep(("rule reads", rule.id), lambda: _reads(ctx, rule))
        set_here = {name for each in self.values.get(rule.trigger.entity, {}).values() for name in each}
        return reads is None or not set_here.isdisjoint(reads)


def only_sets(ctx: RunContext, rule: Rule) -> bool:
    """Whether a rule does nothing but set fields of a record that is written by itself."""
    line = bool(ctx.app.model.entities[rule.trigger.entity].parent)
    return not line and all(action.kind == "set" for action in rule.actions)


def _reads(ctx: RunContext, rule: Rule) -> frozenset[str] | None:
    """The plain fields of its record that a rule reads; ``None``: it reads more, or does more than set and say."""
    if any(action.kind not in ("set", "send") for action in rule.actions):
        return None
    entity = ctx.app.model.entities[rule.trigger.entity]
    found = set(TITLES if any(action.kind == "send" for action in rule.actions) else ())
    if any(action.attach or action.channel == "webhook" or "webhook" in action.more for action in rule.actions):
        return None
    for expr in _expressions(rule):
        names = ctx.app.programs.own_fields(expr, ctx.app.model)
        if names is None or any(entity.fields[name].formula is not None for name in names):
            return None
        found.update(names)
    return frozenset(found)


def _expressions(rule: Rule) -> Iterator[Expr]:
    if rule.condition is not None:
        yield rule.condition
    for action in rule.actions:
        yield from read_by(action)
        yield from action.fill.values()
