"""The tables of rules and alerts: what ran, what is armed, what is switched off, what is open."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from runtime.columns import Id, Moment, text_column


def rule_tables(metadata: MetaData) -> dict[str, Table]:
    """Define them in ``metadata``."""
    run = Table(
        "dg_rule_run",
        metadata,
        Column("id", Id, primary_key=True),
        Column("at", Moment, nullable=False),
        text_column("rule"),
        text_column("entity"),
        Column("record", Id),
        text_column("event"),
        text_column("result"),
        text_column("details", "{}"),
        Column("micros", Integer, nullable=False, default=0),
        Column("account", Id),
        text_column("source"),
        Index("ix_dg_rule_run_rule", "rule", "id"),
        Index("ix_dg_rule_run_record", "entity", "record", "id"),
    )
    armed = Table(
        "dg_rule_state",
        metadata,
        text_column("rule"),
        Column("record", Id, nullable=False),
        Column("since", Moment, nullable=False),
        PrimaryKeyConstraint("rule", "record"),
    )
    switch = Table(
        "dg_rule_switch",
        metadata,
        Column("rule", Text, primary_key=True),
        Column("off", Boolean, nullable=False, default=False),
        text_column("seen"),
        Column("at", Moment, nullable=False),
        Column("account", Id),
    )
    return {"rule_run": run, "rule_state": armed, "rule_switch": switch, "alert": _alerts(metadata)}


def _alerts(metadata: MetaData) -> Table:
    """``open_key`` is unique while an alert is open: one for each alert and record."""
    return Table(
        "dg_alert",
        metadata,
        Column("id", Id, primary_key=True),
        text_column("alert"),
        text_column("entity"),
        Column("record", Id, nullable=False),
        Column("open_key", Text, unique=True),
        text_column("level"),
        text_column("color"),
        text_column("text_zh"),
        text_column("text_en"),
        text_column("reads", "{}"),
        text_column("secrecy"),
        Column("opened_at", Moment, nullable=False),
        Column("refreshed_at", Moment, nullable=False),
        Column("told_at", Moment),
        Column("acknowledged_at", Moment),
        Column("acknowledged_by", Id),
        Column("snoozed_until", Moment),
        text_column("escalated"),
        Column("closed_at", Moment),
        text_column("closed_because"),
        Index("ix_dg_alert_record", "entity", "record", "id"),
        Index("ix_dg_alert_alert", "alert", "id"),
    )
