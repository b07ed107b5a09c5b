"""Sources: how one document is drawn from another."""

from __future__ import annotations

from collections.abc import Mapping

from engine.compile.bench import Bench, EntityDraft
from engine.compile.desugar import Drawing, tolerance_text
from engine.compile.fields import fill_of
from engine.compile.part import Part, Word
from engine.compile.scope import parse, parse_condition, scope_of
from engine.expressions.tree import Expr
from engine.expressions.types import PERCENT
from engine.frozen import Frozen
from engine.model import Source, Text


def compile_sources(
    bench: Bench, draft: EntityDraft, drawings: Mapping[tuple[str, str], Drawing]
) -> Frozen[str, Source]:
    """The sources of a document; those that could not be understood were told before."""
    done = {}
    for id, part in draft.part.parts("sources"):
        drawing = drawings.get((draft.id, id))
        if drawing is not None:
            done[id] = _source(bench, drawing, part)
    return Frozen(done)


def _source(bench: Bench, drawing: Drawing, part: Part) -> Source:
    lines = drawing.lines
    drawn, origin = scope_of(bench, drawing.entity), scope_of(bench, drawing.origin)
    origin_row = scope_of(bench, drawing.origin_rows)
    return Source(
        id=drawing.id,
        label=_label(bench, drawing),
        entity=drawing.entity,
        origin=drawing.origin,
        condition=parse_condition(part.word("if"), origin),
        required=part.flag("required"),
        many=part.flag("many"),
        header_field=drawing.header_field,
        line_field=drawing.line_field,
        fill=fill_of(bench, part, "fill", drawing.entity, origin),
        lines_from=drawing.out_of,
        lines_into=drawing.into,
        lines_where=parse_condition(lines.word("where"), origin_row),
        lines_fill=fill_of(bench, lines, "fill", drawing.rows, origin_row),
        quantity=drawing.quantity,
        left=lines.text("left"),
        done=lines.text("done"),
        holds=parse_condition(part.word("holds"), drawn),
        counts=parse_condition(part.word("counts"), drawn),
        tolerance=_tolerance(bench, drawing, part),
        beyond=part.text("beyond", "refuse"),
    )


def _label(bench: Bench, drawing: Drawing) -> Text:
    if drawing.part.has("label"):
        return drawing.part.label("label", drawing.id)
    return bench.entities[drawing.origin].part.label("label", drawing.origin)


def _tolerance(bench: Bench, drawing: Drawing, part: Part) -> Expr | None:
    word = part.word("tolerance")
    if word is None:
        return None
    text = tolerance_text(bench, drawing)
    return parse(Word(text, word.place, word.path), scope_of(bench, drawing.rows), PERCENT)
