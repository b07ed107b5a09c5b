"""What must come of a scenario: fields of records, balances, cards, reports, genealogies, alerts, messages.

The stage a scenario goes on in stands here too: whoever acts on it and whoever compares needs the same handles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select

from runtime import cards, ledger_lists, records, reports, trace
from runtime.apps import RunningApp
from runtime.context import User
from runtime.report_shapes import Asked
from runtime.values import Ref

Row = dict[str, Any]
ADMIN = "admin"


class Otherwise(Exception):
    """A step ended otherwise than the scenario says."""


@dataclass(slots=True)
class Stage:
    """An app with a scenario going on in it. ``handles``: name → (entity, id); ``people``: name → who acts."""

    app: RunningApp
    moment: datetime
    handles: dict[str, tuple[str, int]] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)

    def now(self) -> datetime:
        """The clock: where the scenario put it, a minute on with every step."""
        return self.moment

    @contextmanager
    def acting(self, who: str = ADMIN) -> Any:
        """A call of a person, in a transaction of its own."""
        self.moment += timedelta(minutes=1)
        if who not in self.people:
            raise Otherwise(f"as: there is nobody called {who}")
        with self.app.database.write() as connection:
            yield replace(self.app.context(connection, self, source="scenario"), user=self.people[who])


def plain(value: Any) -> Any:
    """What YAML made of a cell, as programs write it."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def handled(stage: Stage, name: str) -> tuple[str, int]:
    if name not in stage.handles:
        raise Otherwise(f"nothing is called {name}")
    return stage.handles[name]


def expect(stage: Stage, step: Row) -> None:
    with stage.acting() as ctx:
        for wanted in step["expect"]:
            kind = next((name for name in wanted if name in EXPECTED), None)
            if kind is None:
                raise Otherwise(f"an expectation is one of {', '.join(EXPECTED)}")
            EXPECTED[kind](stage, ctx, wanted)


def compare(what: str, found: Any, wanted: Any) -> None:
    if isinstance(wanted, bool) or wanted is None or not _is_number(wanted) or not _is_number(found):
        same = found == wanted or (wanted is not None and str(found) == str(plain(wanted)))
    else:
        same = Decimal(str(found)) == Decimal(str(wanted))
    if not same:
        raise Otherwise(f"{what} is {found}, not {wanted}")


def _is_number(value: object) -> bool:
    try:
        Decimal(str(value))
    except InvalidOperation:
        return False
    return not isinstance(value, bool)


def _expect_record(stage: Stage, ctx: Any, wanted: Row) -> None:
    """``{of: t, status: posted, lines.0.book: 5}``."""
    row = records.read(ctx, *handled(stage, wanted["of"]))
    for path, value in wanted.items():
        if path != "of":
            found = _at_path(row, path, wanted["of"])
            if isinstance(value, str) and value in stage.handles:
                value = stage.handles[value][1]
            compare(f"{wanted['of']}.{path}", found, value)


def _at_path(row: Row, path: str, of: str) -> Any:
    found: Any = row
    for part in path.split("."):
        try:
            found = found[int(part)] if part.isdigit() else found[part]
        except (KeyError, IndexError, TypeError):
            raise Otherwise(f"{of} has no {path}") from None
    return found


def _expect_ledger(stage: Stage, ctx: Any, wanted: Row) -> None:
    """``{ledger: stock, item: bolt, warehouse: a, qty: 60, available: 60}``; what is not there is 0."""
    ledger = ctx.app.model.ledgers[wanted["ledger"]]
    key = {name: value for name, value in wanted.items() if name in ledger.dimensions}
    rows = ledger_lists.standings(ctx, ledger, group_by=tuple(key))
    names = {name: stage.handles[v][1] if v in stage.handles else v for name, v in key.items()}
    fits = [row for row in rows if all(_same(row.dimensions[name], value) for name, value in names.items())]
    for name, value in wanted.items():
        if name != "ledger" and name not in key:
            found = sum((row.figures.get(name) or Decimal(0) for row in fits), Decimal(0))
            compare(f"{wanted['ledger']}.{name} of {key}", found, value)


def _same(found: object, wanted: object) -> bool:
    return (found.id if isinstance(found, Ref) else found) == wanted


def _expect_card(stage: Stage, ctx: Any, wanted: Row) -> None:
    compare(f"card {wanted['card']}", cards.card(ctx, wanted["card"], wanted.get("period", "")).value, wanted["value"])


def _expect_alert(stage: Stage, ctx: Any, wanted: Row) -> None:
    table = ctx.app.tables.system.alert
    query = (
        select(func.count()).select_from(table).where(table.c.alert == wanted["alert"], table.c.open_key.isnot(None))
    )
    if "level" in wanted:
        query = query.where(table.c.level == wanted["level"])
    compare(f"open alerts {wanted['alert']}", ctx.connection.execute(query).scalar_one(), wanted["open"])


def _expect_told(stage: Stage, ctx: Any, wanted: Row) -> None:
    """``{told: rule:contract_signed, times: 1}``: how often something went into an inbox, or out ``by: email``."""
    outbox = ctx.app.tables.system.outbox
    query = (
        select(func.count())
        .select_from(outbox)
        .where(outbox.c.origin == wanted["told"], outbox.c.kind == wanted.get("by", "inbox"))
    )
    compare(f"told by {wanted['told']}", ctx.connection.execute(query).scalar_one(), wanted["times"])


def _expect_report(stage: Stage, ctx: Any, wanted: Row) -> None:
    """``{report: theory_actual, row: [k1, tomato], period: this_month, theory: 90}``: figures of one line."""
    result = reports.run(ctx, wanted["report"], Asked(period=wanted.get("period", "")))
    names = [stage.handles[part][1] if part in stage.handles else part for part in wanted["row"]]
    line = next((one for one in result.lines if _is_row(one.keys, names)), None)
    if line is None:
        raise Otherwise(f"report {wanted['report']} has no line {wanted['row']}")
    for name, value in wanted.items():
        if name not in ("report", "row", "period"):
            compare(f"{wanted['report']}.{name} of {wanted['row']}", line.cells[()].get(name), value)


def _is_row(keys: tuple[Any, ...], wanted: list[Any]) -> bool:
    return len(keys) == len(wanted) and all(_same(key, value) for key, value in zip(keys, wanted, strict=True))


def _expect_trace(stage: Stage, ctx: Any, wanted: Row) -> None:
    """``{trace: raw, way: forward, lot: 4, delivery: 3}``: how many records of each kind a genealogy comes to."""
    graph = trace.trace(ctx, *handled(stage, wanted["trace"]), wanted.get("way", "both"))
    found = Counter(node.entity for node in graph.nodes)
    for name, value in wanted.items():
        if name not in ("trace", "way"):
            compare(f"trace of {wanted['trace']}: {name}", found[name], value)


EXPECTED: Mapping[str, Callable[[Stage, Any, Row], None]] = MappingProxyType(
    {
        "of": _expect_record,
        "ledger": _expect_ledger,
        "card": _expect_card,
        "alert": _expect_alert,
        "told": _expect_told,
        "report": _expect_report,
        "trace": _expect_trace,
    }
)
