"""Stored formulas that are computed together: of one table, their sources settled, and those that read only them."""

from __future__ import annotations

from collections.abc import Collection

from engine.dependencies import Graph
from runtime.computed_cells import together
from runtime.context import RunContext
from runtime.record_plan import Cell


class Reach:
    """What each formula reads of other formulas, ``own``: of the same record, ``outside``: of others; ``readers``: the
    formulas of the same record that read it; ``after``: all that may come out differently when it does.

    Where a structure closes to a circle, ``after`` is cut as the levels have it.
    """

    def __init__(self, graph: Graph) -> None:
        self.own: dict[Cell, set[Cell]] = {}
        self.outside: dict[Cell, set[Cell]] = {}
        self.readers: dict[Cell, list[Cell]] = {}
        following: dict[Cell, list[Cell]] = {}
        for source in graph.levels:
            for one in graph.of.get(source, ()):
                cell = (one.entity, one.field)
                (self.outside if one.route else self.own).setdefault(cell, set()).add(source)
                if not one.route:
                    self.readers.setdefault(source, []).append(cell)
                if one.level > graph.levels[source]:
                    following.setdefault(source, []).append(cell)
        self.after: dict[Cell, set[Cell]] = {}
        for cell in reversed(graph.order):
            below = following.get(cell, ())
            self.after[cell] = set(below).union(*(self.after[one] for one in below))


def next_group(ctx: RunContext, graph: Graph, due: Collection[Cell]) -> tuple[Cell, ...]:
    """The formulas to be computed next, in their order: the lowest that is due, what is due for the same reasons, and
    those of the same records that read them and nothing that is still to come.
    """
    return ctx.app.programs.latest("formulas together", frozenset(due), lambda: _group(ctx, graph, due))


def _group(ctx: RunContext, graph: Graph, due: Collection[Cell]) -> tuple[Cell, ...]:
    def order(cell: Cell) -> tuple[int, Cell]:
        return graph.levels.get(cell, 0), cell

    first = min(due, key=order)
    if together(ctx, first[0], (first[1],)) is None:
        return (first,)
    reach = ctx.app.programs.keep("reach of formulas", lambda: Reach(graph))
    as_settled = reach.outside.get(first, set())
    coming = set(due).union(*(reach.after.get(cell, ()) for cell in due))
    group = [first]
    waiting = [*sorted((c for c in due if c[0] == first[0]), key=order), *reach.readers.get(first, ())]
    for cell in waiting:  # grows while it is walked
        outside, own = reach.outside.get(cell, set()), reach.own.get(cell, set())
        settled = not ((outside - as_settled) | (own - set(group))) & coming
        if cell not in group and settled and together(ctx, cell[0], (cell[1],)) is not None:
            group.append(cell)
            waiting.extend(reach.readers.get(cell, ()))
    return tuple(sorted(group, key=order))


__all__ = ["Reach", "next_group"]
