"""A running app: its model, its tables, its database, and what was compiled from them."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.model import AppModel
from runtime.database import Database
from runtime.programs import Programs
from runtime.tables import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningApp:
    """One version of an app, open. ``language``: that of people without a preference. ``version``: its number."""

    name: str
    model: AppModel
    tables: Tables
    database: Database
    language: str = "zh"
    version: int = 1
    programs: Programs = field(default_factory=Programs, compare=False, repr=False)
