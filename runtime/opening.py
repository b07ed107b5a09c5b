"""Taking over: what has come in against the firm's own totals, the moment the app is live, starting over before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from sqlalchemy import Table, delete, func, insert, select, update

from engine.expressions.types import Kind
from engine.model import Entity, EntityKind, Opening
from runtime import audit
from runtime.administration import APP, demand_admin
from runtime.app_setup import make_settings
from runtime.context import RunContext
from runtime.errors import Conflict, Invalid
from runtime.ledger_lists import standings
from runtime.messages import fault
from runtime.opening_guard import LIVE, live_since
from runtime.permissions import LEDGER
from runtime.rules_states import EVERY

CONTROL = "opening_total."


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One table of the check list. ``entity``: what its rows are brought as ("" = nothing posts into the ledger).

    ``count``: records, or balances. ``total``: what the ledger says in money; ``control``: what the firm's books say.
    """

    opening: Opening
    entity: str
    count: int
    total: Decimal | None
    control: Decimal | None

    @property
    def difference(self) -> Decimal | None:
        """What is still missing (or too much)."""
        value = self.total if self.total is not None else Decimal(self.count)
        return None if self.control is None else value - self.control


def check_list(ctx: RunContext) -> list[Taken]:
    """Every table to take over, with what came in."""
    brings = opening_entity(ctx)
    return [_taken(ctx, opening, brings) for opening in ctx.app.model.openings.values()]


def _taken(ctx: RunContext, opening: Opening, brings: Entity | None) -> Taken:
    control = _kept(ctx, CONTROL + opening.id)
    kept = Decimal(control) if control else None
    if not opening.entity.startswith(LEDGER):
        table = ctx.app.tables.entity[opening.entity]
        count = ctx.connection.execute(
            select(func.count()).select_from(table).where(table.c.deleted_at.is_(None))
        ).scalar_one()
        return Taken(opening=opening, entity=opening.entity, count=count, total=None, control=kept)
    ledger = ctx.app.model.ledgers[opening.entity.removeprefix(LEDGER)]
    rows = standings(ctx, ledger, group_by=tuple(ledger.dimensions))
    money = next((r.id for r in ledger.resources.values() if r.value.kind is Kind.MONEY), "")
    total = sum((row.figures.get(money) or Decimal(0) for row in rows), Decimal(0)) if money else None
    document = opening.brings or (brings.id if brings else "")
    return Taken(opening=opening, entity=document, count=len(rows), total=total, control=kept)


def opening_entity(ctx: RunContext) -> Entity | None:
    """Where none is named, the document that brings balances in: it adds to most of the ledgers and takes from none."""
    wanted = {o.entity.removeprefix(LEDGER) for o in ctx.app.model.openings.values() if o.entity.startswith(LEDGER)}
    best: Entity | None = None
    most = 0
    for entity in ctx.app.model.entities.values():
        postings = [p for each in entity.postings.values() for p in each]
        if postings and all(p.verb == "add" for p in postings):
            found = len({p.ledger for p in postings} & wanted)
            if found > most:
                best, most = entity, found
    return best


def keep_total(ctx: RunContext, opening: str, given: str) -> None:
    """What the firm's own books say; empty forgets it."""
    demand_admin(ctx)
    if opening not in ctx.app.model.openings:
        raise Invalid(fault(ctx, "no_such_page", given=opening[:60]))
    text = given.replace(",", "").strip()
    try:
        value = Decimal(text) if text else None
    except InvalidOperation:
        value = Decimal("NaN")
    if value is not None and (not value.is_finite() or abs(value) >= 10**15):
        raise Invalid(fault(ctx, "bad_number", opening, name=opening, given=given[:40]))
    _keep(ctx, CONTROL + opening, f"{value:f}" if value is not None else "")


def go_live(ctx: RunContext) -> None:
    """From now on nothing is wiped any more."""
    demand_admin(ctx)
    if live_since(ctx):
        raise Conflict(fault(ctx, "is_live"))
    _keep(ctx, LIVE, ctx.today().isoformat())
    audit.write(ctx, [audit.Entry(entity=APP, record=0, version=0, kind="live", changes={})])


def wipe(ctx: RunContext, confirmed: str) -> None:
    """Everything but settings, accounts and the definition goes; only before the app is live."""
    demand_admin(ctx)
    if live_since(ctx):
        raise Conflict(fault(ctx, "is_live"))
    if confirmed.strip() != ctx.app.name:
        raise Invalid(fault(ctx, "confirm_name", "confirm", name=ctx.app.name))
    tables = _data_tables(ctx)
    for table in [*tables, *(ctx.app.tables.entity[e] for e in _settings(ctx))]:
        _loosen(ctx, table, {t.name for t in tables})
    for table in _in_order(tables):
        ctx.connection.execute(delete(table))
    _wipe_traces(ctx)
    make_settings(ctx)
    audit.write(ctx, [audit.Entry(entity=APP, record=0, version=0, kind="wipe", changes={})])


def _settings(ctx: RunContext) -> list[str]:
    return [e.id for e in ctx.app.model.entities.values() if e.kind is EntityKind.SETTING]


def _data_tables(ctx: RunContext) -> list[Table]:
    """Tables of records and ledgers; those of settings stay, and what the runtime keeps for itself."""
    keep = {ctx.app.tables.entity[e].name for e in _settings(ctx)}
    every = ctx.app.tables.metadata.tables.values()
    return [table for table in every if not table.name.startswith("dg_") and table.name not in keep]


def _loosen(ctx: RunContext, table: Table, gone: set[str]) -> None:
    """Let go of records that will be gone."""
    columns = {
        column.name: None
        for column in table.columns
        if column.nullable and not column.primary_key and any(f.column.table.name in gone for f in column.foreign_keys)
    }
    if columns:
        ctx.connection.execute(update(table).values(columns))


def _in_order(tables: Iterable[Table]) -> list[Table]:
    """Rows before what they cannot be without."""
    left = {table.name: table for table in tables}
    found: list[Table] = []
    while left:
        held = {
            f.column.table.name
            for table in left.values()
            for column in table.columns
            if not column.nullable or column.primary_key
            for f in column.foreign_keys
            if f.column.table.name != table.name
        }
        free = [name for name in left if name not in held] or list(left)
        found.extend(left.pop(name) for name in free)
    return found


def _wipe_traces(ctx: RunContext) -> None:
    """What was kept about the records: tasks, words, numbers used, the trail of records that are gone."""
    system = ctx.app.tables.system
    about = (system.task, system.flow, system.inbox, system.comment, system.outbox, system.alert)
    for table in (
        *about,
        system.import_record,
        system.imported,
        system.rule_run,
        system.rule_state,
        system.serial,
        system.idempotency,
    ):
        ctx.connection.execute(delete(table))
    ctx.connection.execute(delete(system.reminder).where(system.reminder.c.handler != EVERY))
    gone = [e.id for e in ctx.app.model.entities.values() if e.kind is not EntityKind.SETTING]
    ctx.connection.execute(delete(system.audit).where(system.audit.c.entity.in_(gone)))
    ctx.connection.execute(update(system.account).values(member=None))


def _kept(ctx: RunContext, key: str) -> str:
    table = ctx.app.tables.system.app_state
    found = ctx.connection.execute(select(table.c.value).where(table.c.key == key)).scalar()
    return str(found) if found else ""


def _keep(ctx: RunContext, key: str, value: str) -> None:
    table = ctx.app.tables.system.app_state
    ctx.connection.execute(delete(table).where(table.c.key == key))
    if value:
        ctx.connection.execute(insert(table).values(key=key, value=value))


__all__ = ["Taken", "check_list", "go_live", "keep_total", "live_since", "opening_entity", "wipe"]
