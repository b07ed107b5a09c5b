"""Habits the source keeps: no industry in the engine, no hidden state, modules one can read at a sitting."""

from __future__ import annotations

import ast
import re

from tests.contract.source import ROOT, modules

INDUSTRY = re.compile(
    r"\b(dish|dishes|recipe|recipes|copper|expiry|contract_|milestone|supplier|customer|warehouse|purchase|sales|"
    r"tomato|fastener|restaurant|workshop|batch_no)\b",
    re.IGNORECASE,
)
MOST_LINES = 500
MUTABLE = (ast.List, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)


def test_code_names_no_industry() -> None:
    wrong = []
    for path, tree in modules():
        docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        for node in ast.walk(tree):
            words = []
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                words = [node.value]
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                words = [node.name.replace("_", " ")]
            elif isinstance(node, ast.Name):
                words = [node.id.replace("_", " ")]
            elif isinstance(node, ast.Attribute):
                words = [node.attr.replace("_", " ")]
            wrong += [f"{path}:{node.lineno}: {w[:60]}" for w in words if INDUSTRY.search(w)]
    assert wrong == []


def test_pages_name_no_industry() -> None:
    found = []
    for path in sorted((ROOT / "web" / "templates").rglob("*.html")):
        found += [f"{path.name}: {m.group()}" for m in INDUSTRY.finditer(path.read_text(encoding="utf-8"))]
    assert found == []


def test_modules_are_short_enough_to_read() -> None:
    long = {}
    for path, _ in modules():
        lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            long[path.as_posix()] = lines
    assert long == {}


def test_there_is_no_module_level_mutable_state() -> None:
    wrong = []
    for path, tree in modules():
        for node in tree.body:
            value = getattr(node, "value", None)
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(value, MUTABLE):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [t.id for t in targets if isinstance(t, ast.Name) and t.id != "__all__"]
                wrong += [f"{path}:{node.lineno} {n}" for n in names]
    assert wrong == []


EDGES = (
    "runtime/beginnings.py",
    "runtime/long_work.py",
    "runtime/outbox_courier.py",
    "runtime/plugins/running.py",
    "runtime/syncing.py",
    "web/clockwork.py",
    "web/edge.py",
)
"""Where work begins that nobody called: a request, a thread's round, one letter, one entry made offline, long work, a
first app being made, and where the code of others is called."""


def test_nothing_swallows_every_exception() -> None:
    allowed = set(EDGES)
    wrong = []
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and path.as_posix() not in allowed:
                broad = node.type is None or (
                    isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
                )
                reraises = any(isinstance(n, ast.Raise) for n in ast.walk(node))
                if broad and not reraises:
                    wrong.append(f"{path}:{node.lineno}")
    assert wrong == []


def test_nothing_is_left_open() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplemented(Error)?)\b")
    wrong = [path.as_posix() for path, _ in modules() if marks.search((ROOT / path).read_text(encoding="utf-8"))]
    assert wrong == []
