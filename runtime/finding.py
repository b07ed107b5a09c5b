"""One record by whatever a caller calls it: an id, a code, or the fields of a unique key."""

from __future__ import annotations

from runtime.context import RunContext
from runtime.errors import Invalid, NotFound
from runtime.messages import fault
from runtime.permissions import demand, label_of
from runtime.record_references import find
from runtime.row_rules import visible_ids
from runtime.values import Lookup


def find_one(ctx: RunContext, entity: str, given: object, name: str) -> int:
    """The id of the record; ``name`` is the parameter a refusal points at. A number is taken for an id first."""
    demand(ctx, entity, "read")
    record = _as_id(given)
    if record is not None and record in _existing(ctx, entity, [record]):
        return record
    lookup = _lookup(given)
    found = find(ctx, entity, [lookup]).get(lookup, []) if lookup is not None else []
    seen = sorted(_existing(ctx, entity, found))
    if len(seen) == 1:
        return seen[0]
    if seen:
        raise Invalid(fault(ctx, "several_records", name, label=label_of(ctx, entity), given=str(given)[:60]))
    raise NotFound(fault(ctx, "no_such_record", name, label=label_of(ctx, entity), given=str(given)[:60]))


def _as_id(given: object) -> int | None:
    if isinstance(given, dict):
        given = given.get("id")
    if isinstance(given, int) and not isinstance(given, bool):
        return given if 0 < given < 2**63 else None
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 19:
        return int(given)
    return None


def _lookup(given: object) -> Lookup | None:
    if isinstance(given, str) and given.strip() and "\0" not in given:
        return Lookup(text=given.strip()[:200])
    if isinstance(given, dict):
        key = tuple(sorted((str(n), v) for n, v in given.items() if n != "id" and isinstance(v, (str, int))))
        return Lookup(key=key) if key else None
    return None


def _existing(ctx: RunContext, entity: str, ids: list[int]) -> set[int]:
    table = ctx.app.tables.entity[entity]
    if not ids:
        return set()
    alive = table.select().with_only_columns(table.c.id).where(table.c.id.in_(ids))
    if "deleted_at" in table.c:
        alive = alive.where(table.c.deleted_at.is_(None))
    return visible_ids(ctx, entity, ctx.connection.execute(alive).scalars())
