"""A plan as people act on it: what runs short when, what it hurts, what to do by which day, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import url_for

from engine.model import Plan
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.planning import LateSupply, Pegged, PlanRun, Suggestion
from runtime.planning_tree import CostRow, Tree
from web.display import age, day, number, price
from web.ledger_view import base_units
from web.texts import translator

Part = dict[str, Any]


def mark(one: Suggestion) -> str:
    """A suggestion as a form names it: its number and what it said, so that a changed plan is noticed."""
    return f"{one.number}:{one.item}:{one.need_date.isoformat()}:{one.quantity.normalize():f}"


class PlanTable:
    """The rows of one netting."""

    def __init__(self, ctx: RunContext, plan: Plan, run: PlanRun) -> None:
        self.ctx = ctx
        self.plan = plan
        self.run = run
        items = {s.item for s in run.suggestions} | {x.item for x in run.late}
        self.units = base_units(ctx, plan.entity, items)
        self.by_number: Mapping[int, Suggestion] = {s.number: s for s in run.suggestions}
        self.may_open = rights(ctx, plan.entity).may("read")

    def suggestions(self, chosen: Sequence[Suggestion]) -> list[Part]:
        """Suggestions in the order they bite."""
        order = sorted(chosen, key=lambda s: (s.need_date, s.level, s.title))
        return [self._suggestion(s) for s in order]

    def _suggestion(self, one: Suggestion) -> Part:
        ctx, today = self.ctx, self.run.today
        words, tone = age(one.need_date, today, ctx.language, due=True)
        drawn = ctx.app.model.entities.get(one.draws)
        pegs = self._pegs(one.pegs)
        return {
            "mark": mark(one),
            "title": one.title,
            "url": self._item_url(one.item),
            "structure_url": self._structure_url(one.item),
            "unit": self.units.get(one.item, ""),
            "short": number(one.short),
            "need": day(one.need_date, today, ctx.language),
            "need_age": words,
            "need_tone": tone or ("amber" if (one.need_date - today).days <= 7 else ""),
            "pegs": pegs,
            "first": pegs[0] if pegs else None,
            "more": len(pegs) - 1,
            "quantity": number(one.quantity),
            "becomes": drawn.label.get(ctx.language) if drawn else "",
            "order_by": day(one.order_date, today, ctx.language),
            "late": one.late_days,
            "level": one.level,
            "why": self.why(one),
            "chain": self._chain(one),
        }

    def _pegs(self, pegs: Sequence[Pegged]) -> list[Part]:
        """What is served, each document once."""
        found: dict[tuple[str, str, int, Any], Part] = {}
        sums: dict[tuple[str, str, int, Any], Any] = {}
        for peg in sorted(pegs, key=lambda p: (p.day, p.title)):
            key = (peg.kind, peg.entity, peg.id, peg.day)
            sums[key] = sums.get(key, 0) + peg.quantity
            found[key] = self.peg(peg) | {"quantity": number(sums[key])}
        return list(found.values())

    def peg(self, peg: Pegged) -> Part:
        """Something that is needed or comes."""
        t = translator(self.ctx.language)
        words = {
            "keep": t("安全库存", "safety stock"),
            "order_point": t("再订货点", "order point"),
            "extra": t("假设的需求", "what if"),
        }
        entity = self.ctx.app.model.entities.get(peg.entity)
        may = entity is not None and rights(self.ctx, peg.entity).may("read")
        label = entity.label.get(self.ctx.language) if entity else ""
        return {
            "text": (peg.title or label) if entity else words.get(peg.kind, peg.title),
            "label": label,
            "url": url_for("pages.record", entity=peg.entity, id=peg.id) if may and peg.id else "",
            "day": day(peg.day, self.run.today, self.ctx.language),
            "quantity": number(peg.quantity),
        }

    def _chain(self, one: Suggestion) -> list[Part]:
        """The planned orders it goes into, up to what is sold."""
        found: list[Part] = []
        seen, waiting = {one.number}, [(n, 1) for n in one.above]
        while waiting and len(found) < 40:
            found_number, depth = waiting.pop(0)
            above = self.by_number.get(found_number)
            if above is None or found_number in seen:
                continue
            seen.add(found_number)
            found.append(
                {
                    "title": above.title,
                    "quantity": number(above.quantity),
                    "depth": min(depth, 4),
                    "url": self._item_url(above.item),
                    "unit": self.units.get(above.item, ""),
                }
            )
            waiting = [*((n, depth + 1) for n in above.above), *waiting]
        return found

    def why(self, one: Suggestion) -> list[str]:
        """The reasons of a suggestion, sentence by sentence."""
        t, language, today = translator(self.ctx.language), self.ctx.language, self.run.today
        unit = self.units.get(one.item, "")
        need, order = day(one.need_date, today, language), day(one.order_date, today, language)
        said = [
            t(
                f"{need} 前的库存和在途盖不住，缺 {number(one.short)} {unit}",
                f"What is there and on its way by {need} leaves {number(one.short)} {unit} short",
            )
        ]
        if one.quantity != one.short:
            said.append(
                t(
                    f"按最小批量和倍数凑成 {number(one.quantity)} {unit}",
                    f"Minimum lot and multiple make it {number(one.quantity)} {unit}",
                )
            )
        lead = (one.need_date - one.order_date).days
        if lead:
            said.append(
                t(
                    f"提前期 {lead} 天，最迟 {order} 下单",
                    f"Lead time {lead} day{'s' if lead > 1 else ''}: order by {order}",
                )
            )
        if one.late_days:
            said.append(
                t(f"已经晚了 {one.late_days} 天", f"That was {one.late_days} day{'s' if one.late_days > 1 else ''} ago")
            )
        if one.number in self.run.unmade:
            said.append(
                t("那天没有有效的结构，没法往下展开", "No valid structure on that day: nothing below it is planned")
            )
        if not one.draws:
            said.append(t("没有合适的单据可生成", "No document fits it"))
        return said

    def late(self) -> list[Part]:
        """Supply that comes after it is needed."""
        found = []
        for row in sorted(self.run.late, key=lambda x: (-x.days, x.title)):
            found.append(self._late(row))
        return found

    def _late(self, row: LateSupply) -> Part:
        return {
            "title": row.title,
            "url": self._item_url(row.item),
            "quantity": number(row.quantity),
            "unit": self.units.get(row.item, ""),
            "days": row.days,
            "need": self.peg(row.need),
            "supply": self.peg(row.supply),
        }

    def _item_url(self, item: int) -> str:
        return url_for("pages.record", entity=self.plan.entity, id=item) if self.may_open and item else ""

    def _structure_url(self, item: int) -> str:
        return (
            url_for("pages.structure", structure=self.plan.structure, item=item) if self.plan.structure and item else ""
        )


# --- structures ------------------------------------------------------------------------------------------------


def tree_rows(ctx: RunContext, stocked: str, structure: str, tree: Tree) -> list[Part]:
    """An explosion or where-used, row by row."""
    units = base_units(ctx, stocked, (row.item for row in tree.rows))
    t = translator(ctx.language)
    found = []
    for row in tree.rows:
        notes = []
        if row.through:
            notes.append(t("虚拟件，直接展开", "passed through"))
        if row.expired:
            notes.append(t("没有当天有效的版本", "no version valid that day"))
        if row.instead:
            notes.append(t("可替代：", "instead: ") + t("、", ", ").join(title for _, title in row.instead))
        found.append(
            {
                "depth": min(row.level, 6),
                "level": row.level,
                "title": row.title,
                "url": url_for("pages.structure", structure=structure, item=row.item) if row.item else "",
                "quantity": number(row.quantity),
                "unit": units.get(row.item, ""),
                "made": row.made,
                "notes": notes,
                "tone": "amber" if row.expired else "",
            }
        )
    return found


def basis_words(ctx: RunContext, basis: str) -> str:
    """Where a unit cost comes from."""
    words = {
        "structure": ("按结构卷算", "rolled up"),
        "standard": ("标准成本", "standard cost"),
        "average": ("库存平均", "average in stock"),
        "last": ("最近进价", "last price"),
        "missing": ("没有价格", "no price"),
    }
    return translator(ctx.language)(*words[basis]) if basis in words else basis


def cost_rows(ctx: RunContext, stocked: str, structure: str, rows: Sequence[CostRow]) -> list[Part]:
    """The cost of an item and of all that is in it."""
    scale = ctx.app.model.currency_scale
    units = base_units(ctx, stocked, [row.item for row in rows] + [p.item for row in rows for p in row.parts])
    basis = {row.item: row.basis for row in rows}

    def money(value: Decimal | None) -> str:
        return price(round(value, 4), scale) if value is not None else "–"

    return [
        {
            "level": row.level,
            "depth": min(row.level, 6),
            "title": row.title,
            "url": url_for("pages.structure", structure=structure, item=row.item, show="cost") if row.item else "",
            "unit_cost": money(row.unit_cost),
            "unit": units.get(row.item, ""),
            "basis": basis_words(ctx, row.basis),
            "missing": row.basis == "missing" or bool(row.missing),
            "notes": list(row.missing),
            "parts": [
                {
                    "title": p.title,
                    "quantity": number(round(p.quantity, 6)),
                    "unit": units.get(p.item, ""),
                    "unit_cost": money(p.unit_cost),
                    "amount": money(p.amount),
                    "basis": basis_words(ctx, basis.get(p.item, "")),
                    "missing": p.amount is None,
                }
                for p in row.parts
            ],
        }
        for row in rows
    ]
