"""Types of fields: declared ones with currency and options filled in, those of formulas inferred from the formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from engine.compile.bench import Bench, FieldDraft
from engine.compile.part import Part
from engine.compile.scope import parse, scope_of
from engine.expressions.scope import FieldInfo
from engine.expressions.tree import Expr
from engine.expressions.types import EMPTY, PRICE, Kind, Type, choice, money, reference
from engine.field_types import FIELD_TYPES, INFERRED
from engine.problems import did_you_mean, got

MAX_CHAIN = 30
"""Formulas that build on each other; each asks the next, so the chain is bounded."""


def declared_type(bench: Bench, draft: FieldDraft, type_id: str) -> Type:
    """The value type of a declared field."""
    special = _SPECIAL.get(type_id)
    return special(bench, draft.part) if special else FIELD_TYPES[type_id].value


def _money(bench: Bench, part: Part) -> Type:
    return PRICE if part.has("per") else money(bench.money_scale)


def _choice(bench: Bench, part: Part) -> Type:
    return choice(*(id for id, _ in part.entries("options")))


def _reference(bench: Bench, part: Part) -> Type:
    return reference(*targets_of(bench, part))


def _member(bench: Bench, part: Part) -> Type:
    return reference(bench.members) if bench.members else EMPTY


def _department(bench: Bench, part: Part) -> Type:
    return reference(bench.departments) if bench.departments else EMPTY


_SPECIAL: Mapping[str, Callable[[Bench, Part], Type]] = {
    "money": _money,
    "choice": _choice,
    "choices": lambda bench, part: replace(_choice(bench, part), many=True),
    "reference": _reference,
    "references": lambda bench, part: replace(_reference(bench, part), many=True),
    "member": _member,
    "department": _department,
}


def targets_of(bench: Bench, part: Part) -> tuple[str, ...]:
    """The entities a reference may point at; unknown ones are noted."""
    found = []
    for word in part.words("to"):
        if word.text in bench.entities:
            found.append(word.text)
        else:
            remedy = did_you_mean(word.text, bench.entities)
            bench.problems.add("D304", word.place, word.path, f"unknown entity {got(word.text)}", remedy)
    return tuple(found)


def infer(bench: Bench, draft: FieldDraft) -> FieldInfo:
    """What is known about a field; parses its formula when the type (or liveness, secrecy) depends on it."""
    part = draft.part
    tag = part.text("secrecy")
    own = frozenset({tag}) if tag else frozenset[str]()
    if draft.asked:
        return _in_circle(bench, draft, own)
    draft.asked = True
    if draft.lines:
        draft.type = "lines"
        draft.info = FieldInfo(type=reference(draft.lines), secrecy=own, lines=draft.lines)
        return draft.info
    declared = draft.type or _implied(part)
    formula = part.word("formula")
    if formula is None:
        draft.type = declared or "text"
        draft.info = _with_units(bench, draft, FieldInfo(type=declared_type(bench, draft, draft.type), secrecy=own))
        return draft.info
    if len(bench.asking) >= MAX_CHAIN:
        what = f"formulas build on each other more than {MAX_CHAIN} deep"
        part.problem("D502", "formula", what, "let one of them be typed in, or write it in one formula")
        draft.info = FieldInfo(type=EMPTY, secrecy=own)
        return draft.info
    bench.asking.append(draft)
    expect = declared_type(bench, draft, declared) if declared else None
    draft.formula = parse(formula, scope_of(bench, draft.entity), expect)
    bench.asking.pop()
    draft.type = declared or _inferred(draft.formula)
    draft.info = _with_units(bench, draft, _from_formula(bench, draft, expect, own))
    return draft.info


def _implied(part: Part) -> str:
    return "choice" if part.has("options") else ""


def _inferred(formula: Expr | None) -> str:
    if formula is None:
        return "text"
    type = formula.type
    if type.kind is Kind.NUMBER and type.scale == 0:
        return "integer"
    return INFERRED.get(type.kind, "text")


def _from_formula(bench: Bench, draft: FieldDraft, expect: Type | None, own: frozenset[str]) -> FieldInfo:
    formula = draft.formula
    if formula is None:
        return FieldInfo(type=expect or EMPTY, secrecy=own)
    type = expect or stored_type(bench, draft.type, formula.type)
    return FieldInfo(type=type, secrecy=own | formula.secrecy, live=formula.live)


def stored_type(bench: Bench, type_id: str, type: Type) -> Type:
    """The type a formula's result has once it is a field: it keeps the decimals of its field type."""
    if type.kind is Kind.MONEY:
        return PRICE if type.per_unit else money(bench.money_scale)
    if type.kind in (Kind.NUMBER, Kind.QUANTITY):
        return replace(FIELD_TYPES[type_id].value, nullable=True)
    return replace(type, nullable=True)


def _in_circle(bench: Bench, draft: FieldDraft, own: frozenset[str]) -> FieldInfo:
    """A formula asked for while it is worked out: fine along a structure with a declared type, else a circle."""
    if draft not in bench.asking:
        return FieldInfo(type=EMPTY, secrecy=own)
    circle = bench.asking[bench.asking.index(draft) :]
    declared = draft.type or _implied(draft.part)
    if not any(each.part.has("along") for each in circle):
        told = " → ".join([*(each.key for each in circle), draft.key])
        first = min(circle, key=lambda each: each.part.place)
        remedy = "break the circle, or say `along` which structure it runs"
        first.part.problem("D501", "formula", f"formulas in a circle: {told}", remedy)
        for each in circle:
            bench.problems.silence(each.part.path_of("formula"))
        return FieldInfo(type=declared_type(bench, draft, declared) if declared else EMPTY, secrecy=own)
    if not declared:
        draft.part.problem("D402", "formula", "a formula that returns to itself needs a type", "write type: next to it")
        return FieldInfo(type=EMPTY, secrecy=own)
    return _with_units(bench, draft, FieldInfo(type=declared_type(bench, draft, declared), secrecy=own))


def _with_units(bench: Bench, draft: FieldDraft, info: FieldInfo) -> FieldInfo:
    """The fields that say in which unit a quantity or price is."""
    part = draft.part
    unit = part.text("unit")
    if draft.type == "quantity":
        based = "." in unit and part.has("of")  # counted in the base unit of its thing, as that says it
        return replace(info, unit_field="" if based else unit, of_field=part.text("of"))
    if draft.type != "money" or not part.has("per"):
        return info
    per = part.text("per")
    siblings = bench.entities[draft.entity].fields.values()
    of = next((s.part.text("of") for s in siblings if s.part.text("unit") == per and s.part.has("of")), "")
    measured = bench.entities[draft.entity].part.part("measured")
    base = measured is not None and measured.text("unit") == per
    return replace(info, per_field=per, of_field=of or ("this" if base else ""), base_unit=base)
