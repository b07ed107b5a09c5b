"""One scan fills a line: a GS1 code in a reference that may be made on the fly gives thing, lot, dates and net weight.

The reference keeps the lot of the code. A reference beside it to something that carries bar codes takes the record with
that article number; what the new record would be made from (its dates) is taken from the code where nothing was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import or_, select

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.barcodes import BarcodeProblem, Scanned, is_gs1, parse
from runtime.context import RunContext
from runtime.record_drafts import Batch, Draft
from runtime.values import ENTERED, Lookup


def spread_scans(batch: Batch) -> None:
    """Take apart every GS1 code of the batch."""
    for entity, draft, field, text in list(_scanned(batch)):
        try:
            found = parse(text, batch.ctx.today())
        except BarcodeProblem as wrong:
            batch.refuse(draft, wrong.code, field.id, given=text[:60], ai=wrong.ai)
            draft.row[field.id] = None
            continue
        _fill(batch, entity, draft, field, found)


def _scanned(batch: Batch) -> Iterator[tuple[Entity, Draft, Field, str]]:
    for entity, drafts in batch.drafts.items():
        part = batch.plan.parts[entity]
        for field in part.made:
            for draft in drafts:
                value = draft.row.get(field.id)
                if isinstance(value, Lookup):
                    text = value.text or str(dict(value.key).get("code") or "")
                    if is_gs1(text):
                        yield part.entity, draft, field, text


def _fill(batch: Batch, entity: Entity, draft: Draft, field: Field, found: Scanned) -> None:
    if found.lot is None:
        batch.refuse(draft, "barcode_no_lot", field.id, given=found.text[:60])
        draft.row[field.id] = None
        return
    draft.row[field.id] = Lookup(text=found.lot)
    dates = {"production_date": found.made_on, "expiry_date": found.usable_until}  # the names of the standard
    for name in field.create or ():
        own = entity.fields.get(name)
        if own is None or draft.row.get(name) is not None:
            continue
        if own.targets and found.gtin is not None:
            _set(draft, name, _by_barcode(batch.ctx, own.targets[0], found.gtin))
            if draft.row.get(name) is None:
                batch.refuse(
                    draft, "barcode_no_record", name, label=own.label.get(batch.ctx.language), given=found.gtin
                )
        else:
            _set(draft, name, dates.get(name))
    _weigh(batch.ctx, entity, draft, found.values.get("net_kg"))


def _weigh(ctx: RunContext, entity: Entity, draft: Draft, kilograms: object) -> None:
    """The net weight of the code goes where what the line names is weighed: into a quantity counted in a unit of it."""
    if not isinstance(kilograms, Decimal):
        return
    for one in entity.fields.values():
        weighed = one.value.kind is Kind.QUANTITY and "." in one.unit_field and not one.of_field and one.formula is None
        if weighed and draft.row.get(one.id) is None and draft.row.get(one.id + ENTERED) is None:
            of_unit = _kilograms_in_unit(ctx, entity, draft, one.unit_field)
            _set(draft, one.id, kilograms / of_unit if of_unit else None)


def _kilograms_in_unit(ctx: RunContext, entity: Entity, draft: Draft, path: str) -> Decimal | None:
    """How much the unit at the end of ``path`` (a thing of the line, its unit) is of what is measured like it."""
    thing, unit = path.split(".")
    owner = ctx.app.model.entities[entity.fields[thing].targets[0]]
    units = ctx.app.model.entities[owner.fields[unit].targets[0]]
    if units.measuring is None or draft.row.get(thing) is None:
        return None
    table, named = ctx.app.tables.entity[owner.id], ctx.app.tables.entity[units.id]
    ratio = units.measuring.ratio
    query = select(named.c[f"{ratio}__num"], named.c[f"{ratio}__den"]).join(table, table.c[unit] == named.c.id)
    found = ctx.connection.execute(query.where(table.c.id == draft.row[thing])).first()
    return Decimal(found[0]) / Decimal(found[1]) if found and found[0] and found[1] else None


def _set(draft: Draft, name: str, value: object) -> None:
    if value is not None:
        draft.row[name] = value
        draft.given.add(name)


def _by_barcode(ctx: RunContext, entity: str, gtin: str) -> int | None:
    """The one record that carries the number, in whatever length it was kept."""
    table = ctx.app.tables.entity[entity]
    columns = [table.c[f.id] for f in ctx.app.model.entities[entity].fields.values() if f.type == "barcode"]
    if not columns:
        return None
    spellings = {gtin[cut:] for cut in (0, 1, 2, 6) if not gtin[:cut].strip("0")}
    query = select(table.c.id).where(or_(*(c.in_(sorted(spellings)) for c in columns)), table.c.deleted_at.is_(None))
    ids = list(ctx.connection.execute(query.limit(2)).scalars())
    return ids[0] if len(ids) == 1 else None
