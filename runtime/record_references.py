"""Names of records into ids, for a whole batch: by code or unique key, one statement per entity and key.

A reference that may be made on the fly (``create``) is found first and made only when nothing was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, or_, select

from engine.expressions.tree import Path
from engine.expressions.types import Kind
from engine.model import Entity, EntityKind, Field
from runtime.context import RunContext
from runtime.record_drafts import Batch, Draft
from runtime.record_inputs import Workspace
from runtime.record_rows import rows_by
from runtime.record_scans import spread_scans
from runtime.values import BY_TYPE, Lookup, Ref, Refusal, most_letters, parse_raw

Row = dict[str, Any]
Place = tuple[Draft, Field, Lookup]


def resolve_lookups(batch: Batch) -> list[Place]:
    """Replace lookups by ids; returns the places whose record must be made first."""
    spread_scans(batch)
    wanted: dict[str, list[Place]] = {}
    to_make: list[Place] = []
    for place in _places(batch):
        _, field, lookup = place
        if field.create is not None:
            to_make.append(place)
        else:
            wanted.setdefault(lookup.entity or _only_target(field), []).append(place)
    for entity, places in wanted.items():
        found = find(batch.ctx, entity, {lookup for _, _, lookup in places}, batch.at)
        for draft, field, lookup in places:
            _set(batch, draft, field, lookup, found.get(lookup, ()))
    return to_make


def _places(batch: Batch) -> Iterator[Place]:
    for entity, drafts in batch.drafts.items():
        for field in batch.plan.parts[entity].references:
            name = field.id
            for draft in drafts:
                value = draft.row.get(name)
                if type(value) is Lookup:
                    yield draft, field, value
                elif type(value) is tuple:
                    yield from ((draft, field, one) for one in value if type(one) is Lookup)


def fetch_named(batch: Batch) -> None:
    """Fetch every record that new or changed references name, one statement per entity."""
    wanted: dict[str, set[int]] = {}
    for entity, drafts in batch.drafts.items():
        for field in batch.plan.parts[entity].references:
            name = field.id
            for draft in drafts:
                value = draft.row.get(name)
                if value is None or (draft.old is not None and value == draft.old.get(name)):
                    continue
                if type(value) is int:
                    wanted.setdefault(_only_target(field), set()).add(value)
                elif isinstance(value, Ref):
                    wanted.setdefault(value.entity, set()).add(value.id)
                elif isinstance(value, tuple):
                    wanted.setdefault(_only_target(field), set()).update(i for i in value if isinstance(i, int))
    for entity, named in wanted.items():
        batch.at.need(entity, named)


def _only_target(field: Field) -> str:
    return (field.targets or field.value.targets)[0]


def _set(batch: Batch, draft: Draft, field: Field, lookup: Lookup, ids: Sequence[int]) -> None:
    if len(ids) != 1:
        code = "several_records" if ids else "no_such_record"
        batch.refuse(draft, code, field.id, label=field.label.get(batch.ctx.language), given=str(lookup)[:80])
    put(draft, field, lookup, ids[0] if len(ids) == 1 else None)


def put(draft: Draft, field: Field, lookup: Lookup, record: int | None) -> None:
    """The id in place of the lookup."""
    value: object = record
    if record is not None and len(field.targets) > 1:
        value = Ref(lookup.entity, record)
    held = draft.row.get(field.id)
    if isinstance(held, tuple):
        found = (value if one == lookup else one for one in held)
        draft.row[field.id] = tuple(one for one in found if one is not None)
    else:
        draft.row[field.id] = value


def find(
    ctx: RunContext, entity: str, lookups: Iterable[Lookup], at: Workspace | None = None
) -> dict[Lookup, list[int]]:
    """Ids by lookup, among records that are not deleted. ``at``: keeps the records, which are needed next anyway."""
    found: dict[Lookup, list[int]] = {}
    shapes: dict[tuple[str, ...], list[Lookup]] = {}
    for lookup in lookups:
        names = tuple(name for name, _ in lookup.key) if lookup.key else _text_key(ctx, entity)
        shapes.setdefault(names, []).append(lookup)
    for names, same in shapes.items():
        found.update(_find_shape(ctx, entity, names, same, at))
    return found


def _text_key(ctx: RunContext, entity: str) -> tuple[str, ...]:
    """The field a bare text means: the code, else a field unique by itself, else the name."""
    described = ctx.app.model.entities[entity]
    if "code" in described.fields:
        return ("code",)
    alone = [names[0] for names in described.unique.values() if len(names) == 1]
    alone += [f.id for f in described.fields.values() if f.unique]
    return (alone[0],) if alone else tuple(name for name in ("name",) if name in described.fields)


def _find_shape(
    ctx: RunContext, entity: str, names: tuple[str, ...], lookups: Sequence[Lookup], at: Workspace | None
) -> dict[Lookup, list[int]]:
    described = ctx.app.model.entities[entity]
    table = ctx.app.tables.entity[entity]
    if not names or any(name not in table.c for name in names):
        return {}
    usable = {lookup: key for lookup in lookups if (key := _values(ctx, described, names, lookup)) is not None}
    if not usable:
        return {}
    rows: dict[tuple[Any, ...], list[int]] = {}
    wanted = sorted(set(usable.values()), key=str)
    if at is not None and len(names) == 1 and described.kind is not EntityKind.LINES:
        for one in rows_by(ctx, entity, names[0], [key[0] for key in wanted]):
            rows.setdefault((one[names[0]],), []).append(one["id"])
            at.meet(entity, one)
        return {lookup: rows.get(key, []) for lookup, key in usable.items()}
    for row in _rows_of_keys(ctx, described, names, wanted):
        rows.setdefault(tuple(row[1:]), []).append(row[0])
    return {lookup: rows.get(key, []) for lookup, key in usable.items()}


def _rows_of_keys(
    ctx: RunContext, entity: Entity, names: tuple[str, ...], keys: Sequence[tuple[Any, ...]]
) -> Iterable[Any]:
    """Ids with their keys, of records that are not deleted."""
    table = ctx.app.tables.entity[entity.id]
    columns = [table.c[name] for name in names]
    query = select(table.c.id, *columns)
    if entity.kind is not EntityKind.LINES:
        query = query.where(table.c.deleted_at.is_(None))
    if len(names) == 1:
        statement = ctx.app.programs.keep(
            ("find", entity.id, names), lambda: query.where(columns[0].in_(bindparam("keys", expanding=True)))
        )
        return ctx.connection.execute(statement, {"keys": [key[0] for key in keys]})
    condition = or_(*(and_(*(c == v for c, v in zip(columns, key, strict=True))) for key in keys))
    return ctx.connection.execute(query.where(condition))


def _values(ctx: RunContext, entity: Entity, names: tuple[str, ...], lookup: Lookup) -> tuple[Any, ...] | None:
    """The typed values of a key; ``None`` if they cannot be values of its fields."""
    raw: Mapping[str, object] = dict(lookup.key) if lookup.key else {names[0]: lookup.text}
    if len(names) == 1 and type(code := raw[names[0]]) is str and code.isalnum():
        key = ("longest plain code", entity.id, names[0])
        if len(code) <= ctx.app.programs.keep(key, lambda: _longest_plain(entity.fields.get(names[0]))):
            return (code,)
    values = []
    for name in names:
        given = raw[name]
        field = entity.fields.get(name)
        if isinstance(given, Lookup) and field is not None and (field.targets or field.value.targets):
            inner = find(ctx, _only_target(field), [given]).get(given, [])
            given = inner[0] if len(inner) == 1 else None
        try:
            values.append(given if field is None or given is None else parse_raw(ctx, field, given))
        except Refusal:
            return None
    return None if any(v is None for v in values) else tuple(values)


def _longest_plain(field: Field | None) -> int:
    """How long a text of the field may be that is what it says; nought where texts are read in a way of their own."""
    if field is None or field.many or field.value.many or field.type in BY_TYPE or field.value.kind is not Kind.TEXT:
        return 0
    return most_letters(field)


def made_values(batch: Batch, places: Sequence[Place]) -> list[dict[str, Any]]:
    """What the records to be made on the fly consist of, their code included."""
    made = []
    for draft, field, lookup in places:
        assert field.create is not None
        row = _with_defaults(batch, draft, field)
        values = {name: batch.at.evaluate(e, [row], None, field.entity)[0] for name, e in field.create.items()}
        key = dict(lookup.key) if lookup.key else {"code": lookup.text}
        given = {**{n: v for n, v in values.items() if v is not None}, **key}
        target = batch.ctx.app.model.entities[_only_target(field)]
        if "name" in target.fields and target.fields["name"].required is True:
            given.setdefault("name", given.get("code"))  # what was typed or scanned is all that is known of it
        made.append(given)
    return made


def _with_defaults(batch: Batch, draft: Draft, field: Field) -> Row:
    """A new row as it will be: what the record to be made takes from fields that nobody gave is their default."""
    if draft.old is not None or not field.create:
        return draft.row
    inputs = (node for expr in field.create.values() for node in expr.inputs)
    read = {node.steps[0] for node in inputs if isinstance(node, Path) and node.root == "record" and node.steps}
    fields = batch.ctx.app.model.entities[field.entity].fields
    empty = [name for name in sorted(read) if name not in draft.given and draft.row.get(name) is None]
    lacking = [f for name in empty if (f := fields.get(name)) and f.default]
    row = dict(draft.row)
    for one in lacking:
        assert one.default is not None
        row[one.id] = batch.at.evaluate(one.default, [row], None, field.entity)[0]
    return row


def identifying(entity: Entity, values: Mapping[str, Any]) -> Lookup:
    """The lookup that finds a record to be made: its code and whatever else is unique together with it."""
    names = next((set(names) for names in entity.unique.values() if "code" in names), {"code"})
    parts = {name: values[name] for name in names | {"code"} if values.get(name) is not None}
    return Lookup(key=tuple(sorted(parts.items())))
