"""The README and the manual are true: their YAML loads, their commands and flags exist, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.contract.source import ROOT
from web.cli import cli

PAGES = (
    "README.md",
    "docs/ledgers.md",
    "docs/operations.md",
    "docs/importing.md",
    "docs/architecture.md",
    "docs/approvals.md",
    "docs/rules.md",
    "docs/scenarios.md",
)
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"`?dougong ([a-z]+[^`\n|]*)`?")
LINK = re.compile(r"\]\((?!http)([^)#]+)")


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def existing() -> list[str]:
    return [page for page in PAGES if (ROOT / page).exists()]


def blocks(page: str, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(text(page)) if kind == language]


def commands() -> list[tuple[str, str]]:
    found = []
    for page in existing():
        shell = "\n".join(blocks(page, "sh"))
        inline = "\n".join(re.findall(r"`(dougong [^`]+)`", text(page)))
        found += [
            (page, line.strip()) for line in f"{shell}\n{inline}".splitlines() if line.strip().startswith("dougong ")
        ]
    return found


@pytest.mark.parametrize("yaml", [*blocks("README.md", "yaml"), *blocks("docs/approvals.md", "yaml")])
def test_every_definition_in_the_manual_is_valid(yaml: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml, encoding="utf-8")
    result = CliRunner().invoke(cli, ["validate", str(file)])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("doc", "line"), commands())
def test_every_command_and_flag_named_exists(doc: str, line: str) -> None:
    words = [w for w in shlex.split(line)[1:] if w not in ("COMMAND",)]
    command: click.Command | None = cli
    context = click.Context(cli)
    while words and isinstance(command, click.Group):
        if words[0].startswith("-"):
            break
        command = command.get_command(context, words.pop(0))
    assert command is not None, f"{doc}: {line}"
    flags = {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)} | {"--help", "--json"}
    unknown = [w for w in words if w.startswith("--") and w.split("=")[0] not in flags]
    assert unknown == [], f"{doc}: {line}"


def test_make_targets_named_in_the_readme_exist() -> None:
    makefile = text("Makefile")
    named = set(re.findall(r"^make (\w+)", "\n".join(blocks("README.md", "sh")), re.MULTILINE))
    assert named == {t for t in named if re.search(rf"^{t}:", makefile, re.MULTILINE)}
    assert {"run", "test", "check", "bench"} <= named


@pytest.mark.parametrize("doc", existing())
def test_links_lead_to_files(doc: str) -> None:
    missing = [link for link in LINK.findall(text(doc)) if not ((ROOT / doc).parent / link).exists()]
    assert missing == []


def test_every_dependency_has_its_reason_in_the_readme() -> None:
    project = text("pyproject.toml")
    declared = re.findall(
        r'^    "([A-Za-z0-9._-]+)(?:\[[a-z]+\])?>=', project.split("[project.optional-dependencies]")[0], re.MULTILINE
    )
    readme = text("README.md").lower()
    missing = [
        name for name in declared if name.lower() not in readme and name.lower().replace("python-", "") not in readme
    ]
    assert missing == []
