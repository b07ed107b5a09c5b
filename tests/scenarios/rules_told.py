"""What rules and alerts have told, and the ways a document comes in: by program, by page, by file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from sqlalchemy import select

from runtime.importing import import_file
from runtime.importing_mapping import Cell, FileMapping
from runtime.schedule import tick
from tests.scenarios.works import Works


def told(works: Works, origin: str, kind: str = "") -> list[tuple[str, str]]:
    """To whom (log-in name or address) and what in Chinese, in order; ``kind``: by this channel only."""
    system = works.app.tables.system
    outbox, account = system.outbox, system.account
    query = select(outbox.c.kind, account.c.name, outbox.c.address, outbox.c.text_zh)
    query = query.outerjoin(account, account.c.id == outbox.c.account).where(outbox.c.origin == origin)
    with works.app.database.read() as connection:
        rows = connection.execute(query.order_by(outbox.c.id)).all()
    return [(row.name or row.address, row.text_zh) for row in rows if not kind or row.kind == kind]


def ticked(works: Works, day: str, hour: int = 9) -> None:
    """The clockwork at a day and an hour of Shanghai."""
    works.day(day, hour)
    with works.acting() as ctx:
        tick(ctx)


def come_in(works: Works, entity: str, rows: list[Mapping[str, str]], *then: str) -> list[int]:
    """Records from a file whose headings are the field paths, each taken on by transitions."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    cells = {name: Cell(column=name) for name in rows[0]}
    mapping = FileMapping(entity=entity, cells=cells, then=then, match="code" if "code" in rows[0] else "")
    with works.acting() as ctx:
        report = import_file(ctx, entity, out.getvalue().encode("utf-8-sig"), "file.csv", mapping)
    assert (report.faults, report.written) == ([], True)
    table = works.app.tables.entity[entity]
    with works.app.database.read() as connection:
        return list(connection.execute(select(table.c.id).order_by(table.c.id.desc()).limit(len(rows))).scalars())
