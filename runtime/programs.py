"""What has been compiled from one version of an app so far: functions, rights, statements. Nothing here is data.

A new version of the app starts with an empty one, so nothing ever needs to be invalidated.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from engine.expressions.tree import Expr, Scalar

try:
    from engine.expressions.python import compile_python
except ImportError:  # the Python reading arrives with its own change

    def compile_python(expr: Expr) -> Callable[[Sequence[Scalar]], Scalar]:
        """Not there yet."""
        raise LookupError(expr.text)


if TYPE_CHECKING:
    from runtime.permissions import Rights

Thing = TypeVar("Thing")


class Programs:
    """Caches of one ``RunningApp``. Two threads may compile the same thing once each; either result serves."""

    def __init__(self) -> None:
        self.rights: dict[tuple[frozenset[str], str], Rights] = {}
        self._functions: dict[int, tuple[Expr, Callable[[Sequence[Scalar]], Scalar]]] = {}
        self._kept: dict[Hashable, Any] = {}

    def function(self, expr: Expr) -> Callable[[Sequence[Scalar]], Scalar]:
        """The Python reading of ``expr``, a function over the values of its inputs."""
        found = self._functions.get(id(expr))  # by identity: hashing a tree costs more than a small formula
        if found is None:
            found = self._functions[id(expr)] = (expr, compile_python(expr))
        return found[1]

    def keep(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """What ``make`` built the first time ``key`` was asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(Thing, self._kept[key])
