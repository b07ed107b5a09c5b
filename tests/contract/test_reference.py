"""The published reference and schema are what the code says, and every example in them loads."""

from __future__ import annotations

import re

import pytest

from engine import load_text
from engine.field_types import FIELD_TYPES
from engine.problem_codes import CODES
from engine.reference import REFERENCE_FILE, build_reference
from engine.schema import SCHEMA_FILE, schema_text

EXAMPLES = re.findall(r"```yaml\n(.*?)```", REFERENCE_FILE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_reference_is_what_the_code_says() -> None:
    assert REFERENCE_FILE.read_text(encoding="utf-8") == build_reference()


def test_the_schema_file_is_what_the_code_says() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads(example: str) -> None:
    assert load_text(example).entities


def test_every_type_and_code_is_documented() -> None:
    text = REFERENCE_FILE.read_text(encoding="utf-8")
    assert [name for name in (*FIELD_TYPES, *CODES) if f"| `{name}` |" not in text] == []
