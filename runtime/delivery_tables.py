"""The tables of what leaves the app or comes due: outbox, channels, push subscriptions, reminders, holidays."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

from runtime.columns import Id, Moment, text_column

SORTED = Text().with_variant(Text(collation="C"), "postgresql")
"""A key whose prefix is a range of the index, whatever the database's language is."""


def delivery_tables(metadata: MetaData) -> dict[str, Table]:
    """The tables by name."""
    return {
        "channel": _channel(metadata),
        "outbox": _outbox(metadata),
        "push": _push(metadata),
        "reminder": _reminder(metadata),
        "holiday": Table(
            "dg_holiday",
            metadata,
            Column("day", Date, primary_key=True),
            Column("works", Boolean, nullable=False),
            text_column("name"),
        ),
    }


def _channel(metadata: MetaData) -> Table:
    """``secrets`` stands apart from ``config`` so that no list ever selects it by accident."""
    return Table(
        "dg_channel",
        metadata,
        Column("id", Id, primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        text_column("kind"),
        text_column("config", "{}"),
        text_column("secrets", "{}"),
        Column("active", Boolean, nullable=False, default=True),
        text_column("off_reason"),
        Column("tokens", Float, nullable=False, default=0.0),
        Column("filled_at", Moment),
        Column("changed_at", Moment),
    )


def _outbox(metadata: MetaData) -> Table:
    """``next_at``: when somebody should look at it again; empty once nothing is to be done."""
    return Table(
        "dg_outbox",
        metadata,
        Column("id", Id, primary_key=True),
        Column("key", Text, nullable=False, unique=True),
        text_column("kind"),
        Column("account", Id),
        text_column("address"),
        text_column("language", "zh"),
        text_column("title_zh"),
        text_column("title_en"),
        text_column("text_zh"),
        text_column("text_en"),
        text_column("entity"),
        Column("record", Id, nullable=False, default=0),
        text_column("origin"),
        text_column("body", "{}"),
        text_column("state"),
        text_column("bundle"),  # rows that were put off together leave as one letter
        Column("attempts", Integer, nullable=False, default=0),
        Column("next_at", Moment),
        text_column("error"),
        Column("made_at", Moment, nullable=False),
        Column("sent_at", Moment),
        Index("ix_dg_outbox_next", "next_at", "id"),
        Index("ix_dg_outbox_state", "state", "id"),
        Index("ix_dg_outbox_record", "entity", "record"),
        Index("ix_dg_outbox_made", "made_at"),
    )


def _push(metadata: MetaData) -> Table:
    return Table(
        "dg_push",
        metadata,
        Column("id", Id, primary_key=True),
        Column("account", Id, ForeignKey("dg_account.id", ondelete="CASCADE"), nullable=False),
        Column("endpoint", Text, nullable=False, unique=True),
        text_column("keys", "{}"),
        text_column("device"),
        Column("made_at", Moment, nullable=False),
        Index("ix_dg_push_account", "account"),
    )


def _reminder(metadata: MetaData) -> Table:
    """``due`` is empty once it was handled; ``handled_due`` then says for which moment, so that it never is again."""
    return Table(
        "dg_reminder",
        metadata,
        Column("id", Id, primary_key=True),
        Column("key", SORTED, nullable=False, unique=True),
        Column("due", Moment),
        text_column("handler"),
        text_column("subject", "{}"),
        text_column("catch_up", "late"),
        Column("handled_due", Moment),
        Column("handled_at", Moment),
        Column("attempts", Integer, nullable=False, default=0),
        text_column("error"),
        Index("ix_dg_reminder_due", "due", "id"),
        Index("ix_dg_reminder_handled", "handled_at"),
    )
