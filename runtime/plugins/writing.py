"""What a plug-in noted, written through the one door for records with its rights; what it reported, told to rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.model import Text
from runtime import records, rules
from runtime.context import RunContext
from runtime.happenings import door
from runtime.messages import both
from runtime.plugins.declare import Plugin
from runtime.plugins.settings import spelled
from runtime.plugins.work import Made, Notes, Raised
from runtime.record_rows import read_rows
from runtime.record_texts import record_title
from runtime.rules_index import index_of
from runtime.rules_look import kept_value

MOST_KEPT = 1000
"""Records of one run that stand in its trace."""
AT_ONCE = 1000
"""Records that a rule looks at together because of their events."""


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
        done = [*_changed(ctx, notes), *_made(ctx, notes.made)]
    raised = [each for each in notes.raised if (_entity_of(plugin, settings, each), each.record) not in notes.left]
    _tell(ctx, plugin, settings, raised)
    return Written(records=tuple(done[:MOST_KEPT]), raised=tuple(raised[:MOST_KEPT]))


def _changed(ctx: RunContext, notes: Notes) -> list[Record]:
    done: list[Record] = []
    for entity in dict.fromkeys(each.entity for each in notes.changes):
        merged: dict[int, dict[str, object]] = {}
        for each in notes.changes:
            if each.entity == entity:
                merged.setdefault(each.record, {}).update(each.values)
        before = read_rows(ctx, entity, merged, lock=True)
        merged = _unmoved(ctx, entity, merged, before, notes)
        records.update_many(ctx, entity, [(record, values, None) for record, values in merged.items()])
        after = read_rows(ctx, entity, merged)
        done += [_record(ctx, entity, after[i], {n: before[i].get(n) for n in values}) for i, values in merged.items()]
    return done


def _unmoved(
    ctx: RunContext,
    entity: str,
    wanted: Mapping[int, dict[str, object]],
    before: Mapping[int, Mapping[str, Any]],
    notes: Notes,
) -> dict[int, dict[str, object]]:
    """What is written: what somebody changed or deleted while the plug-in worked is left as it is, and it says so."""
    left = {record: values for record, values in wanted.items() if _stands(before.get(record), (entity, record), notes)}
    for record in wanted:
        if record not in left:
            title = record_title(ctx.app.model, entity, dict(before[record])) if record in before else f"#{record}"
            text = both("plugin_moved", title=title)
            notes.said.append(Text(text.zh, text.en))
            notes.left.add((entity, record))
    return left


def _stands(row: Mapping[str, Any] | None, key: tuple[str, int], notes: Notes) -> bool:
    """Whether it is as the plug-in found it; of what it never looked at the write itself says whether it may be."""
    if key not in notes.versions:
        return True
    return row is not None and row.get("deleted_at") is None and row["version"] == notes.versions[key]


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


def _tell(ctx: RunContext, plugin: Plugin, settings: Mapping[str, Any], raised: Sequence[Raised]) -> None:
    """Rules that wait for an event look at its records, many at a time."""
    waiting = index_of(ctx).reports
    for event in dict.fromkeys(each.event for each in raised):
        these = [each for each in raised if each.event == event]
        rules_of_it = waiting.get((f"{plugin.id}.{event}", _entity_of(plugin, settings, these[0])), ())
        for portion in _portions(these) if rules_of_it else ():
            for rule in rules_of_it:
                rules.run_events(ctx, rule, portion)


def _portions(raised: Sequence[Raised]) -> Iterator[dict[int, Mapping[str, Any]]]:
    """Records with the values of their event, in order; a record that has another event waits for the next portion."""
    portion: dict[int, Mapping[str, Any]] = {}
    for each in raised:
        if each.record in portion or len(portion) >= AT_ONCE:
            yield portion
            portion = {}
        portion[each.record] = each.values
    if portion:
        yield portion


def _entity_of(plugin: Plugin, settings: Mapping[str, Any], raised: Raised) -> str:
    declared = plugin.event(raised.event)
    return spelled(declared.of, settings) if declared is not None else ""
