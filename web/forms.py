"""Forms made from metadata: WTForms classes that parse what a browser posts and refuse what is plainly wrong.

They know names, lengths, required fields and the options of choices; everything else (references, numbers, rules
between fields) is judged by the write door, whose faults are put back on the fields. HTML never comes from here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from threading import local
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import Form, HiddenField, SelectMultipleField, StringField
from wtforms.fields.core import Field as FormFieldBase
from wtforms.validators import InputRequired, Length, Optional, StopValidation

from engine.model import AppModel, Entity, Field
from runtime.permissions import Rights
from web.whole import is_whole

MOST_LINES = 1000
TEXT = "__text"
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


class RecordForm:
    """The form of an entity: a class for the record and one for the lines of each of its lines fields.

    A form is bound once a thread and filled for each request, that of lines again and again, for each line.
    """

    def __init__(self, model: AppModel, entity: Entity, rights: Mapping[str, Rights], required_text: str) -> None:
        """``rights`` of the entity and of its lines, by id."""
        self._model, self._entity = model, entity
        fields = writable(entity, rights[entity.id], header_links(entity))
        self._head = _class(entity, {"version": HiddenField()}, fields, required_text)
        self._lines: dict[str, tuple[Entity, type[Form]]] = {}
        for field in fields:
            if field.lines:
                inner = model.entities[field.lines]
                shown = writable(inner, rights[inner.id], line_links(entity, field.id))
                self._lines[field.id] = (inner, _class(inner, {"id": HiddenField()}, shown, required_text))
        self._bound = local()

    def read(self, posted: MultiDict[str, str]) -> tuple[dict[str, object], list[tuple[str, str]]]:
        """What was posted, by field id, as the write door takes it, and (path, sentence) of everything the form itself
        refuses: ``lines.2.qty`` counts from 1 like the write door.

        A field the page did not show was not posted and stays as it is.
        """
        head, lines = self._forms()
        values, faults = head.take(posted)
        for name, form in lines.items():
            indices = _indices(name, posted)[:MOST_LINES]
            if not indices and f"{name}{GRID}" not in posted:
                continue
            rows = values[name] = []
            for number, index in enumerate(indices, 1):
                row, wrong = form.take(posted, f"{name}-{index}-")
                faults += [(f"{name}.{number}.{path}", said) for path, said in wrong]
                rows.append(form.with_id(row))
        return values, faults

    def _forms(self) -> tuple[Bound, Mapping[str, Bound]]:
        if not hasattr(self._bound, "forms"):
            lines = {name: Bound(made(), inner) for name, (inner, made) in self._lines.items()}
            self._bound.forms = (Bound(self._head(), self._entity), lines)
        return self._bound.forms  # type: ignore[no-any-return]


def _indices(name: str, posted: Iterable[str]) -> list[int]:
    """The numbers of the lines that were posted, in order."""
    start, begin = f"{name}-", len(name) + 1
    given = {each[begin : each.find("-", begin)] for each in posted if each.startswith(start)}
    return sorted(int(each) for each in given if each.isascii() and each.isdigit())


class Bound:
    """A form that is filled again and again."""

    def __init__(self, form: Form, entity: Entity) -> None:
        self._form = form
        self._members = list(form._fields.items())
        known = (entity.fields[name] for name, _ in self._members if name in entity.fields)
        self._fields = [(form._fields[f.id], f.id, _reader(f, form, in_line=bool(entity.parent))) for f in known]

    def take(self, posted: MultiDict[str, str], prefix: str = "") -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """The values under ``prefix``, and what is wrong with them, by name."""
        for name, member in self._members:
            if prefix:
                member.name = prefix + name
            member.process(posted)
        values = {name: read(member.raw_data) for member, name, read in self._fields if member.raw_data}
        faults = [
            (name, str(error))
            for name, member in self._members
            if member.raw_data and not member.validate(self._form)
            for error in member.errors
        ]
        return values, faults

    def with_id(self, row: dict[str, Any]) -> dict[str, Any]:
        """The line that was filled in, with its id if it has one."""
        given = self._form._fields["id"].data
        return {**row, "id": int(given)} if given and is_whole(str(given)) else row


def _class(entity: Entity, members: dict[str, Any], fields: Iterable[Field], required_text: str) -> type[Form]:
    for field in fields:
        if not field.lines:
            members[field.id] = _one(field, required_text)
            if field.targets and not field.many:
                members[field.id + TEXT] = StringField()  # the words beside a reference
    return type(f"{entity.id.replace('.', '_')}_form", (Form,), members)


Raw = Sequence[Any]


def _reader(field: Field, form: Form, *, in_line: bool) -> Callable[[Raw], object]:
    """What becomes of what was posted under a field's name."""
    if field.type == "yes_no":
        return lambda raw: _switched(raw, in_line=in_line)
    if field.many:
        return lambda raw: [_picked(field, value) for value in raw if value]
    if field.type == "percent":
        return lambda raw: percent_typed(raw[0])
    if not field.targets:
        return itemgetter(0)
    return _referring(field, form._fields.get(field.id + TEXT))


def _referring(field: Field, words: FormFieldBase | None) -> Callable[[Raw], object]:
    """A reference without an id but with words is looked up by its words."""

    def read(raw: Raw) -> object:
        picked = _picked(field, raw[0])
        if picked is not raw[0]:
            return picked
        return (words.data or None) if words is not None else (raw[0] or None)

    return read


def _switched(raw: Sequence[object], *, in_line: bool) -> object:
    """A switch posts "" and, when it is on, "1" after it; in a line "0" says no, and "" that nobody said anything."""
    return raw[-1] if in_line or raw[-1] != "" else False


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
