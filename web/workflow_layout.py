"""A workflow as a drawing: states in columns from left to right, what leads on between them, ways back above.

Ways between neighbouring columns run through the gap, each at a height of its own, so that no two labels meet. What
leads back runs in lanes above, what skips columns or calls off in lanes below; origins of one way share its lane.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

WIDTH, HEAD, LINE = 152, 54, 18
"""A box: its width, the height of its head, the height of each further line."""
GAP, WIDEST = 116, 196
ROW_GAP, SLOT, LANE, EDGE, BEND, ASIDE = 44, 66, 62, 16, 22, 12
"""Between boxes of a column; labels of a gap; lanes; around everything; of curves; beside a box that is shut in."""
UNDER = 46
"""How far the words under a label reach below its middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A state to be placed: how many lines stand under its head."""

    id: str
    lines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A transition to be drawn; ``back``: it is meant to lead back; ``off``: it calls off; ``width`` of its label."""

    id: str
    origins: tuple[str, ...]
    target: str
    width: int
    back: bool = False
    off: bool = False


@dataclass(slots=True)
class Box:
    """A state with its place."""

    id: str
    column: int
    h: int
    x: int = 0
    y: int = 0
    ports: dict[str, int] = field(default_factory=dict)
    """How many ways leave or reach it on each side, so that each gets a place of its own."""
    used: dict[str, int] = field(default_factory=dict)

    @property
    def middle(self) -> int:
        """The height of its middle."""
        return self.y + self.h // 2

    def port(self, side: str) -> int:
        """The next place on a side: an x on top and bottom, a y at the left and right."""
        count, taken = self.ports.get(side, 1), self.used.get(side, 0)
        self.used[side] = taken + 1
        long = self.h if side in ("left", "right") else WIDTH
        start = self.y if side in ("left", "right") else self.x
        return start + long * (taken + 1) // (count + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Where the words of a way stand: the middle of its pill."""

    id: str
    x: int
    y: int
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A stroke of a way; ``head``: it ends in an arrow; ``dashed``: a way back or off."""

    id: str
    path: str
    head: bool
    dashed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Everything with its place."""

    boxes: Mapping[str, Box]
    labels: Sequence[Label]
    lines: Sequence[Line]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Direct:
    """One origin of a way that leads into the next column."""

    way: Way
    origin: str


@dataclass(slots=True)
class _Lane:
    """The part of a way that runs above or below everything."""

    way: Way
    origins: tuple[str, ...]
    above: bool
    level: int = 0


def columns_of(states: Sequence[Spot], ways: Sequence[Way], start: str) -> dict[str, int]:
    """State → column: the longest way to it from the start, ways back left out."""
    onward = _onward(states, ways, start)
    found = {spot.id: 0 for spot in states}
    for _ in states:
        for origin, target in onward:
            found[target] = max(found[target], found[origin] + 1)
    return found


def _onward(states: Sequence[Spot], ways: Sequence[Way], start: str) -> set[tuple[str, str]]:
    """The steps that do not lead back: seen from the start, none of them closes a circle."""
    after: dict[str, list[str]] = {spot.id: [] for spot in states}
    for way in ways:
        for origin in way.origins if not way.back else ():
            after[origin].append(way.target)
    onward: set[tuple[str, str]] = set()
    done: set[str] = set()
    for root in (start, *after):
        path = [(root, iter(after[root]))] if root not in done else []
        while path:
            here, rest = path[-1]
            target = next(rest, None)
            if target is None:
                done.add(path.pop()[0])
            elif all(target != above for above, _ in path):
                onward.add((here, target))
                if target not in done:
                    path.append((target, iter(after[target])))
    return onward


def drawing(states: Sequence[Spot], ways: Sequence[Way], start: str) -> Drawing:
    """The boxes, lines and labels of a workflow."""
    columns = columns_of(states, ways, start)
    boxes = {s.id: Box(s.id, columns[s.id], HEAD + LINE * s.lines) for s in states}
    direct, lanes = _split(ways, columns)
    gaps = _gaps(direct, lanes, columns)
    _across(boxes, gaps)
    _down(boxes, direct, {way.target for way in ways if way.off})
    _count_ports(boxes, direct, lanes)
    slots = _slots(boxes, direct)
    _levels(boxes, lanes)
    top = min([b.y for b in boxes.values()] + [y - SLOT // 2 for y in slots.values()], default=0)
    bottom = max([b.y + b.h for b in boxes.values()] + [y + UNDER for y in slots.values()], default=0)
    above = max((lane.level + 1 for lane in lanes if lane.above), default=0) * LANE
    below = max((lane.level + 1 for lane in lanes if not lane.above), default=0) * LANE
    shift = EDGE + above - top
    for box in boxes.values():
        box.y += shift
    drawn = _Pen(boxes, gaps, top + shift, bottom + shift)
    for one in direct:
        drawn.direct(one, slots[one] + shift)
    for lane in lanes:
        drawn.lane(lane)
    width = max(b.x for b in boxes.values()) + WIDTH + EDGE
    return Drawing(
        boxes=boxes,
        labels=drawn.labels,
        lines=drawn.lines,
        width=width,
        height=EDGE + above + (bottom - top) + below + EDGE,
    )


def _split(ways: Sequence[Way], columns: Mapping[str, int]) -> tuple[list[_Direct], list[_Lane]]:
    """What runs through a gap, and what needs a lane."""
    direct, lanes = [], []
    for way in ways:
        apart = {origin: columns[way.target] - columns[origin] for origin in way.origins}
        near = [o for o, steps in apart.items() if steps == 1 and not (way.off and len(apart) > 1)]
        direct += [_Direct(way, origin) for origin in near]
        back = tuple(o for o, steps in apart.items() if steps <= 0 and o not in near)
        far = tuple(o for o, steps in apart.items() if steps > 0 and o not in near)
        lanes += [_Lane(way, origins, above) for origins, above in ((back, True), (far, False)) if origins]
    return direct, lanes


def _gaps(direct: Iterable[_Direct], lanes: Iterable[_Lane], columns: Mapping[str, int]) -> list[int]:
    """The width of each gap: as wide as its widest label."""
    found = [GAP] * max(columns.values(), default=0)
    for column, width in [(columns[d.origin], d.way.width) for d in direct] + [
        (_label_gap(lane, columns, len(found)), lane.way.width) for lane in lanes
    ]:
        if 0 <= column < len(found):
            found[column] = max(found[column], min(WIDEST, width + 2 * BEND + 20))
    return found


def _label_gap(lane: _Lane, columns: Mapping[str, int], count: int) -> int:
    """The gap in whose middle the label of a lane stands: the one before its nearest origin, seen from the target."""
    ends = [columns[o] for o in lane.origins]
    here = columns[lane.way.target]
    wanted = (min(ends) + here) // 2 if here > min(ends) else (max(ends) + here - 1) // 2
    return min(max(wanted, 0), max(count - 1, 0))


def _across(boxes: Mapping[str, Box], gaps: Sequence[int]) -> None:
    for box in boxes.values():
        box.x = EDGE + box.column * WIDTH + sum(gaps[: box.column])


def _down(boxes: Mapping[str, Box], direct: Sequence[_Direct], off: set[str]) -> None:
    """Each column around one axis, in the order of what leads to it; what is called off stands under it."""
    by_column: dict[int, list[Box]] = {}
    for box in boxes.values():
        by_column.setdefault(box.column, []).append(box)
    for number in sorted(by_column):
        column = by_column[number]
        column.sort(key=lambda box: (box.id in off, _from(box, boxes, direct)))
        onward = [box for box in column if box.id not in off] or column
        y = -(sum(box.h for box in onward) + ROW_GAP * (len(onward) - 1)) // 2
        for box in column:
            box.y = y
            y += box.h + ROW_GAP


def _from(box: Box, boxes: Mapping[str, Box], direct: Sequence[_Direct]) -> float:
    joined = [boxes[d.origin].middle for d in direct if d.way.target == box.id]
    return sum(joined) / len(joined) if joined else 0.0


def _count_ports(boxes: Mapping[str, Box], direct: Iterable[_Direct], lanes: Iterable[_Lane]) -> None:
    ends = [(d.origin, "right") for d in direct] + [(d.way.target, "left") for d in direct]
    for lane in lanes:
        side = "top" if lane.above else "bottom"
        ends += [(id, side) for id in (*lane.origins, lane.way.target)]
    for id, side in ends:
        boxes[id].ports[side] = boxes[id].ports.get(side, 0) + 1


def _slots(boxes: Mapping[str, Box], direct: Sequence[_Direct]) -> dict[_Direct, int]:
    """The height of each label in its gap: near the straight line, apart from the others."""
    found: dict[_Direct, int] = {}
    for number in sorted({boxes[d.origin].column for d in direct}):
        here = [d for d in direct if boxes[d.origin].column == number]
        here.sort(key=lambda d: (boxes[d.origin].middle + boxes[d.way.target].middle, boxes[d.way.target].middle))
        wanted = [(boxes[d.origin].middle + boxes[d.way.target].middle) // 2 for d in here]
        for one, y in zip(here, _apart(wanted), strict=True):
            found[one] = y
    return found


def _apart(wanted: Sequence[int]) -> list[int]:
    """Heights in order, at least a slot from one another, around where they want to be."""
    found: list[int] = []
    for y in wanted:
        found.append(max(y, found[-1] + SLOT) if found else y)
    moved = (sum(found) - sum(wanted)) // len(wanted) if wanted else 0
    return [y - moved for y in found]


def _levels(boxes: Mapping[str, Box], lanes: Sequence[_Lane]) -> None:
    """Short lanes nearest; two lanes share a level where they do not meet."""
    taken: dict[tuple[bool, int], list[tuple[int, int]]] = {}
    for lane in sorted(lanes, key=lambda one: _reach(one, boxes)[1] - _reach(one, boxes)[0]):
        low, high = _reach(lane, boxes)
        while any(low < b and a < high for a, b in taken.get((lane.above, lane.level), ())):
            lane.level += 1
        taken.setdefault((lane.above, lane.level), []).append((low, high))


def _reach(lane: _Lane, boxes: Mapping[str, Box]) -> tuple[int, int]:
    ends = [boxes[id] for id in (*lane.origins, lane.way.target)]
    return min(b.x for b in ends), max(b.x for b in ends) + WIDTH


class _Pen:
    """Draws lines and places labels, once the boxes stand."""

    def __init__(self, boxes: Mapping[str, Box], gaps: Sequence[int], top: int, bottom: int) -> None:
        self.boxes = boxes
        self.gaps = gaps
        self.top = top
        self.bottom = bottom
        self.labels: list[Label] = []
        self.lines: list[Line] = []

    def direct(self, one: _Direct, slot: int) -> None:
        """From the right side of a box to the left side of one in the next column, level with its label."""
        source, target = self.boxes[one.origin], self.boxes[one.way.target]
        x1, y1, x2, y2 = source.x + WIDTH, source.port("right"), target.x, target.port("left")
        path = f"M{x1} {y1}{_swing(x1, y1, x1 + BEND, slot)}H{x2 - BEND}{_swing(x2 - BEND, slot, x2, y2)}"
        self.lines.append(Line(id=one.way.id, path=path, head=True, dashed=one.way.off))
        room = x2 - x1
        self.labels.append(Label(id=one.way.id, x=(x1 + x2) // 2, y=slot, room=room))

    def lane(self, lane: _Lane) -> None:
        """Up (or down) from each origin, along the lane, and into the target."""
        away = (lane.level + 1) * LANE - LANE // 2
        y = self.top - away if lane.above else self.bottom + away - 8
        x2, inward = self._end(self.boxes[lane.way.target], above=lane.above)
        for origin in lane.origins:
            outward = self._begin(self.boxes[origin], above=lane.above)
            path = f"{outward}V{y}H{x2}{inward}"
            self.lines.append(Line(id=lane.way.id, path=path, head=True, dashed=lane.above or lane.way.off))
        self.labels.append(self._lane_label(lane, y))

    def _begin(self, box: Box, *, above: bool) -> str:
        """The first stroke out of a box, to where it goes up or down."""
        if not self._shut(box, above=above):
            x = box.port("top" if above else "bottom")
            return f"M{x} {box.y if above else box.y + box.h}"
        return f"M{box.x + WIDTH} {box.middle + ASIDE}H{box.x + WIDTH + ASIDE}"

    def _end(self, box: Box, *, above: bool) -> tuple[int, str]:
        """Where a lane comes down or up to a box, and the last stroke."""
        if not self._shut(box, above=above):
            return box.port("top" if above else "bottom"), f"V{box.y if above else box.y + box.h}"
        return box.x - ASIDE, f"V{box.middle + ASIDE}H{box.x}"

    def _shut(self, box: Box, *, above: bool) -> bool:
        """Whether another box of the column stands between this one and the lanes."""
        others = (other for other in self.boxes.values() if other.column == box.column and other is not box)
        return any((other.y < box.y) is above for other in others)

    def _lane_label(self, lane: _Lane, y: int) -> Label:
        gap = _label_gap(lane, {id: box.column for id, box in self.boxes.items()}, len(self.gaps))
        if not self.gaps:
            return Label(id=lane.way.id, x=EDGE + WIDTH // 2, y=y, room=WIDTH)
        left = EDGE + (gap + 1) * WIDTH + sum(self.gaps[:gap])
        return Label(id=lane.way.id, x=left + self.gaps[gap] // 2, y=y, room=self.gaps[gap])


def _swing(x1: int, y1: int, x2: int, y2: int) -> str:
    """A curve from one height to another, level at both ends."""
    if y1 == y2:
        return f"H{x2}"
    half = (x1 + x2) // 2
    return f"C{half} {y1} {half} {y2} {x2} {y2}"
