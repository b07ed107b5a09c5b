"""The graph of stored formulas: who reads what, and how one gets back."""

from __future__ import annotations

from engine import load_text
from engine.dependencies import ROWS, dependents
from tests.engine.apps import problems, shop

RECIPE = """
app: kitchen
entities:
  item:
    kind: master
    fields:
      bought: {type: money}
      cost:
        type: money
        formula: coalesce(first(recipes.cost), bought)
        along: recipe
  recipe:
    kind: master
    fields:
      item: {type: reference, to: item, reverse: recipes}
      lines:
        type: lines
        fields:
          item: {type: reference, to: item}
          qty: {type: decimal}
          cost: {type: money, formula: qty * item.cost}
      cost: {type: money, formula: sum(lines.cost)}
structures: {recipe: {of: recipe, makes: item, uses: item, need: qty}}
"""


def routes(source: tuple[str, str]) -> list[tuple[str, list[str]]]:
    graph = dependents(shop())
    return [(f"{d.entity}.{d.field}", [step.kind for step in d.route]) for d in graph.of[source]]


def test_a_line_reaches_its_own_formulas_its_header_and_what_was_drawn() -> None:
    assert sorted(routes(("order.lines", "qty"))) == [
        ("order.execution", ["lines_to_parent"]),
        ("order.execution_share", ["lines_to_parent"]),
        ("order.lines.amount", []),
        ("order.lines.open_qty", []),
        ("receipt.lines.over_drawn", ["reference_reverse"]),
    ]


def test_a_drawn_line_reaches_the_line_it_was_drawn_from() -> None:
    assert ("order.lines.open_qty", ["follow"]) in routes(("receipt.lines", "qty"))
    assert ("order.lines.open_qty", ["follow"]) in routes(("receipt.lines", "source_line"))


def test_the_state_of_a_document_reaches_through_its_lines() -> None:
    assert ("order.lines.open_qty", ["parent_to_lines", "follow"]) in routes(("receipt", "status"))


def test_rows_that_come_and_go_are_a_source_of_their_own() -> None:
    assert ("order.total", ["lines_to_parent"]) in routes(("order.lines", ROWS))


def test_live_formulas_are_not_in_the_graph() -> None:
    assert ("item", "on_hand") not in dependents(shop()).levels


def test_what_others_need_comes_first() -> None:
    order = list(shop().order)
    assert order.index(("order.lines", "open_qty")) < order.index(("order", "execution"))
    assert order.index(("receipt.lines", "over_drawn")) < order.index(("receipt", "over_drawn"))


def test_a_circle_along_a_structure_is_cut_where_it_says_so() -> None:
    model = load_text(RECIPE)
    assert model.order == (("recipe.lines", "cost"), ("recipe", "cost"), ("item", "cost"))
    found = dependents(model).of["item", "cost"]
    assert [(d.entity, d.field, [step.kind for step in d.route]) for d in found] == [
        ("recipe.lines", "cost", ["reference_reverse"])
    ]


def test_a_circle_elsewhere_is_told_as_a_path() -> None:
    told = problems(RECIPE.replace("        along: recipe\n", ""))
    assert len(told) == 1
    assert "formulas in a circle: " in told[0]
    assert told[0].count(" → ") == 3
    assert told[0].endswith("[D501]")


def test_a_path_of_several_references_is_walked_back_step_by_step() -> None:
    model = load_text(
        "app: a\nentities:\n"
        "  x: {kind: master, fields: {size: {type: decimal}}}\n"
        "  y: {kind: master, fields: {x: {type: reference, to: x}}}\n"
        "  z: {kind: master, fields: {y: {type: reference, to: y}, twice: {formula: y.x.size * 2}}}\n"
    )
    found = dependents(model).of["x", "size"][0]
    assert [(step.kind, step.entity, step.field) for step in found.route] == [
        ("reference_reverse", "y", "x"),
        ("reference_reverse", "z", "y"),
    ]
