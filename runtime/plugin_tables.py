"""The tables of plug-ins: which are on with which settings, and what they were started for."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, MetaData, Table, Text

from runtime.columns import Id, Moment


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def plugin_tables(metadata: MetaData) -> dict[str, Table]:
    """Define them in ``metadata``. ``next_at`` of a run: when it may be taken (again); none once it has ended."""
    chosen = Table(
        "dg_plugin",
        metadata,
        Column("plugin", Text, primary_key=True),
        Column("enabled", Boolean, nullable=False, default=False),
        Column("settings", Text),
        _text("secrets", "{}"),
        Column("at", Moment, nullable=False),
        Column("account", Id),
    )
    run = Table(
        "dg_plugin_run",
        metadata,
        Column("id", Id, primary_key=True),
        Column("key", Text, nullable=False, unique=True),
        _text("plugin"),
        _text("act"),
        _text("given", "{}"),
        _text("state"),
        _text("rule"),
        _text("action"),
        _text("entity"),
        Column("record", Id, nullable=False, default=0),
        _text("chain", "[]"),
        Column("account", Id),
        Column("made_at", Moment, nullable=False),
        Column("next_at", Moment),
        Column("attempts", Integer, nullable=False, default=0),
        Column("ended_at", Moment),
        Column("micros", Integer, nullable=False, default=0),
        Column("done", Integer, nullable=False, default=0),
        Column("total", Integer, nullable=False, default=0),
        _text("details", "{}"),
        _text("error"),
        Index("ix_dg_plugin_run_due", "next_at"),
        Index("ix_dg_plugin_run_plugin", "plugin", "id"),
    )
    return {"plugin": chosen, "plugin_run": run}
