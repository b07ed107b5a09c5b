"""Entities of the model: fields, numbering, checks and everything that hangs on them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.compile.bench import Bench, EntityDraft
from engine.compile.desugar import Drawing
from engine.compile.documents import compile_sources
from engine.compile.explode import compile_copy, compile_explode
from engine.compile.fields import compile_field
from engine.compile.filled import compile_allot, compile_traced
from engine.compile.looks import compile_form, compile_views
from engine.compile.messages import message, plain_message
from engine.compile.part import Part, Word
from engine.compile.paths import checked_path, checked_paths
from engine.compile.postings import compile_postings
from engine.compile.scope import parse, parse_condition, scope_of
from engine.compile.workflow import compile_workflow
from engine.expressions.tree import Expr
from engine.expressions.types import DATE
from engine.frozen import Frozen
from engine.model import Check, Entity, EntityKind, Measured, Measuring, Numbering, Progress, Segment
from engine.problems import got

_PIECE = re.compile(r"<([^<>]*)>")
_DATE = re.compile(r"[yMdHw]+$")


def compile_entity(bench: Bench, draft: EntityDraft, drawings: Mapping[tuple[str, str], Drawing]) -> Entity:
    """One entity, all defaults filled."""
    part = draft.part
    lines = bool(draft.parent)
    fields = {id: compile_field(bench, field) for id, field in draft.fields.items()}
    return Entity(
        id=draft.id,
        kind=draft.kind,
        label=part.label("label", draft.id),
        fields=Frozen(fields),
        parent=draft.parent,
        parent_field=draft.parent_field,
        icon=part.text("icon"),
        group=part.text("group"),
        tree=part.flag("tree"),
        tree_field=f"parent_{draft.id}" if part.flag("tree") and f"parent_{draft.id}" in fields else "",
        title=checked_paths(bench, draft.id, part.words("title")) or _title(draft),
        search=checked_paths(bench, draft.id, part.words("search")) or _search(draft),
        unique=_groups(bench, draft, "unique"),
        indexes=_groups(bench, draft, "indexes"),
        number=None if lines else compile_number(bench, draft),
        checks=compile_checks(bench, draft),
        progress=Frozen({}) if lines else _progress(bench, draft),
        workflow=None if lines else compile_workflow(bench, draft.id, part.part("workflow")),
        sources=Frozen({}) if lines else compile_sources(bench, draft, drawings),
        postings=Frozen({}) if lines else compile_postings(bench, draft),
        explode=compile_explode(bench, draft) if lines else None,
        copy=compile_copy(bench, draft) if lines else None,
        traced=compile_traced(bench, draft) if lines else None,
        allot=compile_allot(bench, draft) if lines else None,
        form=None if lines else compile_form(bench, draft),
        views=Frozen({}) if lines else compile_views(bench, draft),
        measured=_measured(bench, draft),
        measuring=_measuring(bench, draft),
        retain=_retain(bench, draft),
        origin=part.origin,
    )


def _title(draft: EntityDraft) -> tuple[str, ...]:
    if draft.kind is EntityKind.MASTER:
        return tuple(id for id in ("code", "name") if id in draft.fields)
    if draft.kind is EntityKind.DOCUMENT:
        return ("code",)
    first = next((f.id for f in draft.fields.values() if f.type in ("reference", "text", "member")), "")
    return (first,) if first else ()


def _search(draft: EntityDraft) -> tuple[str, ...]:
    return tuple(id for id in ("code", "name") if id in draft.fields)


def _groups(bench: Bench, draft: EntityDraft, key: str) -> Frozen[str, tuple[str, ...]]:
    groups = draft.part.part(key)
    if groups is None:
        return Frozen({})
    return Frozen({id: checked_paths(bench, draft.id, groups.words(id)) for id in groups.block.entries})


def compile_number(bench: Bench, draft: EntityDraft) -> Numbering | None:
    """How codes are made."""
    part = draft.part.part("number")
    pattern = part.word("pattern") if part else None
    if part is None or pattern is None:
        return None
    segments: list[Segment] = []
    end = 0
    for found in _PIECE.finditer(pattern.text):
        if found.start() > end:
            segments.append(Segment(kind="text", text=pattern.text[end : found.start()]))
        column = pattern.place.column + found.start() + 1
        place = pattern.place._replace(column=column)
        segment = _segment(bench, draft, Word(found[1], place, pattern.path))
        if segment is not None:
            segments.append(segment)
        end = found.end()
    if end < len(pattern.text):
        segments.append(Segment(kind="text", text=pattern.text[end:]))
    if sum(segment.kind == "serial" for segment in segments) != 1:
        part.problem(
            "D805", "pattern", f"{got(pattern.text)} has no single <serial:n>", "write it once, as in <serial:4>"
        )
    return Numbering(segments=tuple(segments), reset=part.text("reset", "never"), gapless=part.flag("gapless"))


def _segment(bench: Bench, draft: EntityDraft, word: Word) -> Segment | None:
    name, _, length = word.text.partition(":")
    if name == "serial":
        return Segment(kind="serial", length=int(length) if length.isdigit() else 4)
    if _DATE.match(name) and name not in draft.fields:
        return Segment(kind="date", text=name)
    expr = parse(word, scope_of(bench, draft.id))
    return Segment(kind="field", expr=expr) if expr else None


def compile_checks(bench: Bench, draft: EntityDraft) -> tuple[Check, ...]:
    """What a record must meet."""
    scope = scope_of(bench, draft.id)
    done = []
    for id, part in draft.part.parts("checks"):
        that = parse_condition(part.word("that"), scope)
        if that is None:
            if not part.has("that"):
                part.problem("D204", "", "key that is missing", "write that: and a condition")
            continue
        label = part.label("label", id)
        say = message(part.word("say"), scope) or plain_message(f"不满足：{that.text}", f"{label.en}: {that.text}")
        field = part.word("field")
        named = checked_path(bench, draft.id, field) if field else ""
        done.append(Check(id=id, that=that, say=say, level=part.text("level", "error"), field=named))
    return tuple(done)


def _progress(bench: Bench, draft: EntityDraft) -> Frozen[str, Progress]:
    scope = scope_of(bench, draft.id)
    done = {}
    for id, part in draft.part.parts("progress"):
        whole, left = part.word("whole"), part.word("left")
        if whole is None or left is None:
            continue
        all_of_it, rest = parse(whole, scope), parse(left, scope)
        if all_of_it is not None and rest is not None:
            closed = parse_condition(part.word("closed"), scope)
            done[id] = Progress(id=id, label=part.label("label", id), whole=all_of_it, left=rest, closed=closed)
    return Frozen(done)


def _retain(bench: Bench, draft: EntityDraft) -> Expr | None:
    word = draft.part.word("retain")
    return parse(word, scope_of(bench, draft.id), DATE) if word is not None else None


def _named(bench: Bench, entity: str, part: Part, key: str) -> str:
    word = part.word(key)
    return checked_path(bench, entity, word) if word is not None else ""


def _measured(bench: Bench, draft: EntityDraft) -> Measured | None:
    part = draft.part.part("measured")
    if part is None:
        return None
    units = _named(bench, draft.id, part, "units")
    rows = f"{draft.id}.{units}"
    inside = rows in bench.entities
    return Measured(
        unit=_named(bench, draft.id, part, "unit"),
        units=units,
        line_unit=_named(bench, rows, part, "unit_of") if inside else "",
        line_ratio=_named(bench, rows, part, "ratio") if inside else "",
    )


def _measuring(bench: Bench, draft: EntityDraft) -> Measuring | None:
    part = draft.part.part("measuring")
    if part is None:
        return None
    ratio, dimension, step = (_named(bench, draft.id, part, key) for key in ("ratio", "dimension", "step"))
    return Measuring(ratio=ratio, dimension=dimension, step=step)
