"""The workbench of one compilation: drafts of entities and fields, and what is known about each name.

Types of formulas are inferred when first asked for; a formula that asks for itself is a cycle, told as a path.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.compile.part import Part
from engine.expressions.scope import FieldInfo, LedgerInfo, Reverse
from engine.expressions.tree import Expr
from engine.expressions.types import INTEGER, MOMENT, Kind
from engine.model import EntityKind
from engine.problems import Problems

RESERVED = frozenset(keyword.kwlist) | {
    *("id", "version", "parent", "this", "user", "settings", "before", "wanted", "period", "position"),
    *("created_at", "created_by", "changed_at", "changed_by", "deleted_at", "search_key"),
}

SYSTEM_FIELDS: Mapping[str, FieldInfo] = {
    "created_at": FieldInfo(type=MOMENT),
    "changed_at": FieldInfo(type=MOMENT),
}
LINE_FIELDS: Mapping[str, FieldInfo] = {"position": FieldInfo(type=INTEGER)}


@dataclass(slots=True)
class FieldDraft:
    """A field before it is compiled. ``type``: written or inferred; ``info``: filled when first asked for."""

    id: str
    entity: str
    part: Part
    standard: bool = False
    type: str = ""
    lines: str = ""
    info: FieldInfo | None = None
    formula: Expr | None = None
    asked: bool = False

    @property
    def key(self) -> str:
        """``entity.field`` as people read it."""
        return f"{self.entity}.{self.id}"


@dataclass(slots=True)
class EntityDraft:
    """An entity before it is compiled."""

    id: str
    kind: EntityKind
    part: Part
    parent: str = ""
    parent_field: str = ""
    fields: dict[str, FieldDraft] = field(default_factory=dict)
    reverses: dict[str, Reverse] = field(default_factory=dict)


@dataclass(slots=True)
class Bench:
    """Everything one compilation knows."""

    root: Part
    problems: Problems
    aliases: Mapping[tuple[str, str], str]
    infer: Callable[[Bench, FieldDraft], FieldInfo]
    money_scale: int = 2
    members: str = ""
    departments: str = ""
    entities: dict[str, EntityDraft] = field(default_factory=dict)
    ledgers: dict[str, LedgerInfo] = field(default_factory=dict)
    rows: dict[str, dict[str, FieldInfo]] = field(default_factory=dict)
    row_items: dict[str, str] = field(default_factory=dict)
    asking: list[FieldDraft] = field(default_factory=list)
    targets: dict[str, None] = field(default_factory=dict)
    stumbled: bool = False  # a field was asked for whose own problem was told already

    def draft(self, entity: str, name: str) -> FieldDraft | None:
        """The field of an entity, by its id or the one it had before a rename."""
        found = self.entities.get(entity)
        if found is None:
            return None
        return found.fields.get(name) or found.fields.get(self.aliases.get((entity, name), ""))

    def info(self, entity: str, name: str) -> FieldInfo | None:
        """What an expression may know about a name of an entity (or of ``ledger.<id>``, ``plan.<id>``)."""
        rows = self.rows.get(entity)
        if rows is not None:
            if name in rows:
                return rows[name]
            return self.info(self.row_items[entity], name) if entity in self.row_items else None
        draft = self.draft(entity, name)
        if draft is not None:
            info = self.ask(draft)
            unknown = info.type.kind is Kind.REFERENCE and not info.type.targets
            self.stumbled = self.stumbled or unknown or info.type.kind is Kind.EMPTY
            return info
        if entity not in self.entities:
            return None
        return SYSTEM_FIELDS.get(name) or (LINE_FIELDS.get(name) if self.entities[entity].parent else None)

    def ask(self, draft: FieldDraft) -> FieldInfo:
        """What is known about a field; infers it the first time."""
        return draft.info if draft.info is not None else self.infer(self, draft)

    def names(self, entity: str) -> list[str]:
        """All names of an entity."""
        if entity in self.rows:
            own = list(self.rows[entity])
            return own + (self.names(self.row_items[entity]) if entity in self.row_items else [])
        found = self.entities.get(entity)
        return [*found.fields, *found.reverses] if found else []
