"""The blocks of a dashboard under its figures: plans, reports, lists and tasks, each small and with its way on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from flask import url_for

from engine.expressions.types import Kind
from engine.model import Entity, View
from runtime import planning, reports
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.queries import ListQuery, Page, list_records
from runtime.query_columns import Named
from runtime.record_reading import titles
from web.display import age, day, is_numeric, number
from web.list_cells import hidden_helper, is_due, render_rows
from web.list_page import wanted_fields
from web.pages.tasks import task_views
from web.report_chart import chart_spec
from web.texts import translator

Block = dict[str, Any]
MOST_TASKS = 6
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


def _short(ctx: RunContext, suggestion: planning.Suggestion, today: date, item: tuple[str, Mapping[str, Any]]) -> Block:
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
    found = task_views(ctx)
    return {
        "kind": "tasks",
        "title": translator(ctx.language)("待我处理", "For me to do"),
        "tasks": found[:MOST_TASKS],
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
        ctx,
        entity_id,
        ListQuery(view=view_id, fields=tuple(paths), page_size=MOST_ROWS, count="capped", marks=view_id),
    )
    shown = [c for c in page.columns if not hidden_helper(c, entity) and c.path in view.columns][:6]
    order = [*shown, *(c for c in page.columns if c not in shown)]
    place = {c.path: i + 1 for i, c in enumerate(page.columns)}
    rows = [(row[0], *(row[place[c.path]] for c in order)) for row in page.rows]
    base = url_for("pages.records", entity=entity_id)
    if entity.progress and not any(c.field.value.kind is Kind.MONEY for c in shown):
        return _progress_block(ctx, entity, view, page)
    return {
        "kind": "view",
        "title": f"{entity.label.get(ctx.language)} · {view.label.get(ctx.language)}",
        "heads": [{"label": c.label, "num": is_numeric(c.field)} for c in shown],
        "rows": render_rows(ctx, entity, order, rows, base, len(shown), pick=False, marks=page.marks),
        "count": page.count,
        "url": f"{base}?view={view_id}",
        "wide": len(shown) > 4,
    }


def _progress_block(ctx: RunContext, entity: Entity, view: View, page: Page) -> Block:
    """Documents under way: what each is about, how far it has come, when it is due."""
    place = {c.path: i + 1 for i, c in enumerate(page.columns)}
    axis = next(iter(entity.progress))
    code = place.get("code", 1)
    about = next((place[c.path] for c in page.columns if c.target and c.path in view.columns), 0)
    due = next((place[c.path] for c in page.columns if is_due(c.field) and "." not in c.path), 0)
    entries = []
    for row in page.rows:
        share = row[place[f"{axis}_share"]] if f"{axis}_share" in place else None
        entries.append(
            {
                "code": str(row[code] or row[0]),
                "url": url_for("pages.record", entity=entity.id, id=row[0]),
                "label": _named(row[about]) if about else "",
                "share": min(100, int(share * 100)) if isinstance(share, Decimal) else 0,
                **_due(ctx, row[due] if due else None),
            }
        )
    return {
        "kind": "progress",
        "title": f"{entity.label.get(ctx.language)} · {view.label.get(ctx.language)}",
        "entries": entries,
        "count": page.count,
        "url": f"{url_for('pages.records', entity=entity.id)}?view={view.id}",
    }


def _named(value: object) -> str:
    return (value.name or value.code or "") if isinstance(value, Named) else str(value or "")


def _due(ctx: RunContext, value: object) -> Block:
    """When something is due, in words where it is near or late."""
    if not isinstance(value, date):
        return {"text": "", "tone": ""}
    words, tone = age(value, ctx.today(), ctx.language, due=True)
    return {"text": words if tone else day(value, ctx.today(), ctx.language), "tone": tone}


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
