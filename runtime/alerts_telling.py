"""What alerts say, to whom and through which channels: each for itself, or many that open at once in one message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.model import Alert, Level, Message, Pace, Receiver, Text
from runtime import outbox
from runtime.context import RunContext
from runtime.messages import both
from runtime.outbox import ROBOTS, Outgoing
from runtime.outbox_people import administrators
from runtime.record_inputs import Workspace
from runtime.rules_people import People
from runtime.rules_texts import wordings

Row = dict[str, Any]
Opened = tuple[Row, Level | None, int]
"""A record for which an alert has just opened, on which level, and the number of the alert's row."""
Told = tuple[frozenset[int], tuple[str, ...]]
"""Accounts and addresses."""
Hearer = int | str
"""An account, an address, or "": the place that a channel speaks into by itself."""
TOGETHER, LINES = 10, 40
"""More alerts than this that open at once are told in one message, of so many lines at most."""


def level_of(alert: Alert, id: str) -> Level | None:
    """A level by its id."""
    return next((level for level in alert.levels if level.id == id), None)


def message_of(alert: Alert, level: Level | None) -> Message:
    """What is said on a level."""
    return (level.say if level else None) or alert.say


def tell(
    ctx: RunContext, people: People, at: Workspace, alert: Alert, row: Row, level_id: str, key: str,
    instead: Sequence[Receiver] = (),
) -> None:  # fmt: skip
    """Tell the people of an alert (or of its level, or others) about one record."""
    level = level_of(alert, level_id)
    told = people.told(at, instead or _receivers(alert, level), [row], alert.entity)[0]
    label, messages = level.label if level else alert.label, (None, message_of(alert, level))
    those = wordings(at, people, row, alert.entity, messages=messages, told=told, fallback=label)
    owner, owner_row = _owner(at, alert, row)
    pace = _pace(alert, [level])
    outbox.post_many(
        ctx,
        [
            Outgoing(
                kind=kind,  # type: ignore[arg-type]
                key=f"{key}:{kind}:{number}",
                title=words.title,
                text=words.text,
                accounts=words.accounts,
                addresses=words.addresses if kind == "email" else (),
                entity=owner,
                record=owner_row,
                origin=f"alert:{alert.id}",
                pace=pace,
            )
            for kind in _kinds(ctx, alert, level)
            for number, words in enumerate(those)
        ],
    )


def tell_failed(ctx: RunContext, alert: Alert, reason: str) -> None:
    """The administrators are told, once a day for each alert, that it cannot be worked out."""
    told = Outgoing(
        kind="inbox", key=f"alert_failed:{alert.id}:{ctx.today().isoformat()}", title=alert.label,
        text=both("alert_failed", reason=reason[:500]), accounts=administrators(ctx), origin=f"alert:{alert.id}",
    )  # fmt: skip
    outbox.post(ctx, told)


def _receivers(alert: Alert, level: Level | None) -> Sequence[Receiver]:
    return (level.to if level else ()) or alert.to


def _kinds(ctx: RunContext, alert: Alert, level: Level | None) -> list[str]:
    """The inbox and the channels; ``own`` is the inbox too. A story told about the past rings nobody's phone."""
    channels = (level.channels if level else ()) or alert.channels
    if ctx.source == "demo":
        return ["inbox"]
    return [kind for kind in dict.fromkeys(("inbox", *channels)) if kind != "inbox" or "own" not in channels]


def _pace(alert: Alert, levels: Sequence[Level | None]) -> Pace:
    """When it may leave: one urgent level makes it urgent."""
    return replace(alert.pace, urgent=alert.pace.urgent or any(level.urgent for level in levels if level is not None))


def _owner(at: Workspace, alert: Alert, row: Row) -> tuple[str, int]:
    entity = at.model.entities[alert.entity]
    if not entity.parent:
        return entity.id, row["id"]
    parent = row.get("parent")
    return entity.parent, parent["id"] if isinstance(parent, dict) else int(parent or 0)


# --- many at once ----------------------------------------------------------------------------------------------


def tell_opened(ctx: RunContext, people: People, at: Workspace, alert: Alert, opened: Sequence[Opened]) -> None:
    """Tell of alerts that have opened; many at once (a plan was moved, the day began) in one message a person."""
    if len(opened) > TOGETHER:
        _tell_together(ctx, people, at, alert, opened)
        return
    for row, level, number in opened:
        id = level.id if level else ""
        tell(ctx, people, at, alert, row, id, f"alert:{number}:{id}")


@dataclass(slots=True)
class _Heard:
    """What somebody is told through one channel: of how many, of which levels, and the first of it."""

    count: int = 0
    levels: dict[str, Level | None] = field(default_factory=dict)
    texts: list[Text] = field(default_factory=list)


def _tell_together(ctx: RunContext, people: People, at: Workspace, alert: Alert, opened: Sequence[Opened]) -> None:
    """Who hears the same through the same channel is told with one message, so that a group hears it once."""
    heard = _heard(ctx, people, at, alert, opened)
    same: dict[tuple[str, int, tuple[Text, ...]], list[Hearer]] = {}
    for (kind, hearer), each in heard.items():
        same.setdefault((kind, each.count, tuple(each.texts)), []).append(hearer)
    owner, record = _owner(at, alert, opened[0][0])
    outbox.post_many(
        ctx,
        [
            Outgoing(
                kind=kind,  # type: ignore[arg-type]
                key=f"alert:{alert.id}:{opened[0][2]}:together:{kind}:{number}",
                title=Text(f"{alert.label.zh}（{count}）", f"{alert.label.en} ({count})"),
                text=Text("\n".join(t.zh for t in texts), "\n".join(t.en for t in texts)),
                accounts=frozenset(each for each in hearers if isinstance(each, int)),
                addresses=tuple(each for each in hearers if isinstance(each, str) and each),
                entity=owner,
                record=record,
                origin=f"alert:{alert.id}",
                pace=_pace(alert, list(heard[kind, hearers[0]].levels.values())),
            )
            for number, ((kind, count, texts), hearers) in enumerate(same.items())
        ],
    )


def _heard(
    ctx: RunContext, people: People, at: Workspace, alert: Alert, opened: Sequence[Opened]
) -> dict[tuple[str, Hearer], _Heard]:
    """By channel and hearer: each record through the channels of its level, to the people of its level."""
    heard: dict[tuple[str, Hearer], _Heard] = {}
    for level, row, told in _whom(people, at, alert, opened):
        kinds = _kinds(ctx, alert, level)
        those = [heard.setdefault((kind, one), _Heard()) for kind in kinds for one in _hearers(kind, told)]
        for hears in those:
            hears.count += 1
            hears.levels[level.id if level else ""] = level
        if all(len(hears.texts) >= LINES for hears in those):
            continue  # that there are more of them is told by their number
        fallback = level.label if level else alert.label
        messages = (None, message_of(alert, level))
        for words in wordings(at, people, row, alert.entity, messages=messages, told=told, fallback=fallback):
            for kind in kinds:
                for one in _hearers(kind, (words.accounts, words.addresses)):
                    each = heard.get((kind, one))
                    if each is not None and len(each.texts) < LINES:
                        each.texts.append(words.text)
    return heard


def _hearers(kind: str, told: Told) -> list[Hearer]:
    """Who hears something through a channel; robots and webhooks speak even where nobody is named."""
    accounts, addresses = told
    found: list[Hearer] = [*sorted(accounts), *(addresses if kind == "email" else ())]
    return found or ([""] if kind in ROBOTS or kind == "webhook" else [])


def _whom(
    people: People, at: Workspace, alert: Alert, opened: Sequence[Opened]
) -> Iterator[tuple[Level | None, Row, Told]]:
    """Each record with its level and those who are told, level by level."""
    for level in dict.fromkeys(level for _, level, _ in opened):
        rows = [row for row, of, _ in opened if of is level]
        for row, told in zip(rows, people.told(at, _receivers(alert, level), rows, alert.entity), strict=True):
            yield level, row, told


__all__ = ["LINES", "TOGETHER", "level_of", "message_of", "tell", "tell_failed", "tell_opened"]
