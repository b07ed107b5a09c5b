"""Scenarios as data: what people do, step by step, and what must come of it, in YAML beside a template.

A scenario is played into an empty app of the template, through the same doors as everything else, with a clock it sets
itself. So whoever changes a template sees whether it still does what it promises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import select

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime import documents, files, records, tasks, workflow
from runtime.accounts import add_account
from runtime.app_setup import set_up
from runtime.app_source import Definition
from runtime.apps import AppHome, RunningApp
from runtime.context import SYSTEM
from runtime.errors import UserError
from runtime.scenario_expected import ADMIN, Otherwise, Row, Stage, expect, handled, plain
from runtime.schedule import tick

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


def scenario_files(folder: Path) -> list[Path]:
    """The scenario files beside a template."""
    return sorted((folder / "scenarios").glob("*.yaml"))


def play_all(definition: Definition, paths: Sequence[Path], told: Callable[[Played], None] = lambda _: None) -> bool:
    """Play every scenario of the files, each in a new app of the definition; whether all came out as they say."""
    good = True
    with TemporaryDirectory(prefix="scenario") as folder:
        home = AppHome(Path(folder))
        try:
            app = home.create("scenario", definition)
            empty = _kept(app)
            for path in paths:
                for id, scenario in yaml.safe_load(path.read_text(encoding="utf-8"))["scenarios"].items():
                    _emptied(app, empty)
                    played = _play(app, id, scenario)
                    good = good and not played.faults
                    told(played)
        finally:
            home.close()
    return good


def _kept(app: RunningApp) -> bytes:
    """The database of the app as it is: making it anew for every scenario would take longer than playing it."""
    app.database.close()
    return Path(str(app.database.url.database)).read_bytes()


def _emptied(app: RunningApp, empty: bytes) -> None:
    """The app as if it had just been made."""
    app.database.close()
    path = Path(str(app.database.url.database))
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    path.write_bytes(empty)


def _play(app: RunningApp, id: str, scenario: Row) -> Played:
    zone = ZoneInfo(app.model.timezone)
    start = datetime.fromisoformat(str(scenario["clock"])).replace(tzinfo=zone).astimezone(UTC)
    stage = Stage(app, start)
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
        except Otherwise as wrong:
            faults.append(f"{number}. {_told(step)}: {wrong}")
            break
    return Played(id=id, covers=_covers(scenario), steps=len(steps), faults=tuple(faults))


def _covers(scenario: Row) -> tuple[str, ...]:
    return tuple(scenario.get("covers", ()))


def _set_stage(stage: Stage, scenario: Row) -> None:
    """The settings, the records that are given, then the people: each a member with an account."""
    stage.people[ADMIN] = SYSTEM
    with stage.acting() as ctx:
        for entity, values in scenario.get("settings", {}).items():
            table = ctx.app.tables.entity[entity]
            records.update(ctx, entity, ctx.connection.execute(select(table.c.id)).scalar_one(), plain(values))
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
            stage.people[name] = replace(
                SYSTEM, is_system=False, account=account, name=name, roles=roles, member=member
            )


def _make(stage: Stage, ctx: Any, entity: str, values: Row) -> int:
    return records.create(ctx, entity, _values(stage, ctx, ctx.app.model.entities[entity], values)).id


# --- values --------------------------------------------------------------------------------------------------


def _values(stage: Stage, ctx: Any, entity: Entity, given: Row, there: Row | None = None) -> Row:
    """Values as the write door takes them; ``line: 0`` in a row means that line of what is ``there``."""
    found: Row = {}
    for name, value in given.items():
        field_ = entity.fields.get(name)
        if field_ is None or not field_.lines:
            found[name] = _value(stage, ctx, field_, value)
            continue
        inner = ctx.app.model.entities[field_.lines]
        kept = (there or {}).get(name) or []
        found[name] = [_line(stage, ctx, inner, kept, row) for row in value]
    return found


def _line(stage: Stage, ctx: Any, entity: Entity, kept: Sequence[Row], row: Row) -> Row:
    values = _values(stage, ctx, entity, {n: v for n, v in row.items() if n != "line"})
    if "line" not in row:
        return values
    if row["line"] >= len(kept):
        raise Otherwise(f"there is no line {row['line']}")
    line = kept[row["line"]]
    return {**({"id": line["id"]} if "id" in line else line), **values}


def _value(stage: Stage, ctx: Any, field_: Field | None, value: Any) -> Any:
    if field_ is not None and field_.value.kind is Kind.REFERENCE:
        return _reference(stage, ctx, field_, value)
    if field_ is not None and field_.value.kind is Kind.FILE:
        ids = [_file(ctx, name) for name in (value if isinstance(value, list) else [value])]
        return ids if field_.many else ids[0]
    return plain(value)


def _reference(stage: Stage, ctx: Any, field_: Field, value: Any) -> Any:
    if isinstance(value, list):
        return [_reference(stage, ctx, field_, one) for one in value]
    if not isinstance(value, str):
        return plain(value)
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


def _do(stage: Stage, step: Row) -> None:
    """Do a step; it must succeed, unless it says that it is refused (and with which code)."""
    verb = next((name for name in step if name in VERBS), None)
    if verb is None:
        raise Otherwise(f"a step is one of {', '.join(VERBS)}")
    expected = step.get("refused")
    try:
        VERBS[verb](stage, step)
    except UserError as wrong:
        codes = {each.code for each in wrong.faults}
        if expected is True or expected in codes:
            return
        raise Otherwise(f"{wrong} [{', '.join(sorted(codes))}]") from None
    if expected:
        raise Otherwise(f"it should have been refused ({expected})")


def _new(stage: Stage, step: Row) -> None:
    with stage.acting(step.get("as", ADMIN)) as ctx:
        id = _make(stage, ctx, step["new"], step.get("with", {}))
    stage.handles[step.get("name", "it")] = (step["new"], id)


def _set(stage: Stage, step: Row) -> None:
    entity, id = handled(stage, step["set"])
    with stage.acting(step.get("as", ADMIN)) as ctx:
        there = records.read(ctx, entity, id)
        records.update(ctx, entity, id, _values(stage, ctx, ctx.app.model.entities[entity], step["with"], there))


def _take(stage: Stage, step: Row) -> None:
    """``do: t.submit`` with what the transition asks for; ``scan: t.code`` is what the record says."""
    handle, _, transition = step["do"].partition(".")
    entity, id = handled(stage, handle)
    with stage.acting(step.get("as", ADMIN)) as ctx:
        described = ctx.app.model.entities[entity]
        body = {name: _given(stage, ctx, described, name, value) for name, value in step.get("with", {}).items()}
        workflow.take(ctx, entity, id, transition, body)


def _given(stage: Stage, ctx: Any, entity: Entity, name: str, value: Any) -> Any:
    if name in ("photo", "signature", "file"):
        return [_file(ctx, one) for one in (value if isinstance(value, list) else [value])]
    if name == "scan":
        handle, _, path = str(value).partition(".")
        return str(records.read(ctx, *stage.handles[handle])[path]) if handle in stage.handles else value
    return _value(stage, ctx, entity.fields.get(name), value)


def _draw(stage: Stage, step: Row) -> None:
    entity, _, source = step["draw"].partition(".")
    _, origin = handled(stage, step["from"])
    with stage.acting(step.get("as", ADMIN)) as ctx:
        (proposed,) = documents.drafts(ctx, entity, source, [origin])
        changes = _values(stage, ctx, ctx.app.model.entities[entity], step.get("with", {}), proposed)
        made = records.create(ctx, entity, {**proposed, **changes})
    stage.handles[step.get("name", "it")] = (entity, made.id)


def _decide(stage: Stage, step: Row) -> None:
    entity, id = handled(stage, step["decide"])
    with stage.acting(step["as"]) as ctx:
        mine = [task for task in tasks.mine(ctx) if (task.entity, task.record) == (entity, id)]
        if not mine:
            raise Otherwise(f"nothing about {step['decide']} waits for {step['as']}")
        tasks.decide(ctx, mine[0].id, step.get("says", "approve"), step.get("note", ""))


def _at(stage: Stage, step: Row) -> None:
    zone = ZoneInfo(stage.app.model.timezone)
    stage.moment = datetime.fromisoformat(str(step["at"])).replace(tzinfo=zone).astimezone(UTC)
    with stage.acting() as ctx:
        tick(ctx)


VERBS: Mapping[str, Callable[[Stage, Row], None]] = MappingProxyType(
    {"new": _new, "set": _set, "do": _take, "draw": _draw, "decide": _decide, "at": _at, "expect": expect}
)
