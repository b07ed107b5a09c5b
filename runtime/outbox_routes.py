"""Which channel takes a row of the outbox, and how much that channel may send now.

The rate is a bucket of tokens kept in the channel's row, so that any number of workers share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import select, update

from runtime.app_state import state
from runtime.channel_settings import PUBLIC_URL
from runtime.channels import CHANNELS
from runtime.context import RunContext
from runtime.push_places import CONTACT, keys

LONGEST_REST = timedelta(hours=1)
"""A bucket filled further ahead than this was filled by a clock that was wrong."""

Row = Mapping[Any, Any]


@dataclass(slots=True, kw_only=True)
class Route:
    """A channel as a worker uses it. ``id`` 0: an address of its own, without a channel."""

    id: int
    name: str
    kind: str
    config: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False, default=())
    tokens: float = 0.0
    filled_at: datetime | None = None

    def take(self, ctx: RunContext, wanted: int) -> int:
        """How many of ``wanted`` letters may leave now; they count as sent."""
        kind = CHANNELS[self.kind]
        if not self.id or (not kind.burst and not self._resting(ctx.now())):
            return wanted
        self._fill(ctx.now())
        given = min(wanted, int(self.tokens)) if kind.burst else 0
        self.tokens -= given
        self._keep(ctx)
        return given

    def _resting(self, now: datetime) -> bool:
        return self.filled_at is not None and now < self.filled_at <= now + LONGEST_REST

    def _fill(self, now: datetime) -> None:
        kind = CHANNELS[self.kind]
        if self._resting(now):
            return
        passed = (now - self.filled_at).total_seconds() if self.filled_at is not None else 0.0
        fresh = self.filled_at is None or passed < 0
        self.tokens = float(kind.burst) if fresh else min(float(kind.burst), self.tokens + passed * kind.per_second)
        self.filled_at = now

    def next_turn(self, now: datetime) -> float:
        """Seconds until the next letter may leave."""
        kind = CHANNELS[self.kind]
        rest = (self.filled_at - now).total_seconds() if self.filled_at is not None else 0.0
        missing = (1.0 - self.tokens) / kind.per_second if kind.per_second else 0.0
        return max(rest, 0.0) + max(missing, 0.1)

    def rest(self, ctx: RunContext, seconds: float) -> None:
        """The other side asked for time: nothing leaves before."""
        self.tokens = 0.0
        self.filled_at = ctx.now() + min(timedelta(seconds=seconds), LONGEST_REST)
        self._keep(ctx)

    def _keep(self, ctx: RunContext) -> None:
        table = ctx.app.tables.system.channel
        kept = {"tokens": self.tokens, "filled_at": self.filled_at}
        ctx.connection.execute(update(table).where(table.c.id == self.id).values(**kept))


def routes(ctx: RunContext, rows: Sequence[Row]) -> Iterable[tuple[Route | None, list[Row]]]:
    """The rows by the channel that takes them; ``None``: there is none that is switched on."""
    table = ctx.app.tables.system.channel
    push = _push(ctx, rows)
    kinds = sorted({row["kind"] for row in rows})
    kept = select(table).where(table.c.active, table.c.kind.in_(kinds)).order_by(table.c.id).with_for_update()
    known = [*push, *(_route(row) for row in ctx.connection.execute(kept).mappings())]
    found: dict[str, tuple[Route | None, list[Row]]] = {}
    for row in rows:
        route = _taking(row, known)
        key = f"{route.id} {route.name}" if route is not None else ""
        found.setdefault(key, (route, []))[1].append(row)
    return found.values()


def _route(row: Row) -> Route:
    secrets = orjson.loads(row["secrets"])
    return Route(
        id=row["id"], name=row["name"], kind=row["kind"], config={**orjson.loads(row["config"]), **secrets},
        secrets=tuple(secrets.values()), tokens=row["tokens"], filled_at=row["filled_at"],
    )  # fmt: skip


def _push(ctx: RunContext, rows: Sequence[Row]) -> list[Route]:
    """Push needs no channel, only the app's own keys."""
    if not any(row["kind"] == "push" for row in rows):
        return []
    config = {**keys(ctx), "contact": state(ctx, PUBLIC_URL) or CONTACT}
    return [Route(id=0, name="push", kind="push", config=config, secrets=(config["private"],))]


def _taking(row: Row, known: Sequence[Route]) -> Route | None:
    kind, address = row["kind"], row["address"]
    if kind == "webhook" and address.startswith(("http://", "https://")):
        return Route(id=0, name=address, kind=kind, config={"url": address})
    named = not CHANNELS[kind].personal and address
    fitting = (route for route in known if route.kind == kind and (not named or route.name == address))
    return next(fitting, None)
