"""Scenarios as data: what people do, step by step, and what must come of it, in YAML beside a template.

A scenario is played into an empty app of the template, through the same doors as everything else, with a clock it sets
itself. So whoever changes a template sees whether it still does what it promises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import func, select

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime import cards, documents, files, ledger_lists, records, tasks, workflow
from runtime.accounts import add_account
from runtime.app_setup import set_up
from runtime.app_source import Definition
from runtime.apps import AppHome, RunningApp
from runtime.context import SYSTEM, User
from runtime.errors import UserError
from runtime.schedule import tick
from runtime.values import Ref

Row = dict[str, Any]
ADMIN = "admin"
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf"
    "c0000003010100c9fe92ef0000000049454e44ae426082"
)
"""What a photo or a signature of a scenario holds: one point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scenario that was played. ``faults``: what came out otherwise than it says, each with its step."""

    id: str
    covers: tuple[str, ...]
    steps: int
    faults: tuple[str, ...]


class _Otherwise(Exception):
    """A step ended otherwise than the scenario says."""


@dataclass(slots=True)
class _Stage:
    """An app with a scenario going on in it. ``handles``: name → (entity, id); ``people``: name → who acts."""

    app: RunningApp
    moment: datetime
    handles: dict[str, tuple[str, int]] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)

    def now(self) -> datetime:
        """The clock: where the scenario put it, a minute on with every step."""
        return self.moment

    @contextmanager
    def acting(self, who: str = ADMIN) -> Any:
        """A call of a person, in a transaction of its own."""
        self.moment += timedelta(minutes=1)
        if who not in self.people:
            raise _Otherwise(f"as: there is nobody called {who}")
        with self.app.database.write() as connection:
            yield replace(self.app.context(connection, self, source="scenario"), user=self.people[who])


def scenario_files(folder: Path) -> list[Path]:
    """The scenario files beside a template."""
    return sorted((folder / "scenarios").glob("*.yaml"))


def play_all(definition: Definition, paths: Sequence[Path], told: Callable[[Played], None] = lambda _: None) -> bool:
    """Play every scenario of the files into a new app of the definition; whether all came out as they say."""
    good = True
    with TemporaryDirectory(prefix="scenario") as folder:
        home = AppHome(Path(folder))
        try:
            for path in paths:
                for id, scenario in yaml.safe_load(path.read_text(encoding="utf-8"))["scenarios"].items():
                    played = _play(home, definition, id, scenario)
                    good = good and not played.faults
                    told(played)
        finally:
            home.close()
    return good


def _play(home: AppHome, definition: Definition, id: str, scenario: Row) -> Played:
    app = home.create(id, definition)
    zone = ZoneInfo(app.model.timezone)
    start = datetime.fromisoformat(str(scenario["clock"])).replace(tzinfo=zone).astimezone(UTC)
    stage = _Stage(app, start)
    set_up(app, stage)
    faults: list[str] = []
    steps = scenario["steps"]
    try:
        _set_stage(stage, scenario)
    except UserError as wrong:
        return Played(id=id, covers=_covers(scenario), steps=0, faults=(f"given: {wrong}",))
    for number, step in enumerate(steps, 1):
        try:
            _do(stage, step)
        except _Otherwise as wrong:
            faults.append(f"{number}. {_told(step)}: {wrong}")
            break
    return Played(id=id, covers=_covers(scenario), steps=len(steps), faults=tuple(faults))


def _covers(scenario: Row) -> tuple[str, ...]:
    return tuple(scenario.get("covers", ()))


def _set_stage(stage: _Stage, scenario: Row) -> None:
    """The settings, the records that are given, then the people: each a member with an account."""
    stage.people[ADMIN] = SYSTEM
    with stage.acting() as ctx:
        for entity, values in scenario.get("settings", {}).items():
            table = ctx.app.tables.entity[entity]
            records.update(ctx, entity, ctx.connection.execute(select(table.c.id)).scalar_one(), _plain(values))
        for handle, given in scenario.get("given", {}).items():
            ((entity, values),) = given.items()
            stage.handles[handle] = (entity, _make(stage, ctx, entity, values))
        for name, person in scenario.get("people", {}).items():
            member = None
            if ctx.app.model.members:
                values = {"code": name.upper(), "name": name, **{k: v for k, v in person.items() if k != "roles"}}
                member = _make(stage, ctx, ctx.app.model.members, values)
                stage.handles[name] = (ctx.app.model.members, member)
            account = add_account(ctx, name, "", person["roles"], member=member)
            roles = frozenset(person["roles"])
            stage.people[name] = replace(SYSTEM, account=account, name=name, roles=roles, member=member)


def _make(stage: _Stage, ctx: Any, entity: str, values: Row) -> int:
    return records.create(ctx, entity, _values(stage, ctx, ctx.app.model.entities[entity], values)).id


# --- values --------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """What YAML made of a cell, as programs write it."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _values(stage: _Stage, ctx: Any, entity: Entity, given: Row, of: int | None = None) -> Row:
    """Values as the write door takes them; ``line: 0`` in a row means that line of the record ``of``."""
    found: Row = {}
    for name, value in given.items():
        field_ = entity.fields.get(name)
        if field_ is None or not field_.lines:
            found[name] = _value(stage, ctx, field_, value)
            continue
        inner = ctx.app.model.entities[field_.lines]
        kept = [] if of is None else records.read(ctx, entity.id, of)[name]
        found[name] = [_line(stage, ctx, inner, kept, row) for row in value]
    return found


def _line(stage: _Stage, ctx: Any, entity: Entity, kept: Sequence[Row], row: Row) -> Row:
    values = _values(stage, ctx, entity, {n: v for n, v in row.items() if n != "line"})
    return {"id": kept[row["line"]]["id"], **values} if "line" in row else values


def _value(stage: _Stage, ctx: Any, field_: Field | None, value: Any) -> Any:
    if field_ is not None and field_.value.kind is Kind.REFERENCE:
        return _reference(stage, ctx, field_, value)
    if field_ is not None and field_.value.kind is Kind.FILE:
        ids = [_file(ctx, name) for name in (value if isinstance(value, list) else [value])]
        return ids if field_.many else ids[0]
    return _plain(value)


def _reference(stage: _Stage, ctx: Any, field_: Field, value: Any) -> Any:
    if isinstance(value, list):
        return [_reference(stage, ctx, field_, one) for one in value]
    if not isinstance(value, str):
        return _plain(value)
    handle, _, path = value.partition(".")
    if handle not in stage.handles:
        return {"code": value}
    entity, id = stage.handles[handle]
    if path:  # o.lines.0: a line of a record
        name, _, number = path.partition(".")
        return records.read(ctx, entity, id)[name][int(number)]["id"]
    targets = field_.targets or field_.value.targets
    return {"entity": entity, "id": id} if len(targets) > 1 else id


def _file(ctx: Any, name: object) -> int:
    return files.save(ctx, f"{str(name).rpartition('.')[0] or name}.png", PICTURE).id


# --- steps ---------------------------------------------------------------------------------------------------


def _told(step: Row) -> str:
    return " ".join(f"{name} {value}" for name, value in step.items() if not isinstance(value, (dict, list)))[:120]


def _do(stage: _Stage, step: Row) -> None:
    """Do a step; it must succeed, unless it says that it is refused (and with which code)."""
    verb = next((name for name in step if name in VERBS), None)
    if verb is None:
        raise _Otherwise(f"a step is one of {', '.join(VERBS)}")
    expected = step.get("refused")
    try:
        VERBS[verb](stage, step)
    except UserError as wrong:
        codes = {each.code for each in wrong.faults}
        if expected is True or expected in codes:
            return
        raise _Otherwise(f"{wrong} [{', '.join(sorted(codes))}]") from None
    if expected:
        raise _Otherwise(f"it should have been refused ({expected})")


def _new(stage: _Stage, step: Row) -> None:
    with stage.acting(step.get("as", ADMIN)) as ctx:
        id = _make(stage, ctx, step["new"], step.get("with", {}))
    stage.handles[step.get("name", "it")] = (step["new"], id)


def _handle(stage: _Stage, name: str) -> tuple[str, int]:
    if name not in stage.handles:
        raise _Otherwise(f"nothing is called {name}")
    return stage.handles[name]


def _set(stage: _Stage, step: Row) -> None:
    entity, id = _handle(stage, step["set"])
    with stage.acting(step.get("as", ADMIN)) as ctx:
        records.update(ctx, entity, id, _values(stage, ctx, ctx.app.model.entities[entity], step["with"], id))


def _take(stage: _Stage, step: Row) -> None:
    """``do: t.submit`` with what the transition asks for; ``scan: t.code`` is what the record says."""
    handle, _, transition = step["do"].partition(".")
    entity, id = _handle(stage, handle)
    with stage.acting(step.get("as", ADMIN)) as ctx:
        described = ctx.app.model.entities[entity]
        body = {name: _given(stage, ctx, described, name, value) for name, value in step.get("with", {}).items()}
        workflow.take(ctx, entity, id, transition, body)


def _given(stage: _Stage, ctx: Any, entity: Entity, name: str, value: Any) -> Any:
    if name in ("photo", "signature", "file"):
        return [_file(ctx, one) for one in (value if isinstance(value, list) else [value])]
    if name == "scan":
        handle, _, path = str(value).partition(".")
        return str(records.read(ctx, *stage.handles[handle])[path]) if handle in stage.handles else value
    return _value(stage, ctx, entity.fields.get(name), value)


def _draw(stage: _Stage, step: Row) -> None:
    entity, _, source = step["draw"].partition(".")
    _, origin = _handle(stage, step["from"])
    with stage.acting(step.get("as", ADMIN)) as ctx:
        changes = _values(stage, ctx, ctx.app.model.entities[entity], step.get("with", {}))
        (made,) = documents.draw(ctx, entity, source, [origin], changes=changes)
    stage.handles[step.get("name", "it")] = (entity, made.id)


def _decide(stage: _Stage, step: Row) -> None:
    entity, id = _handle(stage, step["decide"])
    with stage.acting(step["as"]) as ctx:
        mine = [task for task in tasks.mine(ctx) if (task.entity, task.record) == (entity, id)]
        if not mine:
            raise _Otherwise(f"nothing about {step['decide']} waits for {step['as']}")
        tasks.decide(ctx, mine[0].id, step.get("says", "approve"), step.get("note", ""))


def _at(stage: _Stage, step: Row) -> None:
    zone = ZoneInfo(stage.app.model.timezone)
    stage.moment = datetime.fromisoformat(str(step["at"])).replace(tzinfo=zone).astimezone(UTC)
    with stage.acting() as ctx:
        tick(ctx)


# --- expectations --------------------------------------------------------------------------------------------


def _expect(stage: _Stage, step: Row) -> None:
    with stage.acting() as ctx:
        for wanted in step["expect"]:
            kind = next((name for name in wanted if name in EXPECTED), None)
            if kind is None:
                raise _Otherwise(f"an expectation is one of {', '.join(EXPECTED)}")
            EXPECTED[kind](stage, ctx, wanted)


def _compare(what: str, found: Any, wanted: Any) -> None:
    if isinstance(wanted, bool) or wanted is None or not _is_number(wanted) or not _is_number(found):
        same = found == wanted or (wanted is not None and str(found) == str(_plain(wanted)))
    else:
        same = Decimal(str(found)) == Decimal(str(wanted))
    if not same:
        raise _Otherwise(f"{what} is {found}, not {wanted}")


def _is_number(value: object) -> bool:
    try:
        Decimal(str(value))
    except InvalidOperation:
        return False
    return not isinstance(value, bool)


def _expect_record(stage: _Stage, ctx: Any, wanted: Row) -> None:
    """``{of: t, status: posted, lines.0.book: 5}``."""
    row = records.read(ctx, *_handle(stage, wanted["of"]))
    for path, value in wanted.items():
        if path != "of":
            found: Any = row
            for part in path.split("."):
                found = found[int(part)] if part.isdigit() else found[part]
            if isinstance(value, str) and value in stage.handles:
                value = stage.handles[value][1]
            _compare(f"{wanted['of']}.{path}", found, value)


def _expect_ledger(stage: _Stage, ctx: Any, wanted: Row) -> None:
    """``{ledger: stock, item: bolt, warehouse: a, qty: 60, available: 60}``; what is not there is 0."""
    ledger = ctx.app.model.ledgers[wanted["ledger"]]
    key = {name: value for name, value in wanted.items() if name in ledger.dimensions}
    rows = ledger_lists.standings(ctx, ledger, group_by=tuple(key))
    names = {name: stage.handles[v][1] if v in stage.handles else v for name, v in key.items()}
    fits = [row for row in rows if all(_same(row.dimensions[name], value) for name, value in names.items())]
    for name, value in wanted.items():
        if name != "ledger" and name not in key:
            found = sum((row.figures.get(name) or Decimal(0) for row in fits), Decimal(0))
            _compare(f"{wanted['ledger']}.{name} of {key}", found, value)


def _same(found: object, wanted: object) -> bool:
    return (found.id if isinstance(found, Ref) else found) == wanted


def _expect_card(stage: _Stage, ctx: Any, wanted: Row) -> None:
    _compare(f"card {wanted['card']}", cards.card(ctx, wanted["card"], wanted.get("period", "")).value, wanted["value"])


def _expect_alert(stage: _Stage, ctx: Any, wanted: Row) -> None:
    table = ctx.app.tables.system.alert
    query = (
        select(func.count()).select_from(table).where(table.c.alert == wanted["alert"], table.c.open_key.isnot(None))
    )
    if "level" in wanted:
        query = query.where(table.c.level == wanted["level"])
    _compare(f"open alerts {wanted['alert']}", ctx.connection.execute(query).scalar_one(), wanted["open"])


def _expect_told(stage: _Stage, ctx: Any, wanted: Row) -> None:
    """``{told: rule:contract_signed, times: 1}``: how often something went into an inbox."""
    outbox = ctx.app.tables.system.outbox
    query = select(func.count()).select_from(outbox).where(outbox.c.origin == wanted["told"], outbox.c.kind == "inbox")
    _compare(f"told by {wanted['told']}", ctx.connection.execute(query).scalar_one(), wanted["times"])


VERBS: Mapping[str, Callable[[_Stage, Row], None]] = MappingProxyType(
    {"new": _new, "set": _set, "do": _take, "draw": _draw, "decide": _decide, "at": _at, "expect": _expect}
)
EXPECTED: Mapping[str, Callable[[_Stage, Any, Row], None]] = MappingProxyType(
    {
        "of": _expect_record,
        "ledger": _expect_ledger,
        "card": _expect_card,
        "alert": _expect_alert,
        "told": _expect_told,
    }
)
