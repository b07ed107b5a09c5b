"""The steps that carry data from one shape into another: type changes, one value to several and back, options.

All are set-wise: the distinct values of a column are converted once each, then one ``UPDATE … FROM`` carries them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from sqlalchemy import (
    Column,
    Connection,
    FromClause,
    Index,
    MetaData,
    Table,
    bindparam,
    column,
    exists,
    func,
    insert,
    literal,
    select,
    table,
    update,
)

from engine.expressions.types import Kind
from engine.model import Field
from runtime.bulk import load_rows
from runtime.columns import column_plans
from runtime.migrate_steps import (
    Failure,
    Site,
    Step,
    detached,
    lose_column,
    note_lost,
    own_tables,
    rename_table,
    restore,
)
from runtime.migrate_values import Inconvertible, Names, as_text, convert, sort_of
from runtime.values import Ref

SHOWN = 1000
"""How many values that cannot be converted are listed one by one."""


def shape(field: Field) -> str:
    """How the values of a field are kept: two fields of one shape can share a column."""
    targets = ",".join(field.targets) if field.value.kind is Kind.REFERENCE else ""
    scale = field.value.scale if sort_of(field) == "number" else ""
    return f"{sort_of(field)}:{scale}:{targets}:{len(column_plans(field))}"


def unpack(field: Field, values: Sequence[object]) -> object:
    """The value in the columns of a field; references as ``Ref``, ratios as ``Fraction``."""
    if values[0] is None:
        return None
    if field.type == "ratio":
        return Fraction(int(str(values[0])), int(str(values[1] or 1)))
    if field.value.kind is Kind.REFERENCE:
        return Ref(str(values[1]) if len(values) > 1 else field.targets[0], int(str(values[0])))
    return values[0]


def pack(field: Field, value: object) -> tuple[object, ...]:
    """The columns of a value."""
    if isinstance(value, Fraction):
        return value.numerator, value.denominator
    if isinstance(value, Ref):
        return (value.id, value.entity) if len(field.targets) > 1 else (value.id,)
    return (value,) * len(column_plans(field))


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert(Step):
    """A field changes its type. ``pairs``: distinct old columns and the new ones. The old column is kept as lost."""

    table: str
    entity: str
    old: Field
    new: Field
    columns: tuple[Column[object], ...]
    pairs: tuple[tuple[tuple[object, ...], tuple[object, ...]], ...]
    again: str = ""

    @property
    def loses(self) -> bool:
        """Whether some values have no counterpart."""
        return self.failed > 0

    def names(self) -> Mapping[str, object]:
        """Column and both types."""
        return {"table": self.table, "column": self.new.id, "old": self.old.type, "new": self.new.type}

    def forward(self, site: Site) -> None:
        """Fill a new column beside the old one, then change their names."""
        before = column_plans(self.old)
        for each in self.columns:
            fresh = detached(each)
            fresh.name = fresh.key = f"new__{each.name}"
            site.op.add_column(self.table, fresh, inline_references=True)
        if self.pairs:
            self._fill(site)
        for plan in before:
            lose_column(site, self.table, plan.name, self.entity, shape(self.old), self.failed)
        for each in self.columns:
            site.op.alter_column(self.table, f"new__{each.name}", new_column_name=each.name)
        if self.again:
            self._fill_again(site)

    def _fill(self, site: Site) -> None:
        before = column_plans(self.old)
        mapping = Table(
            "dg_map",
            MetaData(),
            *(Column(f"o{n}", plan.type) for n, plan in enumerate(before)),
            *(Column(f"n{n}", each.type) for n, each in enumerate(self.columns)),
            Index("ix_dg_map", "o0"),
            prefixes=["TEMPORARY"],
        )
        mapping.create(site.connection)
        load_rows(site.connection, mapping, [(*a, *b) for a, b in self.pairs])
        here = table(
            self.table,
            *(column(plan.name, plan.type) for plan in before),
            *(column(f"new__{each.name}", each.type) for each in self.columns),
        )
        same = [here.c[plan.name] == mapping.c[f"o{n}"] for n, plan in enumerate(before) if not n]
        same += [here.c[p.name].is_not_distinct_from(mapping.c[f"o{n}"]) for n, p in enumerate(before) if n]
        values = {f"new__{each.name}": mapping.c[f"n{n}"] for n, each in enumerate(self.columns)}
        site.connection.execute(update(here).values(values).where(*same))
        mapping.drop(site.connection)

    def _fill_again(self, site: Site) -> None:
        """What an earlier change could not take along fills the records that are still empty."""
        here = table(self.table, column(self.columns[0].name), column(self.again))
        kept, now = here.c[self.again], here.c[self.columns[0].name]
        site.connection.execute(update(here).values({now: kept}).where(now.is_(None), kept.is_not(None)))
        lost = site.system.lost
        site.connection.execute(
            update(lost).where(lost.c.kept_as == f"{self.table}.{self.again}").values(restored_at=site.now)
        )

    def backward(self, site: Site) -> None:
        """The old columns come back exactly."""
        for each in self.columns:
            lose_column(site, self.table, each.name, self.entity, shape(self.new), 0)
        for plan in column_plans(self.old):
            _restore_older(site, self.table, plan.name, shape(self.old))


def _restore_older(site: Site, table_name: str, name: str, kept_shape: str) -> None:
    """Give a column its name back, passing over one of another shape lost since."""
    lost = site.system.lost
    found = site.connection.execute(
        select(lost.c.id, lost.c.kept_as)
        .where(lost.c.kind == "column", lost.c.field == name, lost.c.shape == kept_shape)
        .where(lost.c.kept_as.startswith(f"{table_name}.", autoescape=True), lost.c.restored_at.is_(None))
        .order_by(lost.c.id.desc())
        .limit(1)
    ).one()
    site.op.alter_column(table_name, found.kept_as.partition(".")[2], new_column_name=name)
    site.connection.execute(update(lost).where(lost.c.id == found.id).values(restored_at=site.now))


def plan_convert(
    connection: Connection, here: Table, entity: str, fields: tuple[Field, Field], columns: tuple[Column[object], ...],
    names: Names, again: str = "",
) -> Convert:  # fmt: skip
    """Convert every distinct value now, so that the plan can say what will be missing."""
    old, new = fields
    before = table(here.name, column("id"), *(column(p.name, p.type) for p in column_plans(old)))
    own = [before.c[p.name] for p in column_plans(old)]
    pairs, failing = [], []
    for values in connection.execute(select(*own).where(own[0].is_not(None)).distinct()):
        try:
            pairs.append((tuple(values), pack(new, convert(unpack(old, values), old, new, names))))
        except Inconvertible:
            failing.append(tuple(values))
    rows = connection.execute(select(func.count()).select_from(before).where(own[0].is_not(None))).scalar_one()
    failed, failures = _failures(connection, before, old, failing, names)
    return Convert(
        table=here.name, entity=entity, old=old, new=new, columns=columns, pairs=tuple(pairs), again=again,
        rows=rows, seconds=round(rows * 1e-5, 2), failed=failed, failures=failures,
    )  # fmt: skip


def _failures(
    connection: Connection, before: FromClause, old: Field, failing: list[tuple[object, ...]], names: Names
) -> tuple[int, tuple[Failure, ...]]:
    """How many records hold a value that fails, and the first of them."""
    if not failing:
        return 0, ()
    plans = column_plans(old)
    own = [before.c[p.name] for p in plans]
    bad = set(failing)
    count = 0
    listed: list[Failure] = []
    for key, *values in connection.execute(select(before.c.id, *own).where(own[0].is_not(None)).order_by(before.c.id)):
        if tuple(values) in bad:
            count += 1
            if len(listed) < SHOWN:
                listed.append(Failure(record=key, value=_readable(unpack(old, values), old, names)))
    return count, tuple(listed)


def _readable(value: object, old: Field, names: Names) -> str:
    try:
        return as_text(value, old, names)
    except Inconvertible:
        return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToMany(Step):
    """A field takes several values from now on: each value moves into the link table."""

    table: str
    entity: str
    column: str
    link: str
    shape: str

    def names(self) -> Mapping[str, object]:
        """Table and column."""
        return {"table": self.table, "column": self.column}

    def forward(self, site: Site) -> None:
        """Copy the values over; the column is kept as lost. A link table that came back keeps what still agrees."""
        here = table(self.table, column("id"), column(self.column))
        link = table(self.link, column("owner"), column("value"), column("position"))
        again = link.alias()
        agrees = select(literal(1)).where(
            again.c.owner == link.c.owner, here.c.id == again.c.owner, here.c[self.column] == again.c.value
        )
        site.connection.execute(link.delete().where(~exists(agrees.correlate(link))))
        known = select(literal(1)).where(again.c.owner == here.c.id, again.c.value == here.c[self.column])
        values = select(here.c.id, here.c[self.column], literal(0)).where(
            here.c[self.column].is_not(None), ~exists(known.correlate(here))
        )
        site.connection.execute(insert(link).from_select(["owner", "value", "position"], values))
        lose_column(site, self.table, self.column, self.entity, self.shape, 0)

    def backward(self, site: Site) -> None:
        """The column comes back; the link table is emptied by the step that made it."""
        restore(site, "column", self.table, self.column)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToOne(Step):
    """A field takes one value from now on: the first; the link table is kept as lost."""

    table: str
    entity: str
    column: str
    link: str

    @property
    def loses(self) -> bool:
        """Whether some records have several."""
        return self.failed > 0

    def names(self) -> Mapping[str, object]:
        """Table and column."""
        return {"table": self.table, "column": self.column}

    def forward(self, site: Site) -> None:
        """Fill the column, which an earlier step added."""
        here = table(self.table, column("id"), column(self.column))
        link = table(self.link, column("owner"), column("value"), column("position"))
        first = select(link.c.value).where(link.c.owner == here.c.id).order_by(link.c.position, link.c.value).limit(1)
        site.connection.execute(update(here).values({self.column: first.scalar_subquery()}))
        kept_as = f"lost_{site.version}_{self.link}"[:60]
        rename_table(site, self.link, kept_as)
        note_lost(site, "table", self.entity, self.column, self.link, kept_as, "", self.rows)

    def backward(self, site: Site) -> None:
        """The link table comes back."""
        restore(site, "table", self.link, self.link)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireOptions(Step):
    """Options that records still use go: the values are kept aside and come back with the option."""

    table: str
    entity: str
    column: str
    options: str
    gone: tuple[str, ...]
    key: str = "id"

    @property
    def loses(self) -> bool:
        """Always: it is planned only when records use them."""
        return True

    def names(self) -> Mapping[str, object]:
        """Column and options."""
        return {"table": self.table, "column": self.column, "options": self.options}

    def forward(self, site: Site) -> None:
        """Note each record's value, then empty it."""
        here = table(self.table, column(self.key), column(self.column))
        for option in self.gone:
            uses = here.c[self.column] == option
            lost = note_lost(site, "option", self.entity, self.column, self.table, option, "", self.failed)
            values = select(literal(lost), here.c[self.key], here.c[self.column]).where(uses)
            kept = site.system.lost_value
            site.connection.execute(insert(kept).from_select(["lost", "record", "value"], values))
            if self.key == "id":
                site.connection.execute(update(here).values({self.column: None}).where(uses))
            else:
                site.connection.execute(here.delete().where(uses))

    def backward(self, site: Site) -> None:
        """Put the values back where nobody has chosen another since."""
        for option in self.gone:
            restore_option(site, self.table, self.column, option)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOption(Step):
    """An option that went while records used it is there again: their values come back."""

    table: str
    column: str
    option: str
    key: str = "id"

    def names(self) -> Mapping[str, object]:
        """Column and option."""
        return {"table": self.table, "column": self.column, "option": self.option}

    def forward(self, site: Site) -> None:
        """Put the values back where nobody has chosen another since."""
        restore_option(site, self.table, self.column, self.option, self.key)


def restore_option(site: Site, table_name: str, name: str, option: str, key: str = "id") -> None:
    """Values of a retired option back into the records that are still empty."""
    lost, kept = site.system.lost, site.system.lost_value
    mine = select(lost.c.id).where(
        lost.c.kind == "option", lost.c.kept_as == f"{table_name}.{option}", lost.c.field == name,
        lost.c.restored_at.is_(None),
    )  # fmt: skip
    records = select(kept.c.record).where(kept.c.lost.in_(mine))
    here = table(table_name, column(key), column(name))
    if key == "id":
        site.connection.execute(
            update(here).values({name: option}).where(here.c.id.in_(records), here.c[name].is_(None))
        )
    else:
        link = table(table_name, column("owner"), column("value"), column("position"))
        owners = select(records.subquery().c.record, literal(option), literal(99))
        site.connection.execute(insert(link).from_select(["owner", "value", "position"], owners))
    site.connection.execute(update(lost).where(lost.c.id.in_(mine)).values(restored_at=site.now))


def lost_options(connection: Connection, table_name: str, name: str) -> set[str]:
    """Options of a column whose values wait to come back."""
    lost = own_tables().lost
    found = connection.execute(
        select(lost.c.kept_as).where(
            lost.c.kind == "option", lost.c.field == bindparam("name"), lost.c.restored_at.is_(None),
            lost.c.kept_as.startswith(f"{table_name}.", autoescape=True),
        ),
        {"name": name},
    ).scalars()  # fmt: skip
    return {kept.rpartition(".")[2] for kept in found}
