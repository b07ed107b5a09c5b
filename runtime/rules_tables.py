"""The tables of rules and alerts: what ran, what is armed, what is switched off, what is open."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from runtime.columns import Id, Moment


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def rule_tables(metadata: MetaData) -> dict[str, Table]:
    """Define them in ``metadata``."""
    run = Table(
        "dg_rule_run",
        metadata,
        Column("id", Id, primary_key=True),
        Column("at", Moment, nullable=False),
        _text("rule"),
        _text("entity"),
        Column("record", Id),
        _text("event"),
        _text("result"),
        _text("details", "{}"),
        Column("micros", Integer, nullable=False, default=0),
        Column("account", Id),
        _text("source"),
        Index("ix_dg_rule_run_rule", "rule", "id"),
        Index("ix_dg_rule_run_record", "entity", "record", "id"),
    )
    armed = Table(
        "dg_rule_state",
        metadata,
        _text("rule"),
        Column("record", Id, nullable=False),
        Column("since", Moment, nullable=False),
        PrimaryKeyConstraint("rule", "record"),
    )
    switch = Table(
        "dg_rule_switch",
        metadata,
        Column("rule", Text, primary_key=True),
        Column("off", Boolean, nullable=False, default=False),
        _text("seen"),
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
        _text("alert"),
        _text("entity"),
        Column("record", Id, nullable=False),
        Column("open_key", Text, unique=True),
        _text("level"),
        _text("color"),
        _text("text_zh"),
        _text("text_en"),
        _text("reads", "{}"),
        _text("secrecy"),
        Column("opened_at", Moment, nullable=False),
        Column("refreshed_at", Moment, nullable=False),
        Column("told_at", Moment),
        Column("acknowledged_at", Moment),
        Column("acknowledged_by", Id),
        Column("snoozed_until", Moment),
        _text("escalated"),
        Column("closed_at", Moment),
        _text("closed_because"),
        Index("ix_dg_alert_record", "entity", "record", "id"),
        Index("ix_dg_alert_alert", "alert", "id"),
    )
