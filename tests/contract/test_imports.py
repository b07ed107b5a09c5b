"""Imports go web → runtime → engine, never back; the engine knows neither a database nor a web."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.contract.source import modules

FORBIDDEN = {
    "engine": ("runtime", "web", "flask", "sqlalchemy", "wtforms", "werkzeug", "alembic"),
    "runtime": ("web", "flask", "werkzeug", "wtforms"),
    "web": (),
}
OUTSIDE = {
    "engine/schema.py",
    "runtime/channels/push.py",
    "runtime/database.py",
    "runtime/logs.py",
    "runtime/migrate_steps.py",
    "runtime/plugins/finding.py",
    "runtime/plugins/settings.py",
    "runtime/prepared.py",
    "runtime/push_places.py",
    "runtime/search_keys.py",
    "runtime/sort_keys.py",
    "runtime/spreadsheets.py",
    "web/cli.py",
    "web/commands/run.py",
    "web/frontend/npm.py",
    "web/print_view.py",
    "web/serving.py",
}
"""Where an import inside a function is allowed, for start-up speed and for the memory of a server that stands idle."""


@pytest.mark.parametrize("room", ["engine", "runtime"])
def test_a_room_imports_nothing_that_stands_before_it(room: str) -> None:
    wrong = []
    for path, tree in modules():
        if path.parts[0] != room:
            continue
        for node in ast.walk(tree):
            name = node.module if isinstance(node, ast.ImportFrom) else None
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [name or ""]
            wrong += [f"{path}: {n}" for n in names if n.split(".")[0] in FORBIDDEN[room]]
    assert wrong == []


def test_imports_stand_at_the_top() -> None:
    wrong = []
    for path, tree in modules():
        if path.as_posix() in OUTSIDE or path.parts[:2] == ("web", "commands"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inner = [n for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom))]
                wrong += [f"{path}:{n.lineno}" for n in inner]
    assert wrong == []


def test_every_package_with_code_is_listed_for_installation() -> None:
    root = Path(__file__).resolve().parents[2]
    listed = (root / "pyproject.toml").read_text(encoding="utf-8")
    packages = {path.parent.as_posix().replace("/", ".") for path, _ in modules() if "frontend" not in path.parts}
    missing = [p for p in sorted(packages) if f'"{p}"' not in listed]
    assert missing == []
