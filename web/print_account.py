"""The account of a record on paper: a line for each document, with what stood before, what came, went and stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine.model import Ledger, PrintBlock
from runtime.context import RunContext
from runtime.figures import Period
from runtime.ledger_account import Account, Entry, account_of
from runtime.permissions import LEDGER, READ, rights
from web.ledger_view import Names, amount, kind_words
from web.texts import translator

Part = dict[str, Any]


def account_table(ctx: RunContext, block: PrintBlock, record: int, period: Period) -> Part:
    """The block as a table of the form; empty for somebody who may not read the ledger."""
    ledger = ctx.app.model.ledgers[block.ledger]
    allowed = rights(ctx, LEDGER + ledger.id)
    if not allowed.may(READ) or block.figure in allowed.hidden:
        return {"kind": "text", "id": block.id, "text": "", "qr": None, "signatures": []}
    account = account_of(ctx, ledger, block.figure, block.by, record, period)
    return _Table(ctx, ledger, block, account).part(period)


class _Table:
    """An account in words."""

    def __init__(self, ctx: RunContext, ledger: Ledger, block: PrintBlock, account: Account) -> None:
        self.ctx = ctx
        self.ledger = ledger
        self.block = block
        self.account = account
        self.names = Names(ctx, ledger)
        dimensions = [{n: entry.dimensions.get(n) for n in block.paths} for entry in account.entries]
        self.names.read(dimensions, [(e.document.entity, e.document.id) for e in account.entries])

    def part(self, period: Period) -> Part:
        """What the form's template takes."""
        t = translator(self.ctx.language)
        blank = [{"num": False, "text": "", "pictures": []} for _ in self.block.paths]
        opening = [
            {"num": False, "text": period.start.isoformat(), "pictures": []},
            {"num": False, "text": t("期初余额", "Balance before"), "pictures": []},
            *blank, self._num(None), self._num(None), self._num(self.account.before),
        ]  # fmt: skip
        totals = [self._said(value) for value in (self.account.came, self.account.went, self.account.after)]
        listed = len(self.account.entries)
        told = t(f"只列出前 {listed} 笔", f"only the first {listed} are listed") if self.account.cut else ""
        return {
            "kind": "table",
            "caption": " ".join(w for w in (f"{period.start} – {period.end}", told) if w),
            "heads": self._heads(),
            "rows": [opening, *(self._row(entry) for entry in self.account.entries)],
            "first": 1,
            "blank": 0,
            "totals": [{"label": t("本期合计与期末", "Total and closing"), "span": 3 + len(blank), "cells": totals}],
        }

    def _heads(self) -> list[Part]:
        t, language = translator(self.ctx.language), self.ctx.language
        resource = self.ledger.resources[self.block.figure].label.get(language)
        came = self.block.came.get(language) if self.block.came else t(f"{resource}增加", f"{resource} in")
        went = self.block.went.get(language) if self.block.went else t(f"{resource}减少", f"{resource} out")
        own = [self.ledger.dimensions[n].label.get(language) for n in self.block.paths]
        words = [t("日期", "Date"), t("单据", "Document"), *own]
        return [
            *({"label": word, "num": False} for word in words),
            *({"label": word, "num": True} for word in (came, went, t("结余", "Balance"))),
        ]

    def _row(self, entry: Entry) -> list[Part]:
        entity = self.ctx.app.model.entities.get(entry.document.entity)
        kind = kind_words(self.ctx, self.ledger, entry.kind) if entry.kind in self.ledger.kinds else ""
        label = entity.label.get(self.ctx.language) if entity else ""
        document = " ".join(w for w in (label, self.names.title(entry.document.entity, entry.document.id), kind) if w)
        day = entry.at.astimezone(ZoneInfo(self.ctx.app.model.timezone)).date().isoformat()
        own = [self.names.text(n, entry.dimensions.get(n)) for n in self.block.paths]
        return [
            *({"num": False, "text": text, "pictures": []} for text in (day, document, *own)),
            self._num(entry.came or None), self._num(entry.went or None), self._num(entry.stands),
        ]  # fmt: skip

    def _num(self, value: Decimal | None) -> Part:
        return {"num": True, "text": "" if value is None else self._said(value), "pictures": []}

    def _said(self, value: Decimal) -> str:
        return amount(self.ctx, self.ledger.resources[self.block.figure].value, value)
