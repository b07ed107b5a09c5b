"""The planning of a schema change: compares the tables that are there with those the model needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Connection, FromClause, Index, Table, column, func, select, table

from engine.expressions.types import Kind
from engine.model import AppModel, Entity, EntityKind, Field
from runtime.columns import column_plans, is_link
from runtime.migrate_data import RestoreOption, RetireOptions, ToMany, ToOne, lost_options, plan_convert, shape
from runtime.migrate_inspect import look
from runtime.migrate_steps import (
    AddColumn,
    AddIndex,
    AddTables,
    Failure,
    FillKeys,
    LoseColumn,
    LoseTable,
    NowRequired,
    RemoveIndex,
    RenameColumn,
    RenameTable,
    Restore,
    Step,
    open_site,
    own_tables,
)
from runtime.migrate_values import Names
from runtime.sort_keys import SORT
from runtime.tables import Tables, build_tables, link_name, table_name

LOST = ("lost_", "new__")
SECONDS_A_KEY = 0.00002
ORDER = (
    RemoveIndex, RenameTable, RenameColumn, LoseTable, LoseColumn, Restore, AddTables, AddColumn, ToMany, ToOne,
    object, RetireOptions, RestoreOption, AddIndex, NowRequired,
)  # fmt: skip
"""Kinds of steps in the order they are taken; ``object`` stands for all that are not named."""


class Planner:
    """One comparison: collects steps, then puts them in order."""

    def __init__(
        self,
        old: AppModel | None,
        new: AppModel,
        tables: Tables,
        connection: Connection,
        renames: Sequence[tuple[str, str]],
        old_tables: Tables | None = None,
    ) -> None:
        self.connection = connection
        self.new = new
        self.tables = tables
        self.was = {after: before for before, after in _spread(old, renames)}
        self.old = old
        self.old_tables = build_tables(old) if old is not None and old_tables is None else old_tables
        self.known = {t.name for t in self.old_tables.metadata.tables.values()} if self.old_tables else set()
        found = look(connection)
        self.columns = {name: set(columns) for name, columns in found.columns.items()}
        self.indexes = dict(found.indexes)
        self.lost = self._read_lost()
        self.found: list[Step] = []
        self.touched: set[tuple[str, str]] = set()
        self.fresh: set[str] = set()

    def steps(self) -> list[Step]:
        """All steps, in the order to take them. Tables get their names for a moment, so that all the rest can read."""
        self._rename()
        self._lose_tables()
        self._restore_tables()
        if not self.found:
            return self._rest()
        trial = self.connection.begin_nested()
        try:
            site = open_site(self.connection, 0, datetime.now(UTC))
            for step in self.found:
                step.forward(site)
            return self._rest()
        finally:
            trial.rollback()

    def _rest(self) -> list[Step]:
        self._add_tables()
        for entity in self.new.entities.values():
            if entity.kind is not EntityKind.SYSTEM:
                self._compare(entity)
        self._compare_others()
        self._compare_indexes()
        places = {kind: place for place, kind in enumerate(ORDER)}
        return sorted(self.found, key=lambda step: places.get(type(step), places[object]))

    # names

    def _rename(self) -> None:
        for now, before in self.was.items():
            entity, _, field = now.rpartition(".")
            if now in self.new.entities:
                self._rename_table(table_name(before), table_name(now))
            elif entity in self.new.entities and field in self.new.entities[entity].fields:
                self._rename_field(entity, before.rpartition(".")[2], self.new.entities[entity].fields[field])

    def _rename_table(self, old: str, new: str) -> None:
        if old in self.columns and new not in self.columns:
            self.columns[new] = self.columns.pop(old)
            self.touched |= {(old, name) for name in self.columns[new]}
            self.found.append(RenameTable(old=old, new=new))

    def _rename_field(self, entity: str, before: str, field: Field) -> None:
        here = table_name(entity)
        if is_link(field):
            self._rename_table(f"{here}__{before}", link_name(entity, field.id))
            return
        key = [name for name in (field.id + SORT,) if name in self.tables.entity[entity].c]
        for name in (*(plan.name for plan in column_plans(field)), *key):
            old = before + name.removeprefix(field.id)
            if old in self.columns.get(here, ()) and name not in self.columns[here]:
                self.columns[here] = self.columns[here] - {old} | {name}
                self.touched.add((here, old))
                self.found.append(RenameColumn(table=here, old=old, new=name))

    # whole tables

    def _lose_tables(self) -> None:
        wanted = {t.name for t in self.tables.metadata.tables.values()} | {t for t, _ in self._turned_single()}
        for name in sorted(set(self.columns) & self.known - wanted):
            rows = self._count(table(name))
            self.found.append(LoseTable(table=name, entity=name, rows=rows))
            self.touched |= {(name, each) for each in self.columns.pop(name)}

    def _turned_single(self) -> Iterator[tuple[str, str]]:
        """Link tables of fields that keep one value from now on: (table, field)."""
        for entity in self.new.entities.values():
            for field in entity.fields.values():
                past = self._past(entity, field)
                if past is not None and is_link(past) and _same_values(past, field) and column_plans(field):
                    yield link_name(entity.id, field.id), field.id

    def _restore_tables(self) -> None:
        for each in self.tables.metadata.tables.values():
            if each.name not in self.columns and ("table", each.name, "") in self.lost:
                kept, rows = self.lost["table", each.name, ""]
                self.found.append(Restore(kind="table", table=each.name, column="", kept_as=kept, rows=rows))
                self.columns[each.name] = self.columns.pop(kept)

    def _add_tables(self) -> None:
        added = tuple(t for t in self.tables.metadata.tables.values() if t.name not in self.columns)
        if added:
            self.found.append(AddTables(tables=added, seconds=0.01 * len(added)))
        self.fresh = {t.name for t in added}

    # fields

    def _past(self, entity: Entity, field: Field) -> Field | None:
        """The field as it was, under whatever name."""
        if self.old is None:
            return None
        owner = self.old.entities.get(self.was.get(entity.id, entity.id))
        name = self.was.get(f"{entity.id}.{field.id}", f"{entity.id}.{field.id}").rpartition(".")[2]
        return owner.fields.get(name) if owner else None

    def _compare(self, entity: Entity) -> None:
        here = self.tables.entity[entity.id]
        if here.name in self.fresh:
            return
        present = self.columns[here.name]
        kept = {c.name for c in here.c}
        for field in entity.fields.values():
            past = self._past(entity, field)
            if past is not None and _alike(past, field):
                continue
            if is_link(field):
                kept |= self._became_many(entity, field, past)
            else:
                kept |= self._compare_field(entity, here, field, past)
        for name in sorted(present - kept):
            if not name.startswith(LOST):
                self._lose_column(entity, here, name)
        self._add_columns(here, entity.id)

    def _compare_field(self, entity: Entity, here: Table, field: Field, past: Field | None) -> set[str]:
        """Steps for one field; the columns that they take care of."""
        plans = column_plans(field)
        if past is None or not plans:
            return set()
        if is_link(past):
            if _same_values(past, field) and link_name(entity.id, field.id) in self.columns:
                self.found.append(self._to_one(entity, here, field))
            return set()
        past = replace(past, id=field.id)
        before = {plan.name for plan in column_plans(past)}
        if before and before <= self.columns[here.name] and _must_convert(past, field):
            columns = tuple(here.c[p.name] for p in plans)
            again = self.lost.get(("column", f"{here.name}.{field.id}", shape(field)), ("", 0))
            step = plan_convert(
                self.connection, here, entity.id, (past, field), columns, self._names(past, field),
                again[0] if again[1] else "",
            )  # fmt: skip
            self.found.append(step)
            self.touched |= {(here.name, name) for name in before}
            self.columns[here.name] |= {p.name for p in plans}
            return before | {p.name for p in plans}
        if entity.workflow is None or field.id != "status":  # documents keep the states of the flow they walk
            self._compare_options(entity, here.name, field.id, field, past)
        self._compare_required(entity, here, field, past)
        return set()

    def _became_many(self, entity: Entity, field: Field, past: Field | None) -> set[str]:
        link = link_name(entity.id, field.id)
        if past is not None and is_link(past):
            self._compare_options(entity, link, "value", field, past)
        elif past is not None and _same_values(past, field) and field.id in self.columns[table_name(entity.id)]:
            step = ToMany(table=table_name(entity.id), entity=entity.id, column=field.id, link=link, shape=shape(past))
            self.found.append(step)
            self.touched.add((table_name(entity.id), field.id))
            return {field.id}
        return set()

    def _to_one(self, entity: Entity, here: Table, field: Field) -> ToOne:
        name = link_name(entity.id, field.id)
        link = table(name, column("owner"), column("value"))
        several = (
            select(link.c.owner, func.count().label("n"))
            .group_by(link.c.owner)
            .having(func.count() > 1)
            .order_by(link.c.owner)
        )
        found = self.connection.execute(several.limit(1000)).all()
        failed = self._count(several.subquery())
        self.touched |= {(name, each) for each in self.columns.pop(name, set())}
        failures = tuple(Failure(record=owner, value=f"×{n}") for owner, n in found)
        return ToOne(
            table=here.name, entity=entity.id, column=field.id, link=name, rows=self._count(link),
            failed=failed, failures=failures,
        )  # fmt: skip

    def _compare_options(self, entity: Entity, where: str, name: str, field: Field, past: Field) -> None:
        if field.value.kind is not Kind.CHOICE or past.value.kind is not Kind.CHOICE or where not in self.columns:
            return
        key = "owner" if name == "value" else "id"
        gone = tuple(o.id for o in past.options if o.id not in {n.id for n in field.options})
        here = table(where, column(key), column(name))
        if gone:
            uses = here.c[name].in_(gone)
            failed = self.connection.execute(select(func.count()).select_from(here).where(uses)).scalar_one()
            listed = self.connection.execute(
                select(here.c[key], here.c[name]).where(uses).order_by(here.c[key]).limit(1000)
            )
            failures = tuple(Failure(record=row[0], value=row[1]) for row in listed)
            if failed:
                self.found.append(
                    RetireOptions(
                        table=where, entity=entity.id, column=name, options=", ".join(gone), gone=gone, key=key,
                        failed=failed, failures=failures, rows=failed,
                    )
                )  # fmt: skip
        if any(o.id not in {p.id for p in past.options} for o in field.options):
            for option in sorted(lost_options(self.connection, where, name) & {o.id for o in field.options}):
                self.found.append(RestoreOption(table=where, column=name, option=option, key=key))

    def _compare_required(self, entity: Entity, here: Table, field: Field, past: Field) -> None:
        if field.required is not True or past.required is True or field.id not in self.columns[here.name]:
            return
        living = [here.c.deleted_at.is_(None)] if "deleted_at" in here.c else []
        empty = select(func.count()).select_from(here).where(here.c[field.id].is_(None), *living)
        rows = self.connection.execute(empty).scalar_one()
        if rows:
            self.found.append(NowRequired(table=here.name, column=field.id, rows=rows))

    # columns of any table

    def _lose_column(self, entity: Entity | None, here: Table, name: str) -> None:
        gone = table(here.name, column(name))
        derived = name.endswith(SORT)  # made again from the name whenever it is wanted
        rows = 0 if derived else self.connection.execute(select(func.count(gone.c[name]))).scalar_one()
        owner = entity.id if entity else here.name
        self.found.append(
            LoseColumn(table=here.name, column=name, entity=owner, shape=_shape_of(self.old, owner, name), rows=rows)
        )
        self.columns[here.name].discard(name)
        self.touched.add((here.name, name))

    def _add_columns(self, here: Table, entity: str = "") -> None:
        for each in here.c:
            if each.name in self.columns[here.name]:
                continue
            kept = self.lost.get(("column", f"{here.name}.{each.name}", _shape_of(self.new, entity, each.name)))
            if each.name.endswith(SORT):
                self._add_keys(here, each)
            elif kept:
                targets = [key.column.table.name for key in each.foreign_keys]
                target = targets[0] if targets else ""
                self.found.append(
                    Restore(
                        kind="column", table=here.name, column=each.name, kept_as=kept[0], target=target, rows=kept[1]
                    )
                )
            else:
                self.found.append(AddColumn(table=here.name, column=each, seconds=0.01))

    def _add_keys(self, here: Table, key: Column[Any]) -> None:
        """Keys of names; where the names were there before, they are made at once."""
        name = key.name.removesuffix(SORT)
        self.found.append(AddColumn(table=here.name, column=key, seconds=0.01))
        added = any(isinstance(s, AddColumn) and (s.table, s.column.name) == (here.name, name) for s in self.found)
        if not added:
            there = name in self.columns[here.name] and (here.name, name) not in self.touched
            rows = self._count(here.select().with_only_columns(here.c.id).subquery()) if there else 0
            self.found.append(FillKeys(table=here, column=name, rows=rows, seconds=SECONDS_A_KEY * rows))

    def _compare_others(self) -> None:
        """Ledgers, link tables and the runtime's own: columns come and go, types stay."""
        own = {t.name for t in self.tables.entity.values()}
        for here in self.tables.metadata.tables.values():
            if here.name in self.fresh or here.name not in self.columns or here.name in own:
                continue
            for name in sorted(self.columns[here.name] - {c.name for c in here.c}):
                if not name.startswith(LOST) and here.name in self.known:
                    self._lose_column(None, here, name)
            self._add_columns(here)

    # indexes

    def _compare_indexes(self) -> None:
        before = self.old_tables.metadata.tables.values() if self.old_tables else ()
        was = {str(i.name): i for each in before for i in each.indexes}
        columns_of = {
            name: [(i.table.name, c.name) for c in i.columns] for name, i in was.items() if i.table is not None
        }
        wanted = {
            str(i.name): i for t in self.tables.metadata.tables.values() for i in t.indexes if t.name not in self.fresh
        }
        kept_tables = self.known | {t.name for t in self.tables.metadata.tables.values()}
        for name, owner in sorted(self.indexes.items()):
            stands = name in wanted and not any(place in self.touched for place in columns_of.get(name, ()))
            if owner in kept_tables and not stands:
                self.found.append(RemoveIndex(name=name, index=was.get(name)))
                del self.indexes[name]
        for name, index in sorted(wanted.items()):
            if name not in self.indexes:
                self.found.append(self._add_index(index))

    def _add_index(self, index: Index) -> AddIndex:
        here = index.table
        assert here is not None
        names = [c.name for c in index.columns]
        rows = 0
        failures: tuple[Failure, ...] = ()
        there = look_columns(self.columns, here.name, names) and not any((here.name, n) in self.touched for n in names)
        if index.unique and there:
            own = [here.c[n] for n in names]
            twice = select(func.min(here.c.id), *own).where(*(c.is_not(None) for c in own)).group_by(*own)
            if "deleted_at" in here.c and "deleted_at" in self.columns[here.name]:
                twice = twice.where(here.c.deleted_at.is_(None))
            found = self.connection.execute(twice.having(func.count() > 1).limit(1000)).all()
            failures = tuple(Failure(record=row[0], value=" / ".join(str(v) for v in row[1:])) for row in found)
        return AddIndex(index=index, rows=rows, failed=len(failures), failures=failures)

    # reading

    def _count(self, of: FromClause) -> int:
        return int(self.connection.execute(select(func.count()).select_from(of)).scalar_one())

    def _names(self, past: Field, field: Field) -> Names:
        entities = {t for f in (past, field) if f.value.kind is Kind.REFERENCE for t in f.targets}
        codes = {e: self._codes(e) for e in sorted(entities)}
        ids = {e: {code: key for key, code in reversed(found.items())} for e, found in codes.items()}
        return Names(zone=ZoneInfo(self.new.timezone), code_of=codes, id_of=ids)

    def _codes(self, entity: str) -> dict[int, str]:
        """The name by which people know each record: its first title field that is a text."""
        model = self.old if self.old and entity in self.old.entities else self.new
        known = self.columns.get(table_name(entity), set())
        if entity not in model.entities:
            return {}
        for name in (*model.entities[entity].title, "code", "name"):
            if name in known and name in model.entities[entity].fields:
                here = table(table_name(entity), column("id"), column(name))
                rows = self.connection.execute(select(here.c.id, here.c[name]).where(here.c[name].is_not(None)))
                return {key: str(code) for key, code in rows}
        return {}

    def _read_lost(self) -> dict[tuple[str, str, str], tuple[str, int]]:
        """What waits to come back: (kind, table or table.column, shape) → (kept as, rows)."""
        if "dg_lost" not in self.columns:
            return {}
        lost = own_tables().lost
        rows = self.connection.execute(
            select(lost).where(lost.c.restored_at.is_(None), lost.c.kind.in_(["table", "column"])).order_by(lost.c.id)
        )
        found = {}
        for row in rows:
            owner, _, kept = row.kept_as.partition(".")
            name = owner if row.kind == "table" else f"{owner}.{row.field}"
            found[row.kind, name, row.shape] = (kept, row.rows)
        return found


def look_columns(columns: dict[str, set[str]], name: str, wanted: Sequence[str]) -> bool:
    """Whether all of ``wanted`` are there."""
    return columns.get(name, set()).issuperset(wanted)


def _spread(old: AppModel | None, renames: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Full ids before and after; an entity takes its lines along."""
    for before, after in renames:
        owner = before.rpartition(".")[0]
        full = after if "." in after or not owner else f"{owner}.{after}"
        yield before, full
        for each in old.entities if old else ():
            if each.startswith(before + "."):
                yield each, full + each.removeprefix(before)


def _shape_of(model: AppModel | None, entity: str, name: str) -> str:
    """The shape of the field that a column belongs to; none for columns that are no field's."""
    owner = model.entities.get(entity) if model else None
    field = owner.fields.get(name) or owner.fields.get(name.rpartition("__")[0]) if owner else None
    return shape(field) if field is not None else ""


def _same_values(one: Field, other: Field) -> bool:
    """Whether single values of the two fields are kept alike."""
    return one.value.kind is other.value.kind and one.targets == other.targets and one.value.kind is not Kind.QUANTITY


def _alike(past: Field, field: Field) -> bool:
    """Whether nothing about a field has changed that its column could feel."""
    return _felt(past) == _felt(field)


def _felt(field: Field) -> tuple[object, ...]:
    return (
        field.id, field.type, field.value, field.targets, field.options, field.required, field.many, field.lines,
        field.live, field.unit_field,
    )  # fmt: skip


def _must_convert(past: Field, field: Field) -> bool:
    if shape(past) == shape(field):
        return False
    several = len(past.targets) > 1 and len(field.targets) > 1
    return not (
        several and past.value.kind is field.value.kind is Kind.REFERENCE and set(past.targets) <= set(field.targets)
    )
