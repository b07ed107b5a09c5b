"""P5: a formula against a Decimal function written by hand; compiling one; refusing abuse."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engine.expressions.parse import ExpressionProblems, PlainScope, parse_expression
from engine.expressions.python import compile_python
from engine.expressions.types import NUMBER, PRICE, QUANTITY, YES_NO, Type
from tests.bench.measure import Figure, against, cpu
from tests.bench.places import Place

GOAL = "P5"
TEXT = "round(qty * price * (1 - discount) if qty >= 10 and not closed else qty * price, 2)"
NAMES: dict[str, Type] = {"qty": QUANTITY, "price": PRICE, "discount": NUMBER, "closed": YES_NO}
ROWS = 5_000
ABUSE = (
    "9**9**9**9", "().__class__.__bases__[0].__subclasses__()", "(" * 5_000 + "1" + ")" * 5_000, "1+" * 20_000 + "1",
    "[x for x in (1, 2)]", "lambda: 1", "__import__('os').system('id')", "qty" + ".a" * 5_000, "'x' * 9999999999",
    "not " * 5_000 + "closed", "9" * 100_000,
)  # fmt: skip
CENT = Decimal("0.01")


def run(place: Place) -> Iterator[Figure]:
    """No database: shown once."""
    if place.dialect != "sqlite":
        return
    expr = parse_expression(TEXT, PlainScope(names=NAMES))
    function = compile_python(expr)
    order = [_name(node) for node in expr.inputs]
    count = 200 if place.size.quick else ROWS
    rows = [_row(n, order) for n in range(count)]
    by_hand = [_row(n, list(NAMES)) for n in range(count)]
    expected = [hand_written(*row) for row in by_hand]
    if [function(row) for row in rows] != expected:
        raise AssertionError("the hand-written function computes something else")
    mine, theirs = against(
        lambda: [function(row) for row in rows], lambda: [hand_written(*row) for row in by_hand], place.size.rounds
    )
    shared = {"goal": GOAL, "database": "–"}
    yield Figure(name=f"formula over {count} rows", unit="ms CPU", ours=mine, hand=theirs, limit=2.0, **shared)
    compiled = statistics.median(cpu(_compile) for _ in range(place.size.rounds))
    yield Figure(name="parse, type and compile a formula", unit="ms CPU", ours=compiled, limit=1.0, of="ours", **shared)
    refusals = {text: statistics.median(cpu(lambda: _refused(text)) for _ in range(5)) for text in ABUSE}  # noqa: B023
    slowest = max(refusals, key=lambda text: refusals[text])
    taken = refusals[slowest]
    yield Figure(
        name="slowest refusal of abuse", unit="ms CPU", ours=taken, limit=5.0, of="ours", note=slowest[:30], **shared
    )


def hand_written(qty: Decimal | None, price: Decimal | None, discount: Decimal | None, closed: bool) -> Decimal | None:
    """What a programmer would write, with the same care for empty values and the same rounding."""
    if qty is None or price is None or discount is None:
        return None
    worth = qty * price * (1 - discount) if qty >= 10 and not closed else qty * price
    return worth.quantize(CENT, ROUND_HALF_UP)


def _name(node: Any) -> str:
    return str(node.root if node.root in NAMES else node.steps[0])


def _row(n: int, order: Sequence[str]) -> list[Any]:
    values = {
        "qty": Decimal(n % 40 + 1), "price": Decimal(n % 977 + 1).scaleb(-2), "discount": Decimal(n % 7).scaleb(-2),
        "closed": n % 5 == 0,
    }  # fmt: skip
    return [values[name] for name in order]


def _compile() -> object:
    return compile_python(parse_expression(TEXT, PlainScope(names=NAMES)))


def _refused(text: str) -> None:
    try:
        parse_expression(text, PlainScope(names=NAMES))
    except ExpressionProblems:
        return
    raise AssertionError(f"taken: {text[:40]}")
