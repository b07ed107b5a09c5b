"""Layers: one merge, places kept, mistakes named in the file that made them."""

from __future__ import annotations

from tests.engine.apps import SHOP, problems, shop


def layer(body: str) -> str:
    return f"app: mine\n{body}"


def test_a_layer_relabels_and_reorders() -> None:
    model = shop("", layer("entities: {item: {fields: {price: {label: 单价 | Price, after: code}}}}"))
    fields = model.entities["item"].fields
    assert list(fields)[:3] == ["code", "price", "name"]
    assert fields["price"].label.en == "Price"
    assert fields["price"].type == "money"


def test_a_layer_adds_fields_options_and_retires() -> None:
    body = """entities:
  unit: {fields: {measures: {options: {area: {label: 面积, after: count}, mass: {retired: true}}}}}
  item: {fields: {price: {retired: true}}}
"""
    model = shop("", layer(body))
    options = model.entities["unit"].fields["measures"].options
    assert [(option.id, option.label.zh, option.retired) for option in options] == [
        ("count", "个数", False),
        ("area", "面积", False),
        ("mass", "重量", True),
    ]
    assert model.entities["item"].fields["price"].retired


def test_a_list_of_names_is_changed_by_patches() -> None:
    base = "entities: {item: {search: [code, name]}}"
    model = shop("", layer(base), layer("entities: {item: {search: [+note after code, -name]}}"))
    assert model.entities["item"].search == ("code", "note")


def test_a_list_of_names_is_replaced_as_a_whole() -> None:
    model = shop("", layer("entities: {item: {search: [note]}}"))
    assert model.entities["item"].search == ("note",)


def test_a_descending_sort_is_no_patch() -> None:
    model = shop("", layer("entities: {order: {views: {all: {sort: [-code]}}}}"))
    assert model.entities["order"].views["all"].sort == (("code", True),)


def test_a_mistake_in_a_layer_is_named_in_the_layer() -> None:
    told = problems(SHOP, layer("entities:\n  item: {fields: {prise: {label: 价}}}\n"))
    assert told == [
        "layer1.yaml:3:19: entities.item.fields.prise: there is no field prise to extend; did you mean price? [D302]"
    ]


def test_a_mistake_keeps_its_line_through_two_layers() -> None:
    told = problems(SHOP, layer("entities: {item: {icon: box}}\n"), layer("\nentities: {item: {search: [nme]}}\n"))
    assert told == ["layer2.yaml:3:28: entities.item.search: item has no field nme; did you mean name? [D305]"]


def test_an_override_that_breaks_the_base_is_named_where_it_was_overridden() -> None:
    told = problems(SHOP, layer("entities: {order: {fields: {total: {formula: sum(lines.amout)}}}}\n"))
    assert len(told) >= 1
    assert told[0].startswith("layer1.yaml:2:")


def test_a_renamed_field_takes_its_references_along() -> None:
    model = shop("", layer("rename: {item.price: list_price}\n"))
    assert "price" not in model.entities["item"].fields
    fill = model.entities["order.lines"].fields["price"].fill
    assert fill is not None
    assert fill.tree.steps == ("item", "list_price")  # type: ignore[union-attr]


def test_origins_name_the_layer() -> None:
    model = shop("", layer("entities: {item: {fields: {colour: {type: text}}}}\n"))
    origin = model.entities["item"].fields["colour"].origin
    assert origin is not None
    assert (origin.file, origin.line, origin.layer) == ("layer1.yaml", 2, "layer1")
