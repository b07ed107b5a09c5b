"""Compiled templates are kept: the next start compiles none, a changed one is compiled again, nobody else's is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from web import templating
from web.templating import KeptTemplates, Written


class Counted(Environment):
    """Counts what it compiles."""

    compiled = 0

    def _compile(self, source: str, filename: str):  # type: ignore[no-untyped-def]
        self.compiled += 1
        return super()._compile(source, filename)


def started(folder: Path, **templates: str) -> Counted:
    """An environment as after a start."""
    return Counted(loader=DictLoader(templates), bytecode_cache=KeptTemplates(folder))


def test_what_was_compiled_once_is_not_compiled_at_the_next_start(tmp_path: Path) -> None:
    for compiled in (1, 0):
        at = started(tmp_path, page="{{ n + 1 }}")
        assert at.get_template("page").render(n=2) == "3"
        assert at.compiled == compiled


def test_a_changed_template_and_another_compiler_compile_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started(tmp_path, page="old").get_template("page")
    changed = started(tmp_path, page="new")
    assert (changed.get_template("page").render(), changed.compiled) == ("new", 1)
    monkeypatch.setattr(templating.compiler, "__file__", __file__)
    upgraded = started(tmp_path, page="new")
    assert (upgraded.get_template("page").render(), upgraded.compiled) == ("new", 1)


def test_code_that_somebody_else_could_have_written_is_not_run(tmp_path: Path) -> None:
    started(tmp_path, page="kept").get_template("page")
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o666)
    again = started(tmp_path, page="kept")
    assert (again.get_template("page").render(), again.compiled) == ("kept", 1)


def test_a_piece_that_stands_where_it_is_used_is_kept_too(tmp_path: Path) -> None:
    for compiled in (1, 0):
        at = started(tmp_path)
        assert Written().load(at, "<b>{{ n }}</b>", at.make_globals(None)).render(n=1) == "<b>1</b>"
        assert at.compiled == compiled


def test_a_page_is_shown_where_nothing_can_be_kept(tmp_path: Path) -> None:
    full = tmp_path / "cache"
    full.touch()
    at = started(full / "templates", page="{{ n + 1 }}")
    assert at.get_template("page").render(n=2) == "3"
    assert full.read_bytes() == b""
