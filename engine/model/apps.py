"""Entities and the application that holds them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.expressions.tree import Expr
from engine.model.fields import Check, Field, Measured, Measuring, Numbering, Progress
from engine.model.figures import Card, Dashboard, Report
from engine.model.flows import Allot, Copy, Explode, Posting, Source, Traced, Workflow
from engine.model.ledgers import Guard, Ledger
from engine.model.plans import Plan, Structure
from engine.model.roles import Role
from engine.model.rules import Alert, PluginChoice, Rule
from engine.model.stations import Station
from engine.model.views import FirstStep, Form, MenuGroup, Opening, Print, View
from engine.model.words import Origin, Text, nothing


class EntityKind(StrEnum):
    MASTER = "master"
    DOCUMENT = "document"
    LINES = "lines"  # rows of a lines field; id "owner.field"
    SETTING = "setting"  # exactly one record
    SYSTEM = "system"  # kept by the runtime (audit, task …), read only


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A table of the app. ``explode``: for a lines entity filled from a structure (on its owner)."""

    id: str
    kind: EntityKind
    label: Text
    fields: Mapping[str, Field]
    parent: str = ""
    parent_field: str = ""
    icon: str = ""
    group: str = ""
    tree: bool = False
    tree_field: str = ""  # the reference to the record above, where ``tree``
    title: tuple[str, ...] = ("code", "name")
    search: tuple[str, ...] = ()
    unique: Mapping[str, tuple[str, ...]] = field(default_factory=nothing)  # type: ignore[arg-type]
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=nothing)  # type: ignore[arg-type]
    number: Numbering | None = None
    checks: tuple[Check, ...] = ()
    progress: Mapping[str, Progress] = field(default_factory=nothing)  # type: ignore[arg-type]
    workflow: Workflow | None = None
    sources: Mapping[str, Source] = field(default_factory=nothing)  # type: ignore[arg-type]
    postings: Mapping[str, tuple[Posting, ...]] = field(default_factory=nothing)  # type: ignore[arg-type]
    explode: Explode | None = None
    copy: Copy | None = None
    traced: Traced | None = None
    allot: Allot | None = None
    form: Form | None = None
    views: Mapping[str, View] = field(default_factory=nothing)  # type: ignore[arg-type]
    measured: Measured | None = None
    measuring: Measuring | None = None
    retain: Expr | None = None  # the day before which a record is kept, whoever wants it gone
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppModel:
    """A whole application, checked and resolved. ``hash``: of all it was made from."""

    id: str
    version: str
    title: Text
    description: Text | None
    icon: str = ""
    currency: str
    currency_scale: int
    timezone: str
    members: str  # entity of the people who log in
    departments: str  # entity of departments, or ""
    secrecy: Mapping[str, Text]
    entities: Mapping[str, Entity]
    ledgers: Mapping[str, Ledger]
    guards: tuple[Guard, ...]
    structures: Mapping[str, Structure]
    plans: Mapping[str, Plan]
    roles: Mapping[str, Role]
    cards: Mapping[str, Card]
    reports: Mapping[str, Report]
    dashboards: Mapping[str, Dashboard]
    prints: Mapping[str, Print]
    menu: tuple[MenuGroup, ...]
    openings: Mapping[str, Opening]
    demo: Mapping[str, str]
    order: tuple[tuple[str, str], ...]  # stored computed fields (entity, field) in dependency order
    rules: Mapping[str, Rule] = field(default_factory=nothing)  # type: ignore[arg-type]
    alerts: Mapping[str, Alert] = field(default_factory=nothing)  # type: ignore[arg-type]
    stations: Mapping[str, Station] = field(default_factory=nothing)  # type: ignore[arg-type]
    first_steps: Mapping[str, FirstStep] = field(default_factory=nothing)  # type: ignore[arg-type]
    plugins: Mapping[str, PluginChoice] = field(default_factory=nothing)  # type: ignore[arg-type]
    hash: str = ""
