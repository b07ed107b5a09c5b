"""Blocks of a dashboard fill rows of twelve columns; what has nothing to show takes little room."""

from __future__ import annotations

from typing import Any

import pytest

from web.board_layout import spread


def block(kind: str, count: int = 3, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "count": count, **more}


def spans(*blocks: dict[str, Any]) -> list[tuple[str, int]]:
    return [(found["kind"], found["span"]) for found in spread(blocks)]


def test_what_fills_a_row_together_stands_together() -> None:
    assert spans(block("plan"), block("tasks")) == [("plan", 8), ("tasks", 4)]


def test_a_later_block_moves_up_where_it_fills_the_row() -> None:
    found = spans(block("plan"), block("view", wide=True), block("tasks"))
    assert found == [("plan", 8), ("tasks", 4), ("view", 12)]


def test_two_narrow_blocks_share_a_row_in_halves() -> None:
    assert spans(block("tasks"), block("chart"), block("view", wide=True)) == [
        ("tasks", 6),
        ("chart", 6),
        ("view", 12),
    ]


def test_lists_without_rows_stand_three_in_a_row() -> None:
    assert spans(*(block("view", 0, wide=True) for _ in range(3))) == [("view", 4)] * 3


@pytest.mark.parametrize("count", range(1, 8))
def test_every_row_is_full(count: int) -> None:
    kinds = ("plan", "view", "tasks", "chart", "progress", "view", "chart")
    found = spread([block(kind, wide=kind == "view") for kind in kinds[:count]])
    assert sum(one["span"] for one in found) % 12 == 0
    assert sorted(one["kind"] for one in found) == sorted(kinds[:count])
