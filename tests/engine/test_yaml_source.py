"""Reading YAML: positions, what is refused, what is left to the type of the key."""

from __future__ import annotations

import pytest

from engine.problems import Place, Problems
from engine.yaml_source import Block, Items, Scalar, read_yaml


def read(text: str) -> tuple[Block, list[str]]:
    problems = Problems()
    return read_yaml(text, "f.yaml", problems), [str(problem) for problem in problems]


def codes(text: str) -> list[str]:
    problems = Problems()
    read_yaml(text, "f.yaml", problems)
    return [problem.code for problem in problems]


def test_every_key_and_value_knows_its_place() -> None:
    block, told = read("a: 1\nb:\n  c: [x, y]\n  d: {e: 'f'}\n")
    assert told == []
    inner = block.entries["b"]
    assert isinstance(inner, Block)
    assert inner.keys["d"] == Place("f.yaml", 4, 3)
    items = inner.entries["c"]
    assert isinstance(items, Items)
    assert [item.place for item in items.items] == [Place("f.yaml", 3, 7), Place("f.yaml", 3, 10)]
    deep = inner.entries["d"]
    assert isinstance(deep, Block)
    assert deep.entries["e"] == Scalar("f", Place("f.yaml", 4, 10), plain=False)


@pytest.mark.parametrize(
    "word", ["on", "no", "yes", "010", "08:00", "2026-03-31", "1.0.0", "1e3", "0x10", "~", "null", "= today()"]
)
def test_words_that_yaml_would_interpret_stay_text(word: str) -> None:
    block, told = read(f"key: {word}\n")
    assert told == []
    value = block.entries["key"]
    assert isinstance(value, Scalar)
    assert value.text == word


def test_words_of_yaml_stay_keys() -> None:
    block, _ = read("on: 1\nno: 2\nyes: 3\n")
    assert list(block.entries) == ["on", "no", "yes"]


def test_a_key_given_twice_is_named_with_its_first_line() -> None:
    _, told = read("a: 1\nb: 2\na: 3\n")
    assert told == ["f.yaml:3:1: a: key a given twice, first in line 1; keep one of them [D102]"]


def test_an_alias_bomb_is_refused_where_it_stands() -> None:
    text = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert codes(text) == ["D103"] * 6


def test_nesting_without_end_is_refused() -> None:
    assert codes("a: " + "[" * 100_000) == ["D107"]


def test_a_comma_inside_braces_is_explained() -> None:
    _, told = read("a: {formula: max(b, c), label: x}\n")
    assert told == [
        "f.yaml:1:21: a: a comma ends a value inside { }, so c) became a key of its own; "
        "write this field as a block [D110]"
    ]


def test_several_faults_are_told_at_once() -> None:
    assert codes("a: &x 1\nb: !!int 2\nc:\nb: 3\n") == ["D103", "D104", "D206", "D102"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a:\tb\n", "D105"),
        ("a: b\n---\nc: d\n", "D108"),
        ("- a\n", "D202"),
        ("", "D202"),
        ("a: [\n", "D101"),
        ("a: \x00\n", "D109"),
    ],
)
def test_what_is_no_definition_is_refused(text: str, code: str) -> None:
    assert codes(text) == [code]


def test_chinese_texts_keep_their_columns() -> None:
    block, told = read("标题: 一\nb: {c: 二三, d: 四}\n")
    assert told == []
    inner = block.entries["b"]
    assert isinstance(inner, Block)
    assert inner.keys["d"] == Place("f.yaml", 2, 12)
