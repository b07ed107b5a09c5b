"""What a call needs to know, passed as a parameter: the app, the transaction, who acts, and what time it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

if TYPE_CHECKING:
    from engine.model import Role
    from runtime.apps import RunningApp


@lru_cache(maxsize=64)
def _day(moment: datetime, zone: str) -> date:
    """The day of a place: one moment is asked for it again and again."""
    return moment.astimezone(ZoneInfo(zone)).date()


class Clock(Protocol):
    """A source of the current moment."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still: tests, ``tick --now``, demo data."""

    moment: datetime

    def now(self) -> datetime:
        """The moment it was set to, in UTC."""
        return self.moment.astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who acts. ``member``: id of the person's record in the app's entity of members (``None``: none).

    ``values``: fields of that record which row rules and conditions read (``user.warehouses``). ``own``: rights that
    stand in no definition: those a plug-in declares; its id is among ``roles`` and changes with what it allows.
    """

    account: int
    name: str
    roles: frozenset[str]
    member: int | None = None
    is_system: bool = False
    own: Role | None = None


SYSTEM = User(account=0, name="system", roles=frozenset({"admin"}), is_system=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Everything a call of the runtime may depend on.

    ``source``: the way in (``form``, ``api``, ``import``, ``sync``, ``plan``, ``system``, ``demo``), kept in the trail.
    ``made_at``: when it was entered on a device without a connection, where it comes from one.
    ``settings``: the settings read so far, where the transaction only reads; ``None`` where they may change.
    """

    app: RunningApp
    connection: Connection
    user: User
    clock: Clock
    language: str = "zh"
    source: str = "system"
    settings: dict[str, dict[str, Any]] | None = None
    made_at: datetime | None = None

    def now(self) -> datetime:
        """The moment, in UTC."""
        return self.clock.now()

    def today(self) -> date:
        """The firm's day."""
        return _day(self.clock.now(), self.app.model.timezone)

    def as_system(self) -> RunContext:
        """The same call with every right (demo data, recomputation, history)."""
        return replace(self, user=SYSTEM)


Row = Mapping[str, object]
