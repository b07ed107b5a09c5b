"""What an expression may name: the questions the parser asks, answered by whoever knows the app.

Answers come lazily, one name at a time, so a scope may infer the type of another formula while it is asked.
This module holds no rules; it only gives the questions and the shapes of the answers.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from engine.expressions.types import Type

NOTHING: Mapping[str, FieldInfo] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldInfo:
    """A field as an expression sees it.

    ``type``: of its value; a many reference has ``type.many``. ``lines``: entity of the rows of a lines field (its
    ``type`` is then not read). ``unit_field`` / ``of_field`` (a quantity): field of the same entity with its unit, and
    the one with the thing counted (``this`` = the record itself). ``per_field`` (a price): field with the unit it is
    per, "" = per base unit; ``of_field`` as above (the ``of`` of the quantity that shares the unit field).
    ``base_unit``: the unit field named is the base unit of the thing itself, so nothing is ever converted.
    """

    type: Type
    secrecy: frozenset[str] = frozenset()
    live: bool = False
    lines: str = ""
    unit_field: str = ""
    of_field: str = ""
    per_field: str = ""
    base_unit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerInfo:
    """A ledger: dimensions, figures (resources and measures; their types) and kinds of move."""

    dimensions: Mapping[str, Type]
    figures: Mapping[str, FieldInfo]
    kinds: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse:
    """A reverse name: rows of ``entity`` whose reference ``by`` names the record."""

    entity: str
    by: str


class Scope(Protocol):
    """What bare names stand for in one expression. An entity id may also be ``ledger.<id>``: its fields are the
    dimensions and resources of the ledger's rows.

    ``root_entity``: the entity of bare names ("" = none). ``this_entity``: of ``this`` (mostly the same).
    ``given``: the entity of the rows that aggregates without a set run over (``count()``, ``sum(qty)`` in cards,
    reports and measures), "" where there are none. ``names``: further roots. A plain name (``wanted``) or a dotted
    one (``period.start``, ``reserved.qty``) is a value; a name whose type is a reference is a record one may go on from
    (``before.cost``). ``user_entity``: the entity of members ("" = none). ``money_scale``: decimals of the currency.
    """

    @property
    def root_entity(self) -> str: ...
    @property
    def this_entity(self) -> str: ...
    @property
    def given(self) -> str: ...
    @property
    def names(self) -> Mapping[str, Type]: ...
    @property
    def user_entity(self) -> str: ...
    @property
    def money_scale(self) -> int: ...

    def field(self, entity: str, name: str) -> FieldInfo | None:
        """The field ``name`` of ``entity``; standard fields (``created_at`` …) included, ``parent`` not."""
        ...

    def fields(self, entity: str) -> Collection[str]:
        """All names of fields and reverse names of ``entity``, for "did you mean"."""
        ...

    def parent(self, entity: str) -> str:
        """The owner's entity for a lines entity, else ""."""
        ...

    def reverse(self, entity: str, name: str) -> Reverse | None:
        """What the reverse name ``name`` of ``entity`` stands for."""
        ...

    def entities(self) -> Collection[str]:
        """Ids of all entities (``owner.field`` for lines)."""
        ...

    def setting(self, name: str) -> bool:
        """Whether ``name`` is a setting entity."""
        ...

    def ledger(self, name: str) -> LedgerInfo | None:
        """The ledger ``name``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainScope:
    """A scope of given values only: plain names and their types (tests, previews, settings of plug-ins)."""

    names: Mapping[str, Type] = field(default_factory=lambda: MappingProxyType({}))
    money_scale: int = 2
    root_entity: str = ""
    this_entity: str = ""
    given: str = ""
    user_entity: str = ""

    def field(self, entity: str, name: str) -> FieldInfo | None:
        """No entity, no field."""
        return None

    def fields(self, entity: str) -> Collection[str]:
        """No entity, no field."""
        return ()

    def parent(self, entity: str) -> str:
        """No entity, no owner."""
        return ""

    def reverse(self, entity: str, name: str) -> Reverse | None:
        """No entity, no reverse name."""
        return None

    def entities(self) -> Collection[str]:
        """None."""
        return ()

    def setting(self, name: str) -> bool:
        """None."""
        return False

    def ledger(self, name: str) -> LedgerInfo | None:
        """None."""
        return None
