"""Genealogies as drawings: columns by distance, folding above forty records."""

from __future__ import annotations

import itertools
from decimal import Decimal

from runtime.trace import Graph, Spot, Step
from web.trace_layout import MOST_NODES, columns_of, drawing


def graph(*edges: tuple[str, str, int], root: str = "lot/1") -> Graph:
    keys = dict.fromkeys([root, *(k for s, t, _ in edges for k in (s, t))])
    nodes = [Spot(key=k, entity=k.split("/")[0], label="x", id=int(k.split("/")[1]), title=k) for k in keys]
    steps = [Step(source=s, target=t, ledger="stock", item={}, qty=Decimal(q)) for s, t, q in edges]
    return Graph(root=root, nodes=nodes, edges=steps)


def test_what_came_before_stands_left_of_the_root() -> None:
    found = columns_of(graph(("receipt/1", "lot/1", 5), ("lot/1", "job/1", 3), ("job/1", "lot/2", 3)))
    assert found == {"receipt/1": 0, "lot/1": 1, "job/1": 2, "lot/2": 3}


def test_a_way_back_does_not_move_what_is_nearer() -> None:
    found = columns_of(graph(("lot/1", "job/1", 3), ("job/1", "lot/2", 3), ("lot/2", "lot/1", 1)))
    assert found == {"lot/1": 0, "job/1": 1, "lot/2": 2}


def test_lines_are_as_thick_as_their_share() -> None:
    drawn = drawing(graph(("lot/1", "job/1", 100), ("lot/1", "job/2", 10)))
    assert [line.width for line in drawn.lines] == [8.2, 1.9]
    assert not drawn.folded


def test_many_of_a_kind_are_folded_and_opened_again() -> None:
    many = graph(*(("lot/1", f"job/{n}", 1) for n in range(1, MOST_NODES + 10)))
    drawn = drawing(many)
    assert [(box.key, len(box.spots)) for box in drawn.boxes] == [("lot/1", 1), ("1.job", MOST_NODES + 9)]
    assert len(drawn.lines) == 1
    assert len(drawing(many, opened=["1.job"]).boxes) == MOST_NODES + 10


def test_boxes_of_a_column_do_not_overlap() -> None:
    drawn = drawing(graph(*(("lot/1", f"job/{n}", 1) for n in range(1, 12))))
    rows = sorted(box.y for box in drawn.boxes if box.column == 1)
    assert all(b - a >= 50 for a, b in itertools.pairwise(rows))
    assert max(rows) + 50 <= drawn.height
