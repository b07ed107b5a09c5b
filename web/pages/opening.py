"""Going live: the check list of what is taken over, the firm's own totals beside ours, live or over again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import opening as taking_over
from runtime.administration import demand_admin
from runtime.context import RunContext
from runtime.errors import Forbidden, UserError
from runtime.opening import Taken
from runtime.permissions import LEDGER
from web.access import reading, writing
from web.display import number
from web.render import render, tell
from web.texts import translator

Part = dict[str, Any]


def opening() -> AnyResponse:
    """The check list."""
    with reading() as ctx:
        return _page(ctx)


def _page(ctx: RunContext, problems: tuple[str, ...] = (), status: int = 200) -> Response:
    demand_admin(ctx)
    t = translator(ctx.language)
    rows = [_row(ctx, taken) for taken in taking_over.check_list(ctx)]
    return render(
        ctx,
        "pages/opening.html",
        title=t("启用与期初", "Going live"),
        status=status,
        problems=[{"label": "", "message": p} for p in problems],
        rows=rows,
        done=sum(1 for row in rows if row["state"] == "done"),
        live=taking_over.live_since(ctx),
        app=ctx.app.name,
    )


def _row(ctx: RunContext, taken: Taken) -> Part:
    scale = ctx.app.model.currency_scale
    is_ledger = taken.opening.entity.startswith(LEDGER)
    difference = taken.difference
    state = "done" if taken.count and (difference is None or not difference) else "off" if difference else "todo"
    name = taken.opening.entity.removeprefix(LEDGER)
    show = (lambda v: number(v, scale)) if taken.total is not None else number
    return {
        "id": taken.opening.id,
        "label": taken.opening.label.get(ctx.language),
        "count": number(taken.count),
        "total": number(taken.total, scale) if taken.total is not None else "",
        "control": f"{taken.control:f}" if taken.control is not None else "",
        "difference": show(difference) if difference else "",
        "state": state,
        "look": url_for("pages.ledger", ledger=name) if is_ledger else url_for("pages.records", entity=name),
        "upload": url_for("pages.import_page", entity=taken.entity) if taken.entity else "",
        "enter": url_for("pages.new_record", entity=taken.entity) if taken.entity else "",
    }


def act_opening() -> AnyResponse:
    """Keep a total, go live, or start over."""
    action = request.form.get("action", "")
    try:
        with writing() as ctx:
            t = translator(ctx.language)
            if action == "live":
                taking_over.go_live(ctx)
                tell("done", t("已启用", "The app is live"))
            elif action == "wipe":
                taking_over.wipe(ctx, request.form.get("confirm", ""))
                tell("done", t("已清空，设置和账号还在", "All is gone; settings and accounts stay"))
            else:
                for name in ctx.app.model.openings:
                    taking_over.keep_total(ctx, name, request.form.get(f"total.{name}", ""))
                tell("done", t("控制数已保存", "Totals kept"))
    except Forbidden:
        raise
    except UserError as error:
        with reading() as ctx:
            return _page(ctx, tuple(f.message for f in error.faults), 422)
    return redirect(url_for("pages.opening"), code=303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/opening", "opening", opening)
    pages.add_url_rule("/opening", "act_opening", act_opening, methods=["POST"])
