"""When to order again: from what left day by day, how long supply takes, and how sure one wants to be.

Safety stock = z × deviation × √(lead time), reorder point = mean × lead time + safety stock; mean and deviation are of
what left in a day, z belongs to the service level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from statistics import NormalDist, fmean, stdev
from typing import Any

from engine.model import Text
from runtime.plugins.declare import Access, Act, Argument, Event, Plugin
from runtime.plugins.hooks import hookimpl
from runtime.plugins.work import Work

NUMBERS = ("integer", "decimal", "quantity")
"""Types of fields that hold days and quantities."""
PLUGIN = Plugin(
    id="replenishment_advice",
    label=Text("智能补货建议", "Replenishment advice"),
    help=Text(
        "按每天的出库量、提前期和服务水平，算出每个物料的安全库存和补货点，写回物料或生成建议，并说明理由",
        "From what left each day, lead times and the service level: safety stock and reorder point of each item, "
        "written to the item or made a suggestion, with the reason",
    ),
    settings={
        "type": "object",
        "required": ["ledger", "resource", "dimension", "kinds", "items", "lead_time"],
        "properties": {
            "service_level": {
                "type": "number", "format": "percent", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1, "default": 0.95,
                "title": "服务水平 | Service level",
                "description": "补货期间不断货的把握，如 95 % | how sure not to run out while waiting, as 95 %",
            },
            "days": {
                "type": "integer", "minimum": 7, "maximum": 1100, "default": 90,
                "title": "统计天数 | Days looked at", "description": "不含今天 | without today",
            },
            "ledger": {"type": "string", "format": "ledger", "title": "台账 | Ledger"},
            "resource": {"type": "string", "format": "resource", "of": "ledger", "title": "数量 | Quantity"},
            "dimension": {
                "type": "string", "format": "dimension", "of": "ledger", "title": "物料维度 | Item dimension",
            },
            "kinds": {
                "type": "array", "items": {"type": "string", "format": "kind", "of": "ledger"},
                "title": "算作消耗的种类 | Kinds that use stock",
            },
            "items": {"type": "string", "format": "entity", "title": "物料表 | Items"},
            "where": {
                "type": "string", "maxLength": 1000, "title": "哪些物料 | Which items",
                "description": "条件，空为全部 | a condition; empty means all",
            },
            "lead_time": {
                "type": "string", "format": "field", "of": "items", "kinds": NUMBERS,
                "title": "提前期(天)字段 | Field of the lead time",
            },
            "safety": {
                "type": "string", "format": "field", "of": "items", "kinds": NUMBERS, "writable": True,
                "title": "安全库存写到 | Safety stock goes to", "description": "空为不写 | empty: nowhere",
            },
            "point": {
                "type": "string", "format": "field", "of": "items", "kinds": NUMBERS, "writable": True,
                "title": "补货点写到 | Reorder point goes to", "description": "空为不写 | empty: nowhere",
            },
            "suggestions": {
                "type": "string", "format": "entity", "title": "建议表 | Suggestions",
                "description": "填了就为每个变化的物料新建一条 | a record for each item that changes",
            },
            "suggestion_item": {
                "type": "string", "format": "field", "of": "suggestions", "kinds": ("reference",), "to": "items",
                "writable": True, "title": "建议的物料字段 | Its item",
            },
            "suggestion_point": {
                "type": "string", "format": "field", "of": "suggestions", "kinds": NUMBERS, "writable": True,
                "title": "建议的补货点字段 | Its reorder point",
            },
            "suggestion_reason": {
                "type": "string", "format": "field", "of": "suggestions", "kinds": ("text", "long_text"),
                "writable": True, "title": "建议的理由字段 | Its reason",
            },
            "decimals": {"type": "integer", "minimum": 0, "maximum": 6, "default": 1, "title": "小数位 | Decimals"},
        },
    },
    access=Access(
        reads=("{items}", "ledger.{ledger}"),
        writes={"{items}": ("{safety}", "{point}")},
        makes={"{suggestions}": ("{suggestion_item}", "{suggestion_point}", "{suggestion_reason}")},
    ),
    acts=(
        Act(
            id="advise",
            label=Text("计算补货点", "Work out reorder points"),
            help=Text("全部物料，或者只算一个", "All items, or one of them"),
            arguments={"item": Argument(kind="record", of="{items}", label=Text("只算这个物料", "Only this item"))},
        ),
    ),
    events=(
        Event(
            id="changed",
            label=Text("补货点有变化", "The reorder point has changed"),
            of="{items}",
            gives={
                "safety": Argument(kind="number", label=Text("安全库存", "Safety stock")),
                "point": Argument(kind="number", label=Text("补货点", "Reorder point")),
                "point_before": Argument(kind="number", label=Text("原补货点", "Reorder point before")),
                "mean": Argument(kind="number", label=Text("日均消耗", "Used a day")),
                "deviation": Argument(kind="number", label=Text("日消耗标准差", "Deviation of a day")),
            },
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is advised for one item. ``z``: how many deviations the service level asks for."""

    mean: float
    deviation: float
    lead: float
    z: float
    decimals: int

    @property
    def safety(self) -> Decimal:
        """Kept for what varies."""
        return _rounded(self.z * self.deviation * math.sqrt(self.lead), self.decimals)

    @property
    def point(self) -> Decimal:
        """Once so much is left, one orders."""
        return _rounded(self.mean * self.lead + self.z * self.deviation * math.sqrt(self.lead), self.decimals)

    def reason(self, title: str, days: int, level: float) -> Text:
        """The calculation in words."""
        mean, deviation, lead = _short(self.mean), _short(self.deviation), _short(self.lead)
        z, sure = f"{self.z:.3f}", _short(level * 100)
        safety, point = f"{self.safety.normalize():f}", f"{self.point.normalize():f}"
        sums = f"{z} × {deviation} × √{lead} = {safety}", f"{mean} × {lead} + {safety} = {point}"
        zh = f"{title}：{days} 天日均 {mean}，标准差 {deviation}，提前期 {lead} 天，服务水平 {sure} %"
        en = f"{title}: daily mean {mean} and deviation {deviation} over {days} days, lead time {lead} days, {sure} %"
        return Text(f"{zh}；安全库存 {sums[0]}，补货点 {sums[1]}", f"{en}; safety {sums[0]}, reorder point {sums[1]}")


def _rounded(value: float, decimals: int) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def _short(value: float) -> str:
    return f"{_rounded(value, 2).normalize():f}"


@hookimpl
def dougong_plugin() -> Plugin:
    """What it is."""
    return PLUGIN


@hookimpl
def dougong_run(act: str, given: Mapping[str, Any], at: Work) -> None:
    """Work it out for all items that were used, and write what has changed."""
    wanted = at.settings
    days, fields = wanted["days"], [wanted["lead_time"], *filter(None, (wanted.get("safety"), wanted.get("point")))]
    until = at.today() - timedelta(days=1)
    since = until - timedelta(days=days - 1)
    where = " and ".join(f"({each})" for each in (wanted.get("where"), _only(given)) if each)
    items = at.find(wanted["items"], where, fields)
    used = at.daily(
        wanted["ledger"], wanted["resource"], wanted["dimension"], kinds=wanted["kinds"], since=since, until=until
    )
    titles = at.titles(wanted["items"], [item["id"] for item in items if item["id"] in used])
    changed = unused = untimed = 0
    for number, item in enumerate(items, 1):
        at.progress(number, len(items))
        lead = item[wanted["lead_time"]]
        left = _left(used.get(item["id"], {}), since, days)
        if not any(left):
            unused += 1
        elif not lead or lead < 0:
            untimed += 1
        else:
            z = NormalDist().inv_cdf(wanted["service_level"])
            advice = Advice(mean=fmean(left), deviation=stdev(left), lead=float(lead), z=z, decimals=wanted["decimals"])
            changed += _note(at, item, titles[item["id"]], advice)
    at.say(
        f"看了 {len(items)} 个：{changed} 个有变化，{unused} 个在这 {days} 天没有消耗，{untimed} 个没有提前期",
        f"{len(items)} looked at: {changed} changed, {unused} not used in {days} days, {untimed} without a lead time",
    )


def _only(given: Mapping[str, Any]) -> str:
    return f"id == {given['item']}" if given.get("item") else ""


def _left(moved: Mapping[date, Decimal], since: date, days: int) -> list[float]:
    """What left on each day; a day on which more came back than left counts as nothing."""
    amounts = (moved.get(since + timedelta(days=n), Decimal(0)) for n in range(days))
    return [max(0.0, -float(amount)) for amount in amounts]


def _note(at: Work, item: Mapping[str, Any], title: str, advice: Advice) -> bool:
    """Note what differs from what the item says; whether anything does."""
    wanted = at.settings
    targets = ((wanted.get("safety"), advice.safety), (wanted.get("point"), advice.point))
    changes = {name: value for name, value in targets if name and item[name] != value}
    suggested = wanted.get("suggestions")
    if not changes and (not suggested or wanted.get("safety") or wanted.get("point")):
        return False
    reason = advice.reason(title, wanted["days"], wanted["service_level"])
    at.say(reason.zh, reason.en)
    if changes:
        at.change(wanted["items"], item["id"], changes)
    if suggested:
        filled = ("suggestion_item", item["id"]), ("suggestion_point", advice.point), ("suggestion_reason", reason.zh)
        at.create(suggested, {wanted[key]: value for key, value in filled if wanted.get(key)})
    before = item.get(wanted.get("point") or "")
    values = {"safety": advice.safety, "point": advice.point, "mean": advice.mean, "deviation": advice.deviation}
    at.raise_event("changed", item["id"], {**values, "point_before": before})
    return True
