"""Plans: what runs short and what to do about it, by hand or at one press; structures taken apart."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Plan
from engine.planning.supply import Demand
from runtime import planning
from runtime.context import RunContext
from runtime.errors import Conflict, Fault, Forbidden, Invalid, UserError
from runtime.finding import find_one
from runtime.messages import fault
from runtime.permissions import rights
from runtime.planning import PlanRun, Suggestion
from runtime.planning_structure import ends_of
from runtime.planning_tree import structure_id
from runtime.record_reading import titles
from web.access import reading, writing
from web.display import number, price
from web.plan_view import PlanTable, cost_rows, mark, tree_rows
from web.render import render, tell
from web.texts import translator
from web.whole import is_whole

Part = dict[str, Any]
MOST_ROWS = 500


def plan(plan: str) -> AnyResponse:
    """Shortages and suggestions of a plan."""
    with reading() as ctx:
        found = planning.plan_of(ctx, plan)
        extra, problems = _what_if(ctx, found)
        run = planning.net(ctx, found.id, extra)
        table = PlanTable(ctx, found, run)
        chosen = _chosen(ctx, run)
        kind = request.args.get("show", "")
        rows = [] if kind == "late" else table.suggestions(chosen[:MOST_ROWS])
        t = translator(ctx.language)
        return render(
            ctx,
            "pages/plan.html",
            title=found.label.get(ctx.language),
            plan=found.id,
            tabs=_tabs(ctx, found, run, kind),
            kind=kind,
            q=request.args.get("q", ""),
            rows=rows,
            late=table.late() if kind in ("", "late") else [],
            counted=t(f"{number(len(chosen))} 条建议", f"{number(len(chosen))} suggestions"),
            cut=len(chosen) > MOST_ROWS,
            facts=_facts(ctx, run),
            may_run=rights(ctx, f"plan.{found.id}").may("run") and not extra,
            what_if=_what_if_view(ctx, found, problems),
            extra=bool(extra),
            problems=[p.message for p in problems],
        )


def _chosen(ctx: RunContext, run: PlanRun) -> list[Suggestion]:
    kind, words = request.args.get("show", ""), request.args.get("q", "").casefold().split()
    mine = [s for s in run.suggestions if not kind or s.suggest == kind or (kind == "none" and not s.suggest)]
    return sorted(
        (s for s in mine if all(w in s.title.casefold() for w in words)), key=lambda s: (s.need_date, s.level)
    )


def _tabs(ctx: RunContext, found: Plan, run: PlanRun, kind: str) -> list[Part]:
    t = translator(ctx.language)
    base = url_for("pages.plan", plan=found.id)
    tabs: list[Part] = [{"label": t("全部", "All"), "url": base, "count": len(run.suggestions), "current": not kind}]
    for suggest in found.suggest.values():
        count = sum(1 for s in run.suggestions if s.suggest == suggest.id)
        label = suggest.label.get(ctx.language)
        tabs.append({"label": label, "url": f"{base}?show={suggest.id}", "count": count, "current": kind == suggest.id})
    tabs.append(
        {
            "label": t("来得太晚", "Coming late"),
            "url": f"{base}?show=late",
            "count": len(run.late),
            "hot": bool(run.late),
            "current": kind == "late",
        }
    )
    return tabs


def _facts(ctx: RunContext, run: PlanRun) -> list[Part]:
    t = translator(ctx.language)
    late = [s for s in run.suggestions if s.late_days]
    orders = {(p.entity, p.id) for s in run.suggestions for p in s.pegs if p.id}
    soon = [s for s in run.suggestions if 0 <= (s.need_date - run.today).days <= 7]
    return [
        {"label": t("要下的单", "To order"), "text": number(len(run.suggestions))},
        {"label": t("已过最迟下单日", "Past the order date"), "text": number(len(late)), "tone": "red" if late else ""},
        {"label": t("7 天内要用", "Needed within 7 days"), "text": number(len(soon)), "tone": "amber" if soon else ""},
        {"label": t("影响的单据", "Documents hurt"), "text": number(len(orders))},
        {
            "label": t("在途来得太晚", "Supplies late"),
            "text": number(len(run.late)),
            "tone": "amber" if run.late else "",
        },
    ]


# --- what if ---------------------------------------------------------------------------------------------------


def _what_if(ctx: RunContext, found: Plan) -> tuple[list[Demand], list[Fault]]:
    """One more demand from the address; nothing is kept of it."""
    item, qty, day = (request.args.get(n, "").strip() for n in ("item", "qty", "day"))
    if not item and not qty:
        return [], []
    try:
        quantity = Decimal(qty.replace(",", ""))
        when = date.fromisoformat(day) if day else ctx.today()
    except (InvalidOperation, ValueError):
        return [], [fault(ctx, "bad_number", "qty", name=translator(ctx.language)("数量", "quantity"), given=qty[:40])]
    if not quantity.is_finite() or not 0 < quantity < 10**12:
        return [], [fault(ctx, "bad_number", "qty", name=translator(ctx.language)("数量", "quantity"), given=qty[:40])]
    try:
        number_ = find_one(ctx, found.entity, int(item) if is_whole(item) else item, "item")
    except Invalid as error:
        return [], list(error.faults)
    return [Demand(id=("extra", 0), item=number_, quantity=quantity, day=when, place=None)], []


def _what_if_view(ctx: RunContext, found: Plan, problems: list[Fault]) -> Part:
    item = request.args.get("item", "")
    text = ""
    if is_whole(item):
        row = titles(ctx, [(found.entity, int(item))]).get((found.entity, int(item)), {})
        text = " ".join(str(row[n]) for n in ("code", "name") if row.get(n))
    return {
        "picker": url_for("pages.pick", entity=found.entity),
        "label": ctx.app.model.entities[found.entity].label.get(ctx.language),
        "item": item,
        "text": text,
        "qty": request.args.get("qty", ""),
        "day": request.args.get("day", ""),
        "open": bool(item or problems),
    }


# --- making documents ------------------------------------------------------------------------------------------


def commit_plan(plan: str) -> AnyResponse:
    """Make the documents of the chosen suggestions."""
    marks = request.form.getlist("suggestion") or request.form.getlist("id")
    back = url_for("pages.plan", plan=plan)
    if not marks:
        return redirect(back, code=303)
    try:
        with writing("plan") as ctx:
            found = planning.plan_of(ctx, plan)
            run = planning.net(ctx, found.id)
            made = planning.commit(ctx, found.id, _still_there(ctx, run, marks))
            _told(ctx, made)
    except Forbidden:
        raise
    except UserError as error:
        for one in error.faults[:3]:
            tell("failed", one.message)
        return redirect(back, code=303)
    if len(made) == 1:
        return redirect(url_for("pages.record", entity=made[0][0], id=made[0][1]), code=303)
    return redirect(back, code=303)


def _still_there(ctx: RunContext, run: PlanRun, marks: list[str]) -> list[Suggestion]:
    """The suggestions as they were seen; a plan that says something else now is not carried out."""
    by_mark = {mark(s): s for s in run.suggestions} | {str(s.number): s for s in run.suggestions}
    gone = [m for m in marks if m not in by_mark]
    if gone:
        t = translator(ctx.language)
        words = t("计划变了，请按新的建议再选一次", "The plan has changed; choose again from the new suggestions")
        raise Conflict(Fault(code="plan_changed", message=words))
    return [by_mark[m] for m in dict.fromkeys(marks)]


def _told(ctx: RunContext, made: list[tuple[str, int]]) -> None:
    names = titles(ctx, made)
    t = translator(ctx.language)
    for entity, record in made[:5]:
        label = ctx.app.model.entities[entity].label.get(ctx.language)
        code = names.get((entity, record), {}).get("code") or f"#{record}"
        tell(
            "done",
            t(f"已生成{label} {code}", f"{label} {code} made"),
            url_for("pages.record", entity=entity, id=record),
            t("打开", "Open"),
        )
    if len(made) > 5:
        tell("done", t(f"一共 {len(made)} 张", f"{len(made)} documents in all"))


# --- structures ------------------------------------------------------------------------------------------------


def structure(structure: str, item: int) -> AnyResponse:
    """What an item is made of, what it goes into, what it costs."""
    with reading() as ctx:
        declared = structure_id(ctx, structure)
        stocked = ends_of(ctx, declared).stocked
        show = request.args.get("show", "explode")
        view = SHOWS.get(show, _exploded)(ctx, declared.id, item)
        t = translator(ctx.language)
        base = url_for("pages.structure", structure=declared.id, item=item)
        tabs = [
            {"label": t("用料展开", "Made of"), "url": base, "current": show not in ("used", "cost")},
            {"label": t("用在哪里", "Where used"), "url": f"{base}?show=used", "current": show == "used"},
        ]
        if _may_cost(ctx, declared.id, item):
            tabs.append(
                {"label": t("卷算成本", "Rolled-up cost"), "url": f"{base}?show=cost", "current": show == "cost"}
            )
        return render(
            ctx,
            "pages/structure.html",
            crumb={
                "label": ctx.app.model.entities[stocked].label.get(ctx.language),
                "url": url_for("pages.record", entity=stocked, id=item),
            },
            tabs=tabs,
            base=base,
            label=declared.label.get(ctx.language),
            today=ctx.today().isoformat(),
            **view,
        )


def _may_cost(ctx: RunContext, name: str, item: int) -> bool:
    try:
        planning.cost(ctx, item, None, name)
    except Forbidden:
        return False
    except UserError:
        return True
    return True


def _day(ctx: RunContext) -> date | None:
    given = request.args.get("date", "")
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        return None


def _quantity() -> Decimal:
    try:
        given = Decimal(request.args.get("qty", "1").replace(",", "") or "1")
    except InvalidOperation:
        return Decimal(1)
    return given if given.is_finite() and 0 < given < 10**12 else Decimal(1)


def _stocked(ctx: RunContext, name: str) -> str:
    return ends_of(ctx, structure_id(ctx, name)).stocked


def _exploded(ctx: RunContext, name: str, item: int) -> Part:
    tree = planning.explode(ctx, item, _quantity(), _day(ctx), name)
    rows = tree_rows(ctx, _stocked(ctx, name), name, tree)
    return {
        "title": tree.title,
        "show": "explode",
        "rows": rows,
        "qty": number(tree.quantity).replace(",", ""),
        "day": tree.day.isoformat(),
        "totals": [{"title": title, "quantity": number(quantity)} for _, title, quantity in tree.totals],
        "expired": tree.expired,
    }


def _used(ctx: RunContext, name: str, item: int) -> Part:
    tree = planning.where_used(ctx, item, _day(ctx), name)
    rows = tree_rows(ctx, _stocked(ctx, name), name, tree)
    day = _day(ctx)
    return {
        "title": tree.title,
        "show": "used",
        "rows": rows,
        "qty": "1",
        "day": day.isoformat() if day else "",
        "totals": [],
        "expired": False,
    }


def _costed(ctx: RunContext, name: str, item: int) -> Part:
    rows = planning.cost(ctx, item, _day(ctx), name)
    first = rows[0]
    scale = ctx.app.model.currency_scale
    return {
        "title": first.title,
        "show": "cost",
        "rows": cost_rows(ctx, _stocked(ctx, name), name, rows),
        "qty": "1",
        "day": (_day(ctx) or ctx.today()).isoformat(),
        "totals": [],
        "expired": False,
        "unit_cost": price(round(first.unit_cost, 4), scale) if first.unit_cost is not None else "–",
        "missing": sorted({m for row in rows for m in row.missing}),
    }


SHOWS = {"explode": _exploded, "used": _used, "cost": _costed}


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/plans/<plan>", "plan", plan)
    pages.add_url_rule("/plans/<plan>/commit", "commit_plan", commit_plan, methods=["POST"])
    pages.add_url_rule("/structures/<structure>/<int:item>", "structure", structure)
