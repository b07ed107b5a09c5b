"""Postings: what a transition writes into ledgers."""

from __future__ import annotations

from engine.compile.bench import Bench, EntityDraft
from engine.frozen import Frozen
from engine.model import Posting


def compile_postings(bench: Bench, draft: EntityDraft) -> Frozen[str, tuple[Posting, ...]]:
    """Posting sets by id."""
    return Frozen({})
