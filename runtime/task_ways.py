"""How people came to be asked about a document besides those its steps name: added, asked for an opinion, handed
over to, escalated to, standing in for somebody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.messages import say
from runtime.substitutes import deputies
from runtime.task_opening import ADDED, HELPS
from runtime.task_people import Directory

Row = dict[str, Any]
SIGNER, OPINION, HANDED, ESCALATED, STANDS_IN = "signer", "opinion", "handed", "escalated", "stands_in"
GONE = frozenset({"removed", "withdrawn", "taken_back"})
"""Rows of people who were asked and are not any more."""
KINDS: Mapping[str, str] = {ADDED: SIGNER, HELPS: OPINION, ESCALATED: ESCALATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One person's way to a document. ``by``: who brought him in; ``decision``: empty while he is asked.

    ``removable``: the reader added him and may take him back.
    """

    task: int
    kind: str
    name: str
    by: str
    text: str
    decision: str = ""
    note: str = ""
    removable: bool = False


@dataclass(frozen=True, slots=True)
class _Met:
    kind: str
    row: Row
    by: int | None
    note: str


def ways(ctx: RunContext, entity: str, rows: Sequence[Row]) -> list[Way]:
    """The ways of all who stand in the rows of one round, in order, and of those who stand in for them today."""
    met = _met(rows)
    asked = [row for row in rows if row["decided_at"] is None and row["awake"]]
    directory = Directory(ctx)
    directory.read(asked)
    away = {row["id"]: set(directory.accounts(row)) for row in asked}
    stand_in = deputies(ctx, entity, set().union(*away.values())) if away else {}
    names = _names(ctx, met, stand_in)
    found = [_way(ctx, each, names) for each in met]
    for deputy, absent in stand_in.items():
        for row in asked:
            for one in sorted(absent & away[row["id"]]):
                found.append(_standing_in(ctx, row, names[deputy], names[one]))
    return found


def told_ways(ctx: RunContext, rows: Sequence[Row]) -> str:
    """The same in a line, but for those who stand in."""
    met = _met(rows)
    names = _names(ctx, met, {}) if met else {}
    return ("；" if ctx.language != "en" else "; ").join(dict.fromkeys(_text(ctx, each, names) for each in met))


def _met(rows: Sequence[Row]) -> list[_Met]:
    by_id = {row["id"]: row for row in rows}
    found = []
    for row in rows:
        if row["decision"] in GONE:
            continue
        before = by_id.get(row["waits_for"] or 0)
        if row["mark"] in KINDS:
            found.append(_Met(KINDS[row["mark"]], row, row["added_by"], ""))
        if before is not None and before["decision"] == "delegated" and before["decided_by"]:
            found.append(_Met(HANDED, row, before["decided_by"], before["note"]))
    return found


def _names(ctx: RunContext, met: Sequence[_Met], stand_in: Mapping[int, set[int]]) -> dict[int, str]:
    accounts = {each.row["account"] for each in met} | {each.by for each in met}
    return account_names(ctx, accounts | stand_in.keys() | set().union(*stand_in.values()))


def _way(ctx: RunContext, each: _Met, names: Mapping[int, str]) -> Way:
    row = each.row
    mine = row["added_by"] == ctx.user.account and row["mark"] in (ADDED, HELPS) and row["decided_at"] is None
    return Way(
        task=row["id"],
        kind=each.kind,
        name=names.get(row["account"] or 0, ""),
        by=names.get(each.by or 0, ""),
        text=_text(ctx, each, names),
        decision=row["decision"],
        note=each.note or row["note"],
        removable=mine and each.kind != HANDED,
    )


def _text(ctx: RunContext, each: _Met, names: Mapping[int, str]) -> str:
    return say(ctx, f"way_{each.kind}", name=names.get(each.row["account"] or 0, ""), by=names.get(each.by or 0, ""))


def _standing_in(ctx: RunContext, row: Row, name: str, absent: str) -> Way:
    told = say(ctx, f"way_{STANDS_IN}", name=name, by=absent)
    return Way(task=row["id"], kind=STANDS_IN, name=name, by=absent, text=told)


__all__ = ["Way", "told_ways", "ways"]
