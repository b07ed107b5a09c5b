"""What a transition asks for, checked against what was given: note, photo, scan, signature, file, fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam, select, update

from engine.model import Demand, Entity, Transition
from runtime.accounts import account_names
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.messages import fault, say
from runtime.prepared import Statement, prepare_statement
from runtime.record_inputs import Workspace

Row = dict[str, Any]
MOST_FILES = 100
LONGEST_NOTE = 10_000


@dataclass(slots=True)
class Given:
    """What was given for one record: the note, files by kind, raw values of fields."""

    note: str = ""
    files: dict[str, list[int]] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=dict)


def check_demands(
    ctx: RunContext,
    at: Workspace,
    entity: Entity,
    transition: Transition,
    records: Sequence[Row],
    body: Mapping[str, object],
) -> list[Given]:
    """What was given for each record; raises ``Invalid`` naming everything that is missing."""
    faults: list[Fault] = []
    given = [_asked(ctx, at, entity, transition.demands, record, body, faults) for record in records]
    if faults:
        raise Invalid(*dict.fromkeys(faults))
    return given


def ask(
    ctx: RunContext,
    at: Workspace,
    entity: Entity,
    demands: Sequence[Demand],
    record: Row,
    body: Mapping[str, object],
) -> Given:
    """The same for demands of something else about one record (a step of its approval)."""
    faults: list[Fault] = []
    given = _asked(ctx, at, entity, demands, record, body, faults)
    if faults:
        raise Invalid(*dict.fromkeys(faults))
    return given


def _asked(
    ctx: RunContext,
    at: Workspace,
    entity: Entity,
    demands: Sequence[Demand],
    record: Row,
    body: Mapping[str, object],
    faults: list[Fault],
) -> Given:
    one = Given(note=_note(body))
    for demand in demands:
        faults.extend(KINDS[demand.kind](_Asking(ctx, at, entity, demand, record, body, one)))
    return one


@dataclass(frozen=True, slots=True)
class _Asking:
    ctx: RunContext
    at: Workspace
    entity: Entity
    demand: Demand
    record: Row
    body: Mapping[str, object]
    given: Given


def _note(body: Mapping[str, object]) -> str:
    note = body.get("note")
    return note.strip()[:LONGEST_NOTE] if isinstance(note, str) else ""


def _ask_note(asking: _Asking) -> list[Fault]:
    return [] if asking.given.note else [fault(asking.ctx, "demand_note_missing", "note")]


def _ask_scan(asking: _Asking) -> list[Fault]:
    scanned = asking.body.get("scan")
    if not isinstance(scanned, str) or not scanned.strip():
        return [fault(asking.ctx, "demand_scan_missing", "scan")]
    expr = asking.demand.expr
    if expr is None:
        return []
    expected = asking.at.evaluate(expr, [asking.record], None, asking.entity.id)[0]
    if expected is not None and scanned.strip() == str(expected).strip():
        return []
    return [fault(asking.ctx, "demand_scan_wrong", "scan", given=scanned.strip()[:60])]


def _ask_files(asking: _Asking) -> list[Fault]:
    """Files of the caller that hang on no record yet; each demand takes as many as it counts."""
    kind, ctx = asking.demand.kind, asking.ctx
    ids = _ids(asking.body.get(kind))
    if ids is None or len(ids) < asking.demand.count:
        return [fault(ctx, f"demand_{kind}_missing", kind, count=asking.demand.count)]
    table = ctx.app.tables.system.file
    rows = ctx.connection.execute(select(table).where(table.c.id.in_(ids))).mappings()
    free = {row["id"] for row in rows if _is_free(ctx, dict(row), asking)}
    unknown = [i for i in ids if i not in free]
    if unknown:
        return [fault(ctx, "demand_file_unknown", kind, given=", ".join(map(str, unknown)))]
    asking.given.files[kind] = ids
    return []


def _is_free(ctx: RunContext, file: Row, asking: _Asking) -> bool:
    if file["record"] is not None:
        return bool(file["entity"] == asking.entity.id and file["record"] == asking.record["id"])
    return ctx.user.is_system or file["account"] == ctx.user.account


def _ids(raw: object) -> list[int] | None:
    """File ids from one id or a list of them; ``None``: neither."""
    listed = raw if isinstance(raw, (list, tuple)) else [raw]
    found: list[int] = []
    for one in listed[: MOST_FILES + 1]:
        value = one.get("id") if isinstance(one, Mapping) else one
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return None
        found.append(value)
    return list(dict.fromkeys(found)) if len(found) <= MOST_FILES else None


def _ask_field(asking: _Asking) -> list[Fault]:
    """A field that must hold something; what is given for it is written with the transition."""
    demand, record = asking.demand, asking.record
    if demand.field in asking.body:
        asking.given.values[demand.field] = asking.body[demand.field]
    if demand.expr is not None and not asking.at.evaluate(demand.expr, [record], None, asking.entity.id)[0]:
        return []
    value = asking.given.values.get(demand.field, record.get(demand.field))
    if value not in (None, "", (), []):
        return []
    label = asking.entity.fields[demand.field].label.get(asking.ctx.language)
    return [fault(asking.ctx, "required", demand.field, label=label)]


KINDS: Mapping[str, Callable[[_Asking], list[Fault]]] = MappingProxyType(
    {
        "note": _ask_note,
        "scan": _ask_scan,
        "photo": _ask_files,
        "signature": _ask_files,
        "file": _ask_files,
        "field": _ask_field,
    }
)


def keep_files(ctx: RunContext, entity: str, record: int, given: Given) -> None:
    """Hang the files given with a transition on its record."""
    table = ctx.app.tables.system.file
    for kind, ids in given.files.items():
        ctx.connection.execute(
            update(table)
            .where(table.c.id.in_(ids), table.c.record.is_(None))
            .values(entity=entity, record=record, field=f"_{kind}")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFile:
    """A file that was given with a step or a say, by whom and when. ``kind``: photo, signature, file."""

    id: int
    kind: str
    label: str
    name: str
    media_type: str
    size: int
    who: str
    at: datetime


GIVEN = ("id", "field", "name", "media_type", "size", "account", "created_at")


def given_files(ctx: RunContext, entity: str, record: int) -> list[GivenFile]:
    """What was given along a document's way, oldest first, for who has read the document already."""
    if ctx.app.model.entities[entity].workflow is None:
        return []
    query = ctx.app.programs.keep("files given", lambda: _files_given(ctx))
    found = [dict(zip(GIVEN, row, strict=True)) for row in query.run(ctx, {"entity": entity, "record": record})]
    found = [row for row in found if row["field"].startswith("_")]
    people = account_names(ctx, {row["account"] for row in found})
    return [
        GivenFile(
            id=row["id"],
            kind=row["field"][1:],
            label=say(ctx, f"demand_{row['field'][1:]}"),
            name=row["name"],
            media_type=row["media_type"],
            size=row["size"],
            who=people.get(row["account"] or 0, ""),
            at=row["created_at"],
        )
        for row in found
    ]


def _files_given(ctx: RunContext) -> Statement:
    table = ctx.app.tables.system.file
    columns = [table.c[name] for name in GIVEN]
    wanted = (table.c[name] == bindparam(name) for name in ("entity", "record"))
    return prepare_statement(ctx, select(*columns).where(*wanted).order_by(table.c.id), columns)
