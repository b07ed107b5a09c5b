"""The tables of what was imported: each import, and the records that came of it, so that it can be undone."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from runtime.columns import Id, Moment, text_column


def import_tables(metadata: MetaData) -> dict[str, Table]:
    """Define them in ``metadata``. ``before``, ``came``: a record's versions around the import; 0 before: it is new."""
    taken = Table(
        "dg_import",
        metadata,
        Column("id", Id, primary_key=True),
        Column("at", Moment, nullable=False),
        Column("account", Id),
        text_column("entity"),
        text_column("file"),
        text_column("mapping"),
        Column("rows", Integer, nullable=False, default=0),
        Column("created", Integer, nullable=False, default=0),
        Column("updated", Integer, nullable=False, default=0),
        Column("left_out", Integer, nullable=False, default=0),
        Column("undone_at", Moment),
        Column("undone_by", Id),
    )
    record = Table(
        "dg_import_record",
        metadata,
        Column("import", Id, ForeignKey("dg_import.id", ondelete="CASCADE"), nullable=False),
        Column("entity", Text, nullable=False),
        Column("record", Id, nullable=False),
        Column("before", Integer, nullable=False),
        Column("came", Integer, nullable=False),
        Column("undone", Boolean, nullable=False, default=False),
        PrimaryKeyConstraint("import", "entity", "record"),
    )
    return {"imported": taken, "import_record": record}
