"""Entries made offline in words: what was sent as its fields show it, line by line, records by their names.

An entry may hold anything at all: what its field cannot read is shown as it was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.record_reading import Titles, titles
from runtime.record_references import find
from runtime.sync_entries import AFTER
from runtime.value_numbers import Refusal
from runtime.values import Entered, Lookup, Ref, parse_raw
from web.display import reference, text_of
from web.texts import translator

Given = Mapping[str, object]
Part = dict[str, str]
Named = tuple[str, int]
"""Entity and id."""
MOST_PARTS = 8
MOST_LINES = 5
MOST_LETTERS = 80
NOTHING = "–"


class EntryWords:
    """Tells the entries of one page. The records they name are looked for once, for all of them together."""

    def __init__(self, ctx: RunContext, sent: Sequence[tuple[Entity | None, Given]]) -> None:
        self.ctx = ctx
        self.t = translator(ctx.language)
        named = [pair for entity, given in sent if entity is not None for pair in self._references(entity, given)]
        self._ids = self._found(named)
        self._titles: Titles = titles(ctx, {at for target, value in named if (at := self._place(target, value))})

    def parts(self, entity: Entity | None, given: Given) -> list[Part]:
        """Label and text of what was sent; after a table its first lines, one by one."""
        found: list[Part] = []
        for name, value in list(given.items())[:MOST_PARTS]:
            field = entity.fields.get(name) if entity is not None else None
            label = name[:MOST_LETTERS] if field is None else field.label.get(self.ctx.language)
            found.append({"label": label, "text": self.word(field, value)})
            if field is not None and field.lines and isinstance(value, list):
                found += self._lines(self.ctx.app.model.entities[field.lines], value)
        return found

    def _lines(self, entity: Entity, lines: Sequence[object]) -> Iterator[Part]:
        for number, line in enumerate(lines[:MOST_LINES], 1):
            given = line if isinstance(line, dict) else {}
            told = [f"{part['label']} {part['text']}" for part in self.parts(entity, given)]
            yield {
                "label": self.t(f"第 {number} 行", f"Line {number}"),
                "text": self.t("，", ", ").join(told) or NOTHING,
            }

    def word(self, field: Field | None, value: object) -> str:
        """A value in a word or two."""
        if value is None or value == "":
            return NOTHING
        if field is not None and field.lines:
            count = len(value) if isinstance(value, list) else value
            return self.t(f"{count} 行", f"{count} rows")
        shown = "" if field is None or (isinstance(value, Mapping) and AFTER in value) else self._shown(field, value)
        return (shown or self._as_sent(value))[:MOST_LETTERS]

    def _shown(self, field: Field, value: object) -> str:
        try:
            parsed = parse_raw(self.ctx, field, value)
        except (Refusal, OverflowError):
            return ""
        if field.value.kind is not Kind.REFERENCE:
            return "" if isinstance(parsed, Entered) else text_of(self.ctx, field, parsed)
        each = parsed if isinstance(parsed, tuple) else (parsed,)
        places = [self._place(target, one) for target, one in ((_target(field, one), one) for one in each)]
        names = [reference({**self._titles.get(at, {}), "id": ""}) if at is not None else "" for at in places]
        return self.t("、", ", ").join(names) if all(names) else ""

    def _as_sent(self, value: object) -> str:
        if isinstance(value, bool):
            return self.t("是", "yes") if value else self.t("否", "no")
        if isinstance(value, list):
            return self.t(f"{len(value)} 行", f"{len(value)} rows")
        if isinstance(value, dict):
            if AFTER in value:
                return self.t(f"录入 {value[AFTER]} 所成的", f"what entry {value[AFTER]} made")
            named = [str(value[name]) for name in ("code", "name") if value.get(name)]
            return " ".join(named or [str(part) for part in value.values() if part])
        return str(value)

    # --- the records that are named -----------------------------------------------------------------------------

    def _references(self, entity: Entity, given: Given) -> Iterator[tuple[str, int | Lookup]]:
        """What is referred to by what will be shown: the entity, and the id or what finds it."""
        for name, value in list(given.items())[:MOST_PARTS]:
            field = entity.fields.get(name)
            if field is None:
                continue
            if field.lines and isinstance(value, list):
                inner = self.ctx.app.model.entities[field.lines]
                for line in value[:MOST_LINES]:
                    yield from self._references(inner, line if isinstance(line, dict) else {})
            elif field.value.kind is Kind.REFERENCE:
                yield from self._referred(field, value)

    def _referred(self, field: Field, value: object) -> Iterator[tuple[str, int | Lookup]]:
        try:
            parsed = parse_raw(self.ctx, field, value)
        except (Refusal, OverflowError):
            return
        for one in parsed if isinstance(parsed, tuple) else (parsed,):
            target = _target(field, one)
            known = self.ctx.app.model.entities.get(target)
            if isinstance(one, Ref):
                yield target, one.id
            elif known is not None and (isinstance(one, int) or (isinstance(one, Lookup) and _is_plain(known, one))):
                yield target, one

    def _found(self, named: Sequence[tuple[str, int | Lookup]]) -> dict[tuple[str, Lookup], int]:
        """The one record that each lookup finds, of entities that the reader may read."""
        wanted: dict[str, set[Lookup]] = {}
        for target, value in named:
            if isinstance(value, Lookup) and rights(self.ctx, target).may("read"):
                wanted.setdefault(target, set()).add(value)
        found = {target: find(self.ctx, target, lookups) for target, lookups in wanted.items()}
        return {(t, lookup): ids[0] for t, some in found.items() for lookup, ids in some.items() if len(ids) == 1}

    def _place(self, target: str, value: Any) -> Named | None:
        if isinstance(value, Lookup):
            id = self._ids.get((target, value))
            return None if id is None else (target, id)
        id = value.id if isinstance(value, Ref) else value
        return (target, id) if isinstance(id, int) else None


def _target(field: Field, value: object) -> str:
    if isinstance(value, (Ref, Lookup)) and value.entity:
        return value.entity
    return field.targets[0] if field.targets else ""


def _is_plain(entity: Entity, lookup: Lookup) -> bool:
    """Whether it finds by fields alone: their values are read as such, whatever was sent."""
    return all(name in entity.fields for name, _ in lookup.key)
