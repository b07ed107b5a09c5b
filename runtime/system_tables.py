"""The tables every app has beside its own: accounts, audit trail, files, tasks, versions. Their names start ``dg_``."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    true,
)

from runtime.columns import Id, Moment, text_column
from runtime.delivery_tables import delivery_tables
from runtime.import_tables import import_tables
from runtime.plugin_tables import plugin_tables
from runtime.rules_tables import rule_tables
from runtime.sync_tables import sync_tables

PREFIX = "dg_"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemTables:
    """The tables by name; ``tables.system.audit`` is ``dg_audit``."""

    account: Table
    account_role: Table
    token: Table
    audit: Table
    file: Table
    file_content: Table
    serial: Table
    idempotency: Table
    task: Table
    substitute: Table
    inbox: Table
    comment: Table
    saved_view: Table
    app_version: Table
    flow: Table
    lost: Table
    lost_value: Table
    period: Table
    mapping: Table
    imported: Table
    import_record: Table
    not_taken_in: Table
    app_state: Table
    channel: Table
    outbox: Table
    push: Table
    reminder: Table
    holiday: Table
    rule_run: Table
    rule_state: Table
    rule_switch: Table
    alert: Table
    plugin: Table
    plugin_run: Table

    def all(self) -> tuple[Table, ...]:
        """Every system table, those that others point at first."""
        return tuple(getattr(self, f.name) for f in fields(self))


def system_tables(metadata: MetaData) -> SystemTables:
    """Define the system tables in ``metadata``."""
    return SystemTables(
        **_people(metadata),
        **_trail(metadata),
        **_files(metadata),
        **_work(metadata),
        **import_tables(metadata),
        **sync_tables(metadata),
        **_versions(metadata),
        **delivery_tables(metadata),
        **rule_tables(metadata),
        **plugin_tables(metadata),
    )


def _key() -> Column[int]:
    return Column("id", Id, primary_key=True)


def _of_account() -> Column[int]:
    return Column("account", Id, ForeignKey("dg_account.id", ondelete="CASCADE"), nullable=False)


def _people(metadata: MetaData) -> dict[str, Table]:
    return {
        "account": Table(
            "dg_account",
            metadata,
            _key(),
            Column("name", Text, nullable=False, unique=True),
            text_column("password_hash"),
            Column("member", Id),
            text_column("language", "zh"),
            text_column("theme"),
            text_column("prefs", "{}"),
            Column("active", Boolean, nullable=False, default=True),
            Column("failed_count", Integer, nullable=False, default=0),
            Column("locked_until", Moment),
            Column("created_at", Moment, nullable=False),
        ),
        "account_role": Table(
            "dg_account_role", metadata, _of_account(), text_column("role"), PrimaryKeyConstraint("account", "role")
        ),
        "token": Table(
            "dg_token",
            metadata,
            _key(),
            _of_account(),
            text_column("name"),
            Column("hash", Text, nullable=False, unique=True),
            Column("created_at", Moment, nullable=False),
            Column("last_used_at", Moment),
            Column("expires_at", Moment),
            Column("revoked", Boolean, nullable=False, default=False),
        ),
    }


def _trail(metadata: MetaData) -> dict[str, Table]:
    audit = Table(
        "dg_audit",
        metadata,
        _key(),
        Column("at", Moment, nullable=False),
        Column("made_at", Moment),  # when it was entered on a device without a connection
        Column("account", Id),
        Column("member", Id),
        text_column("source"),
        text_column("entity"),
        Column("record", Id),
        Column("version", Integer),
        text_column("kind"),
        text_column("transition"),
        text_column("changes", "{}"),
        text_column("note"),
        Index("ix_dg_audit_record", "entity", "record", "id"),
    )
    comment = Table(
        "dg_comment",
        metadata,
        _key(),
        text_column("entity"),
        Column("record", Id, nullable=False),
        Column("account", Id),
        Column("at", Moment, nullable=False),
        text_column("text"),
        Index("ix_dg_comment_record", "entity", "record", "id"),
    )
    return {"audit": audit, "comment": comment}


def _files(metadata: MetaData) -> dict[str, Table]:
    file = Table(
        "dg_file",
        metadata,
        _key(),
        text_column("name"),
        text_column("media_type"),
        Column("size", Id, nullable=False),
        text_column("sha256"),
        text_column("entity"),
        Column("record", Id),
        text_column("field"),
        Column("account", Id),
        Column("created_at", Moment, nullable=False),
        Index("ix_dg_file_record", "entity", "record"),
    )
    content = Table(
        "dg_file_content",
        metadata,
        Column("file", Id, ForeignKey("dg_file.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
        Column("content", LargeBinary, nullable=False),
    )
    return {"file": file, "file_content": content}


def _work(metadata: MetaData) -> dict[str, Table]:
    return {
        "serial": Table(
            "dg_serial", metadata, Column("key", Text, primary_key=True), Column("value", Id, nullable=False)
        ),
        "idempotency": Table(
            "dg_idempotency",
            metadata,
            Column("account", Id, nullable=False),
            Column("key", Text, nullable=False),
            text_column("request_hash"),
            Column("status", Integer),
            Column("response", Text),
            Column("at", Moment, nullable=False),
            PrimaryKeyConstraint("account", "key"),
            Index("ix_dg_idempotency_at", "at"),
        ),
        "task": _tasks(metadata),
        "substitute": _substitutes(metadata),
        "inbox": _inbox(metadata),
        "saved_view": Table(
            "dg_saved_view",
            metadata,
            _key(),
            Column("account", Id),
            text_column("entity"),
            text_column("name"),
            text_column("query", "{}"),
            Column("shared", Boolean, nullable=False, default=False),
            Index("ix_dg_saved_view_entity", "entity"),
        ),
        "mapping": Table(
            "dg_mapping",
            metadata,
            _key(),
            text_column("entity"),
            text_column("name"),
            text_column("definition"),
            UniqueConstraint("entity", "name"),
        ),
    }


def _tasks(metadata: MetaData) -> Table:
    return Table(
        "dg_task",
        metadata,
        _key(),
        text_column("entity"),
        Column("record", Id, nullable=False),
        text_column("state"),
        text_column("step"),
        Column("stage", Integer, nullable=False, default=0),
        Column("account", Id),
        text_column("role"),
        Column("member", Id),
        Column("opened_at", Moment, nullable=False),
        Column("decided_at", Moment),
        Column("decided_by", Id),
        text_column("decision"),
        text_column("note"),
        Column("round", Integer, nullable=False, server_default="0"),  # counts how often the document came here
        Column("awake", Boolean, nullable=False, server_default=true()),  # asleep: another has to say it first
        Column("waits_for", Id),
        Column("then_stage", Integer),  # the stage to go back to at once
        text_column("mark"),
        Column("asked_by", Id),
        Column("added_by", Id),
        Column("on_behalf", Id),
        Column("urged_at", Moment),
        Index("ix_dg_task_record", "entity", "record", "id"),
        Index("ix_dg_task_asked", "asked_by", "id"),
        Index("ix_dg_task_decided", "decided_by", "id"),
        Index("ix_dg_task_member", "member", "decided_at"),
        Index("ix_dg_task_role", "role", "decided_at"),
    )


def _substitutes(metadata: MetaData) -> Table:
    """Who acts for whom, from one day through another."""
    return Table(
        "dg_substitute",
        metadata,
        _key(),
        _of_account(),
        Column("deputy", Id, nullable=False),
        Column("since", Date, nullable=False),
        Column("until", Date, nullable=False),
        text_column("flow"),  # the only entity it holds for, a row each; empty: whatever waits
        Index("ix_dg_substitute_deputy", "deputy", "until"),
    )


def _inbox(metadata: MetaData) -> Table:
    return Table(
        "dg_inbox",
        metadata,
        _key(),
        _of_account(),
        text_column("kind"),
        text_column("entity"),
        Column("record", Id, nullable=False),
        text_column("words", "{}"),
        Column("at", Moment, nullable=False),
        Column("acknowledged_at", Moment),
        Index("ix_dg_inbox_account", "account", "id"),
        Index("ix_dg_inbox_record", "entity", "record"),
    )


def _versions(metadata: MetaData) -> dict[str, Table]:
    version = Table(
        "dg_app_version",
        metadata,
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("at", Moment, nullable=False),
        Column("account", Id),
        text_column("note"),
        text_column("base"),
        text_column("base_version"),
        text_column("layer"),
        text_column("files", "{}"),
        text_column("hash"),
        text_column("steps", "[]"),
    )
    flow = Table(  # documents under way that finish by the flow of an earlier version
        "dg_flow",
        metadata,
        text_column("entity"),
        Column("record", Id, nullable=False),
        Column("version", Integer, nullable=False),
        PrimaryKeyConstraint("entity", "record"),
    )
    lost = Table(
        "dg_lost",
        metadata,
        _key(),
        Column("version", Integer, nullable=False),
        Column("at", Moment, nullable=False),
        text_column("kind"),
        text_column("entity"),
        text_column("field"),
        text_column("kept_as"),
        text_column("shape"),
        Column("rows", Id, nullable=False, default=0),
        Column("restored_at", Moment),
    )
    value = Table(
        "dg_lost_value",
        metadata,
        Column("lost", Id, ForeignKey("dg_lost.id", ondelete="CASCADE"), nullable=False),
        Column("record", Id, nullable=False),
        text_column("value"),
        PrimaryKeyConstraint("lost", "record"),
    )
    period = Table(
        "dg_period", metadata, Column("ledger", Text, primary_key=True), Column("closed_through", Date, nullable=False)
    )
    state = Table("dg_app_state", metadata, Column("key", Text, primary_key=True), text_column("value"))
    return {
        "app_version": version,
        "flow": flow,
        "lost": lost,
        "lost_value": value,
        "period": period,
        "app_state": state,
    }
