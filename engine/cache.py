"""Models kept by the hash of what they were made from, so that a warm start reads no YAML.

Parts of a model are unpacked when first asked for: a start does not pay for what it does not touch. What is read is
ours and stays data: a file that somebody else wrote or could write is not looked at, and nothing comes out of one but
what a model is made of. Whatever does not fit any more is simply compiled again.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from engine.model import AppModel
from engine.packing import Damaged, pack, unpack

OTHERS_MAY_WRITE = 0o022


@cache
def engine_print() -> bytes:
    """Changes whenever the code of the engine does: what an older engine packed is not read."""
    home = Path(__file__).parent
    found = sorted((path.as_posix(), path.stat()) for path in home.rglob("*.py"))
    return repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]).encode()


@cache
def engine_mark() -> str:
    """The same, short enough for the name of a file."""
    return hashlib.sha256(engine_print() + sys.implementation.cache_tag.encode()).hexdigest()[:12]


def read_own(path: Path) -> bytes | None:
    """What stands in a file of ours; ``None`` where there is none, or where somebody else may have written it."""
    try:
        with path.open("rb") as file:
            return file.read() if _is_ours(os.fstat(file.fileno())) else None
    except OSError:
        return None


def _is_ours(stat: os.stat_result) -> bool:
    """On Windows the folder's rights say who may write."""
    return os.name != "posix" or (stat.st_uid == os.geteuid() and not stat.st_mode & OTHERS_MAY_WRITE)


def write_own(path: Path, data: bytes) -> None:
    """A file that only we can read and write; a reader never sees half of it.

    Threads and processes that write the same file at once each prepare their own: the last one stands. What cannot be
    written raises ``OSError`` and leaves nothing behind.
    """
    fresh = _prepare(path, data)
    try:
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def write_once(path: Path, data: bytes) -> None:
    """A file that is made once: whoever comes first, also at the same moment, has written it, whole; it stays.

    On a file system without hard links a reader may meet it before it is whole.
    """
    fresh = _prepare(path, data)
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return
    except OSError:
        with suppress(FileExistsError):
            _fill(path, data)
    finally:
        fresh.unlink(missing_ok=True)


def _prepare(path: Path, data: bytes) -> Path:
    """The content whole, under a name beside ``path`` that nobody else takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.urandom(6).hex()}.new")
    _fill(fresh, data)
    return fresh


def _fill(path: Path, data: bytes) -> None:
    """Make a file that is not there yet; without its content it does not stay."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def read_kept(path: Path) -> object:
    """What ``write_kept`` kept; ``None`` where nothing that fits is there."""
    data = read_own(path)
    if data is None:
        return None
    try:
        return unpack(data)
    except Damaged:
        return None


def write_kept(path: Path, found: object) -> None:
    """Keep a model, or a part of one, under a name with the engine's mark; what other engines kept goes.

    Where nothing can be kept (a full disk, a folder that is read only), it is made again the next time.
    """
    with suppress(OSError):
        write_own(path, pack(found))
        for kept in path.parent.glob(f"*-*{path.suffix}"):
            if kept.stem.rpartition("-")[2] != engine_mark() and kept.stem != path.stem:
                kept.unlink(missing_ok=True)


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
    listed = read_own(folder / f"{_name(key)}.files")
    if listed is None:
        return None
    try:
        content = _content([Path(line) for line in listed.decode().splitlines()])
    except OSError:
        return None
    found = read_kept(folder / f"{content}.model")
    return found if isinstance(found, AppModel) else None


def keep(folder: Path, key: Sequence[str], files: Sequence[Path], model: AppModel) -> None:
    """Keep a model under ``key``, as made from ``files``, where anything can be kept."""
    with suppress(OSError):
        write_kept(folder / f"{_content(files)}.model", model)
        write_own(folder / f"{_name(key)}.files", "\n".join(str(file.resolve()) for file in files).encode())
