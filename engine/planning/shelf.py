"""The shelf of one item while it is netted: what lies there, what comes, what must be ordered."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from engine.planning.structure import ZERO, Key, round_up
from engine.planning.supply import (
    KEEP,
    ON_HAND,
    ORDER_POINT,
    ORDERED,
    PLANNED,
    Need,
    Peg,
    PlannedOrder,
    Rule,
    Supply,
)


@dataclass(slots=True)
class _Stock:
    """A piece of supply with what is left of it."""

    kind: str
    id: Key
    left: Decimal
    late_from: date | None  # the first day it can be there; None: it is there


@dataclass(slots=True)
class _Order:
    """A planned order while needs may still be added to it."""

    number: int
    day: date
    place: Key | None
    stock: _Stock
    quantity: Decimal = ZERO
    short: Decimal = ZERO
    pegs: list[Peg] = field(default_factory=list)
    kept: list[Need] = field(default_factory=list)


class Shelf:
    """Serves the needs of one item in order of their day and plans what is missing."""

    def __init__(
        self, item: Key, level: int, rule: Rule, today: date, supplies: Iterable[Supply], first_number: int
    ) -> None:
        self.item = item
        self.level = level
        self.rule = rule
        self.today = today
        self.pegs: list[Peg] = []
        self._orders: list[_Order] = []
        self._first_number = first_number
        self._brought = [s for s in sorted(supplies, key=lambda s: s.day or date.min) if s.quantity > 0]
        self._stocks = [self._stock(supply) for supply in self._brought]
        self._next = 0  # index of the first stock with anything left
        self._left = sum((stock.left for stock in self._stocks), ZERO)

    def left(self) -> list[Supply]:
        """What was brought and nobody needed."""
        pairs = zip(self._brought, self._stocks, strict=False)  # behind them stand the planned ones
        return [supply._replace(quantity=stock.left) for supply, stock in pairs if stock.left > 0]

    def _stock(self, supply: Supply) -> _Stock:
        if supply.day is None:
            return _Stock(ON_HAND, supply.id, supply.quantity, None)
        return _Stock(ORDERED, supply.id, supply.quantity, max(supply.day, self.today))

    def serve(self, needs: Sequence[Need], last: date) -> None:
        """Serve ``needs`` (sorted by day) and look at the levels to keep on each day up to ``last``."""
        days = sorted({self.today, *(need.day for need in needs)})
        by_day: dict[date, list[Need]] = {}
        for need in needs:
            by_day.setdefault(need.day, []).append(need)
        for day in days:  # grows while it is walked: a day on which it stays too low is followed by the next
            planned = len(self._orders)
            for need in by_day.get(day, ()):
                self._serve(need)
            if day < self.today:
                continue
            self._look(day, ordered_today=len(self._orders) > planned)
            tomorrow = day + timedelta(days=1)
            if self._is_low() and tomorrow <= last and tomorrow not in days:
                insort(days, tomorrow)

    def _serve(self, need: Need) -> None:
        missing = need.quantity
        while missing > 0 and self._next < len(self._stocks):
            stock = self._stocks[self._next]
            taken = min(missing, stock.left)
            if taken > 0:
                self._peg(need, stock, taken)
                missing -= taken
            if stock.left <= 0:
                self._next += 1
        if missing > 0:
            order = self._order(need.day, need.place, missing)
            self._peg(need, order.stock, missing)

    def _peg(self, need: Need, stock: _Stock, quantity: Decimal) -> None:
        stock.left -= quantity
        self._left -= quantity
        late = max((stock.late_from - need.day).days, 0) if stock.late_from else 0
        peg = Peg(need, stock.kind, stock.id, quantity, late)
        self.pegs.append(peg)
        if stock.kind == PLANNED:
            self._orders[-1 if stock is self._orders[-1].stock else self._position(stock)].pegs.append(peg)

    def _position(self, stock: _Stock) -> int:
        return next(i for i, order in enumerate(self._orders) if order.stock is stock)

    def _order(self, day: date, place: Key | None, missing: Decimal) -> _Order:
        """The order that covers ``missing`` on ``day``: the open one of this group of days, or a new one."""
        order = self._orders[-1] if self._orders else None
        if order is None or day >= order.day + timedelta(days=max(self.rule.group_days, 1)):
            number = self._first_number + len(self._orders)
            can_be_there = max(day, self.today + timedelta(days=self.rule.lead_days))
            order = _Order(number, day, place, _Stock(PLANNED, number, ZERO, can_be_there))
            self._orders.append(order)
            self._stocks.append(order.stock)
        grown = self._lot(order.quantity + missing) - order.quantity
        order.quantity += grown
        order.short += missing
        order.stock.left += grown
        self._left += grown
        self._next = min(self._next, len(self._stocks) - 1)
        return order

    def _lot(self, quantity: Decimal) -> Decimal:
        quantity = max(quantity, self.rule.minimum)
        return round_up(quantity, self.rule.multiple) if self.rule.multiple > 0 else quantity

    def _is_low(self) -> bool:
        return self.rule.order_point is not None and self._left < self.rule.order_point

    def _look(self, day: date, *, ordered_today: bool) -> None:
        """Top up to what must be kept, then look at the order point."""
        if self._left < self.rule.keep:
            self._fill(KEEP, day, self.rule.keep - self._left)
        if self._is_low() and not (ordered_today and self.rule.target is None):
            self._fill(ORDER_POINT, day, self._refill())

    def _refill(self) -> Decimal:
        """Up to the target; without one a lot; without that, back to the order point."""
        rule = self.rule
        if rule.target is not None and rule.target > self._left:
            return rule.target - self._left
        lot = rule.minimum or rule.multiple
        return lot if lot > 0 else (rule.order_point or ZERO) - self._left

    def _fill(self, kind: str, day: date, quantity: Decimal) -> None:
        order = self._order(day, None, quantity)
        order.kept.append(Need(kind, self.item, self.item, quantity, day))

    def finished(self) -> list[PlannedOrder]:
        """The planned orders, in order of day."""
        return [self._finish(order) for order in self._orders]

    def _finish(self, order: _Order) -> PlannedOrder:
        pegs = list(order.pegs)
        free = order.stock.left  # what later needs took away from the stock to keep is pegged to them
        for need in order.kept:
            quantity = min(need.quantity, free)
            free -= quantity
            if quantity > 0:
                pegs.append(Peg(need, PLANNED, order.number, quantity))
        order_date = order.day - timedelta(days=self.rule.lead_days)
        return PlannedOrder(
            id=order.number,
            item=self.item,
            level=self.level,
            place=order.place,
            quantity=order.quantity,
            short=order.short,
            need_date=order.day,
            order_date=order_date,
            late_days=max((self.today - order_date).days, 0),
            pegs=tuple(pegs),
        )
