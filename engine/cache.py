"""Compiled models kept by the hash of what they were made from, so that a warm start reads no YAML.

Parts of a model are unpacked when first asked for: a start does not pay for what it does not touch. The folder is the
server's own (packed objects are trusted); whatever does not fit any more is simply compiled again.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from engine.frozen import Frozen
from engine.model import AppModel


class Packed(Mapping[str, Any]):
    """A read-only mapping whose values are unpacked one by one, when asked for."""

    __slots__ = ("_packed", "_ready")

    def __init__(self, packed: dict[str, bytes]) -> None:
        self._packed = packed
        self._ready: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        found = self._ready.get(key)
        if found is None:
            found = self._ready[key] = pickle.loads(self._packed[key])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, key: object) -> bool:
        return key in self._packed

    def __reduce__(self) -> tuple[type[Packed], tuple[dict[str, bytes]]]:
        return Packed, (self._packed,)


def pack(model: AppModel) -> bytes:
    """The model as bytes, its large tables packed entry by entry."""
    tables: dict[str, Any] = {
        each.name: Packed({key: pickle.dumps(value, 5) for key, value in table.items()})
        for each in fields(model)
        if isinstance(table := getattr(model, each.name), Frozen)
    }
    return pickle.dumps(replace(model, **tables), 5)


def unpack(data: bytes) -> AppModel:
    """The model of ``pack``."""
    return cast(AppModel, pickle.loads(data))


@cache
def engine_print() -> bytes:
    """Changes whenever the code of the engine does: what an older engine packed is not read."""
    home = Path(__file__).parent
    found = sorted((path.as_posix(), path.stat()) for path in home.rglob("*.py"))
    return repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]).encode()


def _name(key: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(key).encode()).hexdigest()[:32]


def _content(files: Sequence[Path]) -> str:
    digest = hashlib.sha256(engine_print())
    for file in files:
        digest.update(file.read_bytes())
        digest.update(b"\0")
    return digest.hexdigest()[:32]


def recall(folder: Path, key: Sequence[str]) -> AppModel | None:
    """The model kept under ``key``, if all its files are still what they were."""
    try:
        listed = (folder / f"{_name(key)}.files").read_text(encoding="utf-8").splitlines()
        return unpack((folder / f"{_content([Path(line) for line in listed])}.model").read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError):
        return None


def keep(folder: Path, key: Sequence[str], files: Sequence[Path], model: AppModel) -> None:
    """Keep a model; a reader never sees half a file."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{_content(files)}.model", pack(model))
    _write(folder / f"{_name(key)}.files", "\n".join(str(file.resolve()) for file in files).encode())


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(f"{path.suffix}.new")
    fresh.write_bytes(data)
    fresh.replace(path)
