"""Settings of a server: flags, then ``DOUGONG_*`` variables, then ``dougong.toml``, then what stands here."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

FILE = "dougong.toml"
PREFIX = "DOUGONG_"


class BadSetting(ValueError):
    """A setting that cannot be used: where it was set, and why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``home``: folder of apps, caches and keys. ``db``: URL of the database the apps live in ("" = SQLite files).

    ``secret``: signs sessions ("" = made once and kept in ``home``).
    """

    home: str = "var"
    db: str = ""
    app: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 16
    language: str = "zh"
    secret: str = ""
    log: str = "error"


def load_settings(flags: Mapping[str, object], environment: Mapping[str, str], folder: Path) -> Settings:
    """The settings in force; ``flags`` that are ``None`` were not given."""
    values: dict[str, object] = {}
    for source, given in (
        (FILE, _from_file(folder / FILE)),
        ("environment", _from_environment(environment)),
        ("flags", {name: value for name, value in flags.items() if value is not None}),
    ):
        values.update({name: _typed(source, name, value) for name, value in given.items()})
    return Settings(**values)  # type: ignore[arg-type]


def _from_file(path: Path) -> Mapping[str, object]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"{path.name}: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> Mapping[str, object]:
    known = {PREFIX + field.name.upper(): field.name for field in fields(Settings)}
    return {known[name]: value for name, value in environment.items() if name in known}


def _typed(source: str, name: str, value: object) -> object:
    kinds = {field.name: int if isinstance(field.default, int) else str for field in fields(Settings)}
    if name not in kinds:
        raise BadSetting(f"{source}: unknown setting {name}; known: {', '.join(kinds)}")
    if isinstance(value, kinds[name]) and not isinstance(value, bool):
        return value
    try:
        return kinds[name](str(value))
    except ValueError:
        raise BadSetting(f"{source}: {name} must be a whole number, got {value!r}") from None
