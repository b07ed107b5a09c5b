"""What has been compiled from one version of an app so far: functions, rights, plans, statements. Nothing here is data.

A new version of the app starts with an empty one, so nothing ever needs to be invalidated. Keys of functions are
identities of objects of the frozen model, which lives as long: hashing a tree costs more than running a small formula.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypeVar

from engine.expressions.python import compile_python
from engine.expressions.tree import INPUTS, Aggregate, Expr, Node, Path, Scalar, children
from runtime.record_ways import Way, way_of

if TYPE_CHECKING:
    from engine.model import AppModel
    from runtime.permissions import Rights

Thing = TypeVar("Thing")
MOST_LATEST = 400
MOST_RECENT = 64
"""Results kept of each app: a few dashboards of a few roles."""

Function = Callable[[Any], Scalar]


class Programs:
    """Caches of one ``RunningApp``. Two threads may compile the same thing once each; either result serves."""

    def __init__(self) -> None:
        self.rights: dict[tuple[frozenset[str], str], Rights] = {}
        self._functions: dict[int, tuple[Expr, Function]] = {}
        self._readings: dict[int, tuple[Expr, tuple[Function, Function | None]]] = {}
        self._expressions: dict[int, tuple[Node, Expr]] = {}
        self._ways: dict[int, tuple[Path, Way | None]] = {}
        self._unsaved: dict[int, tuple[Node, tuple[Any] | None]] = {}
        self._kept: dict[Hashable, Any] = {}
        self._recent: dict[Hashable, Any] = {}

    def function(self, expr: Expr) -> Function:
        """The Python reading of ``expr``, a function over the values of its inputs."""
        found = self._functions.get(id(expr))
        if found is None:
            found = self._functions[id(expr)] = (expr, compile_python(expr))
        return found[1]

    def reading(self, expr: Expr, model: AppModel) -> tuple[Function, Function | None]:
        """``function``, and one over a record where ``expr`` reads nothing but stored fields of the record itself."""
        found = self._readings.get(id(expr))
        if found is None:
            own = self.own_fields(expr, model)
            of_record = None
            if own:
                alone = expr.tree is expr.inputs[0]  # what stands in the field: no function of ours need be called
                of_record = methodcaller("get", own[0]) if alone else compile_python(expr, [(n,) for n in own])
            found = self._readings[id(expr)] = (expr, (self.function(expr), of_record))
        return found[1]

    def own_fields(self, expr: Expr, model: AppModel) -> tuple[str, ...] | None:
        """The fields that ``expr`` reads, where it reads nothing but stored fields of the record itself."""
        names = [_own_field(node, model) for node in expr.inputs]
        return None if None in names else tuple(name for name in names if name is not None)

    def unsaved(self, node: Aggregate, make: Callable[[Aggregate], tuple[Any] | None]) -> tuple[Any] | None:
        """The value of an aggregate for records that are not saved yet, where that is known beforehand."""
        found = self._unsaved.get(id(node))
        if found is None:
            found = self._unsaved[id(node)] = (node, make(node))
        return found[1]

    def way(self, node: Path, model: AppModel) -> Way | None:
        """How a path is followed from a record at hand, if it reads nothing but stored fields."""
        found = self._ways.get(id(node))
        if found is None:
            found = self._ways[id(node)] = (node, way_of(model, node))
        return found[1]

    def expression(self, node: Node) -> Expr:
        """A part of a tree (the value or condition of an aggregate) as an expression of its own."""
        found = self._expressions.get(id(node))
        if found is None:
            made = Expr(text="", tree=node, type=node.type, inputs=tuple(dict.fromkeys(inputs_of(node))))
            found = self._expressions[id(node)] = (node, made)
        return found[1]

    def keep(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """What ``make`` built the first time ``key`` was asked for."""
        kept = self._kept
        if key not in kept:
            kept[key] = make()
        found: Thing = kept[key]
        return found

    def latest(self, room: str, key: Hashable, make: Callable[[], Thing], most: int = MOST_LATEST) -> Thing:
        """Like ``keep``, for what has more keys than one would hold on to: a room that is full is emptied."""
        known: dict[Hashable, Thing] = self.keep(room, dict)
        found = known.get(key)
        if found is None:
            if len(known) >= most:
                known.clear()
            found = known[key] = make()
        return found

    def recent(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """Like ``keep``, for what goes out of date: the key says of which state it is, only the last ones stay."""
        known = self._recent
        if key not in known:
            known[key] = make()
            while len(known) > MOST_RECENT:
                known.pop(next(iter(known)), None)
        found: Thing = known[key]
        return found


def _own_field(node: Node, model: AppModel) -> str | None:
    if not isinstance(node, Path) or node.root not in ("record", "this") or len(node.steps) != 1 or node.entered:
        return None
    entity = model.entities.get(node.entity)
    field = entity.fields.get(node.steps[0]) if entity is not None else None
    plain = field is not None and not (field.live or field.lines or field.many or field.value.many)
    return node.steps[0] if plain else None


def inputs_of(node: Node) -> Iterator[Node]:
    """The inputs of a tree, in order of first use."""
    if isinstance(node, INPUTS):
        yield node
        return
    for child in children(node):
        yield from inputs_of(child)
