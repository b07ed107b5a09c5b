"""How wide the blocks of a dashboard are: rows of twelve columns without gaps, in the order that was declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

Block = dict[str, Any]
COLUMNS = 12
NARROW, MIDDLE, WIDE = 4, 6, 8
SPANS: Mapping[str, int] = MappingProxyType({"plan": WIDE, "progress": WIDE, "tasks": NARROW, "chart": NARROW})


def spread(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, each with its ``span``, row by row: a later one moves up where it fills a row."""
    waiting = [{**block, "span": _wanted(block)} for block in blocks]
    placed: list[Block] = []
    while waiting:
        row, room = [], COLUMNS
        for block in list(waiting):
            if block["span"] <= room:
                row.append(block)
                waiting.remove(block)
                room -= block["span"]
        placed += _filled(row, room)
    return placed


def _wanted(block: Block) -> int:
    """What a block needs: less where it has nothing to show."""
    if block["kind"] in ("view", "progress") and not block["count"]:
        return NARROW
    return SPANS.get(block["kind"]) or (WIDE if block.get("wide") else MIDDLE)


def _filled(row: list[Block], room: int) -> list[Block]:
    """Gives what is left of a row to its blocks: equally where they are alike, else to the widest."""
    if len({block["span"] for block in row}) == 1:
        return [{**block, "span": COLUMNS // len(row)} for block in row]
    widest = max(row, key=lambda block: block["span"])
    return [{**block, "span": block["span"] + room} if block is widest else block for block in row]
