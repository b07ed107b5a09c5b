"""Forms made from metadata: WTForms classes that parse what a browser posts and refuse what is plainly wrong.

They know names, lengths, required fields and the options of choices; everything else (references, numbers, rules
between fields) is judged by the write door, whose faults are put back on the fields. HTML never comes from here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import FieldList, Form, FormField, HiddenField, SelectMultipleField, StringField
from wtforms.fields.core import Field as FormFieldBase
from wtforms.validators import InputRequired, Length, Optional, StopValidation

from engine.model import AppModel, Entity, Field
from runtime.permissions import Rights
from web.whole import is_whole

MOST_LINES = 1000
TEXT = "__text"
UNIT = "__unit"
GRID = "__grid"
"""Suffix of the mark that says a page showed the lines, also when none are left."""
LONGEST = 100_000


def writable(entity: Entity, rights: Rights, links: Collection[str] = ()) -> list[Field]:
    """Fields of a form: shown to the person and not computed; ``links``: not typed, but a drawn form carries them."""
    return [
        f
        for f in entity.fields.values()
        if f.formula is None
        and not f.retired
        and (f.readonly is not True or f.id in links)
        and rights.sees(f.id)
        and f.id not in rights.readonly
    ]


def header_links(entity: Entity) -> tuple[str, ...]:
    """Fields that name what a document was drawn from."""
    named = [s.header_field for s in entity.sources.values()]
    own = [s.line_field for s in entity.sources.values() if not s.lines_into]
    return tuple(name for name in dict.fromkeys((*named, *own)) if name in entity.fields)


def line_links(entity: Entity, lines: str) -> tuple[str, ...]:
    """Fields of a document's lines that name the lines they were drawn from."""
    return tuple(dict.fromkeys(s.line_field for s in entity.sources.values() if s.lines_into == lines and s.line_field))


class Several(SelectMultipleField):  # type: ignore[misc]  # the library has no types
    """Ids posted several times under one name; which ids are right is the write door's business."""

    def pre_validate(self, form: Form) -> None:
        """Any value may come; none is looked up here."""


def _one(field: Field, required_text: str) -> FormFieldBase:
    if field.many:
        return Several(field.id, choices=(), validate_choice=False)
    needed: list[Any] = [_named(required_text)] if field.targets else [InputRequired(required_text)]
    checks: list[Any] = needed if field.required is True and not _filled(field) else [Optional()]
    return StringField(field.id, validators=[*checks, Length(max=field.max_length or LONGEST)])


def _named(required_text: str) -> Callable[[Any, FormFieldBase], None]:
    """A reference is there when it was picked or when words stand in its field, which the write door looks up."""

    def check(form: Any, member: FormFieldBase) -> None:
        words = form._fields.get(member.short_name + TEXT)
        if not member.data and not (words is not None and words.data):
            raise StopValidation(required_text)

    return check


def _filled(field: Field) -> bool:
    """Whether the write door gives the field a value when nobody does."""
    return field.default is not None or field.fill is not None or field.type == "yes_no" or field.id == "code"


def form_class(model: AppModel, entity: Entity, rights: Mapping[str, Rights], required_text: str) -> type[FlaskForm]:
    """The form of an entity; ``rights`` of the entity and of its lines, by id."""
    members: dict[str, Any] = {"version": HiddenField()}
    for field in writable(entity, rights[entity.id], header_links(entity)):
        if field.lines:
            rows = model.entities[field.lines]
            inner = _line_class(rows, rights[rows.id], required_text, line_links(entity, field.id))
            members[field.id] = FieldList(FormField(inner), max_entries=MOST_LINES)
        else:
            members[field.id] = _one(field, required_text)
            members.update(_companions(field))
    return type(f"{entity.id}_form", (FlaskForm,), members)


def _line_class(entity: Entity, rights: Rights, required_text: str, links: Collection[str]) -> type[Form]:
    members: dict[str, Any] = {"id": HiddenField()}
    for field in writable(entity, rights, links):
        if not field.lines:
            members[field.id] = _one(field, required_text)
            members.update(_companions(field))
    return type(f"{entity.id.replace('.', '_')}_line", (Form,), members)


def _companions(field: Field) -> dict[str, Any]:
    """The words beside a reference and the unit beside a quantity."""
    if field.targets and not field.many:
        return {field.id + TEXT: StringField()}
    return {}


def values_of(form: Any, entity: Entity, model: AppModel, posted: Container[str]) -> dict[str, object]:
    """What was posted, by field id, as the write door takes it.

    A field the page did not show was not posted and stays as it is; ``posted``: the names that were.
    """
    values = _values(form, entity, model)
    for field in entity.fields.values():
        if not field.lines or field.id not in form._fields:
            continue
        entries = form._fields[field.id].entries
        if entries or f"{field.id}{GRID}" in posted:
            values[field.id] = [_line(entry.form, model.entities[field.lines], model) for entry in entries]
    return values


def _values(form: Any, entity: Entity, model: AppModel) -> dict[str, object]:
    found: dict[str, object] = {}
    for field in entity.fields.values():
        member = form._fields.get(field.id)
        if member is None or field.lines or not member.raw_data:
            continue
        if field.type == "yes_no":
            found[field.id] = _switched(member.raw_data, in_line=bool(entity.parent))
        elif field.many:
            found[field.id] = [_picked(field, v) for v in member.raw_data if v]
        else:
            found[field.id] = _posted(form, field, member.raw_data[0])
    return found


def _switched(raw: Sequence[object], *, in_line: bool) -> object:
    """A switch posts "" and, when it is on, "1" after it; in a line "0" says no, and "" that nobody said anything."""
    return raw[-1] if in_line or raw[-1] != "" else False


def _line(form: Any, entity: Entity, model: AppModel) -> dict[str, object]:
    row = _values(form, entity, model)
    posted = form._fields["id"].data
    if posted and is_whole(str(posted)):
        row["id"] = int(posted)
    return row


def _posted(form: Any, field: Field, raw: object) -> object:
    """One posted value. A reference without an id but with words is looked up by its words."""
    if field.type == "percent":
        return percent_typed(raw)
    if not field.targets:
        return raw
    picked = _picked(field, raw)
    if picked is not raw:
        return picked
    words = form._fields.get(field.id + TEXT)
    return (words.data or None) if words is not None else (raw or None)


def _picked(field: Field, raw: object) -> object:
    """What was picked from a list, by its id; anything else stays as it came."""
    if not field.targets or not isinstance(raw, str):
        return raw
    if is_whole(raw):
        return {"entity": field.targets[0], "id": int(raw)} if len(field.targets) > 1 else int(raw)
    entity, colon, number = raw.partition(":")
    if colon and len(field.targets) > 1 and is_whole(number):
        return {"entity": entity, "id": int(number)}
    return raw


def percent_typed(raw: object) -> object:
    """Forms ask for percents without the sign: ``13`` is 13 %."""
    text = raw.strip() if isinstance(raw, str) else ""
    return f"{text}%" if text and not text.endswith(("%", "\N{FULLWIDTH PERCENT SIGN}")) else raw


def blank_line(row: Mapping[str, object], defaults: Iterable[str] = ()) -> bool:
    """Whether nobody typed anything into a line (the empty line a grid keeps at its end)."""
    skipped = {"id", *defaults}
    return all(value in (None, "", [], ()) for name, value in row.items() if name not in skipped)


def without_blank_lines(values: Mapping[str, object], lines: Sequence[str]) -> dict[str, object]:
    """The values without empty lines."""
    kept = dict(values)
    for name in lines:
        rows = kept.get(name)
        if isinstance(rows, list):
            kept[name] = [row for row in rows if row.get("id") or not blank_line(row)]
    return kept


def faults_of(form: Any, prefix: str = "") -> list[tuple[str, str]]:
    """(path, sentence) of everything the form itself refuses: ``lines.2.qty`` counts from 1 like the write door."""
    found: list[tuple[str, str]] = []
    for name, member in form._fields.items():
        if isinstance(member, FieldList):
            for index, entry in enumerate(member.entries, 1):
                if isinstance(entry, FormField):
                    found += faults_of(entry.form, f"{prefix}{name}.{index}.")
        elif member.raw_data:
            found += [(prefix + name, str(error)) for error in member.errors]
    return found
