"""Entries made offline as they are sent: what each asks for, what it stands on, and whether that can be read at all.

Nothing here writes. A batch that cannot be told apart entry by entry is refused as a whole; whatever is wrong with one
entry is that entry's own fate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson

from runtime.context import RunContext
from runtime.errors import Fault, Invalid, Malformed
from runtime.messages import fault

MOST = 200
"""Entries of one batch: a device with more sends several batches, in order."""
LONGEST_KEY = 150
LARGEST = 256 * 1024
"""Bytes of one entry, pictures not among them: these are uploaded first."""
AHEAD = timedelta(minutes=10)
"""Clocks of devices differ by so much without anybody minding."""
OLDEST = timedelta(days=31)
YEARS = range(1970, 3000)
"""Moments in other years are no moments at which anybody made anything."""
AFTER = "$entry"
"""``{"$entry": key}`` stands for the record that the entry of this key made or changed."""
CREATE, CHANGE, ACT = "create", "change", "act"
KINDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        CREATE: frozenset(("values",)),
        CHANGE: frozenset(("id", "version", "values")),
        ACT: frozenset(("id", "version", "action", "body")),
    }
)
"""Kind of entry → what it carries beside its key, moment and entity."""
COMMON = frozenset(("key", "made_at", "kind", "entity"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry as it was sent. ``known``: how it was sent, letter by letter the same whoever sends it."""

    key: str
    raw: Mapping[str, Any]

    @property
    def known(self) -> bytes:
        """By what the same entry is known again."""
        return orjson.dumps(self.raw, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)

    def text(self, name: str) -> str:
        """A part that should be a text; empty where it is not."""
        value = self.raw.get(name)
        return value if isinstance(value, str) else ""

    def object(self, name: str) -> Mapping[str, Any]:
        """A part that should be an object; empty where it is not."""
        value = self.raw.get(name)
        return value if isinstance(value, dict) else {}

    def whole(self, name: str) -> int | None:
        """A part that should be a positive whole number."""
        value = self.raw.get(name)
        return value if type(value) is int and 0 < value < 2**63 else None

    @property
    def made_at(self) -> datetime | None:
        """When it was made, in UTC; ``None`` where the moment cannot be read, names no zone or is beyond all years."""
        try:
            moment = datetime.fromisoformat(self.text("made_at"))
            if moment.tzinfo is None or moment.year not in YEARS:
                return None
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def read_batch(ctx: RunContext, body: Mapping[str, Any]) -> list[Entry]:
    """The entries in their order; refuses the batch where they cannot be told apart."""
    rows = body.get("entries")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Malformed(fault(ctx, "sync_no_entries", "entries"))
    if len(rows) > MOST:
        raise Invalid(fault(ctx, "sync_too_many", "entries", most=MOST, given=len(rows)))
    wrong = [
        fault(ctx, "sync_bad_key", f"entries.{number}.key", most=LONGEST_KEY)
        for number, row in enumerate(rows, 1)
        if not _is_key(row.get("key"))
    ]
    if wrong:
        raise Invalid(*wrong)
    entries = [Entry(key=row["key"], raw=row) for row in rows]
    large = [number for number, entry in enumerate(entries, 1) if len(entry.known) > LARGEST]
    if large:
        raise Invalid(*(fault(ctx, "sync_too_large", f"entries.{n}", most=LARGEST // 1024) for n in large))
    seen: dict[str, bytes] = {}
    for number, entry in enumerate(entries, 1):
        if seen.setdefault(entry.key, entry.known) != entry.known:
            raise Invalid(fault(ctx, "sync_key_twice", f"entries.{number}.key", given=entry.key))
    return entries


def _is_key(given: object) -> bool:
    return isinstance(given, str) and 0 < len(given) <= LONGEST_KEY and given.isascii() and given.isprintable()


def check_entry(ctx: RunContext, entry: Entry) -> None:
    """Refuse an entry that does not say clearly what it wants."""
    kind = entry.text("kind")
    faults: list[Fault] = []
    if kind not in KINDS:
        faults.append(fault(ctx, "sync_bad_kind", "kind", given=str(entry.raw.get("kind"))[:40]))
    faults += [
        fault(ctx, "sync_unknown_part", name[:60], given=name[:60])
        for name in entry.raw
        if kind in KINDS and name not in COMMON | KINDS[kind]
    ]
    for name in ("values", "body"):
        if not isinstance(entry.raw.get(name, {}), dict):
            faults.append(fault(ctx, "not_an_object", name, label=name))
    if not entry.text("entity"):
        faults.append(fault(ctx, "no_such_entity", "entity", given=str(entry.raw.get("entity"))[:40]))
    if kind in (CHANGE, ACT) and entry.whole("id") is None and after(entry.raw.get("id")) is None:
        faults.append(fault(ctx, "sync_bad_id", "id", given=str(entry.raw.get("id"))[:40]))
    if not _is_version(entry, kind):
        faults.append(fault(ctx, "sync_bad_version", "version", given=str(entry.raw.get("version"))[:40]))
    if kind == ACT and not entry.text("action"):
        faults.append(fault(ctx, "sync_no_action", "action"))
    if faults:
        raise Invalid(*faults)


def _is_version(entry: Entry, kind: str) -> bool:
    """A change says on which state it was made; of a record made by the batch itself that is known."""
    given = entry.raw.get("version")
    if given is None:
        return kind != CHANGE or after(entry.raw.get("id")) is not None
    return entry.whole("version") is not None or after(given) is not None


def check_moment(ctx: RunContext, entry: Entry) -> None:
    """Refuse an entry from the future, and one that is older than anything a device may bring by itself."""
    made = entry.made_at
    if made is None:
        raise Invalid(fault(ctx, "sync_made_at", "made_at", given=str(entry.raw.get("made_at"))[:40]))
    if made > ctx.now() + AHEAD:
        raise Invalid(fault(ctx, "sync_future", "made_at", given=entry.text("made_at")[:40]))
    if made < ctx.now() - OLDEST:
        raise Invalid(fault(ctx, "sync_old", "made_at", given=entry.text("made_at")[:40], days=OLDEST.days))


def after(value: object) -> str | None:
    """The key of the entry that ``value`` stands for; what cannot be a key stands for none."""
    if isinstance(value, Mapping) and _is_key(value.get(AFTER)):
        return str(value[AFTER])
    return None


def replaced(value: Any, record_of: Callable[[str], int]) -> Any:
    """``value`` with ids in the places of ``{"$entry": key}``."""
    key = after(value)
    if key is not None:
        return {"id": record_of(key), **{name: part for name, part in value.items() if name != AFTER}}
    if isinstance(value, Mapping):
        return {name: replaced(part, record_of) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [replaced(part, record_of) for part in value]
    return value
