"""Structure: the quick walker and jsonschema agree, and the schema itself is sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from engine.problems import Problems
from engine.schema import _fits_app, build_schema, check_structure, plain
from engine.yaml_source import read_yaml
from tests.engine.apps import SHOP

CATALOGUE = Path(__file__).resolve().parents[2] / "templates_catalog"
BAD = Path(__file__).resolve().parents[1] / "contract" / "data"
FILES = [*sorted(CATALOGUE.rglob("*.yaml")), *sorted(BAD.rglob("*.yaml"))]


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(build_schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_quick_walker_and_jsonschema_agree(path: Path) -> None:
    block = read_yaml(path.read_text(encoding="utf-8"), path.name, Problems())
    assert _fits_app()(block) == Draft202012Validator(build_schema()).is_valid(plain(block))


def test_a_good_definition_fits() -> None:
    problems = Problems()
    check_structure(read_yaml(SHOP, "shop.yaml", problems), problems)
    assert list(problems) == []


def test_every_fault_of_structure_is_told_at_once() -> None:
    problems = Problems()
    text = "app: a\nfoo: 1\nentities:\n  Bad: {kind: master}\n  item: {kind: thing, fields: [a]}\nuses: base\n"
    check_structure(read_yaml(text, "a.yaml", problems), problems)
    assert [(p.code, p.place.line, p.place.column) for p in problems] == [
        ("D201", 2, 1),
        ("D205", 4, 3),
        ("D203", 5, 16),
        ("D202", 5, 31),
        ("D202", 6, 7),
    ]


def test_words_are_read_as_an_editor_reads_them() -> None:
    block = read_yaml("a: true\nb: 'true'\nc: 12\nd: 1.50\ne: 010\nf: no\ng: 1.0.0\n", "a.yaml", Problems())
    assert plain(block) == {"a": True, "b": "true", "c": 12, "d": 1.5, "e": "010", "f": "no", "g": "1.0.0"}
