"""P9: a price that changes costs through three semi-finished levels, up to ten thousand dishes.

By hand it is one statement a table and level, each writing all that changes there; ours is the write door, with
everything that a change of a price is: rights, locks, the trail, and only what really differs carrying on. The wall
says what both take, for on a server the database does the work.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, text

from engine.compiler import load_text
from runtime import computed, records
from runtime.apps import RunningApp
from runtime.bulk import load_rows
from runtime.context import SYSTEM, FixedClock, RunContext
from runtime.database import Database, open_database
from runtime.tables import build_tables
from tests.bench.measure import Figure, statements
from tests.bench.places import NOON, Place

GOAL = "P9"
"""What the figures belong to."""
LEVELS = (10, 100, 1_000)
DISHES = 10_000
BOUGHT = 60
LINES = 4
ACTIVE = NOON.date()
DEFINITION = """
app: kitchen
title: 厨房 | Kitchen
currency: CNY
entities:
  item:
    kind: master
    label: 原料 | Item
    fields:
      last_price: {type: decimal, label: 进价 | Price}
      unit_cost:
        type: decimal
        label: 成本 | Cost
        formula: coalesce(first(recipes.unit_cost, where=status == active, order=-valid_from), last_price)
        along: recipe
  dish:
    kind: master
    label: 菜品 | Dish
    fields:
      price: {type: decimal, label: 售价 | Price}
      target: {type: percent, label: 目标 | Target}
      cost:
        type: decimal
        label: 成本 | Cost
        formula: first(recipes.unit_cost, where=status == active, order=-valid_from)
      margin: {type: percent, label: 毛利率 | Margin, formula: (price - cost) / price}
      gap: {type: percent, label: 差 | Gap, formula: margin - target}
      thin: {type: yes_no, label: 偏低 | Thin, formula: margin < target}
  recipe:
    kind: master
    label: 成本卡 | Recipe
    fields:
      product: {type: reference, to: [item, dish], reverse: recipes, label: 成品 | Makes}
      yields: {type: decimal, label: 产出 | Yields}
      status: {type: choice, label: 状态 | State, options: {draft: 草稿 | Draft, active: 启用 | Active}}
      valid_from: {type: date, label: 生效 | From}
      lines:
        type: lines
        label: 用料 | Ingredients
        fields:
          item: {type: reference, to: item, label: 原料 | Item}
          qty: {type: decimal, label: 用量 | Quantity}
          price: {type: decimal, label: 单价 | Price, formula: item.unit_cost}
          cost: {type: decimal, label: 成本 | Cost, formula: qty * item.unit_cost}
      cost: {type: decimal, label: 总成本 | Cost, formula: sum(lines.cost)}
      unit_cost: {type: decimal, label: 单位成本 | Unit cost, formula: sum(lines.cost) / yields}
structures:
  recipe:
    label: 配方 | Recipe
    of: recipe
    makes: product
    lines: lines
    uses: item
    need: qty / parent.yields
    version: {where: status == active, from: valid_from}
"""


def run(place: Place) -> Iterator[Figure]:
    """In a database of its own."""
    database = _fresh(place)
    try:
        kitchen = Kitchen(database, DISHES if not place.size.quick else 200)
        mine, theirs = kitchen.measured(3 if place.size.quick else 7)
        yield Figure(
            goal=GOAL, name=f"a price that reaches {kitchen.dishes} dishes through {len(LEVELS)} levels",
            database=place.dialect, unit="ms wall", ours=mine, hand=theirs, limit=1.5,
            note=f"{kitchen.sent} statements",
        )  # fmt: skip
    finally:
        database.drop_schema()
        database.close()


def _fresh(place: Place) -> Database:
    if place.dialect == "postgresql":
        made = open_database(place.home.url, f"cascade_{uuid.uuid4().hex[:8]}")
        made.create_schema()
        return made
    path = place.home.folder / "cascade.db"
    for old in path.parent.glob("cascade.db*"):
        old.unlink()
    return open_database(f"sqlite:///{path}")


class Kitchen:
    """Items bought, semi-finished ones in levels, dishes; every recipe uses one thing of the level below."""

    def __init__(self, database: Database, dishes: int) -> None:
        model = load_text(DEFINITION)
        self.app = RunningApp(name="kitchen", model=model, tables=build_tables(model), database=database)
        self.dishes = dishes
        self.levels = [count for count in LEVELS if count < dishes]
        self.sent = 0
        with database.write() as connection:
            self.app.tables.metadata.create_all(connection)
            ctx = self._context(connection)
            self._fill(ctx)
            computed.recompute_all(ctx)
        with database.write() as connection:
            connection.execute(text("ANALYZE"))

    def _context(self, connection: Connection) -> RunContext:
        return RunContext(app=self.app, connection=connection, user=SYSTEM, clock=FixedClock(NOON), source="api")

    # --- what is there -------------------------------------------------------------------------------------------

    def _fill(self, ctx: RunContext) -> None:
        made = sum(self.levels)
        items = [{"code": f"I{n}", "name": f"原料{n}", "last_price": "3.5"} for n in range(1, BOUGHT + made + 1)]
        records.create_many(ctx, "item", items)
        self._load(ctx, "dish", (
            {"id": n, "code": f"D{n}", "name": f"菜{n}", "price": Decimal(50 + n % 9), "target": Decimal("0.6")}
            for n in range(1, self.dishes + 1)
        ))  # fmt: skip
        self._load(ctx, "recipe", self._recipes())
        self._load(ctx, "recipe.lines", self._lines())

    def _load(self, ctx: RunContext, name: str, rows: Iterator[dict[str, Any]]) -> None:
        table = ctx.app.tables.entity[name]
        names = [c.name for c in table.c]
        shared = {"version": 1, "created_at": NOON, "changed_at": NOON, "active": True, "search_key": ""}
        load_rows(ctx.connection, table, ([{**shared, **row}.get(n) for n in names] for row in rows))

    def _makes(self) -> Iterator[tuple[str, int, int]]:
        """What is made, in order of its recipe: entity, id, and the item of the level below that it takes."""
        below, first = [1], BOUGHT + 1
        for count in self.levels:
            here = range(first, first + count)
            yield from (("item", own, below[n % len(below)]) for n, own in enumerate(here))
            below, first = list(here), first + count
        yield from (("dish", n, below[n % len(below)]) for n in range(1, self.dishes + 1))

    def _recipes(self) -> Iterator[dict[str, Any]]:
        for number, (entity, own, _) in enumerate(self._makes(), 1):
            yield {"id": number, "code": f"R{number}", "product": own, "product__type": entity, "yields": Decimal(2),
                   "status": "active", "valid_from": ACTIVE}  # fmt: skip

    def _lines(self) -> Iterator[dict[str, Any]]:
        for number, (_, _, below) in enumerate(self._makes(), 1):
            for place in range(1, LINES + 1):
                item = below if place == 1 else 2 + (number * place) % (BOUGHT - 1)
                yield {
                    "id": (number - 1) * LINES + place,
                    "parent": number,
                    "position": place,
                    "item": item,
                    "qty": Decimal(1),
                }

    # --- by turns ------------------------------------------------------------------------------------------------

    def measured(self, rounds: int) -> tuple[float, float]:
        """Medians of ours and of the hand-written; both start from the same price and reach the same figures."""
        hand = ByHand(self.app, len(self.levels) + 1)
        mine, theirs = [], []
        for price in (Decimal(n) for n in range(4, 4 + rounds + 1)):
            mine.append(_seconds(partial(self._ours, price)))
            found = self._figures()
            self._by_hand(hand, Decimal("3.5"))
            theirs.append(_seconds(partial(self._by_hand, hand, price)))
            if self._figures() != found:
                raise AssertionError("the statements written by hand come to other figures")
        return statistics.median(mine[1:]) * 1e3, statistics.median(theirs[1:]) * 1e3

    def _ours(self, price: Decimal) -> None:
        with self.app.database.write() as connection, statements(self.app.database.engine) as sent:
            records.update(self._context(connection), "item", 1, {"last_price": price})
        self.sent = len(sent)

    def _by_hand(self, hand: ByHand, price: Decimal) -> None:
        with self.app.database.write() as connection:
            hand.change(connection, int(price * 10**6))

    def _figures(self) -> list[Any]:
        """What all costs come to."""
        words = (
            "SELECT sum(price), sum(cost) FROM recipe__lines",
            "SELECT sum(cost), sum(unit_cost) FROM recipe",
            "SELECT sum(unit_cost), sum(id) FROM item",
            "SELECT sum(cost), sum(margin), sum(gap), sum(CASE WHEN thin THEN 1 ELSE 0 END) FROM dish",
        )
        with self.app.database.read() as connection:
            return [tuple(map(int, row)) for one in words for row in connection.execute(text(one))]


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class ByHand:
    """The statements somebody would write who knows these tables: one a table and level."""

    def __init__(self, app: RunningApp, levels: int) -> None:
        self.levels = levels
        self.ids = ID_SETS[app.database.dialect]

    def change(self, connection: Connection, price: int) -> None:
        """A new price of the first item and all that follows."""
        run = connection.execute
        given: Any = {"price": price, "now": NOON}
        run(text("UPDATE item SET last_price = :price, unit_cost = :price, version = version + 1 WHERE id = 1"), given)
        changed = [1]
        for _ in range(self.levels):
            sent = {"ids": self.ids.pack(changed)}
            lines = run(text(LINES_BY_HAND.format(ids=self.ids.words)), sent)
            parents = {"ids": self.ids.pack(sorted({row[0] for row in lines}))}
            run(text(RECIPES_BY_HAND.format(ids=self.ids.words)), parents)
            items = run(text(ITEMS_BY_HAND.format(ids=self.ids.words)), parents)
            changed = [row[0] for row in items]
        run(text(DISHES_BY_HAND.format(ids=self.ids.words)), parents)


class IdSet(NamedTuple):
    """Many ids as one parameter."""

    words: str
    pack: Callable[[list[int]], Any]


ID_SETS: Mapping[str, IdSet] = {
    "sqlite": IdSet("(SELECT value FROM json_each(:ids))", lambda ids: orjson.dumps(ids).decode()),
    "postgresql": IdSet("(SELECT unnest(CAST(:ids AS bigint[])))", lambda ids: ids),
}
LINES_BY_HAND = """
UPDATE recipe__lines SET price = i.unit_cost, cost = (recipe__lines.qty * i.unit_cost + 500000) / 1000000
FROM item AS i WHERE i.id = recipe__lines.item AND recipe__lines.item IN {ids} RETURNING parent
"""
RECIPES_BY_HAND = """
UPDATE recipe SET cost = s.total, unit_cost = (s.total * 1000000 + recipe.yields / 2) / recipe.yields
FROM (SELECT parent, CAST(sum(cost) AS bigint) AS total FROM recipe__lines WHERE parent IN {ids} GROUP BY parent) AS s
WHERE recipe.id = s.parent
"""
ITEMS_BY_HAND = """
UPDATE item SET unit_cost = r.unit_cost FROM (
  SELECT product, unit_cost, row_number() OVER (PARTITION BY product ORDER BY valid_from DESC, id) AS place
  FROM recipe WHERE product__type = 'item' AND status = 'active' AND deleted_at IS NULL AND product IN (
    SELECT product FROM recipe WHERE product__type = 'item' AND id IN {ids})
) AS r
WHERE r.product = item.id AND r.place = 1 RETURNING item.id
"""
DISHES_BY_HAND = """
UPDATE dish SET cost = f.cost, margin = f.margin, gap = f.margin - target, thin = f.margin < target
FROM (
  SELECT d.id, r.unit_cost AS cost,
         ((d.price - r.unit_cost) * 10000000 / d.price + 5) / 10 AS margin
  FROM (
    SELECT product, unit_cost, row_number() OVER (PARTITION BY product ORDER BY valid_from DESC, id) AS place
    FROM recipe WHERE product__type = 'dish' AND status = 'active' AND deleted_at IS NULL AND product IN (
      SELECT product FROM recipe WHERE product__type = 'dish' AND id IN {ids})
  ) AS r JOIN dish AS d ON d.id = r.product AND r.place = 1
) AS f
WHERE dish.id = f.id
"""
