"""Imports that were made: what came of each, and taking one back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import long_work
from runtime.context import RunContext
from runtime.errors import NotFound, UserError
from runtime.importing_kept import Import, import_of, imports, standing
from runtime.importing_undo import Undone, undo_import
from runtime.long_work import Result, Tell
from runtime.messages import fault
from runtime.permissions import label_of
from web.access import home, reading
from web.display import moment, number
from web.render import render, tell
from web.texts import translator

Part = dict[str, Any]
INLINE = 300
"""Records that are taken back while the page waits."""
SHOWN = 200


def import_list() -> AnyResponse:
    """All imports one may look at."""
    with reading() as ctx:
        rows = [
            {
                "url": url_for("pages.import_record", number=one.id),
                "file": one.file,
                "label": label_of(ctx, one.entity),
                "when": moment(one.at, ctx),
                "by": one.by,
                "created": number(one.created),
                "updated": number(one.updated),
                "left_out": number(one.left_out),
                "undone": one.undone_at is not None,
            }
            for one in imports(ctx)
        ]
        return render(ctx, "pages/imports.html", title=translator(ctx.language)("导入记录", "Imports"), rows=rows)


def import_record(number: int) -> AnyResponse:
    """One import with what undoing it would do, tried out."""
    with reading("import") as ctx:
        one = import_of(ctx, number)
        if one.undone_at is not None:
            return _page(ctx, one)
        job = (ctx, one.id, {"dry_run": True})
        if len(standing(ctx, number)) > INLINE:
            return _beside(ctx, one, *job)
    return _show(one.id, _do(*job, lambda done, of: None))


def undo_record(number: int) -> AnyResponse:
    """Take it back: whole, or as far as it goes."""
    try:
        with reading("import") as ctx:
            one = import_of(ctx, number)
            how = {"partial": request.form.get("partial") == "1"}
            if len(standing(ctx, number)) > INLINE:
                return _beside(ctx, one, ctx, one.id, how)
        return _show(one.id, _do(ctx, one.id, how, lambda done, of: None))
    except NotFound:
        raise
    except UserError as error:
        with reading() as ctx:
            return _page(ctx, import_of(ctx, number), problems=[f.message for f in error.faults], status=409)


def _do(ctx: RunContext, number: int, how: dict[str, bool], progress: Tell) -> Result:
    """In a write transaction of its own, also when it is only tried out."""

    def work(connection: Any) -> Undone:
        acting = replace(ctx, connection=connection, source="import", settings=None)
        return undo_import(acting, number, progress=progress, **how)

    undone = ctx.app.database.run(work)
    stays = [[each.entity, each.record, each.title, each.reason] for each in undone.stays]
    return {
        "written": undone.written,
        "removed": undone.removed,
        "restored": undone.restored,
        "countered": undone.countered,
        "count": len(stays),
        "stays": stays[:SHOWN],
    }


def _beside(ctx: RunContext, one: Import, acting: RunContext, number: int, how: dict[str, bool]) -> AnyResponse:
    words = translator(ctx.language)("正在撤销", "Undoing"), translator(ctx.language)("正在检查能不能撤", "Looking")
    said = f"{words[1] if how.get('dry_run') else words[0]} · {one.file}"
    token = long_work.begin(
        home().folder, ctx.user.account, said, lambda told: _do(acting, number, how, told), language=ctx.language
    )
    return redirect(url_for("pages.undo_work", number=one.id, token=token), code=303)


def undo_work(number: int, token: str) -> AnyResponse:
    """How far it is."""
    with reading() as ctx:
        one = import_of(ctx, number)
        work = long_work.work_of(home().folder, ctx.user.account, token)
        if work is None:
            raise NotFound(fault(ctx, "no_such_page", given=token[:20]))
        if work.state == "failed":
            return _page(ctx, one, problems=work.errors, status=409)
        if work.state == "working":
            t = translator(ctx.language)
            return render(ctx, "pages/work.html", title=t("请稍候", "One moment"), work=work, here=request.path)
        if request.headers.get("HX-Request"):
            return Response(status=204, headers={"HX-Redirect": request.path})
    return _show(number, work.result)


def _show(number: int, result: Result) -> AnyResponse:
    with reading() as ctx:
        one = import_of(ctx, number)
        if result["written"]:
            tell("done", _said(ctx, result))
            return redirect(url_for("pages.records", entity=one.entity), code=303)
        return _page(ctx, one, result)


def _said(ctx: RunContext, result: Result) -> str:
    t = translator(ctx.language)
    words = {
        "removed": t("删除 {} 条新建的", "{} new ones go"),
        "restored": t("{} 条恢复原值", "{} get their old values back"),
        "countered": t("冲销 {} 张已记账的单据", "{} posted documents are countered"),
    }
    parts = [text.format(number(result[name])) for name, text in words.items() if result[name]]
    return t("撤销：", "Undo: ") + t("，", ", ").join(parts)


def _page(
    ctx: RunContext, one: Import, result: Result | None = None, problems: list[str] | None = None, status: int = 200
) -> Response:
    t = translator(ctx.language)
    label = label_of(ctx, one.entity)
    facts = [
        (t("导入成", "Became"), label),
        (t("时间", "When"), moment(one.at, ctx)),
        (t("谁", "Who"), one.by or "–"),
        (t("行", "Rows"), number(one.rows)),
        (t("新建", "New"), number(one.created)),
        (t("更新", "Changed"), number(one.updated)),
        (t("没导入的行", "Rows left out"), number(one.left_out)),
    ]
    return render(
        ctx,
        "pages/imported.html",
        title=t("导入 ", "Import ") + str(one.id),
        status=status,
        crumb={"label": t("导入记录", "Imports"), "url": url_for("pages.import_list")},
        one=one,
        facts=facts,
        list_url=url_for("pages.records", entity=one.entity),
        undone_at=moment(one.undone_at, ctx) if one.undone_at else "",
        problems=[{"label": "", "message": each} for each in problems or ()],
        looked=_looked(ctx, result) if result is not None else None,
    )


def _looked(ctx: RunContext, result: Result) -> Part:
    return {
        "done": result["removed"] + result["restored"] + result["countered"],
        "count": result["count"],
        "said": _said(ctx, result),
        "stays": [
            {"title": title, "reason": reason, "url": url_for("pages.record", entity=entity, id=record)}
            for entity, record, title, reason in result["stays"]
        ],
    }


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/imports", "import_list", import_list)
    pages.add_url_rule("/imports/<int:number>", "import_record", import_record)
    pages.add_url_rule("/imports/<int:number>", "undo_record", undo_record, methods=["POST"])
    pages.add_url_rule("/imports/<int:number>/at/<token>", "undo_work", undo_work)
