"""What sources and progress add: ordinary fields with ordinary formulas, written by the compiler."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from engine.compile.bench import Bench, EntityDraft
from engine.compile.declare import add_field
from engine.compile.part import Part
from engine.compile.rewrite import prefixed
from engine.problems import did_you_mean, got
from engine.yaml_source import Scalar

_SHARE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*$")
AMOUNTS = ("qty", "amount", "hours", "weight")


@dataclass(frozen=True, slots=True)
class Drawing:
    """The sides of a source. ``rows``: entity of the drawn rows; ``origin_rows``: of the rows drawn from."""

    id: str
    part: Part
    lines: Part
    entity: str
    origin: str
    rows: str
    origin_rows: str
    into: str
    out_of: str
    quantity: str
    line_field: str
    header_field: str


def desugar(bench: Bench) -> dict[tuple[str, str], Drawing]:
    """Add the fields of all progress axes and sources; the drawings by (entity, source id)."""
    drawings: dict[tuple[str, str], Drawing] = {}
    for draft in [d for d in bench.entities.values() if not d.parent]:
        for id, part in draft.part.parts("sources"):
            drawing = _drawing(bench, draft, id, part)
            if drawing is not None:
                drawings[draft.id, id] = drawing
    for drawing in drawings.values():
        _add_links(bench, drawing)
    for drawing in drawings.values():
        _add_computed(bench, drawing)
    for draft in [d for d in bench.entities.values() if not d.parent]:
        for id, part in draft.part.parts("progress"):
            _add_progress(bench, draft, id, part)
    return drawings


def _add_progress(bench: Bench, draft: EntityDraft, id: str, part: Part) -> None:
    whole, left, closed = part.text("whole"), part.text("left"), part.text("closed")
    if not whole or not left:
        key = "whole" if not whole else "left"
        part.problem("D204", "", f"key {key} is missing", "a progress axis needs whole and left")
        return
    text = f'"none" if ({left}) >= ({whole}) else "done" if ({left}) <= 0 else "partial"'
    if closed:
        text = f'"closed" if ({closed}) else {text}'
    zh, _, en = part.text("label").partition("|")
    label = f"{zh.strip()} | {en.strip()}" if en else zh.strip() or id
    options = {"none": "未开始 | None", "partial": "部分 | Partial", "done": "完成 | Done", "closed": "关闭 | Closed"}
    add_field(bench, draft.id, id, {"type": "choice", "label": label, "options": options, "formula": text}, part)
    share = {"type": "percent", "label": "完成率 | Share done", "formula": f"1 - ({left}) / ({whole})"}
    add_field(bench, draft.id, f"{id}_share", share, part)


def _drawing(bench: Bench, draft: EntityDraft, id: str, part: Part) -> Drawing | None:
    origin = part.text("from")
    if origin not in bench.entities:
        what = f"unknown entity {got(origin)}" if origin else "key from is missing"
        part.problem("D304" if origin else "D204", "from", what, did_you_mean(origin, bench.entities))
        return None
    lines = part.part("lines") or part.part("single_line")
    if lines is None:
        part.problem("D701", "", "neither lines nor single_line", "say what is drawn")
        return None
    out_of = lines.text("from")
    into = "" if part.has("single_line") else lines.text("into") or "lines"
    rows = f"{draft.id}.{into}" if into else draft.id
    origin_rows = f"{origin}.{out_of}" if out_of else origin
    if origin_rows not in bench.entities:
        lines.problem("D701", "from", f"{origin} has no lines {got(out_of)}", _lines_hint(bench, origin, out_of))
        return None
    if rows not in bench.entities:
        lines.problem("D701", "into", f"{draft.id} has no lines {got(into)}", _lines_hint(bench, draft.id, into))
        return None
    quantity = next((lines.text(key) for key in AMOUNTS if lines.has(key)), "")
    return _complete(bench, draft, id, part, lines, (origin, rows, origin_rows, into, out_of, quantity))


def _lines_hint(bench: Bench, entity: str, word: str) -> str:
    lines = [f.id for f in bench.entities[entity].fields.values() if f.lines]
    return did_you_mean(word, lines)


def _complete(
    bench: Bench, draft: EntityDraft, id: str, part: Part, lines: Part, sides: tuple[str, str, str, str, str, str]
) -> Drawing:
    origin, rows, origin_rows, into, out_of, quantity = sides
    header_field = part.text("into") or id
    direct = not into and not out_of
    taken = "source_line" in bench.entities[rows].fields
    earlier = [key for key, other in draft.part.parts("sources") if _same_rows(other, into)]
    first = not taken and (not earlier or earlier[0] == id)
    line_field = header_field if direct else "source_line" if first else f"{id}_line"
    return Drawing(
        id, part, lines, draft.id, origin, rows, origin_rows, into, out_of, quantity, line_field, header_field
    )


def _same_rows(part: Part, into: str) -> bool:
    lines = part.part("lines")
    if lines is None:
        return into == "" and part.has("single_line") and (part.part("single_line") or part).has("from")
    return (lines.text("into") or "lines") == into


def reverse_name(drawing: Drawing) -> str:
    """Name under which the line drawn from sees what was drawn: ``<document>_<source>``."""
    return f"{drawing.entity}_{drawing.id}"


def _add_links(bench: Bench, drawing: Drawing) -> None:
    header = bench.entities[drawing.entity].fields
    label = drawing.part.text("label") or bench.entities[drawing.origin].part.text("label") or drawing.id
    if drawing.header_field not in header:
        many = drawing.part.flag("many")
        keys: dict[str, object] = {
            "type": "references" if many else "reference",
            "to": drawing.origin,
            "label": label,
        }
        if drawing.part.flag("required"):
            keys["required"] = True
        add_field(bench, drawing.entity, drawing.header_field, keys, drawing.part)
    if drawing.line_field == drawing.header_field and not drawing.into and not drawing.out_of:
        field = header[drawing.header_field].part.block
        field.entries.setdefault("reverse", _scalar(drawing, reverse_name(drawing)))
        return
    keys = {
        "type": "reference",
        "to": drawing.origin_rows,
        "label": "来源行 | Source line",
        "reverse": reverse_name(drawing),
        "readonly": True,
    }
    add_field(bench, drawing.rows, drawing.line_field, keys, drawing.part)


def _scalar(drawing: Drawing, text: str) -> Scalar:
    return Scalar(text, drawing.part.place, True, drawing.part.block.layer)


def _add_computed(bench: Bench, drawing: Drawing) -> None:
    origin_field = bench.draft(drawing.origin_rows, drawing.quantity)
    drawn_field = bench.draft(drawing.rows, drawing.quantity)
    whole = drawing.lines.text("whole") or (drawing.quantity if origin_field else "")
    if not drawing.quantity or drawn_field is None or not whole:
        known = list(bench.entities[drawing.rows].fields)
        what = "no amount that is drawn" if not drawing.quantity else f"{got(drawing.quantity)} is not on both sides"
        drawing.lines.problem(
            "D701", next((k for k in AMOUNTS if drawing.lines.has(k)), ""), what, did_you_mean(drawing.quantity, known)
        )
        return
    rows = f"{_reverse_of(bench, drawing)}.{drawing.quantity}"
    names = bench.entities[drawing.entity].fields
    typed = _typed_like(drawn_field.part if not origin_field else origin_field.part)
    for key, state, label in (("done", "counts", "已执行 | Done"), ("left", "holds", "未执行 | Left")):
        id = drawing.lines.text(key)
        if not id:
            continue
        text = drawing.part.text(state) or "true"
        if drawing.into:
            text = prefixed(text, "parent", names)
        total = f"sum({rows})" if text == "true" or text == "True" else f"sum({rows}, where={text})"
        formula = total if key == "done" else f"({whole}) - {total}"
        called = drawing.lines.text(f"{key}_label") or label
        add_field(bench, drawing.origin_rows, id, {**typed, "label": called, "formula": formula}, drawing.lines)
    if drawing.lines.text("left"):
        _add_over_drawn(bench, drawing, whole)


def _reverse_of(bench: Bench, drawing: Drawing) -> str:
    field = bench.entities[drawing.rows].fields[drawing.line_field]
    return field.part.text("reverse") or reverse_name(drawing)


def _typed_like(part: Part) -> dict[str, object]:
    """The type of an amount, so that what is computed from it is shown alike."""
    type = part.text("type")
    if type == "quantity" and part.has("of"):
        return {"type": "quantity", "of": part.text("of")}
    return {"type": type} if type in ("quantity", "money", "decimal", "integer") else {}


def _add_over_drawn(bench: Bench, drawing: Drawing, whole: str) -> None:
    """Whether a drawn row goes beyond one of its sources, and by how much; the header asks its lines."""
    line, left = drawing.line_field, f"{drawing.line_field}.{drawing.lines.text('left')}"
    tolerance = tolerance_text(bench, drawing)
    all_of_it = prefixed(whole, line, bench.names(drawing.origin_rows))
    beyond = f"{left} < " + (f"-({all_of_it}) * ({tolerance})" if tolerance else "0")
    label = "超出来源 | Beyond the source"
    keys = {"type": "yes_no", "label": label, "formula": f"(not empty({line}) and {beyond})"}
    _add_or_extend(bench, drawing, "over_drawn", keys, "{} or {}")
    amount = bench.draft(drawing.rows, "amount")
    worth = "超出金额 | Value beyond"
    if amount is not None:
        value = f"amount * min(1, max(0, -{left} / {drawing.quantity}))"
        keys = {"type": "money", "label": worth, "formula": value}
        _add_or_extend(bench, drawing, "over_drawn_value", keys, "coalesce({}, {})")
    if not drawing.into or "over_drawn" in bench.entities[drawing.entity].fields:
        return
    keys = {"type": "yes_no", "label": label, "formula": f"any({drawing.into}.over_drawn)"}
    add_field(bench, drawing.entity, "over_drawn", keys, drawing.part)
    if amount is not None:
        keys = {"type": "money", "label": worth, "formula": f"sum({drawing.into}.over_drawn_value)"}
        add_field(bench, drawing.entity, "over_drawn_value", keys, drawing.part)


def _add_or_extend(bench: Bench, drawing: Drawing, id: str, keys: dict[str, str], both: str) -> None:
    """A computed field of the drawn row; when an earlier source made it, its formula joins ``both``."""
    made = bench.entities[drawing.rows].fields.get(id)
    if made is None:
        add_field(bench, drawing.rows, id, keys, drawing.part)
    elif made.standard:
        text = both.format(made.part.text("formula"), keys["formula"])
        made.part.block.entries["formula"] = _scalar(drawing, text)


def tolerance_text(bench: Bench, drawing: Drawing) -> str:
    """The tolerance as it reads on the drawn line; names of the header are reached through ``parent``."""
    text = drawing.part.text("tolerance")
    share = _SHARE.match(text)
    if share is not None:
        return str(Decimal(share[1]) / 100)
    if not text or not drawing.into:
        return text
    own = bench.names(drawing.rows)
    return prefixed(text, "parent", [name for name in bench.names(drawing.entity) if name not in own])
