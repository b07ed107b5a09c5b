"""Columns of a file that the app has no field for become new ones: type and id proposed from what stands in them.

The definition changes as by any other change of it: compared, checked, published as a version that can be taken back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from engine.model import Entity
from runtime.administration import demand_admin
from runtime.app_source import Definition
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.importing_cells import taken
from runtime.importing_header import BRACKETS
from runtime.importing_words import PATTERNS, samples
from runtime.layer_edit import with_added
from runtime.messages import fault
from runtime.search_keys import sort_key
from runtime.values import NO, YES

MOST_OPTIONS = 12
LONG = 120
SECTION = "own_fields"
SECTION_LABEL = "自建 | Own fields"
KINDS = ("text", "long_text", "integer", "decimal", "money", "percent", "date", "yes_no", "choice", "phone", "email",
         "link", "barcode")  # fmt: skip
"""Types a new field may have."""
RESERVED = frozenset(("id", "version", "this", "user", "parent", "position", "status", "settings", "today", "now"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewField:
    """A field to be. ``column``: where its values come from; ``options``: words of a choice."""

    column: str
    id: str
    label: str
    type: str
    options: tuple[str, ...] = ()


def propose(entity: Entity, column: str, cells: Sequence[object], taken_ids: Iterable[str] = ()) -> NewField:
    """The field that a column looks like."""
    found = samples(cells)
    kind = _kind(found, sum(cell not in ("", None) for cell in cells))
    label = BRACKETS.sub("", column).strip() or column
    return NewField(
        column=column,
        id=field_id(label, {*entity.fields, *taken_ids}),
        label=label[:40],
        type=kind,
        options=tuple(found) if kind == "choice" else (),
    )


def field_id(label: str, taken_ids: Iterable[str]) -> str:
    """An id of small letters; Chinese by its sound."""
    plain = re.sub(r"[^a-z0-9]+", "_", sort_key(label)).strip("_")[:32]
    base = plain if re.match(r"[a-z]", plain) else f"f_{plain}".rstrip("_")
    used = set(taken_ids) | RESERVED
    return next(name for name in (base, *(f"{base}_{n}" for n in range(2, 1000))) if name not in used)


def _kind(found: Sequence[str], filled: int) -> str:
    if not found:
        return "text"
    if all(text.lower() in YES | NO for text in found) and not all(text in ("0", "1") for text in found):
        return "yes_no"
    for kind, fits in PATTERNS.items():
        if all(fits(text) for text in found):
            return kind
    if all(text.rstrip().endswith(("%", "％")) for text in found):
        return "percent"
    numbers = [_number(text) for text in found]
    if None not in numbers:
        return _kind_of_number(found, [n for n in numbers if n is not None])
    if any(len(text) > LONG or "\n" in text for text in found):
        return "long_text"
    few = len(found) <= MOST_OPTIONS and filled >= 3 * len(found) and all(len(text) <= 12 for text in found)
    return "choice" if few else "text"


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(str(taken(text, "number")))
    except InvalidOperation:
        return None


def _kind_of_number(found: Sequence[str], numbers: Sequence[Decimal]) -> str:
    if any(text.strip()[:1] in "¥￥$€£" or text.rstrip().endswith("元") for text in found):
        return "money"
    if any(len(text) > 1 and text.startswith("0") and text.isdigit() for text in found):
        return "text"  # a number one does not calculate with: its zeros would be lost
    if any(len(text) > 15 for text in found):
        return "text"
    return "integer" if all(n == n.to_integral_value() for n in numbers) else "decimal"


def layer_with(ctx: RunContext, entity: Entity, fields: Sequence[NewField]) -> str:
    """The app's own layer with the new fields, on their own part of the form."""
    assert ctx.app.definition is not None, "a running app has its definition"
    added: dict[str, object] = {"fields": {each.id: _definition(each) for each in fields}}
    if entity.form is not None:
        names = [each.id for each in fields]
        known = any(section.id == SECTION for section in entity.form.sections)
        section: dict[str, object] = {"label": SECTION_LABEL, "columns": "4", "fields": names}
        added["form"] = {SECTION: {"fields": names} if known else section}
    return with_added(ctx.app.definition.text, {"entities": {entity.id: added}})


def _definition(each: NewField) -> dict[str, object]:
    made: dict[str, object] = {"type": each.type, "label": each.label}
    if each.type == "choice":
        ids: list[str] = []
        for word in each.options:
            ids.append(field_id(word, ids))
        made["options"] = dict(zip(ids, each.options, strict=True))
    return made


def check_fields(ctx: RunContext, fields: Sequence[NewField]) -> None:
    """Only administrators, and only types and names that can be."""
    demand_admin(ctx)
    faults: list[Fault] = []
    for each in fields:
        if each.type not in KINDS or (each.type == "choice" and not each.options):
            faults.append(fault(ctx, "import_field_type", each.id, given=each.type[:40]))
        if not each.label.strip():
            faults.append(fault(ctx, "required", each.id, label=each.column))
    if faults:
        raise Invalid(*faults)


def definition_with(ctx: RunContext, entity: Entity, fields: Sequence[NewField]) -> Definition:
    """The definition to be: what ``AppHome.preview`` and ``publish`` take."""
    check_fields(ctx, fields)
    assert ctx.app.definition is not None, "a running app has its definition"
    return replace(ctx.app.definition, text=layer_with(ctx, entity, fields))
