"""Workflows as drawings: columns by what leads on, lanes for what leads back or off, nothing on top of another."""

from __future__ import annotations

import itertools

from web.workflow_layout import Spot, Way, columns_of, drawing

STATES = [Spot(id=name) for name in ("draft", "asked", "held", "closed", "off")]
WAYS = [
    Way(id="ask", origins=("draft",), target="asked", width=60),
    Way(id="agree", origins=("asked",), target="held", width=60),
    Way(id="refuse", origins=("asked",), target="draft", width=60),
    Way(id="undo", origins=("held",), target="draft", width=60, back=True),
    Way(id="close", origins=("held",), target="closed", width=60),
    Way(id="cancel", origins=("draft", "held"), target="off", width=60, off=True),
]


def test_states_stand_in_columns_by_what_leads_to_them() -> None:
    assert columns_of(STATES, WAYS, "draft") == {"draft": 0, "asked": 1, "held": 2, "closed": 3, "off": 3}


def test_a_circle_does_not_push_its_states_apart() -> None:
    states = [Spot(id=name) for name in "ab"]
    ways = [Way(id="on", origins=("a",), target="b", width=9), Way(id="again", origins=("b",), target="a", width=9)]
    assert columns_of(states, ways, "a") == {"a": 0, "b": 1}


def test_the_main_path_is_straight_and_what_is_called_off_stands_under_it() -> None:
    boxes = drawing(STATES, WAYS, "draft").boxes
    assert len({boxes[name].middle for name in ("draft", "asked", "held", "closed")}) == 1
    assert boxes["off"].y > boxes["closed"].y + boxes["closed"].h


def test_ways_back_run_above_and_share_no_lane_where_they_meet() -> None:
    drawn = drawing(STATES, WAYS, "draft")
    top = min(box.y for box in drawn.boxes.values())
    heights = {label.id: label.y for label in drawn.labels}
    assert heights["undo"] < heights["refuse"] < top
    assert heights["cancel"] > max(box.y + box.h for box in drawn.boxes.values())


def test_origins_of_one_way_share_its_lane_and_its_label() -> None:
    drawn = drawing(STATES, WAYS, "draft")
    assert [line.id for line in drawn.lines].count("cancel") == 2
    assert [label.id for label in drawn.labels].count("cancel") == 1
    assert {line.id for line in drawn.lines if line.dashed} == {"refuse", "undo", "cancel"}


def test_several_ways_through_one_gap_stand_under_each_other() -> None:
    ways = [Way(id=name, origins=("a",), target="b", width=50) for name in ("one", "two", "three")]
    drawn = drawing([Spot(id="a"), Spot(id="b")], ways, "a")
    heights = sorted(label.y for label in drawn.labels)
    assert [later - earlier for earlier, later in itertools.pairwise(heights)] == [66, 66]
    assert drawn.height > 3 * 66


def test_one_state_alone_is_drawn_too() -> None:
    drawn = drawing([Spot(id="only", lines=2)], [Way(id="again", origins=("only",), target="only", width=40)], "only")
    assert (drawn.boxes["only"].column, drawn.boxes["only"].h, len(drawn.lines)) == (0, 90, 1)
