"""Which rules and alerts a change concerns, by entity, field, transition and ledger: made once from the model.

A write asks this index; rules that it does not concern cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from engine.dependencies import Key, Route
from engine.expressions.tree import Expr
from engine.model import Alert, AppModel, Rule
from engine.watching import LedgerWatch, watched
from runtime.context import RunContext

Subject: TypeAlias = Rule | Alert
EVENTS = ("created", "changed", "transition")


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """What a rule (``becomes``, ``date``) or an alert depends on. ``kind``: ``changed``, ``becomes``,
    ``date`` or ``alert``."""

    kind: str
    id: str
    entity: str
    subject: Subject
    exprs: tuple[Expr, ...]
    clock: bool


@dataclass(frozen=True, slots=True)
class Index:
    """``events``: (kind, entity) → rules. ``reports``: (event of a plug-in, entity) → rules. ``cells``: field → watches
    and the way to their records (equal ways are one object). ``entities``: where records at hand are of interest, and
    ``names``: which fields of them."""

    events: Mapping[tuple[str, str], tuple[Rule, ...]]
    reports: Mapping[tuple[str, str], tuple[Rule, ...]]
    cells: Mapping[Key, tuple[tuple[Watch, Route], ...]]
    ledgers: Mapping[str, tuple[tuple[Watch, LedgerWatch], ...]]
    watches: tuple[Watch, ...]
    names: Mapping[str, frozenset[str]]
    entities: frozenset[str]

    @property
    def empty(self) -> bool:
        """Whether nothing is ever of interest."""
        return not (self.events or self.watches)


def index_of(ctx: RunContext) -> Index:
    """The index of the app."""
    return ctx.app.programs.keep("rules", lambda: build_index(ctx.app.model))


def build_index(model: AppModel) -> Index:
    """The index of a model."""
    events: dict[tuple[str, str], list[Rule]] = {}
    reports: dict[tuple[str, str], list[Rule]] = {}
    watches: list[Watch] = []
    cells: dict[Key, list[tuple[Watch, Route]]] = {}
    ledgers: dict[str, list[tuple[Watch, LedgerWatch]]] = {}
    same: dict[Route, Route] = {}
    for rule in model.rules.values():
        if rule.trigger.kind == "changed" and rule.trigger.fields:
            watch = Watch("changed", rule.id, rule.trigger.entity, rule, (), clock=False)
            watches.append(watch)
            for name in rule.trigger.fields:
                cells.setdefault((rule.trigger.entity, name), []).append((watch, ()))
        elif rule.trigger.kind in EVENTS:
            events.setdefault((rule.trigger.kind, rule.trigger.entity), []).append(rule)
        elif rule.trigger.kind == "event":
            reports.setdefault((rule.trigger.event, rule.trigger.entity), []).append(rule)
    for kind, id, entity, subject, exprs in _watching(model):
        found = watched(model, entity, exprs)
        watch = Watch(kind, id, entity, subject, exprs, clock=found.clock)
        watches.append(watch)
        for key, routes in found.cells.items():
            cells.setdefault(key, []).extend((watch, same.setdefault(route, route)) for route in routes)
        for ledger in found.ledgers:
            ledgers.setdefault(ledger.ledger, []).append((watch, ledger))
    return Index(
        events={key: tuple(rules) for key, rules in events.items()},
        reports={key: tuple(rules) for key, rules in reports.items()},
        cells={key: tuple(each) for key, each in cells.items()},
        ledgers={key: tuple(each) for key, each in ledgers.items()},
        watches=tuple(watches),
        names={entity: frozenset(n for e, n in cells if e == entity) for entity, _ in cells},
        entities=frozenset(e for _, e in events) | {e for e, _ in cells} | {w.entity for w in watches},
    )


def _watching(model: AppModel) -> list[tuple[str, str, str, Subject, tuple[Expr, ...]]]:
    found: list[tuple[str, str, str, Subject, tuple[Expr, ...]]] = []
    for rule in model.rules.values():
        trigger = rule.trigger
        if trigger.kind == "becomes":
            exprs = [e for e in (trigger.that, trigger.rearm) if e is not None]
            found.append(("becomes", rule.id, trigger.entity, rule, tuple(exprs)))
        elif trigger.kind == "date":
            exprs = [e for e in (trigger.date, rule.condition) if e is not None]
            found.append(("date", rule.id, trigger.entity, rule, tuple(exprs)))
    for alert in model.alerts.values():
        if alert.plan:
            continue  # no write says that a plan would come out differently: the clock looks at it
        exprs = [e for e in (alert.condition, alert.until) if e is not None]
        exprs.extend(level.condition for level in alert.levels)
        found.append(("alert", alert.id, alert.entity, alert, tuple(exprs)))
    return found
