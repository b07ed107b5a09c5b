"""Who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.expressions.tree import Expr
from engine.model.words import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRule:
    """Which rows a role sees of ``entities`` (``ledger.<id>`` for ledgers)."""

    id: str
    entities: tuple[str, ...]
    where: Mapping[str, Expr]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """``can``: entity id (or ``all``) → actions (``read create change delete print export all``, own names).
    ``fields``: entity → field → ``hidden`` / ``read``. ``sees``: secrecy tags."""

    id: str
    label: Text
    sees: frozenset[str]
    can: Mapping[str, frozenset[str]]
    fields: Mapping[str, Mapping[str, str]]
    rows: tuple[RowRule, ...]
