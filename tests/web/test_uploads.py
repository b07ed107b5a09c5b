"""Files between two steps of a page: nobody else reads them, and after a day they are gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from web import uploads


def test_a_file_is_given_back_to_who_brought_it_and_nobody_else_on_the_machine_reads_it(tmp_path: Path) -> None:
    token = uploads.keep(tmp_path, 7, b"wages")
    assert uploads.kept(tmp_path, 7, token) == b"wages"
    assert uploads.kept(tmp_path, 8, token) is None
    assert uploads.kept(tmp_path, 7, "../secret") is None
    (file,) = (tmp_path / "cache" / "uploads").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_after_a_day_a_file_is_gone_also_when_another_request_takes_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (uploads.keep(tmp_path, 7, content) for content in (b"first", b"second"))
    place = tmp_path / "cache" / "uploads"
    for file in place.iterdir():
        os.utime(file, (0, 0))
    listed = Path.iterdir

    def beside(folder: Path) -> list[Path]:
        """Another request has cleared one away in the meantime."""
        found = list(listed(folder))
        (place / f"7-{first}").unlink()
        return found

    monkeypatch.setattr(Path, "iterdir", beside)
    third = uploads.keep(tmp_path, 7, b"third")
    monkeypatch.undo()
    assert [uploads.kept(tmp_path, 7, token) for token in (first, second, third)] == [None, None, b"third"]
