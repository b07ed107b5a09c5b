"""Text to typed tree."""

from __future__ import annotations

from engine.expressions.problems import ExpressionProblem, ExpressionProblems
from engine.expressions.scope import FieldInfo, LedgerInfo, Reverse, Scope
from engine.expressions.tree import Expr
from engine.expressions.types import Type

__all__ = ["ExpressionProblem", "ExpressionProblems", "FieldInfo", "LedgerInfo", "Reverse", "Scope", "parse_expression"]


def parse_expression(text: str, scope: Scope, *, expect: Type | None = None) -> Expr:
    """The typed tree of ``text``; raises ``ExpressionProblems``."""
    raise ExpressionProblems((ExpressionProblem(code="E301", message=f"cannot read {text!r}"),))
