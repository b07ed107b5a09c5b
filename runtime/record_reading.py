"""Records as a person may see them: hidden fields absent, live formulas computed, references with code and name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Select,
    Text,
    bindparam,
    cast,
    literal_column,
    null,
    select,
    union_all,
)

from engine.expressions.tree import Expr
from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.files import describe
from runtime.permissions import Rights, rights
from runtime.prepared import Statement, padded, prepare_statement
from runtime.record_inputs import Workspace
from runtime.record_rows import FEW
from runtime.record_texts import TITLE_FIELDS
from runtime.values import ENTERED, Ref, format_value

Row = dict[str, Any]
NOTHING_MORE: Mapping[str, Sequence[str]] = MappingProxyType({})
SHOWN = ("id", "version", "created_at", "changed_at", "created_by", "changed_by", "deleted_at")


def with_live(at: Workspace, entity: Entity, rows: Sequence[Row]) -> None:
    """Compute the live formulas of records and of their lines, in place. A computed field that is not to be seen now
    (the books, while a blind count goes on) is left empty: whoever reads is not told what the page would not show."""
    _compute(at, entity, rows)
    _withhold(at, entity, rows)


def _withhold(at: Workspace, entity: Entity, rows: Sequence[Row]) -> None:
    for field in entity.fields.values():
        if field.lines:
            with _owned(field.id, rows) as lines:
                if lines:
                    _withhold(at, at.model.entities[field.lines], lines)
        elif field.formula is not None and isinstance(field.visible, Expr):
            for row, told in zip(rows, at.evaluate(field.visible, rows, None, entity.id), strict=True):
                if not told:
                    row[field.id] = None


@contextmanager
def _owned(name: str, rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The lines of records, each with its record as ``parent`` for a while."""
    pairs = [(row, line) for row in rows for line in row.get(name) or ()]
    for row, line in pairs:
        line["parent"] = row
    yield [line for _, line in pairs]
    for row, line in pairs:
        line["parent"] = row.get("id")


def _compute(at: Workspace, entity: Entity, rows: Sequence[Row]) -> None:
    live = [f.formula for f in entity.fields.values() if f.live and f.formula is not None]
    at.fetch_ahead(live, rows, entity.id)
    for field in entity.fields.values():
        if field.lines:
            with _owned(field.id, rows) as lines:
                if lines:
                    _compute(at, at.model.entities[field.lines], lines)
        elif field.live and field.formula is not None:
            for row, value in zip(rows, at.evaluate(field.formula, rows, None, entity.id), strict=True):
                row[field.id] = value


def visible_record(ctx: RunContext, entity: str, row: Row) -> Row:
    """The record without what the person may not see, in the record and its lines; itself, where nothing is hidden."""
    found = ctx.app.model.entities[entity]
    hides = ctx.app.programs.keep(("hides", entity, ctx.user.roles, ctx.user.is_system), lambda: _hides(ctx, found))
    return _visible(ctx, found, row) if hides else row


def _hides(ctx: RunContext, entity: Entity) -> bool:
    """Whether anything of such records, or of their lines, is not for the person."""
    inner = (ctx.app.model.entities[field.lines] for field in entity.fields.values() if field.lines)
    return bool(rights(ctx, entity.id).hidden) or any(_hides(ctx, each) for each in inner)


def _visible(ctx: RunContext, entity: Entity, row: Row) -> Row:
    hidden = rights(ctx, entity.id).hidden
    shown: Row = {n: v for n, v in row.items() if n.removesuffix(ENTERED) not in hidden}
    for field in entity.fields.values():
        if field.lines and field.id in shown:
            inner = ctx.app.model.entities[field.lines]
            shown[field.id] = [_visible(ctx, inner, line) for line in shown[field.id] or ()]
    return shown


# --- as JSON -------------------------------------------------------------------------------------------------


def as_json(ctx: RunContext, entity: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Records (already without what is hidden) as JSON objects; one statement per entity referred to."""
    described = ctx.app.model.entities[entity]
    names = titles(ctx, references_of(ctx, described, rows))
    files = _files(ctx, described, rows)
    return [_object(ctx, described, row, names, files) for row in rows]


Titles = Mapping[tuple[str, int], dict[str, Any]]


def titles(
    ctx: RunContext, wanted: Iterable[tuple[str, int]], more: Mapping[str, Sequence[str]] = NOTHING_MORE
) -> Titles:
    """``{"id", "code", "name"}`` of records by (entity, id); of what the person may not see the id only.

    One statement, however many entities. ``more``: further stored texts of an entity that are shown beside its names.
    """
    by_entity: dict[str, set[int]] = {}
    for entity, record in wanted:
        if entity in ctx.app.model.entities:
            by_entity.setdefault(entity, set()).add(record)
    if not by_entity:
        return {}
    entities = tuple(sorted(by_entity))
    extra = tuple(tuple(more.get(entity, ())) for entity in entities)
    names, rows = _titled(ctx, entities, extra, [sorted(by_entity[entity]) for entity in entities])
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for number, record, parent, *texts in rows:
        named = found[entities[number], record] = {"id": record}
        if parent is not None:
            named["parent"] = parent
        named.update(zip(names[number], texts, strict=False))
    return found


def _titled(
    ctx: RunContext, entities: Sequence[str], extra: Sequence[Sequence[str]], ids: Sequence[Sequence[int]]
) -> tuple[Sequence[Sequence[str]], Iterable[Sequence[Any]]]:
    """The texts fetched of each entity, and the rows; up to ``FEW`` of each by a statement prepared for that many."""
    key = (entities, extra, ctx.user.roles, ctx.user.is_system)
    if max(len(each) for each in ids) > FEW:
        places: list[Any] = [bindparam(f"ids_{number}", expanding=True) for number in range(len(entities))]
        names, query = ctx.app.programs.keep(("titles", key), lambda: _titles_query(ctx, entities, extra, places))
        given = {f"ids_{number}": each for number, each in enumerate(ids)}
        return names, ctx.connection.execute(query, given)
    some = [padded(each) for each in ids]
    counts = tuple([len(each) for each in some])
    names, few = ctx.app.programs.latest("titles of few", (key, counts), lambda: _few(ctx, entities, extra, counts))
    values = {f"i{number}_{n}": id for number, each in enumerate(some) for n, id in enumerate(each)}
    return names, few.run(ctx, values)


def _few(
    ctx: RunContext, entities: Sequence[str], extra: Sequence[Sequence[str]], counts: Sequence[int]
) -> tuple[Sequence[Sequence[str]], Statement]:
    places = [[bindparam(f"i{number}_{n}", type_=BigInteger()) for n in range(c)] for number, c in enumerate(counts)]
    names, query = _titles_query(ctx, entities, extra, places)
    return names, prepare_statement(ctx, query, list(query.selected_columns))


def _titles_query(
    ctx: RunContext, entities: Sequence[str], extra: Sequence[Sequence[str]], ids: Sequence[Any]
) -> tuple[Sequence[Sequence[str]], Select[Any] | CompoundSelect[Any]]:
    """The texts fetched of each entity, and all of them in one statement: number of the entity, id, owner, texts."""
    model, tables = ctx.app.model, ctx.app.tables.entity
    names = [
        tuple(dict.fromkeys((*title_fields(ctx, model.entities[e], rights(ctx, e)), *more)))
        for e, more in zip(entities, extra, strict=True)
    ]
    width = max(len(each) for each in names)
    queries = []
    for number, (entity, texts) in enumerate(zip(entities, names, strict=True)):
        table = tables[entity]
        owner = table.c.parent if model.entities[entity].parent and "parent" in table.c else cast(null(), BigInteger)
        empty = [cast(null(), Text).label(f"empty_{place}") for place in range(width - len(texts))]
        columns: tuple[Any, ...] = (
            literal_column(str(number)),
            table.c.id,
            owner.label("owner"),
            *(table.c[n] for n in texts),
            *empty,
        )
        queries.append(select(*columns).where(table.c.id.in_(ids[number])))
    return names, queries[0] if len(queries) == 1 else union_all(*queries)


def title_fields(ctx: RunContext, entity: Entity, allowed: Rights) -> list[str]:
    """The stored fields that name a record, as far as the person may see them."""
    table = ctx.app.tables.entity[entity.id]
    names = dict.fromkeys((*TITLE_FIELDS, *entity.title))
    return [n for n in names if n in table.c and n in entity.fields and allowed.sees(n) and _is_text(entity.fields[n])]


def _is_text(field: Field) -> bool:
    return field.value.kind is Kind.TEXT


def references_of(ctx: RunContext, entity: Entity, rows: Sequence[Row]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for field in entity.fields.values():
        if field.lines:
            lines = [line for row in rows for line in row.get(field.id) or ()]
            found |= references_of(ctx, ctx.app.model.entities[field.lines], lines)
        elif field.value.kind is Kind.REFERENCE:
            found.update(pair for row in rows for pair in record_pairs(field, row.get(field.id)))
    return found


def record_pairs(field: Field, value: object) -> Iterable[tuple[str, int]]:
    """The records, as (entity, id), that the value of a reference names."""
    targets = field.targets or field.value.targets
    return _pairs(targets[0] if targets else "", value)


def _pairs(target: str, value: object) -> Iterable[tuple[str, int]]:
    if isinstance(value, tuple):
        return [pair for one in value for pair in _pairs(target, one)]
    if isinstance(value, Ref):
        return [(value.entity, value.id)]
    return [(target, value)] if isinstance(value, int) and target else []


def _files(ctx: RunContext, entity: Entity, rows: Sequence[Row]) -> Mapping[int, dict[str, Any]]:
    numbers = set(file_numbers(ctx, entity, rows))
    if not numbers:
        return {}
    return {
        number: {"id": one.id, "name": one.name, "media_type": one.media_type, "size": one.size}
        for number, one in describe(ctx, sorted(numbers)).items()
    }


def file_numbers(ctx: RunContext, entity: Entity, rows: Sequence[Row]) -> Iterable[int]:
    for field in entity.fields.values():
        if field.lines:
            lines = [line for row in rows for line in row.get(field.id) or ()]
            yield from file_numbers(ctx, ctx.app.model.entities[field.lines], lines)
        elif field.value.kind is Kind.FILE:
            for row in rows:
                value = row.get(field.id)
                yield from value if isinstance(value, tuple) else [value] if isinstance(value, int) else []


def _object(
    ctx: RunContext, entity: Entity, row: Row, names: Titles, files: Mapping[int, dict[str, Any]]
) -> dict[str, Any]:
    made: dict[str, Any] = {n: _plain(row[n]) for n in SHOWN if n in row}
    for field in entity.fields.values():
        if field.id not in row:
            continue
        value = row[field.id]
        if field.lines:
            inner = ctx.app.model.entities[field.lines]
            made[field.id] = [_object(ctx, inner, line, names, files) for line in value or ()]
        elif field.value.kind is Kind.REFERENCE:
            made[field.id] = _named(field, value, names)
        elif field.value.kind is Kind.FILE:
            made[field.id] = _filed(value, files)
        elif field.formula is None and field.id + ENTERED in row:
            made[field.id] = format_value(field, row[field.id + ENTERED])
            made[f"{field.id}__base"] = format_value(field, value)
        else:
            made[field.id] = format_value(field, value)
    return made


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def _named(field: Field, value: Any, names: Titles) -> Any:
    if isinstance(value, tuple):
        return [_named(field, one, names) for one in value]
    if value is None:
        return None
    targets = field.targets or field.value.targets
    if isinstance(value, Ref):
        return {"entity": value.entity, **names.get((value.entity, value.id), {"id": value.id})}
    return names.get((targets[0], value), {"id": value}) if targets else {"id": value}


def _filed(value: Any, files: Mapping[int, dict[str, Any]]) -> Any:
    if isinstance(value, tuple):
        return [_filed(one, files) for one in value]
    return None if value is None else files.get(value, {"id": value})
