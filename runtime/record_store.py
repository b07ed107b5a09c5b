"""Checked drafts into tables: headers, lines, links, files, the trail. A handful of statements however many records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, Update, bindparam, delete, insert, update

from engine.model import Entity, Field
from runtime import audit
from runtime.context import RunContext
from runtime.files import claim
from runtime.prepared import prepare_statement, prepared_insert
from runtime.record_bulk import MANY, column_of, insert_columns, take_ids
from runtime.record_drafts import Batch, Draft
from runtime.record_plan import EntityPart
from runtime.record_steps import differs
from runtime.search_keys import search_key, search_keys
from runtime.sort_keys import SORT, sort_key, sort_keys
from runtime.values import ENTERED

Row = dict[str, Any]
PLAIN = frozenset((str, type(None)))
STAMPS = ("version", "created_at", "created_by", "changed_at", "changed_by")


def store(batch: Batch) -> None:
    """Write all drafts; new rows get their ids, versions move on."""
    now = batch.ctx.now()
    by = batch.ctx.user.account or None
    headers = batch.headers
    for draft in headers:
        row = draft.row
        row["changed_at"], row["changed_by"] = now, by
        if draft.old is None:
            row.update(version=1, created_at=now, created_by=by, deleted_at=None)
        else:
            row["version"] = draft.old["version"] + 1
    _insert(batch, batch.plan.header, [d for d in headers if d.old is None])
    _update_headers(batch, [d for d in headers if d.old is not None])
    _store_lines(batch)
    for part, drafts in ((batch.plan.parts[e], ds) for e, ds in batch.drafts.items() if ds):
        for field in part.links:
            _store_links(batch.ctx, part.entity, field, drafts)
        for field in part.files:
            claim(batch.ctx, part.entity.id, field, drafts)


def _columns(part: EntityPart, draft: Draft) -> Row:
    columns: Row = {}
    row, plain = draft.row, part.plain
    for name, put in part.writers.items():
        names = plain.get(name)
        if names is None:
            put(row, columns)
        else:
            for key in names:
                columns[key] = row.get(key)
    for name in part.named:
        columns[name + SORT] = sort_key(row.get(name))
    return columns


def _insert(batch: Batch, part: EntityPart, drafts: Sequence[Draft]) -> None:
    if not drafts:
        return
    if len(drafts) >= MANY:
        records = [draft.row for draft in drafts]
        columns = _columns_of(part, records)
        batch.stored = {key: columns[key] for keys in part.plain.values() for key in keys}
        columns.update({name: column_of(records, name) for name in STAMPS})
        columns["search_key"] = keys_of(batch, part.entity, records)
        _insert_columns(batch.ctx, part.entity.id, records, columns)
        return
    rows = []
    for draft in drafts:
        made = _columns(part, draft)
        made.update({name: draft.row[name] for name in STAMPS})
        made["search_key"] = key_of(batch, part.entity, draft.row)
        rows.append(made)
    _give_ids(batch.ctx, part.entity.id, drafts, rows)


def _columns_of(part: EntityPart, records: Sequence[Row]) -> dict[str, list[Any]]:
    """Like ``_columns`` for many records, a column at a time."""
    columns: dict[str, list[Any]] = {}
    for name, put in part.writers.items():
        if name in part.plain:
            columns.update({key: column_of(records, key) for key in part.plain[name]})
            continue
        made: list[Row] = [{} for _ in records]
        for row, one in zip(records, made, strict=True):
            put(row, one)
        columns.update({key: [one[key] for one in made] for key in made[0]})
    for name in part.named:
        columns[name + SORT] = sort_keys(columns[name])
    return columns


def _insert_columns(ctx: RunContext, entity: str, records: Sequence[Row], columns: dict[str, list[Any]]) -> None:
    table = ctx.app.tables.entity[entity]
    columns["id"] = list(take_ids(ctx, table, len(records)))
    for number, row in zip(columns["id"], records, strict=True):
        row["id"] = number
    insert_columns(ctx, table, columns)


def _give_ids(ctx: RunContext, entity: str, drafts: Sequence[Draft], rows: list[Row]) -> None:
    table = ctx.app.tables.entity[entity]
    names = tuple(rows[0])
    insert_rows = prepared_insert(ctx, table, names, returning="id")
    told = insert_rows.run(ctx, [tuple(row.values()) for row in rows])
    ids = sorted(number for (number,) in told)  # databases count up in the order of rows, but need not tell so
    for draft, number in zip(drafts, ids, strict=True):
        draft.row["id"] = number


def _update_headers(batch: Batch, drafts: Sequence[Draft]) -> None:
    entity = batch.plan.entity.id
    part = batch.plan.header
    if not drafts:
        return
    names = sorted({n for n in part.writers for d in drafts if differs(d, n)})
    rows = []
    for draft in drafts:
        columns: Row = {}
        for name in names:
            part.writers[name](draft.row, columns)
        columns.update({name + SORT: sort_key(draft.row.get(name)) for name in part.named if name in names})
        columns.update({name: draft.row[name] for name in ("version", "changed_at", "changed_by")})
        columns["search_key"] = key_of(batch, part.entity, draft.row)
        rows.append({f"v_{name}": value for name, value in columns.items()} | {"v_id": draft.row["id"]})
    _execute_update(batch.ctx, entity, rows)


def _execute_update(ctx: RunContext, entity: str, rows: list[Row]) -> None:
    if not rows:
        return
    table = ctx.app.tables.entity[entity]
    names = tuple(sorted(name[2:] for name in rows[0] if name != "v_id"))
    if len(rows) == 1:
        one = ctx.app.programs.keep(
            ("update one", entity, names), lambda: prepare_statement(ctx, _update_by_id(table, names))
        )
        one.run(ctx, rows[0])
        return
    statement = ctx.app.programs.keep(
        ("update", entity, names),
        lambda: _update_by_id(table, names),
    )
    ctx.connection.execute(statement, rows)


def _update_by_id(table: Table, names: Sequence[str]) -> Update:
    values = {name: bindparam(f"v_{name}", type_=table.c[name].type) for name in names}
    return update(table).where(table.c.id == bindparam("v_id", type_=table.c.id.type)).values(values)


def update_cells(ctx: RunContext, entity: str, field: Field, values: Sequence[tuple[int, Any]]) -> None:
    """Set one field of several records (formulas that follow changes elsewhere)."""
    rows = []
    for record, value in values:
        row: Row = {"v_id": record, f"v_{field.id}": value}
        rows.append(row)
    _execute_update(ctx, entity, rows)


def _store_lines(batch: Batch) -> None:
    for entity, drafts in batch.drafts.items():
        if entity == batch.plan.entity.id:
            continue
        part = batch.plan.parts[entity]
        table = batch.ctx.app.tables.entity[entity]
        gone = sorted(row["id"] for row in batch.gone.get(entity, ()))
        if gone:
            batch.ctx.connection.execute(delete(table).where(table.c.id.in_(gone)))
        _place(drafts)
        made = [d for d in drafts if d.old is None]
        if len(made) >= MANY:
            records = [draft.row for draft in made]
            columns = _columns_of(part, records)
            columns["parent"] = [row["parent"]["id"] for row in records]
            columns["position"] = [row["position"] for row in records]
            _insert_columns(batch.ctx, entity, records, columns)
        elif made:
            rows = [{**_columns(part, d), "parent": d.row["parent"]["id"], "position": d.row["position"]} for d in made]
            _give_ids(batch.ctx, entity, made, rows)
        if any(of == entity for of, _ in batch.changed):
            _update_lines(batch, part, [d for d in drafts if d.old is not None])


def _place(drafts: Iterable[Draft]) -> None:
    last: dict[int, int] = {}
    for draft in drafts:
        owner = id(draft.row["parent"])
        last[owner] = last.get(owner, 0) + 1
        draft.row["position"] = last[owner]


def _update_lines(batch: Batch, part: EntityPart, drafts: Sequence[Draft]) -> None:
    names = sorted({n for n in part.writers for d in drafts if differs(d, n)})
    moved = any(differs(d, "position") for d in drafts)
    rows = []
    for draft in drafts:
        if differs(draft, "position") or any(differs(draft, n) for n in names):
            columns: Row = {}
            for name in names:
                part.writers[name](draft.row, columns)
            if moved:
                columns["position"] = draft.row["position"]
            rows.append({f"v_{name}": value for name, value in columns.items()} | {"v_id": draft.row["id"]})
    _execute_update(batch.ctx, part.entity.id, rows)


def _store_links(ctx: RunContext, entity: Entity, field: Field, drafts: Sequence[Draft]) -> None:
    table = ctx.app.tables.links[entity.id, field.id]
    due = [d for d in drafts if (d.row.get(field.id) or ()) != ((d.old or {}).get(field.id) or ())]
    changed = [d.row["id"] for d in due if d.old is not None]
    if changed:
        ctx.connection.execute(delete(table).where(table.c.owner.in_(changed)))
    rows = [
        {"owner": d.row["id"], "value": value, "position": position}
        for d in due
        for position, value in enumerate(d.row.get(field.id) or ())
    ]
    if rows:
        ctx.connection.execute(insert(table), rows)


def keys_of(batch: Batch, entity: Entity, rows: Sequence[Row]) -> list[str]:
    """Like ``key_of``, for many records."""
    columns: list[Sequence[Any]] = []
    for path in _found_by(entity):
        first, _, rest = path.partition(".")
        field = entity.fields.get(first)
        if field is None or not rest:
            columns.append(column_of(rows, first))
        elif not field.lines:
            columns.append(batch.at.follow(entity.id, rows, tuple(path.split("."))))
        elif any(row.get(first) for row in rows):
            return [key_of(batch, entity, row) for row in rows]
    if any(not PLAIN.issuperset(map(type, column)) for column in columns):
        return [key_of(batch, entity, row) for row in rows]
    return search_keys(columns) if columns else [""] * len(rows)


def _found_by(entity: Entity) -> tuple[str, ...]:
    return entity.search or tuple(n for n in ("code", "name") if n in entity.fields)


def key_of(batch: Batch, entity: Entity, row: Row) -> str:
    """What the record is found by: its search fields, those of its lines and of records it names."""
    paths = _found_by(entity)
    texts: list[object] = []
    for path in paths:
        first, _, rest = path.partition(".")
        field = entity.fields.get(first)
        if field is None or not rest:
            value = row.get(first)
            texts.extend(value if isinstance(value, tuple) else (value,))
        elif field.lines:
            texts.extend(line.get(rest) for line in row.get(first) or ())
        else:
            texts.extend(batch.at.follow(entity.id, [row], tuple(path.split("."))))
    return search_key(t for t in texts if t is not None and not isinstance(t, bool))


def write_trail(batch: Batch, kind: str, *, transition: str = "", notes: Mapping[int, str] | str = "") -> None:
    """One entry per record: what it became, or what changed."""
    entries = []
    shadowed = batch.plan.shadowed
    if len(batch.headers) >= MANY and not (transition or shadowed) and all(d.old is None for d in batch.headers):
        rows = [d.row for d in batch.headers]
        audit.write_made(batch.ctx, batch.plan.entity.id, kind, rows, notes, batch.stored)
        return
    moved = {entity for entity, _ in batch.changed}
    alike = frozenset([f.id for f in batch.plan.header.lines if f.lines not in moved and _untouched(batch, f.lines)])
    for draft in batch.headers:
        changes = audit.changes_between(draft.old, _plain(draft.row) if shadowed else draft.row, alike)
        if changes or kind != "update":
            made = audit.Entry(
                entity=batch.plan.entity.id,
                record=draft.row["id"],
                version=draft.row["version"],
                kind=kind,
                changes=changes,
                transition=transition,
                note=notes if isinstance(notes, str) else notes.get(draft.row["id"], ""),
            )
            entries.append(made)
    audit.write(batch.ctx, entries)


def _untouched(batch: Batch, entity: str) -> bool:
    """Whether no lines of one kind came or went."""
    return not batch.gone.get(entity) and None not in [draft.old for draft in batch.drafts.get(entity, ())]


def _plain(row: Row) -> Row:
    """The record without its own shadow: what was entered is told only where it differs from base units."""
    return {n: v for n, v in row.items() if not n.endswith(ENTERED) or v != row.get(n.removesuffix(ENTERED))}


def clean(batch: Batch) -> None:
    """Lines name their owner by id again, as they do when loaded."""
    for entity, drafts in batch.drafts.items():
        if entity != batch.plan.entity.id:
            for draft in drafts:
                owner = draft.row["parent"]
                draft.row["parent"] = owner["id"] if isinstance(owner, dict) else owner
