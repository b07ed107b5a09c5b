"""Names, sets, options, units and result types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from engine.expressions.aggregates import evaluate_rows, inner_inputs
from engine.expressions.parse import (
    ExpressionProblems,
    FieldInfo,
    LedgerInfo,
    Reverse,
    parse_expression,
)
from engine.expressions.tree import Aggregate, Balance, Binary, Convert, Expr, Path, UnitRatio
from engine.expressions.types import (
    DATE,
    INTEGER,
    NUMBER,
    PRICE,
    QUANTITY,
    TEXT,
    YES_NO,
    Kind,
    Type,
    choice,
    money,
    reference,
)

D = Decimal

STATUS = choice("draft", "open", "done")
ENTITIES: Mapping[str, Mapping[str, FieldInfo]] = {
    "order": {
        "code": FieldInfo(type=TEXT),
        "status": FieldInfo(type=STATUS),
        "done": FieldInfo(type=YES_NO),
        "date": FieldInfo(type=DATE),
        "partner": FieldInfo(type=reference("partner")),
        "lines": FieldInfo(type=TEXT, lines="order.lines"),
        "helpers": FieldInfo(type=replace(reference("partner"), many=True)),
        "origin": FieldInfo(type=reference("order", "partner")),
    },
    "order.lines": {
        "item": FieldInfo(type=reference("item")),
        "unit": FieldInfo(type=reference("unit")),
        "qty": FieldInfo(type=QUANTITY, unit_field="unit", of_field="item"),
        "back": FieldInfo(type=QUANTITY, unit_field="unit", of_field="item"),
        "price": FieldInfo(type=PRICE, per_field="unit", of_field="item"),
        "amount": FieldInfo(type=money(2), secrecy=frozenset({"price"})),
    },
    "item": {
        "unit": FieldInfo(type=reference("unit")),
        "price": FieldInfo(type=PRICE, per_field="unit", of_field="this", base_unit=True),
        "cost": FieldInfo(type=PRICE, secrecy=frozenset({"cost"})),
        "stock": FieldInfo(type=QUANTITY, live=True),
        "code": FieldInfo(type=TEXT),
    },
    "partner": {
        "name": FieldInfo(type=TEXT),
        "code": FieldInfo(type=TEXT),
        "boss": FieldInfo(type=reference("partner")),
    },
    "unit": {"code": FieldInfo(type=TEXT)},
    "firm": {"limit": FieldInfo(type=money(2)), "steps": FieldInfo(type=TEXT, lines="firm.steps")},
    "firm.steps": {"days": FieldInfo(type=INTEGER)},
    "ledger.stock": {"item": FieldInfo(type=reference("item")), "qty": FieldInfo(type=QUANTITY)},
}
REVERSES = {
    ("partner", "orders"): Reverse(entity="order", by="partner"),
    ("item", "order_lines"): Reverse(entity="order.lines", by="item"),
}


@dataclass(frozen=True, kw_only=True)
class Book:
    """A small world to name things in."""

    root_entity: str = "order"
    this_entity: str = "order"
    given: str = ""
    names: Mapping[str, Type] = field(default_factory=dict)
    user_entity: str = "partner"
    money_scale: int = 2

    def field(self, entity: str, name: str) -> FieldInfo | None:
        return ENTITIES[entity].get(name)

    def fields(self, entity: str) -> Collection[str]:
        return ENTITIES[entity]

    def parent(self, entity: str) -> str:
        return entity.rpartition(".")[0] if not entity.startswith("ledger.") else ""

    def reverse(self, entity: str, name: str) -> Reverse | None:
        return REVERSES.get((entity, name))

    def entities(self) -> Collection[str]:
        return ENTITIES

    def setting(self, name: str) -> bool:
        return name == "firm"

    def ledger(self, name: str) -> LedgerInfo | None:
        figures = {"qty": FieldInfo(type=QUANTITY), "value": FieldInfo(type=money(2), secrecy=frozenset({"cost"}))}
        stock = LedgerInfo(dimensions={"item": reference("item")}, figures=figures, kinds=("buy", "use"))
        return stock if name == "stock" else None


ORDER = Book()
LINE = Book(root_entity="order.lines", this_entity="order.lines")
ITEM = Book(root_entity="item", this_entity="item")


def only(expr: Expr) -> object:
    """The expression's one input."""
    (node,) = expr.inputs
    return node


@pytest.mark.parametrize(
    ("text", "scope", "kind", "scale"),
    [
        ("sum(lines.amount)", ORDER, Kind.MONEY, 2),
        ("avg(lines.amount)", ORDER, Kind.MONEY, 10),
        ("count(lines)", ORDER, Kind.NUMBER, 0),
        ("any(lines.qty)", ORDER, None, 0),
        ("sum(lines.qty) / 3", ORDER, Kind.QUANTITY, 10),
        ("qty * price", LINE, Kind.MONEY, 10),
        ("amount / qty", LINE, Kind.MONEY, 10),
        ("item.cost * 1.05", LINE, Kind.MONEY, 8),
        ("price / item.cost - 1", LINE, Kind.NUMBER, 10),
        ("parent.date + days(3)", LINE, Kind.DATE, 0),
        ("settings.firm.limit", ORDER, Kind.MONEY, 2),
        ("max(settings.firm.steps.days)", ORDER, Kind.NUMBER, 0),
        ("first(partner.orders.code, order=-date)", ORDER, Kind.TEXT, 0),
        ("join(lines.item.code, '、')", ORDER, Kind.TEXT, 0),
        ("open if done else draft", ORDER, None, 0),
        ("partner in helpers", ORDER, Kind.YES_NO, 0),
        ("user == partner.boss", ORDER, Kind.YES_NO, 0),
        ("empty(helpers)", ORDER, Kind.YES_NO, 0),
        ("origin.code", ORDER, Kind.TEXT, 0),
        ("1 < 2 < 3", ORDER, Kind.YES_NO, 0),
    ],
)
def test_results_have_the_type_of_their_rule(text: str, scope: Book, kind: Kind | None, scale: int) -> None:
    if kind is None:
        with pytest.raises(ExpressionProblems):
            parse_expression(text, scope)
        return
    found = parse_expression(text, scope).type
    assert (found.kind, found.scale) == (kind, scale)


def test_an_option_is_a_bare_word_where_a_choice_is_expected() -> None:
    expr = parse_expression("open if date == date else draft", ORDER, expect=STATUS)
    assert expr.type.kind is Kind.CHOICE


def test_a_word_that_is_option_and_choice_field_asks_for_quotes() -> None:
    scope = Book(names={"open": STATUS})
    with pytest.raises(ExpressionProblems) as caught:
        parse_expression("status == open", scope)
    assert [p.code for p in caught.value.problems] == ["E336"]
    assert parse_expression('status == "open"', scope).type.kind is Kind.YES_NO


def test_quantity_as_entered_meets_the_price_per_the_same_unit() -> None:
    expr = parse_expression("qty * price", LINE)
    assert isinstance(expr.tree, Binary)
    assert isinstance(expr.tree.left, Path)
    assert expr.tree.left.entered is True


def test_quantity_in_base_units_meets_the_price_per_base_unit() -> None:
    expr = parse_expression("qty * item.price", LINE)
    assert isinstance(expr.tree, Binary)
    assert expr.tree.left == Path(root="record", entity="order.lines", steps=("qty",), type=QUANTITY)


def test_a_computed_quantity_is_converted_to_the_unit_of_the_price() -> None:
    expr = parse_expression("(qty - back) * price", LINE)
    assert isinstance(expr.tree, Binary)
    assert isinstance(expr.tree.left, Convert)
    assert expr.tree.left.divide is True
    assert [type(i) for i in expr.inputs] == [Path, Path, UnitRatio, Path]


def test_prices_of_lines_are_compared_per_base_unit() -> None:
    node = only(parse_expression("max(lines.price)", ORDER))
    assert isinstance(node, Aggregate)
    assert isinstance(node.value, Convert)


def test_secrecy_and_liveness_come_from_what_is_read() -> None:
    assert parse_expression("sum(lines.amount)", ORDER).secrecy == {"price"}
    assert parse_expression("item.stock", LINE).live is True
    assert parse_expression("date < today()", ORDER).live is True
    assert parse_expression("balance(stock.value, item=item)", LINE).secrecy == {"cost"}
    assert parse_expression("sum(lines.amount)", ORDER).live is False


def test_a_set_in_a_set_is_found_by_one_longer_way_back() -> None:
    node = only(parse_expression("sum(partner.orders.lines.amount)", ORDER))
    assert isinstance(node, Aggregate)
    assert (node.rows.kind, node.rows.entity, node.rows.by) == ("reverse", "order.lines", "parent.partner")


def test_inside_where_bare_names_are_the_row_and_this_is_the_record() -> None:
    node = only(parse_expression("count(order.lines, where=item == this.item and parent.status == open)", LINE))
    assert isinstance(node, Aggregate)
    roots = [p.root for p in inner_inputs(node) if isinstance(p, Path)]
    assert roots == ["record", "this", "record"]


def test_a_ledger_figure_keeps_its_dimensions_and_times() -> None:
    node = only(parse_expression("balance(stock.qty, item=this, at=today(), kind=use)", ITEM))
    assert isinstance(node, Balance)
    assert ([d for d, _ in node.dimensions], [o for o, _ in node.options]) == (["item"], ["at", "kind"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("sum(lines.amount * 2)", "E318"),
        ("sum(lines.item.order_lines.qty)", "E318"),
        ("lines.amount", "E344"),
        ("sum(partner)", "E345"),
        ("sum(lines.amount, where=amount > sum(lines.amount))", "E317"),
        ("count(lines, where=balance(stock.qty) > 0)", "E317"),
        ("partner.boss.boss.boss.boss.boss.name", "E319"),
        ("partner.nam", "E331"),
        ("partner.name.x", "E334"),
        ("balance(stock.qt)", "E337"),
        ("balance(stock.qty, kind=usee)", "E338"),
        ("balance(stock.qty, item=partner)", "E341"),
        ("balance(stock.qty, bin=partner)", "E333"),
        ("partner == lines", "E344"),
        ("settings.firma.limit", "E330"),
    ],
)
def test_wrong_names_and_sets_are_refused(text: str, code: str) -> None:
    with pytest.raises(ExpressionProblems) as caught:
        parse_expression(text, ORDER)
    assert [p.code for p in caught.value.problems] == [code]


def test_aggregates_over_rows_at_hand() -> None:
    expr = parse_expression("first(lines.amount, where=qty > 1, order=-qty)", ORDER)
    node = only(expr)
    assert isinstance(node, Aggregate)
    names = [".".join(p.steps) for p in inner_inputs(node) if isinstance(p, Path)]
    assert names == ["amount", "qty"]
    assert evaluate_rows(node, [(D(1), D(1)), (D(2), D(2)), (D(3), D(5)), (D(4), None)]) == D(3)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sum(lines.amount)", D(6)),
        ("avg(lines.amount)", D("2.0000000000")),
        ("min(lines.amount)", D(1)),
        ("max(lines.amount)", D(3)),
        ("count(lines.amount)", D(3)),
        ("count(lines)", D(0)),
        ("any(lines, where=amount > 2)", True),
    ],
)
def test_empties_do_not_count(text: str, wanted: object) -> None:
    node = only(parse_expression(text, ORDER))
    assert isinstance(node, Aggregate)
    rows = [(D(1),), (None,), (D(2),), (D(3),)] if inner_inputs(node) else []
    assert evaluate_rows(node, rows) == wanted


def test_nothing_sums_to_zero_and_has_no_average() -> None:
    for text, wanted in (("sum(lines.amount)", D(0)), ("avg(lines.amount)", None), ("max(lines.amount)", None)):
        node = only(parse_expression(text, ORDER))
        assert isinstance(node, Aggregate)
        assert evaluate_rows(node, []) == wanted


def test_a_number_typed_for_a_field_of_other_kind_is_refused() -> None:
    with pytest.raises(ExpressionProblems) as caught:
        parse_expression("code", ORDER, expect=NUMBER)
    assert [str(p) for p in caught.value.problems] == ["this gives text, but number is needed [E343]"]
