"""The table of entries made offline that were not taken in: kept until somebody redoes or discards them."""

from __future__ import annotations

from sqlalchemy import Column, Index, MetaData, Table, Text, UniqueConstraint

from runtime.columns import Id, Moment, text_column


def sync_tables(metadata: MetaData) -> dict[str, Table]:
    """Define it in ``metadata``. ``entry``: what was sent; ``fate``: why it was not taken in; ``waits_for``: the key of
    the entry it stands on; ``settled``: what became of it ("": open)."""
    kept = Table(
        "dg_not_taken_in",
        metadata,
        Column("id", Id, primary_key=True),
        Column("account", Id, nullable=False),
        Column("key", Text, nullable=False),
        Column("hash", Text, nullable=False),
        Column("made_at", Moment),
        Column("came_at", Moment, nullable=False),
        Column("entry", Text, nullable=False),
        Column("fate", Text, nullable=False),
        text_column("waits_for"),
        text_column("settled"),
        Column("settled_at", Moment),
        Column("settled_by", Id),
        UniqueConstraint("account", "key", "hash"),
        Index("ix_dg_not_taken_in_open", "settled", "account", "id"),
    )
    return {"not_taken_in": kept}
