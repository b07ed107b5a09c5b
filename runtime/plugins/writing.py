"""What a plug-in noted, written through the one door for records with its rights; what it reported, told to rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime import records, rules
from runtime.context import RunContext
from runtime.happenings import door
from runtime.plugins.access import spelled
from runtime.plugins.declare import Plugin
from runtime.plugins.work import Change, Made, Notes, Raised
from runtime.record_rows import read_rows
from runtime.record_texts import record_title
from runtime.rules_look import kept_value

MOST_KEPT = 1000
"""Records of one run that stand in its trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that was written: for each field what it was and what it is. ``made``: it came into being."""

    entity: str
    record: int
    title: str
    made: bool
    set: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """All that was written, and the events that were raised."""

    records: tuple[Record, ...] = ()
    raised: tuple[Raised, ...] = ()


def write_notes(ctx: RunContext, plugin: Plugin, settings: Mapping[str, Any], notes: Notes) -> Written:
    """Write it all or nothing, as the plug-in; rules look at it when the door closes, then hear of the events."""
    with door(ctx):
        done = [*_changed(ctx, notes.changes), *_made(ctx, notes.made)]
    for each in notes.raised:
        _tell(ctx, plugin, settings, each)
    return Written(records=tuple(done[:MOST_KEPT]), raised=tuple(notes.raised[:MOST_KEPT]))


def _changed(ctx: RunContext, changes: Sequence[Change]) -> list[Record]:
    done: list[Record] = []
    for entity in dict.fromkeys(each.entity for each in changes):
        merged: dict[int, dict[str, object]] = {}
        for each in changes:
            if each.entity == entity:
                merged.setdefault(each.record, {}).update(each.values)
        before = read_rows(ctx, entity, merged)
        records.update_many(ctx, entity, [(record, values, None) for record, values in merged.items()])
        after = read_rows(ctx, entity, merged)
        done += [_record(ctx, entity, after[i], {n: before[i].get(n) for n in values}) for i, values in merged.items()]
    return done


def _made(ctx: RunContext, made: Sequence[Made]) -> list[Record]:
    done: list[Record] = []
    for entity in dict.fromkeys(each.entity for each in made):
        rows = [each.values for each in made if each.entity == entity]
        ids = [saved.id for saved in records.create_many(ctx, entity, rows)]
        after = read_rows(ctx, entity, ids)
        done += [
            _record(ctx, entity, after[i], dict.fromkeys(values), made=True)
            for i, values in zip(ids, rows, strict=True)
        ]
    return done


def _record(
    ctx: RunContext, entity: str, row: Mapping[str, Any], before: Mapping[str, Any], *, made: bool = False
) -> Record:
    changed = {n: [kept_value(was), kept_value(row.get(n))] for n, was in before.items() if made or was != row.get(n)}
    title = record_title(ctx.app.model, entity, dict(row))
    return Record(entity=entity, record=row["id"], title=title, made=made, set=changed)


def _tell(ctx: RunContext, plugin: Plugin, settings: Mapping[str, Any], raised: Raised) -> None:
    """Rules that wait for the event look at its record."""
    name, declared = f"{plugin.id}.{raised.event}", plugin.event(raised.event)
    entity = spelled(declared.of, settings) if declared is not None else ""
    for rule in ctx.app.model.rules.values():
        if rule.trigger.kind == "event" and (rule.trigger.event, rule.trigger.entity) == (name, entity):
            rules.run_event(ctx, rule, raised.record, raised.values)
