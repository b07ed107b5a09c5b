"""What a plug-in says about itself: what it is called, what may be set, what it needs, does and reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from engine.model import Text

NOTHING: Mapping[str, Any] = MappingProxyType({})
KINDS = ("text", "number", "integer", "yes_no", "date", "moment", "record")
"""Kinds of values of arguments and events; ``record``: the id of a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A value an action is started with, or that comes with an event. ``of``: the entity of a ``record``."""

    kind: str = "text"
    of: str = ""
    label: Text | None = None
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something a plug-in does. After ``seconds`` nobody waits for it any more, and nothing of it is written."""

    id: str
    label: Text
    help: Text | None = None
    arguments: Mapping[str, Argument] = field(default_factory=lambda: NOTHING)
    seconds: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something a plug-in reports about a record of ``of``, with values; rules may wait for it."""

    id: str
    label: Text
    of: str
    gives: Mapping[str, Argument] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The rights a plug-in needs. Ids may be settings: ``{items}`` is what the setting ``items`` says, "" is left out.

    ``reads``: entities, and ledgers as ``ledger.id``. ``writes``: entity → the fields it changes. ``makes``: entity →
    the fields it fills in records it makes. ``sees``: tags of secret figures.
    """

    reads: tuple[str, ...] = ()
    writes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NOTHING)
    makes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NOTHING)
    sees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plug-in. ``settings``: JSON Schema 2020-12 of an object; titles and descriptions are ``中文 | English``.

    Of ``settings`` a form is made; what is ``writeOnly`` is a secret; a number with ``format`` ``percent`` is typed as
    95 %. A text with ``format`` ``entity``, ``ledger``, ``field``, ``dimension``, ``resource`` or ``kind`` is an id of
    the app; ``of`` names the setting that says of what. A ``field`` may be narrowed: ``kinds``, types of fields;
    ``writable``, none that is computed; ``to``, the setting that says which entity it refers to. Secret figures that
    the plug-in does not see are never among them.
    """

    id: str
    label: Text
    help: Text
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    access: Access = Access()
    acts: tuple[Act, ...] = ()
    events: tuple[Event, ...] = ()

    def act(self, id: str) -> Act | None:
        """What it does under this name."""
        return next((act for act in self.acts if act.id == id), None)

    def event(self, id: str) -> Event | None:
        """What it reports under this name."""
        return next((event for event in self.events if event.id == id), None)
