"""Stored formulas of other records: what follows from a write, through any depth, and nothing else."""

from __future__ import annotations

from typing import Any

from engine.model import Entity
from runtime.context import RunContext
from runtime.record_drafts import Batch

Row = dict[str, Any]


def propagate(batch: Batch) -> None:
    """x"""


def propagate_presence(ctx: RunContext, entity: Entity, row: Row) -> None:
    """x"""
