"""Expression texts that stand on one record, rewritten to stand on another from which it is reached."""

from __future__ import annotations

import ast
from collections.abc import Collection


class _Prefix(ast.NodeTransformer):
    """Puts ``prefix.`` before names of fields; leaves functions, options and the inside of sets alone."""

    def __init__(self, prefix: str, names: Collection[str]) -> None:
        self.prefix = prefix
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A bare name of the record (or the record itself)."""
        if node.id == "this":
            return ast.parse(self.prefix, mode="eval").body
        if node.id not in self.names:
            return node
        return ast.Attribute(ast.parse(self.prefix, mode="eval").body, node.id, ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """The function's name is no field; ``where=`` and ``order=`` read rows, where the record is ``this``."""
        node.args = [self.visit(argument) for argument in node.args]
        for keyword in node.keywords:
            if keyword.arg not in ("where", "order"):
                keyword.value = self.visit(keyword.value)
        return node


def prefixed(text: str, prefix: str, names: Collection[str]) -> str:
    """``text`` with every name of ``names`` reached through ``prefix``; a text that cannot be read stays as it is."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    return ast.unparse(_Prefix(prefix, names).visit(tree))
