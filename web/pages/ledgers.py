"""Ledgers: what is there, now or at the end of a day, by any of their dimensions, and the moves behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine.expressions.types import Kind
from engine.model import Ledger
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.figures import period_of
from runtime.ledger_browse import MovePage, Wanted, newest_moves
from runtime.ledger_lists import Standing, ledger_of, standings
from runtime.ledgers.requests import OWN_KINDS, Move
from runtime.messages import fault
from runtime.permissions import LEDGER, demand, rights
from runtime.spreadsheets import write_csv, write_xlsx
from web import report_buckets
from web.access import reading
from web.display import number
from web.downloads import sheet_response
from web.ledger_view import (
    Names,
    amount,
    condition_text,
    figure_types,
    is_unit_price,
    kind_words,
    move_moment,
    move_note,
    moves_url,
    shown_figures,
    totals_of,
)  # fmt: skip
from web.render import render
from web.report_filters import Bar
from web.texts import translator
from web.whole import is_whole

Part = dict[str, Any]
PAGE = 100
SLOTS = ("title", "second")


def ledger(ledger: str) -> AnyResponse:
    """Balances of a ledger."""
    with reading() as ctx:
        found = ledger_of(ctx, ledger)
        view = _Balances(ctx, found)
        page = max(_whole(request.args.get("page", "")), 1)
        rows = view.rows
        shown = rows[(page - 1) * PAGE : page * PAGE]
        t = translator(ctx.language)
        return render(
            ctx,
            "pages/ledger.html",
            title=found.label.get(ctx.language),
            sub=t(f"截至 {view.as_of.isoformat()} 日末", f"at the end of {view.as_of.isoformat()}")
            if view.as_of
            else "",
            bar=view.bar,
            q=view.words,
            as_of=view.as_of.isoformat() if view.as_of else "",
            today=ctx.today().isoformat(),
            chips=view.bar.chips(),
            add=view.bar.add_menu(),
            editor=view.bar.editor(),
            groups=view.group_menu(),
            columns=view.columns(),
            rows=[view.row(row) for row in shown],
            totals=view.totals(),
            counted=t(f"共 {number(len(rows))} 行", f"{number(len(rows))} rows"),
            before=view.bar.url(page=str(page - 1)) if page > 1 else "",
            after=view.bar.url(page=str(page + 1)) if page * PAGE < len(rows) else "",
            tabs=_tabs(ctx, found, "balances"),
            may_export=rights(ctx, LEDGER + found.id).may("export"),
            ledger=found.id,
            hidden={n: v for n, v in view.bar.arguments if n not in ("q", "page", "add")},
        )


def _tabs(ctx: RunContext, found: Ledger, here: str) -> list[Part]:
    t = translator(ctx.language)
    return [
        {
            "label": t("结存", "Balances"),
            "url": url_for("pages.ledger", ledger=found.id),
            "current": here == "balances",
        },
        {"label": t("流水", "Moves"), "url": url_for("pages.moves", ledger=found.id), "current": here == "moves"},
    ]


def _whole(text: str) -> int:
    return int(text) if is_whole(text) and len(text) < 7 else 0


def day_of(ctx: RunContext, name: str) -> date | None:
    """A day of the address."""
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed(fault(ctx, "filter_bad", name, reason=text[:20])) from None


def bar_of(ctx: RunContext, found: Ledger, base: str) -> Bar:
    """The filters of a ledger: its dimensions, and where a dimension's records stand (a category of an item)."""
    paths = list(found.dimensions)
    for report in ctx.app.model.reports.values():
        if report.of == LEDGER + found.id:
            paths += [p for p in (*report.filters, *report.rows) if p.split(".")[0] in found.dimensions]
    given = [n.removeprefix("where.").removesuffix(".empty") for n in request.args if n.startswith("where.")]
    paths += [p for p in given if p.split(".")[0] in found.dimensions and p in paths]
    return Bar(ctx, base, LEDGER + found.id, dict.fromkeys(paths), request.args)


class _Balances:
    """The balances asked for, searched and sorted."""

    def __init__(self, ctx: RunContext, found: Ledger) -> None:
        self.ctx = ctx
        self.ledger = found
        self.bar = bar_of(ctx, found, url_for("pages.ledger", ledger=found.id))
        self.group = self._group()
        self.as_of = day_of(ctx, "as_of")
        self.words = request.args.get("q", "").strip()
        self.kinds = figure_types(ctx, found)
        self.names = Names(ctx, found)
        condition = condition_text(self.bar.ends, self.bar.filters())
        rows = standings(ctx, found, group_by=self.group, filter=condition, as_of=self.as_of)
        rows = [row for row in rows if any(row.figures.get(r) for r in found.resources)]
        self.names.read(row.dimensions for row in rows)
        self.figures = shown_figures(ctx, found, self.group)
        self.rows = self._sorted([row for row in rows if self._matches(row)])

    def _group(self) -> tuple[str, ...]:
        given = [d for d in request.args.get("group", "").split(",") if d in self.ledger.dimensions]
        if given:
            return tuple(dict.fromkeys(given))
        grains = sorted(self.ledger.totals.values(), key=len)
        return grains[-1] if grains else tuple(self.ledger.dimensions)

    def _matches(self, row: Standing) -> bool:
        if not self.words:
            return True
        told = " ".join(self.names.text(n, v) for n, v in row.dimensions.items()).casefold()
        return all(word in told for word in self.words.casefold().split())

    def _sorted(self, rows: list[Standing]) -> list[Standing]:
        given = request.args.get("sort", "")
        name, down = given.lstrip("-"), given.startswith("-")
        rows.sort(key=lambda row: [self.names.text(n, row.dimensions[n]) for n in self.group])
        if name in self.kinds:
            rows.sort(key=lambda row: row.figures.get(name) or Decimal(0), reverse=down)
        elif name in self.group:
            rows.sort(key=lambda row: self.names.text(name, row.dimensions[name]), reverse=down)
        return rows

    def columns(self) -> list[Part]:
        """Dimensions, then figures, each with its sort."""
        given = request.args.get("sort", "")
        found: list[Part] = []
        for place, name in enumerate(self.group):
            label = self.ledger.dimensions[name].label.get(self.ctx.language)
            found.append({"id": name, "label": label, "slot": SLOTS[place] if place < 2 else ""})
        for place, name in enumerate(self.figures):
            found.append({"id": name, "label": self.kinds[name][0], "num": True, "slot": "figure" if not place else ""})
        for column in found:
            name = column["id"]
            down = given == f"-{name}" if given.lstrip("-") == name else None
            column["sort_url"] = self.bar.url(
                sort=name if down else f"-{name}" if down is False or name in self.figures else name, page=""
            )
            column["sorted"] = "" if down is None else "desc" if down else "asc"
        return found

    def row(self, row: Standing) -> Part:
        """One row with its ways on."""
        cells = [self.names.cell(n, row.dimensions[n], link=not place) for place, n in enumerate(self.group)]
        cells += [self._figure(row, name, self.names.unit(row.dimensions, name)) for name in self.figures]
        return {"id": "-".join(str(v) for v in row.dimensions.values()), "cells": cells}

    def _figure(self, row: Standing, name: str, unit: str) -> Part:
        value = row.figures.get(name)
        kind = self.kinds[name][1]
        idle = not value and self.names.idle(row.dimensions, name)
        text = "–" if idle else amount(self.ctx, kind, value, each=is_unit_price(self.ledger, name))
        part: Part = {"kind": "num", "text": text, "tone": "red" if value is not None and value < 0 else ""}
        if kind.kind is Kind.QUANTITY and unit:
            part["unit"] = unit
        if name == next(iter(self.ledger.resources)):
            part |= {
                "kind": "link",
                "url": moves_url(self.ledger, row.dimensions, self.bar.arguments),
                "second": part.get("unit", ""),
            }
        return part

    def totals(self) -> list[Any]:
        """Sums over everything found, not only the page."""
        if not self.rows:
            return []
        sums = totals_of(self.ctx, self.ledger, self.rows, self.figures, self.names.unit)
        first = translator(self.ctx.language)("合计", "Total")
        return [first, *[None] * (len(self.group) - 1), *(sums.get(name) for name in self.figures)]

    def group_menu(self) -> list[Part]:
        """Dimensions to group by, those in use marked; the kept totals first."""
        grains = [tuple(g) for g in (*self.ledger.totals.values(), tuple(self.ledger.dimensions))]
        every = dict.fromkeys((*grains, *((d,) for d in self.ledger.dimensions)))
        t = translator(self.ctx.language)
        label = {n: d.label.get(self.ctx.language) for n, d in self.ledger.dimensions.items()}
        return [
            {
                "label": t(" × ", " × ").join(label[n] for n in g),
                "url": self.bar.url(group=",".join(g), page=""),
                "current": g == self.group,
            }
            for g in every
        ]


def ledger_file(ledger: str) -> AnyResponse:
    """Balances as a spreadsheet."""
    with reading() as ctx:
        found = ledger_of(ctx, ledger)
        demand(ctx, LEDGER + found.id, "export")
        view = _Balances(ctx, found)
        header = [c["label"] for c in view.columns()]
        rows = [
            [*(view.names.text(n, row.dimensions[n]) for n in view.group), *(row.figures.get(f) for f in view.figures)]
            for row in view.rows
        ]
        title = found.label.get(ctx.language)
        return sheet_response(
            title,
            request.args.get("format", "xlsx"),
            lambda kind: write_csv(header, rows) if kind == "csv" else write_xlsx(title, header, rows),
        )


# --- moves -----------------------------------------------------------------------------------------------------


def moves(ledger: str) -> AnyResponse:
    """The moves of a ledger, the newest first."""
    with reading() as ctx:
        found = ledger_of(ctx, ledger)
        bar = bar_of(ctx, found, url_for("pages.moves", ledger=found.id))
        wanted = _wanted(ctx, found, bar)
        page = newest_moves(ctx, found, wanted)
        names = Names(ctx, found)
        documents = {(m.document.entity, m.document.id) for m in page.moves}
        names.read((m.dimensions for m in page.moves), documents)
        kinds = {n: v for n, v in figure_types(ctx, found).items() if n in found.resources}
        shown = [d for d in found.dimensions if any(m.dimensions.get(d) is not None for m in page.moves)]
        t = translator(ctx.language)
        return render(
            ctx,
            "pages/moves.html",
            title=found.label.get(ctx.language),
            bar=bar,
            chips=[*bar.chips(), *_own_chips(ctx, found, bar, wanted)],
            add=bar.add_menu(),
            editor=bar.editor(),
            kinds=_kind_menu(ctx, found, bar, wanted),
            since=wanted.since.isoformat() if wanted.since else "",
            until=wanted.until.isoformat() if wanted.until else "",
            columns=_move_columns(ctx, found, shown, kinds),
            rows=[_move(ctx, found, m, names, shown, kinds) for m in page.moves],
            facts=_facts(ctx, found, page, kinds, names),
            counted=t(f"共 {number(page.count)} 笔", f"{number(page.count)} moves"),
            after=bar.url(cursor=f"{page.next[0].isoformat()}~{page.next[1]}") if page.next else "",
            tabs=_tabs(ctx, found, "moves"),
            hidden=[(n, v) for n, v in bar.arguments if n not in ("since", "until", "cursor", "add", "period")],
        )


def _wanted(ctx: RunContext, found: Ledger, bar: Bar) -> Wanted:
    since, until = day_of(ctx, "since"), day_of(ctx, "until")
    if bar.period() and since is None and until is None:
        period = period_of(ctx, bar.period())
        since, until = period.start, period.end
    known = {*found.kinds, *OWN_KINDS}
    within = report_buckets.condition(ctx, LEDGER + found.id)
    conditions = [condition_text(bar.ends, bar.filters()), within]
    return Wanted(
        filter=" and ".join(c for c in conditions if c),
        since=since,
        until=until,
        kinds=tuple(k for k in request.args.getlist("kind") if k in known),
        before=_cursor(ctx),
        limit=PAGE,
    )


def _cursor(ctx: RunContext) -> tuple[datetime, int] | None:
    at, _, last = request.args.get("cursor", "").partition("~")
    if not at:
        return None
    try:
        moment, number = datetime.fromisoformat(at), int(last)
    except ValueError:
        raise Malformed(fault(ctx, "cursor_bad", "cursor")) from None
    if moment.tzinfo is None or not 0 <= number < 2**63:
        raise Malformed(fault(ctx, "cursor_bad", "cursor"))
    return moment, number


def _own_chips(ctx: RunContext, found: Ledger, bar: Bar, wanted: Wanted) -> list[Part]:
    t = translator(ctx.language)
    chips = report_buckets.chips(ctx, LEDGER + found.id, bar.url(bucket=""))
    if wanted.kinds:
        words = t("、", ", ").join(kind_words(ctx, found, k) for k in wanted.kinds)
        chips.append({"label": t("类型", "Kind"), "text": words, "drop_url": bar.url(kind="")})
    if wanted.since or wanted.until:
        days = f"{wanted.since or ''} – {wanted.until or ''}"
        chips.append({"label": t("日期", "Days"), "text": days, "drop_url": bar.url(since="", until="", period="")})
    return chips


def _kind_menu(ctx: RunContext, found: Ledger, bar: Bar, wanted: Wanted) -> list[Part]:
    own = [k for k in OWN_KINDS if found.valuation is not None]
    every = [*found.kinds, *own] if found.kinds else []
    return [{"label": kind_words(ctx, found, k), "url": bar.url(kind=k), "current": k in wanted.kinds} for k in every]


def _move_columns(ctx: RunContext, found: Ledger, shown: Sequence[str], kinds: Mapping[str, Any]) -> list[Part]:
    t = translator(ctx.language)
    labels = {n: d.label.get(ctx.language) for n, d in found.dimensions.items()}
    dimensions = [{"id": n, "label": labels[n], "slot": "second" if not i else ""} for i, n in enumerate(shown)]
    figures = [
        {"id": n, "label": v[0], "num": True, "slot": "figure" if not i else ""}
        for i, (n, v) in enumerate(kinds.items())
    ]
    return [
        {"id": "document", "label": t("单据", "Document"), "slot": "title"},
        {"id": "at", "label": t("时间", "When"), "slot": "lead"},
        {"id": "kind", "label": t("类型", "Kind")},
        *dimensions,
        *figures,
        {"id": "note", "label": t("说明", "Note")},
    ]


def _move(
    ctx: RunContext, found: Ledger, move: Move, names: Names, shown: Sequence[str], kinds: Mapping[str, Any]
) -> Part:
    entity = ctx.app.model.entities.get(move.document.entity)
    label = entity.label.get(ctx.language) if entity else ""
    url = names.url(move.document.entity, move.document.id)
    title = names.title(move.document.entity, move.document.id)
    document: Part = (
        {"kind": "code", "text": title, "second": label, "url": url}
        if url
        else {"kind": "text", "text": title, "second": label}
    )
    cells = [document, {"kind": "date", "text": move_moment(ctx, move)}, kind_words(ctx, found, move.kind)]
    cells += [names.cell(n, move.dimensions.get(n)) for n in shown]
    for name, (_, kind) in kinds.items():
        value = move.amounts.get(name)
        sign = "+" if value and value > 0 else ""
        part: Part = {"kind": "num", "text": sign + amount(ctx, kind, value) if value else "–"}
        if kind.kind is Kind.QUANTITY and value and (unit := names.unit(move.dimensions, name)):
            part["unit"] = unit
        cells.append(part)
    return {"id": move.id, "cells": [*cells, {"kind": "text", "text": "", "second": move_note(ctx, found, move)}]}


def _facts(ctx: RunContext, found: Ledger, page: MovePage, kinds: Mapping[str, Any], names: Names) -> list[Part]:
    """What came and went in all, for figures that can be added up."""
    t = translator(ctx.language)
    facts = []
    for name, (label, kind) in kinds.items():
        units = {names.unit(m.dimensions, name) for m in page.moves if m.amounts.get(name)}
        if kind.kind is Kind.QUANTITY and (len(units) > 1 or page.next):
            continue
        came, went = page.came[name], page.went[name]
        facts.append({"label": f"{label} {t('增加', 'in')}", "text": amount(ctx, kind, came)})
        facts.append({"label": f"{label} {t('减少', 'out')}", "text": amount(ctx, kind, went)})
        facts.append({"label": f"{label} {t('净额', 'net')}", "text": amount(ctx, kind, came - went)})
    return facts


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/ledgers/<ledger>", "ledger", ledger)
    pages.add_url_rule("/ledgers/<ledger>/file", "ledger_file", ledger_file)
    pages.add_url_rule("/ledgers/<ledger>/moves", "moves", moves)
