"""Models as bytes: the same after, equal parts once, and nothing but a model comes out of a file that is ours."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine import AppModel, load_app
from engine.cache import engine_mark, keep, read_kept, read_own, recall, write_kept, write_once, write_own
from engine.expressions.tree import Literal
from engine.expressions.types import NUMBER, Kind
from engine.packing import Damaged, Packed, pack, unpack


@pytest.fixture(scope="module")
def model() -> AppModel:
    return load_app("discrete")


@pytest.fixture(scope="module")
def packed(model: AppModel) -> bytes:
    return pack(model)


def test_a_model_comes_back_as_it_was(model: AppModel, packed: bytes) -> None:
    again = unpack(packed)
    assert isinstance(again, AppModel)
    assert [each.name for each in fields(model) if getattr(again, each.name) != getattr(model, each.name)] == []
    assert again.entities["item"].fields["code"].type == "text"


def test_only_what_is_asked_for_is_unpacked(packed: bytes) -> None:
    again: Any = unpack(packed)
    assert isinstance(again.entities, Packed)
    assert "item" in again.entities
    assert all(type(part) is bytes for part in again.entities._parts.values())
    assert again.entities.get("item") is again.entities["item"]
    assert again.entities.get("no_such") is None
    assert [type(part) is bytes for part in again.entities._parts.values()].count(False) == 1
    assert dict(again.entities.items())["item"] is again.entities["item"]


def test_a_model_that_was_read_can_be_kept_again(model: AppModel, packed: bytes) -> None:
    assert unpack(pack(unpack(packed))) == model


def test_equal_parts_are_one_and_equal_numbers_of_other_kinds_are_not() -> None:
    one, same, other = (Literal(value=Decimal(text), type=NUMBER) for text in ("1", "1", "1.0"))
    yes = Literal(value=True, type=NUMBER)
    again: Any = unpack(pack((one, same, other, yes)))
    first, second, third, last = again
    assert first is second
    assert (str(third.value), last.value) == ("1.0", True)
    assert first.type.kind is Kind.NUMBER


@pytest.mark.parametrize(
    "evil",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"cengine.cache\nos.system\n(S'true'\ntR.",
        b"cengine.cache\nPath\n(S'/tmp'\ntR.",
        pickle.dumps(print),
        pickle.dumps(Path("/")),
        b"",
        b"cut off",
        pickle.dumps(Decimal(1))[:-3],
    ],
)
def test_bytes_that_are_no_model_are_refused_and_run_nothing(evil: bytes) -> None:
    with pytest.raises(Damaged):
        unpack(evil)


def test_only_a_file_that_nobody_else_could_write_is_read(tmp_path: Path, packed: bytes) -> None:
    file = tmp_path / "deep" / "kept.model"
    assert read_own(file) is None
    write_own(file, packed)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_own(file) == packed
    assert [each.name for each in file.parent.iterdir()] == ["kept.model"]
    for mode in (0o620, 0o602):
        file.chmod(mode)
        assert read_own(file) is None


def test_two_that_write_the_same_file_at_once_both_succeed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept.model"
    put = Path.replace

    def beside(fresh: Path, target: Path) -> Path:
        """Another thread writes and is done while this one is about to give its file the name."""
        monkeypatch.setattr(Path, "replace", put)
        write_own(file, b"second")
        return put(fresh, target)

    monkeypatch.setattr(Path, "replace", beside)
    write_own(file, b"first")
    assert read_own(file) == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["kept.model"]


def test_what_cannot_be_written_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "kept.model").mkdir()
    with pytest.raises(OSError, match=r"kept\.model"):
        write_own(tmp_path / "kept.model", b"whole")
    assert [each.name for each in tmp_path.iterdir()] == ["kept.model"]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_is_made_once_stays_as_the_first_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refused(path: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refused)
    file = tmp_path / "once"
    for content in (b"first", b"second"):
        write_once(file, content)
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"first", 0o600)
    assert [each.name for each in tmp_path.iterdir()] == ["once"]


def test_a_model_that_cannot_be_kept_is_no_failure(tmp_path: Path, model: AppModel) -> None:
    full = tmp_path / "cache"
    full.touch()
    write_kept(full / "a.model", Decimal(1))
    keep(full, ("discrete",), [Path(__file__)], model)
    assert (read_kept(full / "a.model"), recall(full, ("discrete",))) == (None, None)


def test_what_other_engines_kept_goes_when_something_is_kept(tmp_path: Path) -> None:
    old, other = tmp_path / "a-0123456789ab.model", tmp_path / "beginning-0123456789ab.json"
    for each in (old, other):
        each.touch()
    for name in ("a", "b"):
        write_kept(tmp_path / f"{name}-{engine_mark()}.model", Decimal(1))
    kept = sorted(each.name for each in tmp_path.iterdir())
    assert kept == [f"a-{engine_mark()}.model", f"b-{engine_mark()}.model", other.name]


def test_a_file_of_somebody_else_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept.model"
    write_kept(file, Decimal(1))
    assert read_kept(file) == Decimal(1)
    somebody: Callable[[], int] = lambda: 4711  # noqa: E731
    monkeypatch.setattr(os, "geteuid", somebody)
    assert read_kept(file) is None
