"""Aggregates over lines that are at hand: the same answers the database would give after saving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from engine.expressions.tree import Aggregate, Order
from runtime.value_numbers import STEPS

if TYPE_CHECKING:
    from runtime.record_inputs import Row, Rows, Workspace

Span = tuple[int, int]


def nothing(node: Aggregate) -> Any:
    """The value over no rows at all."""
    return COMBINE[node.function](node, [])


def combine(at: Workspace, node: Aggregate, lines: list[Row], spans: Sequence[Span], owners: Rows) -> list[Any]:
    """One value per span of ``lines``; ``owners``: the records that ask, one per span (``this`` inside ``where``)."""
    if not lines:
        return [nothing(node)] * len(spans)
    this: list[Row | None] = []
    for owner, (start, end) in zip(owners, spans, strict=True):
        this.extend([owner] * (end - start))
    entity = node.rows.entity
    if node.where is None and not node.order and node.value is not None:
        values = at.evaluate(at.programs.expression(node.value), lines, this, entity)
        return [COMBINE[node.function](node, values[start:end]) for start, end in spans]
    kept = [True] * len(lines)
    if node.where is not None:
        kept = [bool(k) for k in at.evaluate(at.programs.expression(node.where), lines, this, entity)]
    values = [True] * len(lines)
    if node.value is not None:
        values = at.evaluate(at.programs.expression(node.value), lines, this, entity)
    order = _ranks(at, node.order, lines, this, entity)
    made = []
    for start, end in spans:
        chosen = [i for i in range(start, end) if kept[i]]
        if order:
            chosen.sort(key=order.__getitem__)
        made.append(COMBINE[node.function](node, [values[i] for i in chosen]))
    return made


def _ranks(at: Workspace, order: tuple[Order, ...], lines: list[Row], this: list[Row | None], entity: str) -> list[Any]:
    """A sortable key per line, empties last."""
    keys: list[list[Any]] = [[] for _ in lines]
    for one in order:
        for key, value in zip(keys, at.evaluate(at.programs.expression(one.key), lines, this, entity), strict=True):
            ranked = _Reversed(value) if one.descending else value
            key.append((True, 0) if value is None else (False, ranked))
    return keys if order else []


class _Reversed:
    """Orders any value the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and other.value == self.value


def _given(values: list[Any]) -> list[Any]:
    return [v for v in values if v is not None]


def _sum(node: Aggregate, values: list[Any]) -> Decimal:
    return Decimal(sum(_given(values))).quantize(STEPS[node.type.scale])


def _average(node: Aggregate, values: list[Any]) -> Decimal | None:
    given = _given(values)
    if not given:
        return None
    return (sum(given, Decimal(0)) / len(given)).quantize(STEPS[node.type.scale], ROUND_HALF_UP)


def _join(node: Aggregate, values: list[Any]) -> str | None:
    return node.separator.join(text_of(v) for v in _given(values)) or None


def text_of(value: object) -> str:
    """A value as a word in a text."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


COMBINE: Mapping[str, Callable[[Aggregate, list[Any]], Any]] = {
    "sum": _sum,
    "count": lambda _, values: len(_given(values)),
    "min": lambda _, values: min(_given(values), default=None),
    "max": lambda _, values: max(_given(values), default=None),
    "avg": _average,
    "any": lambda _, values: any(values),
    "first": lambda _, values: values[0] if values else None,
    "join": _join,
}
