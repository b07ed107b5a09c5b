"""Whether drafts may be stored: required, bounds, what a reference may pick, unique keys, the entity's own checks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select

from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.model import Entity, EntityKind, Field
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.id_sets import WORD_SETS
from runtime.prepared import Statement, prepare_statement
from runtime.record_drafts import Batch, Draft
from runtime.record_plan import Cell, local_reads, refers
from runtime.record_rows import read_rows
from runtime.record_steps import differs
from runtime.record_texts import render, value_text
from runtime.values import ENTERED, Ref

Row = dict[str, Any]
TEXTS_AND_SETS = (str, tuple, list)
"""What may be there and still be empty; numbers never are."""


def _is_empty(value: object) -> bool:
    return value is None or (type(value) in TEXTS_AND_SETS and not value)


def check(batch: Batch) -> None:
    """Collect all faults and warnings of the batch."""
    for entity, drafts in batch.drafts.items():
        if drafts:
            part = batch.plan.parts[entity]
            for field in part.checked:
                _check_field(batch, field, drafts)
            check_unique(batch, part.entity, drafts)
    if not batch.faults:  # checks over values that are themselves wrong only repeat the news
        for entity, drafts in batch.drafts.items():
            if drafts:
                _check_conditions(batch, batch.plan.parts[entity].entity, drafts)


def check_again(batch: Batch, computed: Mapping[Cell, Collection[int]]) -> None:
    """What was computed after the records were stored, because it reads others that read them, is judged too."""
    own = {entity: {draft.row["id"] for draft in drafts} for entity, drafts in batch.drafts.items()}
    met = {cell: own[cell[0]].intersection(ids) for cell, ids in computed.items() if cell[0] in own}
    late = {cell: ids for cell, ids in met.items() if ids}
    for entity in {cell[0] for cell in late}:
        fresh = read_rows(batch.ctx, entity, set().union(*(late[c] for c in late if c[0] == entity)))
        names = [name for of, name in late if of == entity]
        for draft in batch.drafts[entity]:
            draft.row.update({name: fresh[draft.row["id"]][name] for name in names if draft.row["id"] in fresh})
    for entity, drafts in batch.drafts.items():
        declared = batch.plan.parts[entity].entity
        for field in declared.fields.values():
            if (
                isinstance(field.required, Expr)
                and not field.retired
                and not late.keys().isdisjoint(local_reads(field.required, frozenset(batch.plan.parts)))
            ):
                _check_required(batch, field, drafts)
        _check_conditions(batch, declared, drafts, late.keys())


def _check_field(batch: Batch, field: Field, drafts: Sequence[Draft]) -> None:
    if field.required is not False:
        _check_required(batch, field, drafts)
    touched = [d for d in drafts if d.old is None or field.id in d.given or (field.entity, field.id) in batch.changed]
    if not touched:
        return
    if field.minimum is not None:
        _check_bound(batch, field, field.minimum, touched, "below_minimum", lowest=True)
    if field.maximum is not None:
        _check_bound(batch, field, field.maximum, touched, "above_maximum", lowest=False)
    if refers(field):
        _check_reference(batch, field, touched)
    if batch.strict and field.readonly is not False and not _names_origin(batch, field):
        _check_readonly(batch, field, touched)


def _holds(batch: Batch, condition: bool | Expr, drafts: Sequence[Draft], entity: str) -> list[bool]:
    if isinstance(condition, bool):
        return [condition] * len(drafts)
    return [bool(v) for v in batch.at.evaluate(condition, [d.row for d in drafts], None, entity)]


def _check_required(batch: Batch, field: Field, drafts: Sequence[Draft]) -> None:
    name = field.id
    empty = [d for d in drafts if not d.row.get(name) and _is_empty(d.row.get(name)) and not _faulty(batch, d, field)]
    if not empty:
        return
    wanted = _holds(batch, field.required, empty, field.entity)
    shown = _holds(batch, field.visible, empty, field.entity)
    for draft, must, seen in zip(empty, wanted, shown, strict=True):
        if must and seen:
            batch.refuse(draft, "required", field.id, label=field.label.get(batch.ctx.language))


def _faulty(batch: Batch, draft: Draft, field: Field) -> bool:
    """Whether something was given but is wrong already."""
    path = f"{draft.path}{field.id}"
    given = field.id in draft.given or draft.row.get(field.id + ENTERED) is not None
    return given and any(r == draft.record and f.field == path for r, f in batch.faults)


def _check_bound(batch: Batch, field: Field, bound: Expr, drafts: Sequence[Draft], code: str, *, lowest: bool) -> None:
    limits = batch.at.evaluate(bound, [d.row for d in drafts], None, field.entity)
    if len(drafts) > 1 and limits.count(limits[0]) == len(limits):
        values = [value for d in drafts if (value := d.row.get(field.id)) is not None]
        if not values or limits[0] is None or (min(values) >= limits[0] if lowest else max(values) <= limits[0]):
            return
    for draft, limit in zip(drafts, limits, strict=True):
        value = draft.row.get(field.id)
        if value is None or limit is None or (value >= limit if lowest else value <= limit):
            continue
        text = value_text(batch.ctx, limit, bound)
        batch.refuse(draft, code, field.id, label=field.label.get(batch.ctx.language), least=text, most=text)


def _names_origin(batch: Batch, field: Field) -> bool:
    """Whether the field says what a document was drawn from: nobody types it, but a drawn document brings it."""
    return any(field.id in (source.line_field, source.header_field) for source in batch.plan.entity.sources.values())


def _check_readonly(batch: Batch, field: Field, drafts: Sequence[Draft]) -> None:
    given = [d for d in drafts if field.id in d.given and differs(d, field.id)]
    for draft, locked in zip(given, _holds(batch, field.readonly, given, field.entity), strict=True):
        if locked:
            batch.refuse(draft, "field_locked", field.id, label=field.label.get(batch.ctx.language))


# --- references ----------------------------------------------------------------------------------------------


def _check_reference(batch: Batch, field: Field, drafts: Sequence[Draft]) -> None:
    """The records exist, are not deleted, and are among those that may be picked."""
    name = field.id
    some = [d for d in drafts if d.row.get(name) is not None and (d.old is None or differs(d, name))]
    plain = {type(d.row[name]) for d in some} == {int}
    picked = [(d, ("", d.row[name])) for d in some] if plain else [(d, i) for d in some for i in _ids(d.row[name])]
    if not picked:
        return
    for entity in {target for _, (target, _) in picked} or {""}:
        target = entity or (field.targets or field.value.targets)[0]
        here = [(d, i) for d, (e, i) in picked if e == entity]
        batch.at.need(target, {i for _, i in here})
        gone = {i for i in {i for _, i in here} if not _alive(batch, target, i)}
        alive = [(d, i) for d, i in here if i not in gone]
        for draft, record in here if gone else ():
            if record in gone:
                label = field.label.get(batch.ctx.language)
                batch.refuse(draft, "no_such_record", field.id, label=label, given=record)
        if field.where is not None and alive and not batch.lenient:  # what may be picked today does not bind history
            _check_where(batch, field, field.where, target, alive)
    if field.among is not None:
        _check_among(batch, field, field.among, [d for d, _ in picked])


def _ids(value: object) -> Iterable[tuple[str, int]]:
    if isinstance(value, Ref):
        return [(value.entity, value.id)]
    if isinstance(value, int):
        return [("", value)]
    if isinstance(value, tuple):
        return [pair for one in value for pair in _ids(one)]
    return []


def _alive(batch: Batch, target: str, record: int) -> bool:
    row = batch.at.known(target, record)
    return row is not None and row.get("deleted_at") is None


def _check_where(batch: Batch, field: Field, where: Expr, target: str, picked: Sequence[tuple[Draft, int]]) -> None:
    rows = [batch.at.known(target, i) for _, i in picked]
    allowed = batch.at.evaluate(where, rows, [d.row for d, _ in picked], target)
    for (draft, _), row, fits in zip(picked, rows, allowed, strict=True):
        if not fits and row is not None:
            given = row.get("code") or row.get("name") or row["id"]
            batch.refuse(draft, "not_allowed_here", field.id, label=field.label.get(batch.ctx.language), given=given)


def _check_among(batch: Batch, field: Field, among: Expr, drafts: Sequence[Draft]) -> None:
    """Units are judged by their conversion; other sets by membership."""
    part = batch.plan.parts[field.entity].entity
    if any(f.unit_field == field.id for f in part.fields.values()):
        return
    sets = batch.at.evaluate(among, [d.row for d in drafts], None, field.entity)
    for draft, allowed in zip(drafts, sets, strict=True):
        value = draft.row.get(field.id)
        if isinstance(allowed, (tuple, list, set, frozenset)) and value is not None and value not in allowed:
            batch.refuse(draft, "not_allowed_here", field.id, label=field.label.get(batch.ctx.language), given=value)


# --- unique keys ---------------------------------------------------------------------------------------------


def unique_keys(entity: Entity) -> set[tuple[str, ...]]:
    """Sets of fields whose values together occur once."""
    return set(entity.unique.values()) | {(f.id,) for f in entity.fields.values() if f.unique}


def check_unique(batch: Batch, entity: Entity, drafts: Sequence[Draft]) -> None:
    """Refuse values of unique keys that another record (or line of the same owner) has."""
    for names in sorted(unique_keys(entity)):
        due = [d for d in drafts if d.old is None or any(differs(d, n) for n in names)]
        keys = zip(*([d.row.get(n) for d in due] for n in names), strict=True)
        keyed = [(d, key) for d, key in zip(due, keys, strict=True) if all(key) or not any(map(_is_empty, key))]
        if keyed:
            taken = set() if entity.kind is EntityKind.LINES else _taken(batch, entity, names, keyed)
            others = [d for d in drafts if d not in due] if entity.kind is EntityKind.LINES else []
            seen = {(_owner(d), *(d.row.get(n) for n in names)) for d in others}
            _refuse_repeated(batch, entity, names, keyed, taken, seen)


def _owner(draft: Draft) -> int:
    """Lines are unique among their owner's only."""
    parent = draft.row.get("parent")
    return id(parent) if isinstance(parent, dict) else 0


def _refuse_repeated(
    batch: Batch,
    entity: Entity,
    names: tuple[str, ...],
    keyed: Sequence[tuple[Draft, tuple[Any, ...]]],
    taken: set[tuple[Any, ...]],
    seen: set[tuple[Any, ...]],
) -> None:
    if entity.kind is not EntityKind.LINES and len(keyed) > 1:
        different = {key for _, key in keyed}
        if len(different) == len(keyed) and different.isdisjoint(taken):
            return
    labels = "、".join(entity.fields[n].label.get(batch.ctx.language) for n in names)
    for draft, key in keyed:
        mark = (_owner(draft), *key)
        if key in taken or mark in seen:
            given = " ".join(_word(batch, entity.fields[n], v) for n, v in zip(names, key, strict=True))
            batch.refuse(draft, "not_unique", names[-1], label=labels, given=given)
        seen.add(mark)


def _word(batch: Batch, field: Field, value: object) -> str:
    if isinstance(value, int) and field.targets:
        batch.at.need(field.targets[0], [value])
        row = batch.at.known(field.targets[0], value)
        return str((row or {}).get("code") or (row or {}).get("name") or value)
    return value_text(batch.ctx, value)


def _taken(
    batch: Batch, entity: Entity, names: tuple[str, ...], keyed: Sequence[tuple[Draft, tuple[Any, ...]]]
) -> set[tuple[Any, ...]]:
    """Keys that other live records have."""
    table = batch.ctx.app.tables.entity[entity.id]
    columns = [table.c[name] for name in names]
    own = [d.row["id"] for d, _ in keyed if d.row.get("id") is not None]
    if not own and len(names) == 1 and entity.fields[names[0]].value.kind is Kind.TEXT:
        return {(word,) for word in _words_taken(batch.ctx, columns[0], [key[0] for _, key in keyed])}
    found: set[tuple[Any, ...]] = set()
    for start in range(0, len(keyed), 400):
        keys = sorted({key for _, key in keyed[start : start + 400]}, key=str)
        condition: ColumnElement[bool]
        if len(columns) == 1:
            condition = columns[0].in_([key[0] for key in keys])
        else:
            condition = or_(*(and_(*(c == v for c, v in zip(columns, key, strict=True))) for key in keys))
        query = select(*columns).where(condition, table.c.deleted_at.is_(None))
        if own:
            query = query.where(table.c.id.not_in(own))
        found.update(tuple(row) for row in batch.ctx.connection.execute(query))
    return found


def _words_taken(ctx: RunContext, column: Any, words: Sequence[str]) -> set[str]:
    """Which of these texts live records have in a column: one statement however many there are."""
    sets = WORD_SETS[ctx.app.database.dialect]

    def asking() -> Statement:
        query = select(column).where(sets.among(column, "_words"), column.table.c.deleted_at.is_(None))
        return prepare_statement(ctx, query, [column])

    asked = ctx.app.programs.keep(("words taken", column.table.name, column.name), asking)
    return {word for (word,) in asked.run(ctx, {"_words": sets.pack(words)})}


# --- the entity's own checks ---------------------------------------------------------------------------------


def _check_conditions(
    batch: Batch, entity: Entity, drafts: Sequence[Draft], reading: Collection[Cell] | None = None
) -> None:
    """``reading``: only the checks that read one of these cells."""
    for one in entity.checks:
        if reading is not None and local_reads(one.that, frozenset(batch.plan.parts)).isdisjoint(reading):
            continue
        holds = batch.at.evaluate(one.that, [d.row for d in drafts], None, entity.id)
        failing = [d for d, fine in zip(drafts, holds, strict=True) if not fine]
        if not failing:
            continue
        texts = render(batch.at, one.say, [d.row for d in failing], entity.id)
        for draft, text in zip(failing, texts, strict=True):
            path = f"{draft.path}{one.field}" if one.field else draft.path.removesuffix(".")
            told = Fault(code=one.id, message=text, field=path)
            (batch.warnings if one.level == "warn" or batch.lenient else batch.faults).append((draft.record, told))
