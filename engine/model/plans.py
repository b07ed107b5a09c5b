"""What things are made of, and how demand is netted against supply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.expressions.tree import Expr
from engine.model.words import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """A "made of" relation. Expressions stand on a component line (``parent`` = its header)."""

    id: str
    label: Text
    entity: str
    makes: str
    lines: str
    uses: str
    need: Expr
    fixed: Expr | None
    step: Expr | None
    where: Expr | None
    valid_from: str
    valid_to: str
    through: Expr | None
    instead: str
    loss: str = ""
    also_lines: str = ""
    also_item: str = ""
    also_quantity: str = ""
    also_share: str = ""
    bought_cost: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFlow:
    """A demand or a supply: rows of an entity, or (``ledger``) what is there now."""

    id: str
    label: Text
    entity: str
    ledger: str
    where: Expr | None
    item: Expr | None
    quantity: Expr
    date: Expr | None
    place: Expr | None
    reserves: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggest:
    """What a planned order becomes: a document of ``draw`` with header ``fill`` and, into ``lines``, ``lines_fill``.

    Expressions stand on the plan row: fields ``item qty need_date order_date place`` and those of the item."""

    id: str
    label: Text
    condition: Expr | None
    draw: str
    lines: str
    fill: Mapping[str, Expr]
    lines_fill: Mapping[str, Expr]
    group: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    id: str
    label: Text
    structure: str
    entity: str
    where: Expr | None
    demands: Mapping[str, PlanFlow]
    supplies: Mapping[str, PlanFlow]
    keep: Expr | None
    minimum: Expr | None
    multiple: Expr | None
    order_point: Expr | None
    target: Expr | None
    group_days: int
    lead_time: Expr | None
    horizon_days: int
    suggest: Mapping[str, Suggest]
    per_place: bool = False
