"""Rules react to what happens; alerts stay open while something holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

from engine.expressions.tree import Expr
from engine.model.words import Message, Origin, Text, nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What a rule waits for, on records of ``entity``.

    ``kind``: ``created``; ``changed`` (one of ``fields``, any when empty); ``transition``; ``becomes`` (``that`` turns
    from false to true; armed again when ``rearm`` holds, never with ``once``); ``date`` (``date`` plus ``offset``
    ``unit`` at ``at``); ``every`` (``period``, on ``day``, at ``at``); ``event`` (the plug-in event ``event`` about a
    record, with values named ``gives``: name → kind of value). ``missed``: ``late``, ``skip`` or ``merge``.
    """

    kind: str
    entity: str
    fields: tuple[str, ...] = ()
    transition: str = ""
    that: Expr | None = None
    rearm: Expr | None = None
    once: bool = False
    date: Expr | None = None
    offset: int = 0
    unit: str = "days"
    at: time = time(9)
    missed: str = "late"
    period: str = ""
    day: int = 0
    event: str = ""
    gives: Mapping[str, str] = field(default_factory=nothing)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Who is told: ``kind`` ``role``, ``field`` or ``member`` (``expr`` gives members), ``address`` (e-mails)."""

    kind: str
    role: str = ""
    expr: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When messages may leave: not between the hours of ``quiet``; all of a day together at ``daily``.

    ``urgent`` ones leave at once, whatever the receivers have said about their hours.
    """

    urgent: bool = False
    quiet: tuple[time, time] | None = None
    daily: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing a rule does; ``kind`` is the key it was written with.

    ``send``: ``channel`` and ``more`` channels, to ``to``, ``title`` and ``text``; ``digest``: several records in one
    message. ``set``: ``fill`` into the record. ``create``: a record of ``entity``; ``draw``: one drawn by ``source``.
    ``take``: the ``transition``. ``start``: what the plug-in ``plugin`` calls ``act``, with ``fill`` as its arguments.
    A webhook goes to ``url``, or to the first channel of its kind.
    """

    id: str
    kind: str
    channel: str = ""
    more: tuple[str, ...] = ()
    to: tuple[Receiver, ...] = ()
    title: Message | None = None
    text: Message | None = None
    digest: bool = False
    pace: Pace = Pace()
    attach: tuple[str, ...] = ()
    entity: str = ""
    source: str = ""
    fill: Mapping[str, Expr] = field(default_factory=nothing)  # type: ignore[arg-type]
    transition: str = ""
    url: str = ""
    plugin: str = ""
    act: str = ""
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When something happens to a record, and it meets ``condition``, do ``actions``.

    ``blocks``: a failure refuses the save. ``most`` times in ``hours`` for each record (0: as often as it happens).
    """

    id: str
    label: Text
    help: Text | None
    trigger: Trigger
    condition: Expr | None
    actions: tuple[Action, ...]
    blocks: bool = False
    most: int = 0
    hours: int = 24
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One rung of an alert's ladder: the last one whose ``condition`` holds counts. ``repeat``: told again, days.

    ``urgent``: it passes quiet hours.
    """

    id: str
    label: Text
    condition: Expr
    color: str
    to: tuple[Receiver, ...]
    channels: tuple[str, ...]
    say: Message | None
    repeat: int = 0
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Nobody has acknowledged for ``after`` ``unit``: these people are told."""

    id: str
    after: int
    unit: str
    to: tuple[Receiver, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A way out offered with an alert: ``plan`` opens one, ``set`` fills fields, ``snooze`` is days of silence,
    ``open`` leads to the record of ``entity`` whose code ``code`` gives."""

    id: str
    label: Text
    kind: str
    plan: str = ""
    fill: Mapping[str, Expr] = field(default_factory=nothing)  # type: ignore[arg-type]
    days: int = 0
    entity: str = ""
    code: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Open for a record of ``entity`` from the moment ``condition`` holds until ``until`` does (or it ends).

    ``plan``: it holds for what that plan reckons for the record; the plan's own names are then ``plan.need_date``.
    """

    id: str
    label: Text
    help: Text | None
    entity: str
    condition: Expr
    until: Expr | None
    color: str
    to: tuple[Receiver, ...]
    channels: tuple[str, ...]
    say: Message
    levels: tuple[Level, ...] = ()
    escalate: tuple[Escalation, ...] = ()
    offers: tuple[Offer, ...] = ()
    pace: Pace = Pace()
    plan: str = ""
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginChoice:
    """What the definition says about a plug-in to begin with; what an administrator says later counts instead.

    ``settings``: texts or lists of texts, read by the plug-in's own description of them.
    """

    id: str
    enabled: bool = False
    settings: Mapping[str, str | tuple[str, ...]] = field(default_factory=nothing)  # type: ignore[arg-type]
    origin: Origin | None = None
