"""The blocks of a dashboard under its figures: plans, reports, lists and tasks, each small and with its way on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from flask import url_for

from runtime import planning, reports
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.queries import ListQuery, list_records
from runtime.record_reading import titles
from web.display import age, day, is_numeric, number
from web.list_cells import render_rows
from web.list_page import hidden_helper, wanted_fields
from web.pages.tasks import task_views
from web.report_chart import chart_spec
from web.texts import translator

Block = dict[str, Any]
MOST_ROWS = 8


def plan_block(ctx: RunContext, name: str) -> Block | None:
    """What will be missing first, and what to do about it."""
    plan = ctx.app.model.plans.get(name)
    if plan is None or not rights(ctx, f"plan.{name}").may("read"):
        return None
    run = planning.net(ctx, name)
    today = ctx.today()
    first = sorted(run.suggestions, key=lambda s: (s.need_date, s.order_date))[:MOST_ROWS]
    names = titles(ctx, [(plan.entity, s.item) for s in first])
    rows = [_short(ctx, s, today, (plan.entity, names.get((plan.entity, s.item), {}))) for s in first]
    return {
        "kind": "plan",
        "id": name,
        "title": plan.label.get(ctx.language),
        "rows": rows,
        "count": len(run.suggestions),
        "url": url_for("pages.plan", plan=name),
        "may_run": rights(ctx, f"plan.{name}").may("run"),
        "wide": True,
    }


def _short(
    ctx: RunContext, suggestion: planning.Suggestion, today: date, item: tuple[str, Mapping[str, Any]]
) -> Block:
    entity, named = item
    t = translator(ctx.language)
    words, tone = age(suggestion.need_date, today, ctx.language, due=True)
    documents = [peg for peg in suggestion.pegs if peg.entity and peg.id and peg.title]
    first = documents[0] if documents else None
    drawn = ctx.app.model.entities.get(suggestion.draws)
    return {
        "number": suggestion.number,
        "title": named.get("name") or suggestion.title,
        "code": named.get("code") or "",
        "url": url_for("pages.record", entity=entity, id=suggestion.item),
        "short": number(suggestion.short),
        "need": day(suggestion.need_date, today, ctx.language),
        "need_age": words,
        "need_tone": tone or "",
        "hurts": first.title if first else t("安全库存", "safety stock"),
        "hurts_url": url_for("pages.record", entity=first.entity, id=first.id) if first else "",
        "hurts_more": t(f"等 {len(documents)} 张", f"and {len(documents) - 1} more") if len(documents) > 1 else "",
        "order": number(suggestion.quantity),
        "order_by": day(suggestion.order_date, today, ctx.language),
        "late": suggestion.late_days,
        "becomes": drawn.label.get(ctx.language) if drawn else "",
    }


def task_block(ctx: RunContext, _name: str) -> Block:
    """What waits for me."""
    found = task_views(ctx, 6)
    return {
        "kind": "tasks",
        "title": translator(ctx.language)("待我处理", "For me to do"),
        "tasks": found,
        "count": len(found),
    }


def view_block(ctx: RunContext, name: str) -> Block | None:
    """The first rows of a list."""
    entity_id, _, view_id = name.rpartition(".")
    entity = ctx.app.model.entities.get(entity_id)
    if entity is None or view_id not in entity.views or not rights(ctx, entity_id).may("read"):
        return None
    view = entity.views[view_id]
    hidden = rights(ctx, entity_id).hidden
    paths = [p for p in wanted_fields(entity, view, ()) if p.split(".")[0] not in hidden]
    page = list_records(
        ctx, entity_id, ListQuery(view=view_id, fields=tuple(paths), page_size=MOST_ROWS, count="capped")
    )
    shown = [c for c in page.columns if not hidden_helper(c, entity) and c.path in view.columns][:6]
    order = [*shown, *(c for c in page.columns if c not in shown)]
    place = {c.path: i + 1 for i, c in enumerate(page.columns)}
    rows = [(row[0], *(row[place[c.path]] for c in order)) for row in page.rows]
    base = url_for("pages.records", entity=entity_id)
    return {
        "kind": "view",
        "title": f"{entity.label.get(ctx.language)} · {view.label.get(ctx.language)}",
        "heads": [{"label": c.label, "num": is_numeric(c.field)} for c in shown],
        "rows": render_rows(ctx, entity, order, rows, base, len(shown), pick=False),
        "count": page.count,
        "url": f"{base}?view={view_id}",
        "wide": len(shown) > 4,
    }


def report_block(ctx: RunContext, name: str) -> Block | None:
    """A report's chart."""
    report = ctx.app.model.reports.get(name)
    if report is None or not reports.visible(ctx, report):
        return None
    result = reports.run(ctx, name)
    spec = chart_spec(ctx, result)
    if spec is None:
        return None
    return {
        "kind": "chart",
        "id": name,
        "title": result.label,
        "spec": spec,
        "url": url_for("pages.report", report=name),
    }


BLOCKS: Mapping[str, Callable[[RunContext, str], Block | None]] = MappingProxyType(
    {"plan": plan_block, "tasks": task_block, "view": view_block, "report": report_block}
)
