"""A genealogy as a drawing: columns by distance, rows in order, folded where one would no longer see the wood."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from runtime.trace import Graph, Spot

MOST_NODES = 40
"""Above it, records of one kind in one column are folded into one box."""

WIDTH, HEIGHT, GAP_X, GAP_Y, EDGE = 176, 50, 56, 14, 12
THICKEST = 7


@dataclass(slots=True)
class Box:
    """What is drawn: one record, or several of a kind folded together. ``key`` opens a folded one."""

    key: str
    entity: str
    label: str
    column: int
    spots: list[Spot]
    into: dict[str, Decimal] = field(default_factory=dict)
    x: int = 0
    y: int = 0

    @property
    def folded(self) -> bool:
        """Whether it stands for several."""
        return len(self.spots) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What went from one box to another: a curve, as thick as its share."""

    path: str
    width: float
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Everything with its place."""

    boxes: Sequence[Box]
    lines: Sequence[Line]
    width: int
    height: int
    columns: int
    folded: bool


def columns_of(graph: Graph) -> dict[str, int]:
    """Node -> column: as many steps from the root as its shortest way; what came before stands left of it."""
    after: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    for edge in graph.edges:
        after.setdefault(edge.source, set()).add(edge.target)
        before.setdefault(edge.target, set()).add(edge.source)
    found = {graph.root: 0}
    for ways, step in ((after, 1), (before, -1)):
        layer = {graph.root}
        while layer:
            layer = {next_ for key in layer for next_ in ways.get(key, ()) if next_ not in found}
            depth = max((abs(c) for c in found.values() if c * step >= 0), default=0) + 1
            found.update(dict.fromkeys(layer, depth * step))
    least = min(found.values())
    rest = {node.key: 0 for node in graph.nodes if node.key not in found}
    return {key: column - least for key, column in (found | rest).items()}


def drawing(graph: Graph, opened: Collection[str] = (), most: int = MOST_NODES) -> Drawing:
    """The boxes and lines. ``opened``: keys of folded boxes that are shown whole."""
    columns = columns_of(graph)
    boxes = _boxes(graph, columns, opened, most)
    home = {spot.key: box.key for box in boxes for spot in box.spots}
    flows: dict[tuple[str, str], Decimal] = {}
    by_key = {box.key: box for box in boxes}
    for edge in graph.edges:
        source, target = home[edge.source], home[edge.target]
        if source == target:
            continue
        amount = edge.qty or Decimal(0)
        flows[source, target] = flows.get((source, target), Decimal(0)) + amount
        into = by_key[target].into
        into[edge.ledger] = into.get(edge.ledger, Decimal(0)) + amount
    height = _place(boxes, flows)
    count = max((box.column for box in boxes), default=0) + 1
    largest = max(flows.values(), default=Decimal(0))
    return Drawing(
        boxes=boxes,
        lines=[_line(by_key[s], by_key[t], amount, largest) for (s, t), amount in flows.items()],
        width=count * WIDTH + (count - 1) * GAP_X + 2 * EDGE,
        height=height + 2 * EDGE,
        columns=count,
        folded=any(box.folded for box in boxes),
    )


def _boxes(graph: Graph, columns: Mapping[str, int], opened: Collection[str], most: int) -> list[Box]:
    fold = len(graph.nodes) > most
    found: dict[str, Box] = {}
    for spot in graph.nodes:
        column = columns[spot.key]
        group = f"{column}.{spot.entity}"
        alone = not fold or group in opened or spot.key == graph.root
        key = spot.key if alone else group
        box = found.setdefault(key, Box(key=key, entity=spot.entity, label=spot.label, column=column, spots=[]))
        box.spots.append(spot)
    return sorted(found.values(), key=lambda box: (box.column, box.entity))


def _place(boxes: Sequence[Box], flows: Mapping[tuple[str, str], Decimal]) -> int:
    """Each column in the order of what it is joined to, so that few lines cross; the whole in the middle."""
    rows: dict[int, list[Box]] = {}
    for box in boxes:
        rows.setdefault(box.column, []).append(box)
    joined: dict[str, list[str]] = {}
    for source, target in flows:
        joined.setdefault(target, []).append(source)
        joined.setdefault(source, []).append(target)
    tallest = max((len(column) for column in rows.values()), default=1)
    whole = tallest * HEIGHT + (tallest - 1) * GAP_Y
    for number in sorted(rows):
        column = rows[number]
        if number:
            placed = {box.key: box.y for n in range(number) for box in rows.get(n, [])}
            column.sort(key=lambda box: _middle(joined.get(box.key, ()), placed))
        taken = len(column) * HEIGHT + (len(column) - 1) * GAP_Y
        for index, box in enumerate(column):
            box.x = EDGE + number * (WIDTH + GAP_X)
            box.y = EDGE + (whole - taken) // 2 + index * (HEIGHT + GAP_Y)
    return whole


def _middle(joined: Sequence[str], placed: Mapping[str, int]) -> float:
    """How far down, on average, the boxes stand that a box is joined to."""
    there = [placed[key] for key in joined if key in placed]
    return sum(there) / len(there) if there else 0.0


def _line(source: Box, target: Box, amount: Decimal, largest: Decimal) -> Line:
    width = 1.2 + THICKEST * float(amount / largest) if largest else 1.2
    x1, y1 = source.x + WIDTH, source.y + HEIGHT // 2
    x2, y2 = target.x, target.y + HEIGHT // 2
    if target.column <= source.column:  # something that came back
        x1, x2 = source.x + WIDTH // 2, target.x + WIDTH // 2
    bend = max(24, abs(x2 - x1) // 2)
    path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    return Line(path=path, width=round(width, 1), source=source.key, target=target.key)
