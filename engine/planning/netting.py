"""Netting: demands against what is there, what is ordered and what must be kept, level by level, with pegging.

The rules (each has a test by name):

* Needs are served in order of their day; first what is on hand, then what is ordered, earliest first. What is ordered
  but comes after the need is pegged to it all the same and shown late: no second order is suggested.
* ``keep`` (safety stock) is topped up whenever what is left of all supply falls below it.
* An order point is looked at day by day; on the first day below it one order fills up to the target, or is one lot.
* Orders are raised to the minimum, then to the multiple; needs within ``group_days`` share one order.
* Where places are netted apart, what is needed in a place is covered by what is there or comes there; only what is
  needed nowhere in particular, and the levels to keep, look at what the places leave.
* An order is planned for the day it is needed. Where that leaves less than the lead time it is marked late; no date
  is moved. What a made item takes is needed on the day its order must start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from engine.planning.shelf import Shelf
from engine.planning.structure import ZERO, Key, Structure, components, edges_of, low_levels
from engine.planning.supply import DEMAND, ORDER, Demand, Need, Peg, PlannedOrder, Root, Rule, Supply


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Everything one run looks at. Demands later than ``today`` + ``horizon_days`` wait.

    ``per_place``: what is needed somewhere is covered by what is there or comes there; else by what the firm has.
    """

    today: date
    demands: Sequence[Demand]
    supplies: Sequence[Supply]
    rules: Mapping[Key, Rule]
    structure: Structure
    horizon_days: int = 90
    per_place: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``orders``: what should be ordered, products before components. ``pegs``: how every need is covered.

    ``unmade``: orders of made items that no version covers on the day they start; their components are not planned.
    """

    orders: tuple[PlannedOrder, ...]
    pegs: tuple[Peg, ...]
    unmade: tuple[int, ...]

    def late(self) -> tuple[Peg, ...]:
        """The needs that are covered too late."""
        return tuple(peg for peg in self.pegs if peg.late_days)


def net(problem: Problem) -> Plan:
    """Net all demands of ``problem``; raises ``StructureCycle``."""
    last = problem.today + timedelta(days=problem.horizon_days)
    needs = _independent(problem.demands, last)
    supplies: dict[Key, list[Supply]] = {}
    for supply in problem.supplies:
        supplies.setdefault(supply.item, []).append(supply)
    run = _Run(problem, needs, supplies)
    items = dict.fromkeys([*needs, *supplies, *problem.rules])
    levels = low_levels(edges_of(problem.structure))
    for item in sorted({**levels, **items}, key=lambda key: levels.get(key, 0)):
        run.item(item, levels.get(item, 0))
    return Plan(tuple(run.orders), tuple(run.pegs), tuple(run.unmade))


def _independent(demands: Iterable[Demand], last: date) -> dict[Key, list[Need]]:
    needs: dict[Key, list[Need]] = {}
    for demand in demands:
        if demand.quantity > 0 and demand.day <= last:
            need = Need(DEMAND, demand.id, demand.item, demand.quantity, demand.day, demand.place)
            needs.setdefault(demand.item, []).append(need)
    return needs


class _Run:
    """The state of one run: needs still to be looked at, orders and pegs found so far."""

    def __init__(self, problem: Problem, needs: dict[Key, list[Need]], supplies: Mapping[Key, list[Supply]]) -> None:
        self.problem = problem
        self.needs = needs
        self.supplies = supplies
        self.orders: list[PlannedOrder] = []
        self.pegs: list[Peg] = []
        self.unmade: list[int] = []

    def item(self, item: Key, level: int) -> None:
        """Net one item; everything that uses it has been netted before."""
        needs = sorted(self.needs.get(item, ()), key=lambda need: need.day)
        rule = self.problem.rules.get(item, Rule())
        if rule.through:
            self._pass_through(needs)
            return
        if not needs and not rule.keep and rule.order_point is None:
            return
        supplies = self.supplies.get(item, ())
        if self.problem.per_place:
            needs, supplies = self._place_by_place(item, level, rule, needs, supplies)
        self._shelf(item, level, rule, needs, supplies)

    def _place_by_place(
        self, item: Key, level: int, rule: Rule, needs: Sequence[Need], supplies: Sequence[Supply]
    ) -> tuple[list[Need], list[Supply]]:
        """Net every place for itself; what is needed nowhere in particular, and what is left for that.

        The levels to keep are the firm's: they are looked at over what the places leave.
        """
        here = rule._replace(keep=ZERO, order_point=None)
        left = [s for s in supplies if s.place is None]
        for place in dict.fromkeys(need.place for need in needs if need.place is not None):
            own = [s for s in supplies if s.place == place]
            left += self._shelf(item, level, here, [n for n in needs if n.place == place], own)
        asked = {need.place for need in needs}
        left += [s for s in supplies if s.place is not None and s.place not in asked]
        return [need for need in needs if need.place is None], left

    def _shelf(
        self, item: Key, level: int, rule: Rule, needs: Sequence[Need], supplies: Sequence[Supply]
    ) -> list[Supply]:
        """Serve needs from supplies and plan what is missing; the supplies that are left."""
        problem = self.problem
        shelf = Shelf(item, level, rule, problem.today, supplies, len(self.orders))
        shelf.serve(needs, problem.today + timedelta(days=problem.horizon_days))
        self.pegs.extend(shelf.pegs)
        for order in shelf.finished():
            order = order._replace(roots=self._roots(order))
            self.orders.append(order)
            if rule.made:
                self._explode(order)
        return shelf.left()

    def _pass_through(self, needs: Iterable[Need]) -> None:
        for need in needs:
            for part in components(self.problem.structure, need.item, need.quantity, need.day):
                self._add(need._replace(item=part.line.item, quantity=part.quantity))

    def _explode(self, order: PlannedOrder) -> None:
        parts = components(self.problem.structure, order.item, order.quantity, order.order_date)
        if not parts:
            self.unmade.append(order.id)
        for part in parts:
            self._add(Need(ORDER, order.id, part.line.item, part.quantity, order.order_date, order.place))

    def _add(self, need: Need) -> None:
        self.needs.setdefault(need.item, []).append(need)

    def _roots(self, order: PlannedOrder) -> tuple[Root, ...]:
        """What the order is for in the end: its pegs, those of other orders replaced by what these are for."""
        found: dict[Need, Decimal] = {}
        for peg in order.pegs:
            if peg.need.kind != ORDER:
                found[peg.need] = found.get(peg.need, Decimal(0)) + peg.quantity
                continue
            roots = self.orders[_index(peg.need)].roots
            total = sum((root.quantity for root in roots), Decimal(0))
            for root in roots:
                part = peg.quantity * root.quantity / total
                found[root.need] = found.get(root.need, Decimal(0)) + part
        return tuple(Root(need, quantity.quantize(Decimal("0.000001"))) for need, quantity in found.items())


def _index(need: Need) -> int:
    """The planned order a dependent need comes from: orders are numbered as they are made."""
    if not isinstance(need.id, int):
        raise TypeError(need.id)
    return need.id
