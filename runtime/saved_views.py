"""Lists people saved under a name: their filters, sort and columns, for themselves or for everybody."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import Table, bindparam, delete, insert, or_, select

from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.permissions import rights
from runtime.prepared import Statement, prepare_statement

LONGEST_NAME = 40
MOST_VIEWS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """A saved list. ``parameters``: name and value pairs of its address."""

    id: int
    name: str
    parameters: tuple[tuple[str, str], ...]
    shared: bool
    mine: bool

    def url(self, base: str) -> str:
        """The address that shows it."""
        return f"{base}?{urlencode([*self.parameters, ('saved', str(self.id))])}"


def saved_views(ctx: RunContext, entity: str) -> list[SavedView]:
    """The person's own and the shared ones of an entity."""
    table = ctx.app.tables.system.saved_view
    statement = ctx.app.programs.keep("saved views", lambda: _of_entity(ctx, table))
    rows = statement.run(ctx, {"entity": entity, "account": ctx.user.account})
    return [
        SavedView(
            id=id,
            name=name,
            parameters=tuple((str(n), str(v)) for n, v in json.loads(query)),
            shared=shared,
            mine=account == ctx.user.account,
        )
        for id, name, query, shared, account in rows
    ]


def _of_entity(ctx: RunContext, table: Table) -> Statement:
    mine = or_(table.c.account == bindparam("account", type_=table.c.account.type), table.c.shared)
    named = table.c.entity == bindparam("entity", type_=table.c.entity.type)
    shown = (table.c.id, table.c.name, table.c.query, table.c.shared, table.c.account)
    return prepare_statement(ctx, select(*shown).where(named, mine).order_by(table.c.id), shown)


def save_view(
    ctx: RunContext, entity: str, name: str, parameters: Sequence[tuple[str, str]], *, shared: bool
) -> SavedView:
    """Keep a list under a name; sharing needs the right to change everything's settings."""
    cleaned = name.strip()[:LONGEST_NAME]
    if not cleaned or len(saved_views(ctx, entity)) >= MOST_VIEWS:
        raise Invalid(fault(ctx, "view_name", "name", most=MOST_VIEWS))
    for_all = shared and rights(ctx, entity).may("all")
    table = ctx.app.tables.system.saved_view
    kept = [(n, v) for n, v in parameters if n not in ("saved", "cursor")]
    values: Mapping[str, object] = {
        "account": ctx.user.account,
        "entity": entity,
        "name": cleaned,
        "query": json.dumps(kept, ensure_ascii=False),
        "shared": for_all,
    }
    made = ctx.connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one()
    return SavedView(id=made, name=cleaned, parameters=tuple(kept), shared=for_all, mine=True)


def drop_view(ctx: RunContext, entity: str, view: int) -> None:
    """Forget one of one's own."""
    table = ctx.app.tables.system.saved_view
    same = (table.c.id == view, table.c.entity == entity, table.c.account == ctx.user.account)
    ctx.connection.execute(delete(table).where(*same))
