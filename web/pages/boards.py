"""Dashboards: figures with their limits, what needs doing, charts. The first one is home."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import Blueprint, request
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Dashboard
from runtime.cards import cards
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.figures import period_of, periods_known
from runtime.messages import fault
from runtime.workflow_rights import may_all
from web.access import reading
from web.board_blocks import BLOCKS
from web.board_layout import spread
from web.card_view import card_view
from web.display import day
from web.first_view import Part, first_view
from web.render import render
from web.texts import translator

SPARK_POINTS = 12


def home() -> AnyResponse:
    """The dashboard of the reader's roles; without one, what waits for them."""
    with reading() as ctx:
        board = next(iter(boards_of(ctx)), None)
        return _page(ctx, board, first_view(ctx))


def boards_of(ctx: RunContext) -> list[Dashboard]:
    """Dashboards meant for the reader, those of their own roles first."""
    boards = list(ctx.app.model.dashboards.values())
    mine = [b for b in boards if not b.roles or set(b.roles) & ctx.user.roles]
    return mine or (boards if may_all(ctx) else [])


def dashboard(dashboard: str) -> AnyResponse:
    """A dashboard by its id."""
    with reading() as ctx:
        found = ctx.app.model.dashboards.get(dashboard)
        if found is None:
            raise NotFound(fault(ctx, "no_such_page", given=dashboard[:60]))
        return _page(ctx, found)


def _page(ctx: RunContext, board: Dashboard | None, first_days: Part | None = None) -> AnyResponse:
    t = translator(ctx.language)
    period = request.args.get("period", "")
    chosen = period if periods_known(period) else ""
    blocks = board.blocks if board else (("tasks", ""),)
    ids = [name for kind, name in blocks if kind == "card"]
    figures = [card_view(ctx, figure) for figure in cards(ctx, ids, chosen, SPARK_POINTS)]
    others = [BLOCKS[kind](ctx, name) for kind, name in blocks if kind in BLOCKS]
    return render(
        ctx,
        "pages/dashboard.html",
        title=board.label.get(ctx.language) if board else t("工作台", "Home"),
        day=_today(ctx),
        first_days=first_days,
        clock=f"{ctx.now().astimezone(ZoneInfo(ctx.app.model.timezone)):%H:%M}",
        figures=figures,
        blocks=spread([block for block in others if block is not None]),
        periods=[
            {"label": label, "url": f"{request.path}?period={name}", "current": name == chosen}
            for name, label in (
                ("this_week", t("本周", "Week")),
                ("this_month", t("本月", "Month")),
                ("this_quarter", t("本季", "Quarter")),
                ("this_year", t("本年", "Year")),
            )
            if periods_known(name)
        ],
        boards=[b for b in boards_of(ctx) if board is None or b.id != board.id],
        period=period_of(ctx, chosen) if chosen else None,
    )


def _today(ctx: RunContext) -> str:
    today = ctx.today()
    names = "一二三四五六日"
    if ctx.language == "en":
        return f"{today:%A} {day(today, today, 'en')} {today.year}"
    return f"{today:%Y-%m-%d} 周{names[today.weekday()]}"


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/", "home", home)
    pages.add_url_rule("/dashboards/<dashboard>", "dashboard", dashboard)
