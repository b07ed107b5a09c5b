"""A printed form as sheets: head, rows page by page with their totals, words, signatures, codes to scan, every copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from engine.model import Print, PrintBlock
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.figures import Period, period_of
from runtime.permissions import may_see
from runtime.queries import ListQuery, list_records
from runtime.query_columns import ListColumn, Named, column_of
from runtime.query_filters import Filter
from runtime.record_inputs import Workspace
from runtime.record_texts import render as render_message
from runtime.values import ENTERED
from web.display import is_numeric, number, text_of
from web.file_cells import FILES, on_paper
from web.print_account import account_table
from web.texts import translator

Row = dict[str, Any]
Part = dict[str, Any]
MOST_LINES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One piece of paper. ``copy``: whose it is; ``blocks`` in the order of the form."""

    copy: str
    page: int
    pages: int
    blocks: list[Part]


def seen_columns(ctx: RunContext, entity: str, paths: Sequence[str]) -> list[ListColumn]:
    """The columns the reader may see; the others are not on the paper."""
    found = []
    for path in paths:
        try:
            found.append(column_of(ctx, entity, path))
        except Malformed:
            continue
    return found


class Form:
    """One record on one form."""

    def __init__(self, ctx: RunContext, form: Print, row: Row, period: Period | None = None) -> None:
        self.ctx = ctx
        self.form = form
        self.row = row
        self.period = period or period_of(ctx, "this_month")
        self.at = Workspace(ctx)
        self.tables = {block.id: self._lines(block) for block in form.blocks if block.kind == "table"}

    def sheets(self, labels: int = 1) -> list[Sheet]:
        """Every page of every copy."""
        if self.form.label_size:
            return [Sheet(copy="", page=1, pages=1, blocks=self._blocks(0, 1)) for _ in range(labels)]
        pages = self._pages()
        names = [text.get(self.ctx.language) for text in self.form.copies.values()] or [""]
        return [
            Sheet(copy=name, page=n + 1, pages=pages, blocks=self._blocks(n, pages))
            for name in names
            for n in range(pages)
        ]

    def _pages(self) -> int:
        if not self.form.rows:
            return 1
        longest = max((len(rows) for _, rows in self.tables.values()), default=0)
        return max(1, -(-longest // self.form.rows))

    def _blocks(self, page: int, pages: int) -> list[Part]:
        found = []
        for place, block in enumerate(self.form.blocks):
            last_only = block.kind in ("text", "signatures") and place > 0 and pages > 1 and page < pages - 1
            if not last_only:
                found.append(KINDS[block.kind](self, block, page, pages))
        return found

    # --- blocks ------------------------------------------------------------------------------------------------

    def text(self, block: PrintBlock, page: int, pages: int) -> Part:
        """A line of words, with a code to scan and places to sign."""
        said = ""
        if block.message:
            (said,) = render_message(self.at, block.message, [self.row], self.form.entity, thousands=True)
        return {
            "kind": "text",
            "id": block.id,
            "text": said.strip(),
            "qr": self._qr(block),
            "signatures": self._signatures(block),
        }

    def fields(self, block: PrintBlock, page: int, pages: int) -> Part:
        """Labelled values of the head."""
        columns = seen_columns(self.ctx, self.form.entity, block.paths)
        query = ListQuery(
            filters=(Filter("id", "eq", (self.row["id"],)),), fields=tuple(c.path for c in columns), page_size=1
        )
        values = list_records(self.ctx, self.form.entity, query).rows[0][1:] if columns else ()
        pairs = [{"label": self._label(c), **self._shown(c, v)} for c, v in zip(columns, values, strict=True)]
        return {"kind": "fields", "pairs": pairs, "columns": block.columns, "qr": self._qr(block)}

    def _label(self, column: ListColumn) -> str:
        """What a value is called: a name is called after who it is the name of."""
        first, _, rest = column.path.partition(".")
        if rest in ("name", "code"):
            owner = self.ctx.app.model.entities[self.form.entity].fields.get(first)
            return owner.label.get(self.ctx.language) if owner else column.label
        return column.label

    def table(self, block: PrintBlock, page: int, pages: int) -> Part:
        """The rows of a page, what they come to, and the empty ones struck out."""
        columns, rows = self.tables[block.id]
        size = self.form.rows or max(len(rows), 1)
        mine = rows[page * size : (page + 1) * size]
        blank = max(size - len(mine), 0) if block.pad_rows and self.form.rows else 0
        totals = [self._totals(block, columns, mine, pages > 1, page)] if block.page_totals and mine else []
        if totals and pages > 1 and page == pages - 1:
            totals.append(self._totals(block, columns, rows, False, page))
        return {
            "kind": "table",
            "heads": [{"label": self._column_label(block, c), "num": is_numeric(c.field)} for c in columns],
            "rows": [
                [self._line_value(c, line, v) for c, v in zip(columns, values, strict=True)] for line, values in mine
            ],
            "first": page * size + 1,
            "blank": blank,
            "totals": totals,
        }

    def moves(self, block: PrintBlock, page: int, pages: int) -> Part:
        """The record's account in a ledger, over the period."""
        return account_table(self.ctx, block, self.row["id"], self.period)

    def _column_label(self, block: PrintBlock, column: ListColumn) -> str:
        """A head: what names a record is headed by what it names, unless code and name stand side by side."""
        first, _, rest = column.path.partition(".")
        alone = f"{first}.name" not in block.paths
        if rest == "name" or (rest == "code" and alone):
            entity = self.ctx.app.model.entities[self.form.entity].fields[block.lines].lines
            return self.ctx.app.model.entities[entity].fields[first].label.get(self.ctx.language)
        return column.field.label.get(self.ctx.language)

    def _totals(
        self,
        block: PrintBlock,
        columns: Sequence[ListColumn],
        rows: Sequence[tuple[Row, Sequence[Any]]],
        one: bool,
        page: int,
    ) -> Part:
        t = translator(self.ctx.language)
        sums: list[str] = []
        for place, column in enumerate(columns):
            values = [self._number(column, line, cells[place]) for line, cells in rows]
            known = [v for v in values if isinstance(v, Decimal)]
            shown = column.path in block.page_totals and known
            sums.append(text_of(self.ctx, column.field, sum(known, Decimal(0))) if shown else "")
        free = next((place for place, text in enumerate(sums) if text), len(sums))
        label = t(f"第 {page + 1} 页小计", f"Page {page + 1}") if one else t("合计", "Total")
        return {"label": label, "span": free + 1, "cells": sums[free:]}

    def signatures(self, block: PrintBlock, page: int, pages: int) -> Part:
        """Places to sign."""
        return {"kind": "signatures", "signatures": self._signatures(block), "qr": self._qr(block)}

    def qr(self, block: PrintBlock, page: int, pages: int) -> Part:
        """A code to scan, alone."""
        return {"kind": "qr", "qr": self._qr(block)}

    def _signatures(self, block: PrintBlock) -> list[str]:
        return [text.get(self.ctx.language) for text in block.signatures]

    def _qr(self, block: PrintBlock) -> Markup | None:
        if block.qr is None or not may_see(self.ctx, block.qr.secrecy):
            return None
        value = self.at.evaluate(block.qr, [self.row], None, self.form.entity)[0]
        if value in (None, ""):
            return None
        import segno

        svg = segno.make(str(value), error="m", micro=False).svg_inline(
            border=0, omitsize=True, svgclass="qr", lineclass=None
        )
        return Markup(svg)

    # --- values ------------------------------------------------------------------------------------------------

    def _lines(self, block: PrintBlock) -> tuple[list[ListColumn], list[tuple[Row, Sequence[Any]]]]:
        """Columns and rows of a table, in the order they stand in the document."""
        entity = self.ctx.app.model.entities[self.form.entity].fields[block.lines].lines
        lines = self.row.get(block.lines) or ()
        columns = seen_columns(self.ctx, entity, block.paths) if lines else []
        query = ListQuery(
            filters=(Filter("id", "in", tuple(line["id"] for line in lines)),),
            fields=tuple(c.path for c in columns),
            page_size=MOST_LINES,
        )
        by_id = {row[0]: row[1:] for row in list_records(self.ctx, entity, query).rows} if columns else {}
        return columns, [(line, by_id[line["id"]]) for line in lines if line["id"] in by_id]

    def _number(self, column: ListColumn, line: Mapping[str, Any], value: Any) -> Any:
        """A quantity in the unit it was entered in."""
        return line.get(column.path + ENTERED, value) if "." not in column.path else value

    def _line_value(self, column: ListColumn, line: Row, value: Any) -> Part:
        entered = self._number(column, line, value)
        return {"num": is_numeric(column.field), **self._shown(column, entered)}

    def _shown(self, column: ListColumn, value: Any) -> Part:
        """A value as words and pictures: signatures and photos travel with the paper, in a letter too."""
        if column.field.type in FILES:
            pictures, names = on_paper(self.ctx, column.field, value)
            return {"text": names, "pictures": pictures}
        return {"text": self._value(column, value), "pictures": []}

    def _value(self, column: ListColumn, value: Any) -> str:
        if isinstance(value, Named):
            return str(value)
        if isinstance(value, Decimal) and not is_numeric(column.field):
            return number(value)
        if hasattr(value, "isoformat") and not hasattr(value, "hour"):
            return str(value.isoformat())
        return text_of(self.ctx, column.field, value)


KINDS = {
    "text": Form.text,
    "fields": Form.fields,
    "table": Form.table,
    "moves": Form.moves,
    "signatures": Form.signatures,
    "qr": Form.qr,
}


TRACTOR = 241
"""Width of paper with holes at both edges, which stay free."""


def paper(form: Print) -> dict[str, Any]:
    """The measures of a form, in millimetres, for its style sheet."""
    holes = 10 if form.width == TRACTOR else 0
    return {
        "width": form.width,
        "height": form.height,
        "side": holes or (2 if form.label_size else 12),
        "edge": 2 if form.label_size else 6 if holes else 12,
        "flow": "min-height" if not form.rows and not form.label_size else "height",
        "font": "8pt" if form.label_size else "10pt",
    }
