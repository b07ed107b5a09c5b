"""Forms and views; what is not written is made: a form of all fields, a view of all records."""

from __future__ import annotations

from engine.compile.bench import Bench, EntityDraft, FieldDraft
from engine.compile.messages import message
from engine.compile.part import Part, Word
from engine.compile.paths import checked_path, checked_paths
from engine.compile.scope import AppScope, parse, parse_condition, scope_of
from engine.expressions.operators import NUMERIC
from engine.expressions.tree import Expr, Literal
from engine.expressions.types import YES_NO
from engine.field_types import FIELD_TYPES
from engine.frozen import Frozen
from engine.model import EntityKind, Form, FormSection, Text, View, WhatIf
from engine.problems import did_you_mean, got
from engine.yaml_source import Items

ALWAYS = Expr(text="true", tree=Literal(value=True, type=YES_NO), type=YES_NO, inputs=())
_LATE = ("note", "attachments")


def compile_form(bench: Bench, draft: EntityDraft) -> Form:
    """The form of an entity."""
    written = [(id, part) for id, part in draft.part.parts("form")]
    if not written:
        return Form(sections=tuple(_default_sections(bench, draft)))
    return Form(sections=tuple(_section(bench, draft, id, part) for id, part in written))


def _section(bench: Bench, draft: EntityDraft, id: str, part: Part) -> FormSection:
    grid = part.word("grid")
    rows = draft.id
    if grid is not None:
        field = bench.draft(draft.id, grid.text)
        if field is None or not field.lines:
            lines = [f.id for f in draft.fields.values() if f.lines]
            bench.problems.add(
                "D305",
                grid.place,
                grid.path,
                f"{draft.id} has no lines {got(grid.text)}",
                did_you_mean(grid.text, lines),
            )
            return FormSection(id=id, kind="grid", label=None, fields=(), lines="")
        rows = field.lines
    listed = isinstance(part.get("columns"), Items)
    words = part.words("columns" if grid is not None and listed else "fields")
    fields = checked_paths(bench, rows, words)
    if grid is not None and not words:
        fields = tuple(_shown(bench.entities[rows]))
    return FormSection(
        id=id,
        kind="grid" if grid is not None else "fields",
        label=part.label("label", id) if part.has("label") else None,
        fields=fields,
        lines=grid.text if grid is not None else "",
        columns=3 if listed else part.number("columns", 3),
        footer=checked_paths(bench, rows, part.words("footer")),
        folded=part.flag("folded"),
        what_if=_what_if(bench, draft, part),
    )


def _what_if(bench: Bench, draft: EntityDraft, part: Part) -> WhatIf | None:
    """A number to be moved to and fro: one that is stored and entered."""
    moved = part.word("what_if")
    if moved is None:
        return None
    numbers = [id for id in draft.fields if _is_number(bench, draft.id, id)]
    entered = [id for id in numbers if not draft.fields[id].part.has("formula")]
    marks = part.words("marks")
    for word, known in ((moved, entered), *((mark, numbers) for mark in marks)):
        if word.text not in known:
            what = f"{draft.id} has no number {got(word.text)} that could be {'moved' if word is moved else 'marked'}"
            bench.problems.add("D304", word.place, word.path, what, did_you_mean(word.text, known))
            return None
    scope = scope_of(bench, draft.id)
    low, high = (parse(each, scope) if each else None for each in (part.word("from"), part.word("to")))
    return WhatIf(field=moved.text, low=low, high=high, marks=tuple(word.text for word in marks))


def _is_number(bench: Bench, entity: str, name: str) -> bool:
    info = bench.info(entity, name)
    return info is not None and not info.type.many and info.type.kind in NUMERIC


def _shown(draft: EntityDraft) -> list[str]:
    return [f.id for f in draft.fields.values() if not f.part.retired and not f.lines]


def _default_sections(bench: Bench, draft: EntityDraft) -> list[FormSection]:
    shown = _shown(draft)
    head = tuple(id for id in shown if id not in _LATE)
    more = tuple(id for id in shown if id in _LATE)
    done = [FormSection(id="head", kind="fields", label=None, fields=head)]
    for field in draft.fields.values():
        if field.lines and not field.part.retired:
            done.append(_default_grid(bench.entities[field.lines], field))
    if more:
        done.append(FormSection(id="more", kind="fields", label=Text("其他", "More"), fields=more, folded=True))
    return done


def _default_grid(rows: EntityDraft, field: FieldDraft) -> FormSection:
    shown = _shown(rows)
    footer = tuple(id for id in shown if FIELD_TYPES[rows.fields[id].type].sums and not rows.fields[id].part.has("per"))
    label = field.part.label("label", field.id)
    return FormSection(id=field.id, kind="grid", label=label, fields=tuple(shown), lines=field.id, footer=footer)


def compile_views(bench: Bench, draft: EntityDraft) -> Frozen[str, View]:
    """The views of an entity; ``all`` is made when it is not written."""
    done: dict[str, View] = {}
    written = dict(draft.part.parts("views"))
    if "all" not in written:
        done["all"] = _default_view(draft)
    for id, part in written.items():
        done[id] = _view(bench, draft, id, part)
    return Frozen(done)


def _default_columns(draft: EntityDraft) -> tuple[str, ...]:
    unsorted = {"long_text", "json", "file", "photo", "signature", "lines", "references", "choices"}
    names = [f.id for f in draft.fields.values() if f.type not in unsorted and not f.part.retired]
    late = [name for name in names if name in ("status", "active")]
    return tuple([name for name in names if name not in late][:8] + late)


def _default_sort(draft: EntityDraft) -> tuple[tuple[str, bool], ...]:
    if draft.kind is EntityKind.DOCUMENT:
        return (("date", True), ("code", True))
    return (("code", False),) if "code" in draft.fields else ()


def _default_filters(draft: EntityDraft) -> tuple[str, ...]:
    kinds = ("choice", "reference", "member", "department", "yes_no", "date")
    return tuple(f.id for f in draft.fields.values() if f.type in kinds and not f.part.retired)[:6]


def _default_view(draft: EntityDraft) -> View:
    return View(
        id="all",
        entity=draft.id,
        type="list",
        label=Text("全部", "All"),
        where=None,
        columns=_default_columns(draft),
        sort=_default_sort(draft),
        filters=_default_filters(draft),
    )


def _view(bench: Bench, draft: EntityDraft, id: str, part: Part) -> View:
    scope = scope_of(bench, draft.id)
    columns = checked_paths(bench, draft.id, part.words("columns"))
    label = Text("全部", "All") if id == "all" and not part.has("label") else part.label("label", id)
    return View(
        id=id,
        entity=draft.id,
        type=part.text("type", "list"),
        label=label,
        where=parse_condition(part.word("where"), scope),
        columns=columns or _default_columns(draft),
        sort=sort_of(bench, draft.id, part) or _default_sort(draft),
        filters=checked_paths(bench, draft.id, part.words("filters")) or _default_filters(draft),
        colors=colors_of(scope, part),
        urgent=part.flag("urgent"),
        date=_path(bench, draft, part, "date") or _path(bench, draft, part, "start"),
        end=_path(bench, draft, part, "end"),
        group=_path(bench, draft, part, "group") or _path(bench, draft, part, "by"),
        title=message(part.word("title"), scope),
    )


def _path(bench: Bench, draft: EntityDraft, part: Part, key: str) -> str:
    word = part.word(key)
    return checked_path(bench, draft.id, word) if word is not None else ""


def sort_of(bench: Bench, entity: str, part: Part, key: str = "sort") -> tuple[tuple[str, bool], ...]:
    """Sort keys: paths, ``-`` for descending."""
    done = []
    for word in part.words(key):
        down = word.text.startswith("-")
        path = checked_path(bench, entity, Word(word.text[1:] if down else word.text, word.place, word.path))
        if path:
            done.append((path, down))
    return tuple(done)


def colors_of(scope: AppScope, part: Part) -> tuple[tuple[str, Expr], ...]:
    """Colour → condition; ``true`` is always."""
    done = []
    for color, word in part.pairs("colors"):
        expr = ALWAYS if word.text == "true" else parse_condition(word, scope)
        if expr is not None:
            done.append((color, expr))
    return tuple(done)
