"""P3: a receipt of five lines, made and posted: numbering, workflow, ledgers, rules and trail, in one transaction.

The hand-written one knows its tables by heart (``p03_by_hand``): it looks up what was named, writes the same rows into
the same tables with one statement a table (number, document, trail, moves, all seven kinds of running rows, the trace
of the rule, the search key), and asks nothing twice. Where month ends are kept already it keeps them right as ours
does. That both leave the same behind is checked before anything is measured. What it does without: it asks neither
how goods are valued nor who may do this, checks only what this one document can get wrong, and no rule or field could
be added to it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import func, select

from runtime import records, workflow
from tests.bench.measure import Figure, against
from tests.bench.p03_by_hand import ENTITY, INSERTS, KEPT, LINES, RUNNING, HandWritten
from tests.bench.places import ITEMS, Place, code_of

GOAL = "P3"


def run(place: Place) -> Iterator[Figure]:
    """The receipt on this database."""
    documents = _documents()
    ours, hand = our_way(place, documents), HandWritten(place, documents)
    check_same_rows(place, ours, hand)
    mine, theirs = against(ours, hand, place.size.rounds)
    yield Figure(
        goal=GOAL, name="receipt of 5 lines, posted", database=place.dialect, unit="ms CPU", ours=mine, hand=theirs,
        limit=1.6,
    )  # fmt: skip


def _documents() -> Iterator[dict[str, Any]]:
    """What comes in: codes, quantities and prices as text, a document of other items each time."""
    for n in itertools.count():
        lines = [
            {"item": code_of(f"I{(n * LINES + i) % ITEMS}"), "qty": str(5 + i), "price": "3.25"} for i in range(LINES)
        ]
        yield {"partner": code_of("S1"), "warehouse": code_of("W1"), "supplier_note": f"N{n}", "lines": lines}


def our_way(place: Place, documents: Iterator[dict[str, Any]]) -> Callable[[], object]:
    """Through the one door."""

    def work() -> object:
        with place.writing() as ctx:
            made = records.create(ctx, ENTITY, next(documents))
            return workflow.take(ctx, ENTITY, made.id, "post", {}, saved=made)

    return work


def check_same_rows(place: Place, ours: Callable[[], object], hand: Callable[[], object]) -> None:
    """Both must leave the same behind: as many rows in every table they append to, the same sums in running rows."""
    grown = []
    for work in (ours, hand):
        before = _counts(place)
        work()
        after = _counts(place)
        grown.append({name: after[name] - before[name] for name in after})
    if grown[0] != grown[1]:
        raise AssertionError(f"the hand-written receipt writes other rows than ours: {grown}")


APPENDED = (
    "purchase_receipt", "purchase_receipt__lines", "dg_audit", "ledger_payable", "ledger_stock", "dg_rule_run",
)  # fmt: skip


def _counts(place: Place) -> dict[str, int]:
    with place.reading() as ctx:
        found = {
            name: ctx.connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in zip(APPENDED, place.plain(*APPENDED), strict=True)
        }
        for (name, sums, _), table in zip(RUNNING, place.plain(*(name for name, _, _ in RUNNING)), strict=True):
            for column in sums:
                found[f"{name}.{column}"] = int(ctx.connection.scalar(select(func.sum(table.c[column]))) or 0)
        for (ledger, sums), table in zip(KEPT.items(), place.plain(*(f"snapshot_{n}" for n in KEPT)), strict=True):
            for column in sums:
                found[f"{ledger} kept {column}"] = int(ctx.connection.scalar(select(func.sum(table.c[column]))) or 0)
        (serial,) = place.plain("dg_serial")
        found["dg_serial"] = int(ctx.connection.scalar(select(func.sum(serial.c.value))) or 0)
        return found


__all__ = ["GOAL", "INSERTS", "HandWritten", "run"]
