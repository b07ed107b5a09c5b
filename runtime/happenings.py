"""What happens in a write, noted until its outermost door closes.

A door is a function through which records or ledgers are written. Doors are opened inside doors; when the outermost
closes, the app's follower (rules and alerts) looks at all that happened, in the same transaction. Nothing is noted
that no rule asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from runtime.context import RunContext
from runtime.rules_index import Index, index_of

if TYPE_CHECKING:
    from runtime.record_results import Saved

Row = dict[str, Any]
Cell = tuple[str, str]
JOURNAL = "dougong.journal"
NOTHING: Mapping[str, Any] = MappingProxyType({})
HISTORY = "history"
"""Records taken over as they were: nobody is told of them."""


class Drafted(Protocol):
    """A record as it is and as it was."""

    row: Row
    old: Row | None


@dataclass(frozen=True, slots=True)
class Happened:
    """Records of one entity written together. ``drafts`` and ``gone``: by entity, lines included. ``followed``: those
    of which computed fields were written after."""

    entity: str
    kind: str
    transition: str
    drafts: Mapping[str, Sequence[Drafted]]
    gone: Mapping[str, Sequence[Row]]
    followed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Moved:
    """A ledger's move: the values of its dimensions."""

    ledger: str
    dimensions: Mapping[str, Any]


@dataclass(slots=True)
class Journal:
    """What happened since the outermost door was opened. ``later``: versions of records that rules changed after.

    ``read``: records that the last write had read of others; ``written``: entities of which any record was written.
    """

    happened: list[Happened] = field(default_factory=list)
    cells: dict[Cell, set[int]] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    following: bool = False
    later: dict[tuple[str, int], int] = field(default_factory=dict)
    read: Mapping[str, Mapping[int, Row | None]] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.happened or self.cells or self.moved)

    def take(self) -> Journal:
        """What is there, and an empty journal from here on."""
        taken = Journal(happened=self.happened, cells=self.cells, moved=self.moved)
        self.happened, self.cells, self.moved = [], {}, []
        return taken

    def take_read(self) -> dict[str, dict[int, Row | None]]:
        """Records that were read and that nothing written here can have changed; handed out once."""
        read, self.read = self.read, {}
        return {entity: dict(rows) for entity, rows in read.items() if entity not in self.written}

    def renewed(self, entity: str, saved: Sequence[Saved]) -> list[Saved]:
        """The results with the versions that records have after rules changed them; what was read may differ now."""
        if not self.later:
            return list(saved)
        later = self.later
        return [each._replace(version=later.get((entity, each.id), each.version), written=None) for each in saved]


class _Door:
    """What ``door`` opens."""

    __slots__ = ("_ctx", "_journal", "_outermost")

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx

    def __enter__(self) -> Journal:
        info = self._ctx.connection.info
        known: Journal | None = info.get(JOURNAL)
        self._outermost = known is None
        self._journal = known if known is not None else Journal()
        if known is None:
            info[JOURNAL] = self._journal
        return self._journal

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if not self._outermost:
            return
        ctx, journal = self._ctx, self._journal
        try:
            if kind is None and journal:
                journal.following = True
                newest = ctx.app.newest
                ctx.app.follow(ctx if newest is None else replace(ctx, app=newest), journal)
        finally:
            ctx.connection.info.pop(JOURNAL, None)


def door(ctx: RunContext) -> _Door:
    """Write within; what follows from it is done when the outermost door closes."""
    return _Door(ctx)


def _open(ctx: RunContext) -> tuple[Journal, Index] | None:
    journal: Journal | None = ctx.connection.info.get(JOURNAL)
    index = index_of(ctx)
    return None if journal is None or index.empty else (journal, index)


def note_written(
    ctx: RunContext,
    entity: str,
    kind: str,
    transition: str,
    drafts: Mapping[str, Sequence[Drafted]],
    gone: Mapping[str, Sequence[Row]],
    cells: Mapping[Cell, Iterable[int]],
    read: Mapping[str, Mapping[int, Row | None]] = NOTHING,
) -> None:
    """Records were written, and ``cells`` of others followed. ``read``: what the write had read of others."""
    found = _open(ctx)
    if found is None:
        return
    journal, index = found
    journal.read = read
    journal.written.update(name for each in (drafts, gone) for name, some in each.items() if some)
    journal.written.update(name for name, _ in cells)
    if kind == HISTORY:
        return
    if journal.following:
        for draft in drafts.get(entity, ()):
            journal.later[entity, draft.row["id"]] = draft.row["version"]
    if any(some and name in index.entities for each in (drafts, gone) for name, some in each.items()):
        followed = frozenset(i for cell, ids in cells.items() if cell[0].startswith(entity) for i in ids)
        journal.happened.append(Happened(entity, kind, transition, drafts, gone, followed))
    note_cells(ctx, cells)


def seeds(taken: Journal) -> dict[str, dict[int, Row]]:
    """Records as the last write left them, with all their lines: nobody need read them again. Those of which anything
    was computed afterwards are left out."""
    found: dict[str, dict[int, Row]] = {}
    for each in taken.happened:
        rows = found.setdefault(each.entity, {})
        for draft in each.drafts.get(each.entity, ()):
            rows[draft.row["id"]] = draft.row
        if each.followed or len(taken.happened) > 1:
            rows.clear()
    return found


def note_cells(ctx: RunContext, cells: Mapping[Cell, Iterable[int]]) -> None:
    """Computed fields came out differently."""
    found = _open(ctx)
    if found is None:
        return
    journal, index = found
    for cell, ids in cells.items():
        journal.written.add(cell[0])
        if cell in index.cells:
            journal.cells.setdefault(cell, set()).update(ids)


def note_moves(ctx: RunContext, ledger: str, dimensions: Iterable[Mapping[str, Any]]) -> None:
    """Moves were written into a ledger."""
    found = _open(ctx)
    if found is not None and ledger in found[1].ledgers:
        found[0].moved.extend(Moved(ledger, each) for each in dimensions)
