"""Stations: the screen of one work place, with what waits there and the few acts allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.expressions.tree import Expr
from engine.model.words import Text, nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class StationAct:
    """A key on a document: a transition of it, a document drawn from it, or a new one (``fill``) without a source.

    ``then``: transition of what was drawn, taken at once; without it the drawn document is opened to be filled in.
    ``ask``: fields a person gives at the station, of what is made or of the document; ``lines.field`` for each line.
    ``adds``: lines that may be added there, with what a first one begins with (worked out on the document picked).
    """

    id: str
    label: Text | None
    icon: str
    transition: str = ""
    entity: str = ""
    source: str = ""
    then: str = ""
    ask: tuple[str, ...] = ()
    fill: Mapping[str, Expr] = field(default_factory=nothing)  # type: ignore[arg-type]
    adds: Mapping[str, Mapping[str, Expr]] = field(default_factory=nothing)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Documents that wait at a station. ``scan``: paths whose value a scanned code must equal.

    ``place``: the path that names the place a document waits at. ``facts``: what is told of each beside its title.
    ``lines``, ``columns``: the lines shown of one that was picked.
    """

    id: str
    entity: str
    label: Text
    where: Expr | None
    place: str
    sort: tuple[tuple[str, bool], ...]
    facts: tuple[str, ...]
    lines: str
    columns: tuple[str, ...]
    scan: tuple[str, ...]
    acts: tuple[StationAct, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """``roles``: who works there (all unless said). ``place``: entity of the places one may stand at, or "".

    ``starts``: documents begun here with one key.
    """

    id: str
    label: Text
    help: Text | None
    icon: str
    roles: tuple[str, ...]
    place: str
    starts: tuple[str, ...]
    queues: tuple[Queue, ...]
