"""The tables of plug-ins: which are on with which settings, and what they were started for."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, Text

from runtime.columns import Id, Moment, text_column


def plugin_tables(metadata: MetaData) -> dict[str, Table]:
    """Define them in ``metadata``. ``next_at`` of a run: when it may be taken (again); none once it has ended."""
    chosen = Table(
        "dg_plugin",
        metadata,
        Column("plugin", Text, primary_key=True),
        Column("enabled", Boolean, nullable=False, default=False),
        Column("settings", Text),
        text_column("secrets", "{}"),
        Column("at", Moment, nullable=False),
        Column("account", Id),
    )
    run = Table(
        "dg_plugin_run",
        metadata,
        Column("id", Id, primary_key=True),
        Column("key", Text, nullable=False, unique=True),
        text_column("plugin"),
        text_column("act"),
        text_column("given", "{}"),
        text_column("state"),
        text_column("rule"),
        text_column("action"),
        text_column("entity"),
        Column("record", Id, nullable=False, default=0),
        text_column("chain", "[]"),
        Column("account", Id),
        Column("made_at", Moment, nullable=False),
        Column("next_at", Moment),
        Column("attempts", Integer, nullable=False, default=0),
        Column("ended_at", Moment),
        Column("micros", Integer, nullable=False, default=0),
        Column("done", Integer, nullable=False, default=0),
        Column("total", Integer, nullable=False, default=0),
        text_column("details", "{}"),
        text_column("error"),
        Index("ix_dg_plugin_run_due", "next_at"),
        Index("ix_dg_plugin_run_plugin", "plugin", "id"),
    )
    return {"plugin": chosen, "plugin_run": run}
