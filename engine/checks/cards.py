"""Meaning of cards: a figure that has just reached its target is in no colour that asks for attention."""

from __future__ import annotations

from engine.compile.part import Part
from engine.expressions.problems import ExpressionOverflow
from engine.expressions.python import compile_python
from engine.expressions.tree import Expr, Path, Scalar
from engine.model import Card

ATTENTION = ("red", "orange", "yellow")


def check_card(card: Card, part: Part) -> None:
    """Doubt a target at which the colours say the opposite; only what is settled in the definition is judged."""
    if card.target is None or card.target.inputs:
        return
    target = compile_python(card.target)([])
    colors = part.part("colors")
    held = [color for color, condition in card.colors if _holds(condition, target)]
    if colors is not None and "green" not in held and not card.alerts:
        for color in (each for each in ATTENTION if each in held):
            what = f"at the target {target} the card is {color}"
            colors.doubt("W801", color, what, "let the target be what the colours call good")


def _holds(condition: Expr, value: Scalar) -> bool:
    """Whether a condition holds for a figure; one that reads anything else is not judged."""
    if not condition.inputs or not all(isinstance(each, Path) and each.root == "value" for each in condition.inputs):
        return False
    try:
        return compile_python(condition)([value] * len(condition.inputs)) is True
    except ExpressionOverflow:
        return False
