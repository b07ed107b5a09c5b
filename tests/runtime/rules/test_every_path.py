"""A rule fires once for each record, whichever way it was written: form, API, import, bulk, sync."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from runtime import records, syncing, workflow
from runtime.context import RunContext
from runtime.importing import import_file
from runtime.importing_mapping import Cell, FileMapping
from runtime.sync_entries import Entry
from tests.runtime.rules.firm import Firm

ITEMS = [{"code": f"P{n}", "name": f"件{n}", "safety": "2000"} for n in range(2)]
Row = dict[str, Any]


def by_file(ctx: RunContext, entity: str, rows: list[Row], *then: str) -> None:
    names = list(rows[0])
    text = "\n".join([",".join(names), *(",".join(str(row[n]) for n in names) for row in rows)])
    mapping = FileMapping(entity=entity, cells={name: Cell(column=name) for name in names}, then=then)
    report = import_file(replace(ctx, source="import"), entity, text.encode(), "file.csv", mapping)
    assert (report.faults, report.written) == ([], True)


def synced(ctx: RunContext, key: str, kind: str, entity: str, **more: object) -> Row:
    """An entry taken in, then sent once more."""
    raw = {"key": key, "made_at": "2026-03-02T09:00:00+08:00", "kind": kind, "entity": entity, **more}
    entry = Entry(key=key, raw=raw)
    done = syncing.take(syncing.Taking(syncing.acting(ctx, ctx.connection, entry), entry, ctx.user.account))
    again = syncing.take(syncing.Taking(syncing.acting(ctx, ctx.connection, entry), entry, ctx.user.account))
    assert (done["fate"], again["fate"]) == ("done", "already")
    return done


def by_form(ctx: RunContext, rows: list[Row]) -> None:
    for row in rows:
        records.create(replace(ctx, source="form"), "item", row)


def by_sync(ctx: RunContext, rows: list[Row]) -> None:
    for row in rows:
        synced(ctx, row["code"], "create", "item", values=row)


MADE: Mapping[str, Callable[[RunContext, list[Row]], object]] = {
    "form": by_form,
    "api": lambda ctx, rows: [records.create(replace(ctx, source="api"), "item", row) for row in rows],
    "import": lambda ctx, rows: by_file(ctx, "item", rows),
    "bulk": lambda ctx, rows: records.create_many(ctx, "item", rows),
    "sync": by_sync,
}


@pytest.mark.parametrize("path", MADE)
def test_a_rule_of_new_records_fires_once_for_each(firm: Firm, path: str) -> None:
    MADE[path](firm.ctx, ITEMS)
    assert firm.results("noted")[-2:] == ["fired", "fired"]
    notice, item = (firm.ctx.app.tables.entity[name] for name in ("notice", "item"))
    query = select(item.c.code, func.count()).join(notice, notice.c.about == item.c.id).group_by(item.c.code)
    assert sorted(firm.ctx.connection.execute(query).all()) == [("P0", 1), ("P1", 1)]


def orders(firm: Firm) -> list[int]:
    return [firm.order(20), firm.order(30)]


def approved_by_sync(firm: Firm) -> None:
    for id in orders(firm):
        synced(firm.ctx, f"a{id}", "act", "order", id=id, action="approve")


MOVED: Mapping[str, Callable[[Firm], object]] = {
    "form": lambda firm: [workflow.take(replace(firm.ctx, source="form"), "order", i, "approve") for i in orders(firm)],
    "api": lambda firm: [firm.take("order", id, "approve") for id in orders(firm)],
    "import": lambda firm: by_file(
        firm.ctx,
        "order",
        [{"code": f"X{qty}", "partner": "K", "lines.item": "A", "lines.qty": qty} for qty in (20, 30)],
        "approve",
    ),
    "bulk": lambda firm: workflow.take_many(firm.ctx, "order", orders(firm), "approve"),
    "sync": approved_by_sync,
}


@pytest.mark.parametrize("path", MOVED)
def test_a_rule_of_a_step_fires_once_for_each(firm: Firm, path: str) -> None:
    MOVED[path](firm)
    assert firm.told("rule:to_customer") == [("email", "k@example.com", f"合计 {qty}") for qty in (20, 30)]
    assert firm.results("to_customer") == ["fired", "fired"]
