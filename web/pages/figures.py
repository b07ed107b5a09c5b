"""Reports: their index, each of them with filters, period and the way down, and the rows behind a figure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.expressions.tree import Path, walk
from engine.model import Entity, EntityKind, Report
from runtime import reports
from runtime.context import RunContext
from runtime.errors import Forbidden, Malformed, NotFound
from runtime.messages import fault
from runtime.permissions import demand, forbidden_fault, rights
from runtime.queries import ListQuery, list_records
from runtime.query_columns import ListColumn, Named, column_of
from runtime.record_reading import titles
from runtime.report_axes import is_hidden
from runtime.spreadsheets import write_csv, write_xlsx
from web import report_buckets
from web.access import reading
from web.display import is_numeric, moment, number, text_of
from web.downloads import sheet_response
from web.list_page import filter_chips
from web.list_query import Asked as AskedList
from web.list_query import asked as asked_list
from web.render import render
from web.report_chart import chart_spec
from web.report_filters import Bar, period_label
from web.report_view import EMPTY, ReportTable
from web.shell import source_name
from web.texts import translator

Part = dict[str, Any]
MOST_COLUMNS = 10
MOST_LINES = 2000


def report_of(ctx: RunContext, name: str) -> Report:
    """A report the reader may see."""
    found = ctx.app.model.reports.get(name)
    if found is None:
        raise NotFound(fault(ctx, "no_such_report", given=name[:60]))
    if not reports.visible(ctx, found):
        raise Forbidden(forbidden_fault(ctx, found.of, "read"))
    return found


def report_index() -> AnyResponse:
    """All reports the reader may open, in the groups of the menu."""
    with reading() as ctx:
        model, t = ctx.app.model, translator(ctx.language)
        open_ = {r.id: r for r in model.reports.values() if reports.visible(ctx, r) and not r.of.startswith("plan.")}
        groups = []
        for group in model.menu:
            mine = [
                open_.pop(e.partition(".")[2])
                for e in group.entries
                if e.startswith("report.") and e.partition(".")[2] in open_
            ]
            if mine:
                groups.append({"label": group.label.get(ctx.language), "reports": [_entry(ctx, r) for r in mine]})
        if open_:
            groups.append(
                {"label": t("其他", "Others") if groups else "", "reports": [_entry(ctx, r) for r in open_.values()]}
            )
        return render(ctx, "pages/reports.html", title=t("报表", "Reports"), groups=groups)


def _entry(ctx: RunContext, report: Report) -> Part:
    return {
        "label": report.label.get(ctx.language),
        "note": report.help.get(ctx.language) if report.help else _about(ctx, report),
        "url": url_for("pages.report", report=report.id),
        "icon": "chart-bar" if report.chart else "table",
    }


def _about(ctx: RunContext, report: Report) -> str:
    names = [m.label.get(ctx.language) for m in report.measures]
    return translator(ctx.language)("、", ", ").join(names[:4])


def report(report: str) -> AnyResponse:
    """One report."""
    with reading() as ctx:
        found = report_of(ctx, report)
        bar, result, table = _drawn(ctx, found)
        lines = table.rows()
        t = translator(ctx.language)
        spec = chart_spec(ctx, result)
        return render(
            ctx,
            "pages/report.html",
            title=result.label,
            help=result.help,
            bar=bar,
            chips=bar.chips(),
            add=bar.add_menu(),
            editor=bar.editor(),
            span=bar.span_editor(result),
            periods=bar.period_menu(result),
            period=period_label(ctx, result),
            heads=table.heads(lambda name: bar.url(sort=name)),
            rows=lines[:MOST_LINES],
            cut=result.cut or len(lines) > MOST_LINES,
            nothing=not any(x["kind"] != "sum" for x in lines),
            chart=spec if spec and any(_tells(s) for s in spec["series"]) else None,
            counted=_counted(ctx, lines),
            may_export=rights(ctx, source_name(ctx.app.model, found.of)).may("export"),
            export=lambda kind: url_for("pages.report_file", report=found.id, format=kind) + _more(bar),
            switch=[
                {"label": x.label.get(ctx.language), "url": url_for("pages.report", report=x.id)}
                for x in _siblings(ctx, found)
            ],
            drawn=t("取数时间 ", "As of ") + moment(ctx.now(), ctx),
        )


def _tells(series: Part) -> bool:
    return any(point for point in series["data"])


def _more(bar: Bar) -> str:
    pairs = [(n, v) for n, v in bar.arguments if n != "format"]
    return f"&{urlencode(pairs)}" if pairs else ""


def _counted(ctx: RunContext, lines: list[Part]) -> str:
    count = sum(1 for x in lines if not x["kind"])
    return translator(ctx.language)(f"{number(count)} 行", f"{number(count)} row{'' if count == 1 else 's'}")


def _siblings(ctx: RunContext, found: Report) -> list[Report]:
    """Other reports over the same thing."""
    every = ctx.app.model.reports.values()
    return [r for r in every if r.of == found.of and r.id != found.id and reports.visible(ctx, r)][:6]


def _drawn(ctx: RunContext, found: Report) -> tuple[Bar, reports.Result, ReportTable]:
    base = url_for("pages.report", report=found.id)
    hidden_free = Bar(ctx, base, found.of, filter_paths(ctx, found), request.args)
    result = reports.run(ctx, found.id, hidden_free.asked())
    table = ReportTable(ctx, found, result, _sort(result), hidden_free.arguments)
    return hidden_free, result, table


def filter_paths(ctx: RunContext, found: Report) -> list[str]:
    """Paths of a report one may filter by."""
    if found.of.startswith("plan."):
        return []
    every = dict.fromkeys((*found.filters, *found.rows, *(c.by for c in found.columns if c.by)))
    return [path for path in every if not is_hidden(ctx, found.of, path)]


def _sort(result: reports.Result) -> tuple[str, bool] | None:
    given = request.args.get("sort", "")
    name = given.lstrip("-")
    return (name, given.startswith("-")) if any(m.id == name for m in result.measures) else None


def report_file(report: str) -> AnyResponse:
    """A report as a spreadsheet: every row with all its keys."""
    with reading() as ctx:
        found = report_of(ctx, report)
        demand(ctx, source_name(ctx.app.model, found.of), "export")
        _, result, table = _drawn(ctx, found)
        header, rows = table.plain_header(), list(table.plain_rows())

        def make(kind: str) -> bytes:
            return write_csv(header, rows) if kind == "csv" else write_xlsx(result.label, header, rows)

        return sheet_response(result.label, request.args.get("format", "xlsx"), make)


# --- the rows behind a figure ----------------------------------------------------------------------------------


def report_rows(report: str) -> AnyResponse:
    """The rows that a cell of a report adds up, each with the record it stands in."""
    with reading() as ctx:
        found = report_of(ctx, report)
        entity = ctx.app.model.entities.get(found.of)
        if entity is None:
            raise NotFound(fault(ctx, "no_such_page", given=report[:60]))
        question = asked_list(url_for("pages.report_rows", report=found.id), request.args)
        columns = [c for p in _row_paths(ctx, found) if (c := _column(ctx, found.of, p)) is not None][:MOST_COLUMNS]
        fields = tuple(c.path for c in columns)
        query = ListQuery(
            filters=question.filters,
            where=(found.where,) if found.where is not None and _stands_alone(found) else (),
            filter=report_buckets.condition(ctx, found.of),
            fields=fields,
            cursor=question.cursor,
            page_size=question.size,
            count="capped",
            totals=True,
        )
        page = list_records(ctx, found.of, query)
        return _rows_page(ctx, found, question, columns, page)


def _rows_page(ctx: RunContext, found: Report, question: AskedList, columns: list[ListColumn], page: Any) -> Response:
    entity = ctx.app.model.entities[found.of]
    place = {c.path: i + 1 for i, c in enumerate(page.columns)}
    named = {p: c for p in {f.path for f in question.filters} if (c := _column(ctx, found.of, p)) is not None}
    rows = []
    owners = _owners(ctx, entity, [row[0] for row in page.rows])
    for row in page.rows:
        cells = [_cell(c, _text(ctx, c, row[place[c.path]])) for c in columns]
        if not entity.parent:
            cells[0] = {
                "kind": "code",
                "text": _text(ctx, columns[0], row[place[columns[0].path]]) or f"#{row[0]}",
                "url": url_for("pages.record", entity=entity.id, id=row[0]),
            }
        else:
            cells.insert(0, owners.get(row[0]))
        rows.append({"id": row[0], "cells": cells})
    totals: list[Any] = [text_of(ctx, c.field, page.totals[c.path]) if c.path in page.totals else None for c in columns]
    t = translator(ctx.language)
    owner = ctx.app.model.entities[entity.parent] if entity.parent else None
    heads = [{"id": "document", "label": owner.label.get(ctx.language)}] if owner else []
    totals = [*([None] if owner else []), *totals]
    if totals and totals[0] is None:
        totals[0] = t("合计", "Total")
    return render(
        ctx,
        "pages/report_rows.html",
        title=found.label.get(ctx.language),
        label=entity.label.get(ctx.language),
        back=url_for("pages.report", report=found.id),
        chips=[
            *filter_chips(ctx, entity, question, named),
            *report_buckets.chips(ctx, found.of, question.url(bucket="")),
        ],
        columns=[*heads, *({"id": c.path, "label": c.label, "num": is_numeric(c.field)} for c in columns)],
        rows=rows,
        totals=totals,
        counted=t(f"{page.count} 行", f"{page.count} rows"),
        next_url=question.url() + ("&" if "?" in question.url() else "?") + f"cursor={page.next}" if page.next else "",
        base=question.base,
    )


def _stands_alone(found: Report) -> bool:
    """Whether the report's condition reads only the rows and the clock (not its period)."""
    assert found.where is not None
    paths = (n for n in walk(found.where.tree) if isinstance(n, Path))
    return all(n.root in ("record", "this", "user", "settings") for n in paths)


def _row_paths(ctx: RunContext, found: Report) -> list[str]:
    entity = ctx.app.model.entities[found.of]
    usual = [
        f.id
        for f in entity.fields.values()
        if not f.lines and not f.retired and not f.standard and f.type not in ("file", "photo", "json", "signature")
    ]
    if entity.kind is not EntityKind.LINES:
        view = next(iter(entity.views.values()), None)
        return list(dict.fromkeys(("code", *(view.columns if view else usual))))
    return [*(p for p in found.rows if p.startswith("parent.")), *usual]


def _column(ctx: RunContext, entity: str, path: str) -> ListColumn | None:
    try:
        return column_of(ctx, entity, path)
    except Malformed:
        return None


def _text(ctx: RunContext, column: ListColumn, value: Any) -> str:
    return str(value) if isinstance(value, Named) else text_of(ctx, column.field, value)


def _cell(column: ListColumn, text: str) -> Any:
    return {"kind": "num", "text": text or EMPTY} if is_numeric(column.field) else text


def _owners(ctx: RunContext, entity: Entity, lines: list[int]) -> dict[int, Part]:
    """The documents that lines stand in, as links."""
    if not entity.parent:
        return {}
    known = titles(ctx, ((entity.id, i) for i in lines))
    above = {i: known[entity.id, i]["parent"] for i in lines if (entity.id, i) in known}
    named = titles(ctx, ((entity.parent, i) for i in above.values()))
    found = {}
    for line, owner in above.items():
        text = named.get((entity.parent, owner), {}).get("code") or f"#{owner}"
        url = url_for("pages.record", entity=entity.parent, id=owner)
        found[line] = {"kind": "code", "text": str(text), "url": url}
    return found


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/reports", "reports", report_index)
    pages.add_url_rule("/reports/<report>", "report", report)
    pages.add_url_rule("/reports/<report>/file", "report_file", report_file)
    pages.add_url_rule("/reports/<report>/rows", "report_rows", report_rows)
