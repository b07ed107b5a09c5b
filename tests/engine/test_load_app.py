"""From a definition to the model: kinds, types, sources, progress, postings, defaults."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine import AppModel, MetadataError, load_app
from engine.expressions.types import Kind
from engine.model import EntityKind
from engine.problems import Problem
from tests.engine.apps import SHOP, problems, shop
from web.cli import cli


@pytest.fixture(scope="module")
def model() -> AppModel:
    return shop()


def test_kinds_give_standard_fields(model: AppModel) -> None:
    assert list(model.entities["section"].fields) == ["code", "name", "parent_section", "active", "note"]
    assert list(model.entities["receipt"].fields) == [
        *("code", "date", "place", "lines", "owner", "department", "status", "note", "attachments"),
        *("order", "over_drawn", "over_drawn_value"),
    ]
    assert model.entities["section"].tree_field == "parent_section"


def test_lines_are_entities_of_their_own(model: AppModel) -> None:
    lines = model.entities["order.lines"]
    assert (lines.kind, lines.parent, lines.parent_field) == (EntityKind.LINES, "order", "lines")
    assert list(lines.fields) == ["item", "unit", "qty", "price", "amount", "received_qty", "open_qty"]


def test_a_trait_is_overridden_field_by_field(model: AppModel) -> None:
    price = model.entities["order.lines"].fields["price"]
    assert price.fill is not None
    assert price.fill.text == "item.price"
    assert model.entities["receipt.lines"].fields["price"].fill is None
    assert price.secrecy == {"cost"}


def test_types_of_formulas_are_inferred_and_stored_as_their_type(model: AppModel) -> None:
    amount = model.entities["order.lines"].fields["amount"]
    assert (amount.type, amount.value.kind, amount.value.scale) == ("money", Kind.MONEY, 2)
    total = model.entities["order"].fields["total"]
    assert (total.type, total.live, set(total.secrecy)) == ("money", False, {"cost"})


def test_formulas_over_ledgers_are_live(model: AppModel) -> None:
    on_hand = model.entities["item"].fields["on_hand"]
    assert (on_hand.type, on_hand.live, on_hand.stored) == ("quantity", True, False)


def test_a_source_adds_links_and_what_is_left(model: AppModel) -> None:
    source = model.entities["receipt"].sources["order"]
    assert (source.header_field, source.line_field) == ("order", "source_line")
    assert (source.quantity, source.left, source.done, source.beyond) == ("qty", "open_qty", "received_qty", "approve")
    link = model.entities["receipt.lines"].fields["source_line"]
    assert (link.targets, link.reverse) == (("order.lines",), "receipt_order")
    left = model.entities["order.lines"].fields["open_qty"].formula
    assert left is not None
    assert left.text == "(qty) - sum(receipt_order.qty, where=parent.status != cancelled)"


def test_progress_is_a_choice_and_a_share(model: AppModel) -> None:
    fields = model.entities["order"].fields
    assert [option.id for option in fields["execution"].options] == ["none", "partial", "done", "closed"]
    assert fields["execution_share"].type == "percent"


def test_dimensions_bind_by_name(model: AppModel) -> None:
    posting = model.entities["receipt"].postings["post"][0]
    assert {id: expr.text for id, expr in posting.at.items()} == {"item": "item", "place": "parent.place"}
    assert (posting.ledger, posting.verb, posting.each, posting.kind) == ("stock", "add", "lines", "purchase")


def test_states_without_a_way_out_are_ends(model: AppModel) -> None:
    workflow = model.entities["order"].workflow
    assert workflow is not None
    assert [state.id for state in workflow.states.values() if state.end] == ["closed"]
    assert workflow.start.id == "draft"
    kinds = {id: transition.kind for id, transition in workflow.transitions.items()}
    assert kinds == {"submit": "forward", "approve": "forward", "reject": "back", "close": "forward"}


def test_an_approval_takes_the_usual_transitions(model: AppModel) -> None:
    workflow = model.entities["order"].workflow
    assert workflow is not None
    approval = workflow.states["pending"].approval
    assert approval is not None
    assert dict(approval.outcome) == {"approved": "approve", "refused": "reject"}
    assert approval.nobody.role == "buyer"


def test_what_is_not_written_is_filled(model: AppModel) -> None:
    order = model.entities["order"]
    assert order.form is not None
    assert [section.id for section in order.form.sections] == ["head", "lines", "more"]
    assert order.views["all"].sort == (("date", True), ("code", True))
    assert model.timezone == "Asia/Shanghai"
    assert [entry for group in model.menu for entry in group.entries][:3] == ["section", "employee", "unit"]


def test_row_rules_stand_on_each_of_their_entities(model: AppModel) -> None:
    rule = model.roles["buyer"].rows[0]
    assert rule.entities == ("order", "ledger.stock")
    assert {key: expr.type.kind for key, expr in rule.where.items()} == {
        "order": Kind.YES_NO,
        "ledger.stock": Kind.YES_NO,
    }


def test_a_card_inherits_the_secrecy_of_what_it_reads(model: AppModel) -> None:
    card = model.cards["stock_value"]
    assert (card.of, card.format, card.opens, set(card.secrecy)) == ("ledger.stock", "money", "view.item.all", {"cost"})


def test_a_message_has_pieces_in_both_languages(model: AppModel) -> None:
    say = model.ledgers["stock"].guards[0].say
    assert [piece if isinstance(piece, str) else piece.text for piece in say.get("en")] == [
        *("item.code", " has only ", "before.qty")
    ]


def test_constants_are_read_by_the_type_of_their_field() -> None:
    model = shop(
        "",
        """app: mine
entities:
  item:
    fields:
      share: {type: percent, default: 13 %}
      at: {type: time, default: 08:00}
      on_day: {type: date, default: 2026-03-31}
      text: {type: text, default: 010}
""",
    )
    found = model.entities["item"].fields
    values = [found[id].default for id in ("share", "at", "on_day", "text")]
    assert [str(expr.tree.value) for expr in values if expr] == ["0.13", "08:00:00", "2026-03-31", "010"]  # type: ignore[union-attr]


def test_the_model_can_be_packed(model: AppModel) -> None:
    again = pickle.loads(pickle.dumps(model))
    assert again.entities["order"] == model.entities["order"]


def test_a_kept_model_is_read_back_until_a_file_changes(tmp_path: Path) -> None:
    file, kept = tmp_path / "shop.yaml", tmp_path / "kept"
    file.write_text(SHOP, encoding="utf-8")
    first = load_app(file, cache=kept)
    second = load_app(file, cache=kept)
    assert second.entities["order"] == first.entities["order"]
    assert type(second.entities) is not type(first.entities)
    file.write_text(SHOP.replace("小店", "大店"), encoding="utf-8")
    assert load_app(file, cache=kept).title.zh == "大店"


def test_all_problems_are_told_at_once_in_order_of_place() -> None:
    bad = SHOP.replace("item.price}", "item.prise}").replace("from: draft, to: posted", "from: draft, to: postd")
    told = problems(bad.replace("{of: stock, value: sum(value)", "{of: stok, value: sum(value)"))
    assert [line.rsplit("; ", 1)[1] for line in told] == [
        "did you mean price? [E331]",
        "did you mean posted? [D304]",
        "did you mean stock? [D304]",
    ]


def test_an_opening_may_name_the_document_that_brings_the_balances_of_its_ledger() -> None:
    taken = "openings: {items: {of: item}, stock: {of: receipt, ledger: stock}, bare: {ledger: stock}}"
    found = shop(taken).openings
    assert [(o.entity, o.brings) for o in found.values()] == [
        ("item", ""),
        ("ledger.stock", "receipt"),
        ("ledger.stock", ""),
    ]
    for wrong in ("recipt", "item"):
        (told,) = problems(SHOP + taken.replace("of: receipt", f"of: {wrong}"))
        assert f"openings.stock.of: unknown document {wrong}" in told


def test_a_missing_file_is_named() -> None:
    with pytest.raises(MetadataError, match="there is no file or template nowhere"):
        load_app("nowhere")


def test_a_plan_nets_places_apart_where_it_says_so() -> None:
    plans = "plans: {apart: {for: {of: item}, per_place: true}, whole: {for: {of: item}}}"
    assert {id: plan.per_place for id, plan in shop(plans).plans.items()} == {"apart": True, "whole": False}


def test_a_target_in_a_warning_colour_is_doubted_and_keeps_nothing_from_running(tmp_path: Path) -> None:
    card = "  {id}: {{of: item, value: count(), better: lower, target: {target}, colors: {{{colors}}}}}\n"
    steps = "green: value <= 30, yellow: value <= 45, red: value > 45"
    cards = [
        card.format(id="good", target=30, colors=steps),
        card.format(id="late", target=45, colors=steps),
        card.format(id="far", target=46, colors=steps),
        card.format(id="plain", target=99, colors="red: value > 99"),
    ]
    file = tmp_path / "shop.yaml"
    file.write_text(
        "app: shop\ntitle: 店 | Shop\nentities: {item: {kind: master}}\ncards:\n" + "".join(cards), encoding="utf-8"
    )
    doubts: list[Problem] = []
    assert set(load_app(file, doubts=doubts).cards) == {"good", "late", "far", "plain"}
    assert [(doubt.code, doubt.path, doubt.what) for doubt in doubts] == [
        ("W801", "cards.late.colors.yellow", "at the target 45 the card is yellow"),
        ("W801", "cards.far.colors.red", "at the target 46 the card is red"),
    ]
    found = CliRunner().invoke(cli, ["validate", str(file)])
    assert (found.exit_code, found.output.count("[W801]")) == (0, 2)
