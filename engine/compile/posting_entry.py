"""A posting on its way through the compiler."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.compile.bench import Bench, EntityDraft
from engine.compile.part import Part
from engine.compile.scope import AppScope
from engine.model import Explode


@dataclass(slots=True)
class Entry:
    """One posting on its way: where it stands and what it can name."""

    bench: Bench
    owner: EntityDraft
    id: str
    part: Part
    verb: str
    ledger: str
    each: str
    rows: str
    scope: AppScope
    explode: Explode | None = None
    earlier: dict[str, str] = field(default_factory=dict)

    @property
    def ledger_part(self) -> Part:
        ledgers = self.bench.root.part("ledgers")
        found = ledgers.part(self.ledger) if ledgers else None
        assert found is not None
        return found

    def problem(self, code: str, key: str, what: str, remedy: str) -> None:
        self.part.problem(code, key, what, remedy)
