"""What a model is made of, as bytes and back: equal parts once, large tables entry by entry.

The bytes are a pickle that may name nothing but the engine's own classes and plain values: reading one runs no code
of whoever wrote it.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any

from engine.frozen import Frozen
from engine.model import AppModel

FORMAT = 5
PLAIN = frozenset(
    {
        ("builtins", "frozenset"), ("datetime", "date"), ("datetime", "datetime"), ("datetime", "time"),
        ("datetime", "timedelta"), ("datetime", "timezone"), ("decimal", "Decimal"), ("fractions", "Fraction"),
    }
)  # fmt: skip
"""Classes beside the engine's own that may stand in a model."""
VALUES = frozenset({str, int, bool, type(None), frozenset, date, datetime, time, timedelta, Decimal, Fraction})


class Damaged(ValueError):
    """Bytes that are no model, or that of another build."""


class Packed(Mapping[str, Any]):
    """A read-only mapping whose values are unpacked when they are asked for."""

    __slots__ = ("_parts", "_whole")

    def __init__(self, parts: dict[str, Any]) -> None:
        self._parts = parts
        self._whole = False

    def __getitem__(self, key: str) -> Any:
        found = self._parts[key]
        if type(found) is bytes:
            found = self._parts[key] = _load(found)
        return found

    def _all(self) -> dict[str, Any]:
        if not self._whole:
            for key in self._parts:
                self[key]
            self._whole = True
        return self._parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __contains__(self, key: object) -> bool:
        return key in self._parts

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self._parts else default

    def values(self) -> ValuesView[Any]:
        return self._all().values()

    def items(self) -> ItemsView[str, Any]:
        return self._all().items()

    def __repr__(self) -> str:
        return f"Packed({self._all()!r})"


def pack(found: object) -> bytes:
    """A model, or a part of one, as bytes."""
    if not isinstance(found, AppModel):
        return _dump(found)
    tables: dict[str, Any] = {
        each.name: Packed({key: _dump(value) for key, value in table.items()})
        for each in fields(found)
        if isinstance(table := getattr(found, each.name), Frozen | Packed)
    }
    return _dump(replace(found, **tables))


def unpack(data: bytes) -> object:
    """What ``pack`` packed. Raises ``Damaged``."""
    try:
        return _load(data)
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, LookupError, TypeError, ValueError) as error:
        raise Damaged(str(error)) from error


# --- writing ---------------------------------------------------------------------------------------------------


def _dump(found: object) -> bytes:
    out = io.BytesIO()
    packer = pickle.Pickler(out, FORMAT)
    packer.dispatch_table = _Reducers({Packed: lambda packed: (_packed, (packed._parts,))})
    packer.dump(_Sharing().of(found))
    return out.getvalue()


class _Reducers(dict[Any, Any]):
    """Frozen objects as their class with its values: a quarter of the time that pickle takes to make them again."""

    def __missing__(self, kind: Any) -> Any:
        if not _names(kind):
            raise KeyError(kind)
        self[kind] = _taken_apart
        return _taken_apart


def _taken_apart(found: Any) -> tuple[Any, ...]:
    kind: Any = type(found)
    return _restored, (kind, *(getattr(found, name) for name in _names(kind)))


class _Sharing:
    """The same tree, with equal branches being one: a model has many of them, and each is read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Any] = {}

    def of(self, found: Any) -> Any:
        kind: Any = type(found)
        if kind is tuple:
            return self._one((kind,), tuple(self.of(each) for each in found), found)
        if kind is Frozen:
            pairs = {self.of(key): self.of(value) for key, value in found.items()}
            return self._one((kind, *map(id, pairs)), tuple(pairs.values()), Frozen(pairs))
        if names := _names(kind):
            values = tuple(self.of(getattr(found, name)) for name in names)
            return self._one((kind,), values, None)
        # by their text, for 1 is not 1.0; what is not known to be a plain value is shared with nothing but itself
        key = repr(found) if kind in VALUES or issubclass(kind, Enum) else id(found)
        return self._known.setdefault((kind, key), found)

    def _one(self, key: tuple[Any, ...], parts: tuple[Any, ...], made: Any) -> Any:
        """The object of these parts that is there already; parts are shared themselves, so their identity tells."""
        key = (*key, *map(id, parts))
        if key not in self._known:
            kind = key[0]
            self._known[key] = parts if kind is tuple else _restored(kind, *parts) if made is None else made
        return self._known[key]


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """The fields of a class of frozen objects without a dictionary; nothing for any other."""
    return tuple(each.name for each in fields(kind)) if is_dataclass(kind) and "__slots__" in vars(kind) else ()


# --- reading ---------------------------------------------------------------------------------------------------


class _Unpacker(pickle.Unpickler):
    """Knows the engine's classes and a few plain ones, and no function but ours."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in OURS:
            return OURS[module, name]
        if (module, name) in PLAIN:
            return super().find_class(module, name)
        found = super().find_class(module, name) if module.startswith("engine.") else None
        if isinstance(found, type) and found.__module__ == module:
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a model")


def _load(data: bytes) -> Any:
    return _Unpacker(io.BytesIO(data)).load()


@cache
def _setters(kind: Any) -> tuple[Any, ...]:
    return tuple(getattr(kind, name).__set__ for name in _names(kind))


def _restored(kind: type, *values: object) -> Any:
    """An object with these values in its fields; its class checked them when it was made the first time."""
    made: Any = object.__new__(kind)
    for put, value in zip(_setters(kind), values, strict=True):
        put(made, value)
    return made


def _packed(parts: dict[str, Any]) -> Packed:
    return Packed(parts)


OURS: Mapping[tuple[str, str], Any] = MappingProxyType({(__name__, f.__name__): f for f in (_restored, _packed)})
