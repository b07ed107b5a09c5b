"""Printed forms of records: shown as they come out, counted when they are printed."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Print
from runtime import audit
from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.figures import BETWEEN, Period, period_of
from runtime.messages import fault
from runtime.permissions import demand
from runtime.record_inputs import Workspace
from runtime.record_texts import full_title
from web.access import reading, writing
from web.display import moment
from web.pages.records import entity_of, visible_row
from web.print_view import Form, paper
from web.render import bare
from web.texts import translator
from web.whole import is_whole

PRINTED = "print"
MOST_LABELS = 200


def _form(ctx: RunContext, name: str) -> Print:
    found = ctx.app.model.prints.get(name)
    if found is None:
        raise NotFound(fault(ctx, "no_such_page", given=name[:60]))
    demand(ctx, found.entity, "print")
    return found


def print_record(print: str, id: int) -> AnyResponse:
    """The sheets of a record."""
    with reading() as ctx:
        form = _form(ctx, print)
        entity = entity_of(ctx, form.entity)
        row = visible_row(ctx, entity, id)
        times, last = printed(ctx, form, id)
        t = translator(ctx.language)
        given = request.args.get("n", "1")
        count = min(max(int(given), 1), MOST_LABELS) if is_whole(given) and len(given) < 5 else 1
        period = _period(ctx, form)
        sheets = Form(ctx, form, row, period).sheets(count)
        others = [p for p in ctx.app.model.prints.values() if p.entity == form.entity and p.id != form.id]
        return bare(
            "pages/print.html",
            ctx.language,
            title=f"{full_title(Workspace(ctx), entity.id, row)} {form.label.get(ctx.language)}",
            name=form.label.get(ctx.language),
            record=full_title(Workspace(ctx), entity.id, row),
            back=url_for("pages.record", entity=entity.id, id=id),
            sheets=sheets,
            label=form.label_size,
            tractor=bool(form.copies),
            times=times,
            told=t(f"已打印 {times} 次 · {last}", f"Printed {times} times · {last}")
            if times
            else t("还没打印过", "Not printed yet"),
            count_url=url_for("pages.count_print", print=form.id, id=id),
            style=url_for("pages.print_style", print=form.id, mark=sha256(style_of(form).encode()).hexdigest()[:10]),
            others=[
                {"label": p.label.get(ctx.language), "url": url_for("pages.print_record", print=p.id, id=id)}
                for p in others
            ],
            number=count,
            since=period.start.isoformat() if period else "",
            until=period.end.isoformat() if period else "",
        )


def _period(ctx: RunContext, form: Print) -> Period | None:
    """The days a form with an account is about, as asked for; this month unless said. None for other forms."""
    if not any(block.kind == "moves" for block in form.blocks):
        return None
    return period_of(ctx, f"{request.args.get('since', '')}{BETWEEN}{request.args.get('until', '')}")


def style_of(form: Print) -> str:
    """The style sheet of a form: black lines and text, nothing grey."""
    return render_template("pages/print_sheet.css", **paper(form))


def printed(ctx: RunContext, form: Print, id: int) -> tuple[int, str]:
    """How often a record was printed on a form, and by whom last."""
    table = ctx.app.tables.system.audit
    mine = (table.c.entity == form.entity, table.c.record == id, table.c.kind == PRINTED, table.c.note == form.id)
    times = ctx.connection.execute(select(func.count()).select_from(table).where(*mine)).scalar_one()
    if not times:
        return 0, ""
    last = ctx.connection.execute(
        select(table.c.at, table.c.account).where(*mine).order_by(table.c.id.desc()).limit(1)
    ).one()
    who: Any = account_names(ctx, [last.account]).get(last.account or 0, "")
    return int(times), f"{who} {moment(last.at, ctx)}".strip()


def count_print(print: str, id: int) -> AnyResponse:
    """It goes to the printer now."""
    with writing() as ctx:
        form = _form(ctx, print)
        row = visible_row(ctx, entity_of(ctx, form.entity), id)
        entry = audit.Entry(
            entity=form.entity, record=id, version=row.get("version") or 0, kind=PRINTED, changes={}, note=form.id
        )
        audit.write(ctx, [entry])
    return Response(status=204)


def print_style(print: str, mark: str) -> AnyResponse:
    """The paper's size and rules, as a file: no style stands in the page itself."""
    with reading() as ctx:
        form = _form(ctx, print)
        response = Response(style_of(form), content_type="text/css; charset=utf-8")
    response.headers["Cache-Control"] = "private, max-age=86400, immutable"
    return response


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/print/<print>/<int:id>", "print_record", print_record)
    pages.add_url_rule("/print/<print>/<int:id>", "count_print", count_print, methods=["POST"])
    pages.add_url_rule("/print/<print>/<mark>.css", "print_style", print_style)
