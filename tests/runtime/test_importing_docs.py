"""The page about importing is true: its files are written down, its commands run, and they say what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from web.cli import cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "importing.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[tuple[str, list[str]]]:
    """The commands of a console block with the lines they print."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ dougong "):
            found.append((line.removeprefix("$ dougong "), []))
        else:
            found[-1][1].append(line)
    return found


def test_every_example_of_the_page_runs_and_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind != "console":
            Path(name).write_text(text, encoding="utf-8")
            continue
        for command, printed in commands(text):
            result = CliRunner().invoke(cli, shlex.split(command), prog_name="dougong")
            assert result.output.splitlines() == printed, command
            ran += 1
    assert ran == 10
