"""The app's own layer with something added: what stands in it stays as it is, comments included."""

from __future__ import annotations

from runtime.layer_edit import with_added

FIELD = {"type": "text", "label": "产地 | Origin"}
ADDED = {"entities": {"item": {"fields": {"origin": FIELD}, "form": {"own": {"fields": ["origin"]}}}}}
BLOCK = """      origin:
        type: text
        label: 产地 | Origin
"""


def test_a_layer_without_entities_gets_them_at_its_end() -> None:
    text = "app: a  # ours\nextends: generic 1.0.0\n"
    assert with_added(text, ADDED) == (
        text + "entities:\n  item:\n    fields:\n" + BLOCK + "    form:\n      own:\n        fields: [origin]\n"
    )


def test_comments_stay_and_lists_grow() -> None:
    text = """app: a
entities:
  # things we sell
  item:
    fields:
      size: {type: text, label: 尺寸}  # in mm

    form:
      own:
        fields: [size]  # ours

  unit:
    label: 单位
currency: USD
"""
    expected = text.replace("  # in mm\n", "  # in mm\n" + BLOCK).replace("[size]", "[size, origin]")
    assert with_added(text, ADDED) == expected


def test_a_layer_on_one_line_is_written_anew_with_all_it_said() -> None:
    done = with_added("app: a\nentities: {item: {fields: {size: {type: text, label: 尺寸}}}}\n", ADDED)
    assert "size:\n        type: text\n        label: 尺寸\n" in done
    assert BLOCK in done
    assert done.startswith("app: a\n")
