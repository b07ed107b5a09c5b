"""Every problem code has a bad definition, and its wording is pinned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine import MetadataError, load_app
from engine.problem_codes import CODES
from engine.yaml_source import MAX_BYTES

DATA = Path(__file__).parent / "data"
GOLDEN = DATA / "messages.txt"
ELSEWHERE = {"D106"}
"""Tested below: a file too large is not kept in the repository."""


def problems_of(path: Path) -> list[str]:
    """What is said about a bad definition, with the folder left out."""
    with pytest.raises(MetadataError) as caught:
        load_app(path, catalogue=DATA / "catalogue")
    return [str(problem).replace(f"{DATA}/", "") for problem in caught.value.problems]


def all_messages() -> str:
    """The messages of all bad definitions, as the golden file holds them."""
    done = []
    for path in sorted(DATA.glob("*.yaml")):
        done.extend([f"# {path.stem}", *problems_of(path), ""])
    return "\n".join(done)


def test_every_message_reads_as_it_always_did() -> None:
    assert all_messages() == GOLDEN.read_text(encoding="utf-8")


def test_every_code_has_a_bad_definition() -> None:
    own = {code for code in CODES if code.startswith("D")}
    assert {path.stem for path in DATA.glob("D*.yaml")} | ELSEWHERE == own


@pytest.mark.parametrize("path", sorted(DATA.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_bad_definition_is_named_by_its_code(path: Path) -> None:
    assert any(message.endswith(f"[{path.stem}]") for message in problems_of(path))


def test_a_message_names_file_line_column_key_fault_and_remedy() -> None:
    form = re.compile(r"^[^:]+:\d+:\d+: \S+: [^;]+; .+ \[[DE]\d{3}\]$")
    lines = [line for line in GOLDEN.read_text(encoding="utf-8").splitlines() if line and not line.startswith("# ")]
    assert [line for line in lines if not form.match(line)] == []


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("app: large\ndescription: " + "x" * MAX_BYTES + "\n", encoding="utf-8")
    with pytest.raises(MetadataError, match=r"the file is larger than 2 MB; split it into modules \[D106\]"):
        load_app(path)
