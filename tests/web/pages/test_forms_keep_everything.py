"""Saving a page as it came changes nothing: every form of the demo, in every state, as every role that may save it.

A browser without scripts posts all that stands in the form; what the page did not show, could not be written or was
computed must come out as it was, in the record and in its lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from engine import load_app
from engine.model import EntityKind
from runtime.apps import AppHome, RunningApp
from runtime.context import SYSTEM, RunContext
from runtime.permissions import compute_rights
from runtime.record_rows import load_rows
from tests.conftest import DEMO_DAY
from tests.scenarios.clients import Page, Web, told
from web.application import create_app

Row = dict[str, Any]
MODEL = load_app("discrete")
PEOPLE = ("admin", "manager", "sales", "buyer", "keeper", "production", "quality", "finance")
"""The first account of each role: named like it."""
FORMS = [e.id for e in MODEL.entities.values() if e.form is not None and e.kind in ("master", "document")]
MAY_CHANGE = frozenset({"version", "changed_at", "changed_by"})
MOST_LOOKED_AT = 4
"""Records looked at for one that the person may see."""


def may(person: str, entity: str, what: str) -> bool:
    """Whether a role has a right at all."""
    return compute_rights(MODEL, [person], entity).may(what)


@pytest.fixture(scope="module")
def web(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The demo, a copy of our own."""
    folder = tmp_path_factory.mktemp("forms") / "demo"
    copytree(demo_folder, folder)
    home = AppHome(folder, clock=DEMO_DAY)
    app = create_app(home, clock=DEMO_DAY, testing=True)
    app.extensions["home"] = home
    yield app
    home.close()


@pytest.fixture(scope="module")
def people(web: Flask) -> dict[str, Web]:
    """Everybody logged in, at a browser of their own."""
    return {name: Web(web, name, "dougong-demo", lambda: None) for name in PEOPLE}


@pytest.fixture(scope="module")
def app(web: Flask) -> RunningApp:
    """The running app, for looking into the database."""
    found: RunningApp = web.extensions["home"].get("demo")
    return found


def stored(app: RunningApp, entity: str, record: int) -> Row:
    """The record with its lines, as it stands in the database; nothing hidden."""
    with app.database.read() as connection:
        ctx = RunContext(app=app, connection=connection, user=SYSTEM, clock=DEMO_DAY)
        return _plain(load_rows(ctx, entity, [record])[record])


def _plain(row: Row) -> Row:
    return {
        name: [_plain(line) for line in value] if isinstance(value, list) else value
        for name, value in row.items()
        if name not in MAY_CHANGE
    }


def differences(before: Row, after: Row) -> list[str]:
    """What changed, by path."""
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            for number, (one, other) in enumerate(zip(old, new, strict=True), 1):
                found += [f"{name}.{number}.{what}" for what in differences(one, other)]
        elif old != new:
            found.append(f"{name}: {old!r} -> {new!r}")
    return found


def newest(app: RunningApp, entity: str) -> list[list[int]]:
    """Records of an entity, newest first, for each of its states."""
    table = app.tables.entity[entity]
    by = table.c.status if "status" in table.c else func.coalesce(table.c.version, 0) * 0
    with app.database.read() as connection:
        query = select(by, table.c.id).where(table.c.deleted_at.is_(None)).order_by(table.c.id.desc())
        found: dict[object, list[int]] = {}
        for state, record in connection.execute(query):
            found.setdefault(state, []).append(record)
    return [ids[:MOST_LOOKED_AT] for ids in found.values()]


def shown(person: Web, entity: str, ids: list[int]) -> tuple[int, Page] | None:
    """The first of the records that the person may see, with its page."""
    for record in ids:
        answer = person.get(f"/e/{entity}/{record}")
        if answer.status_code == 200:
            return record, Page(answer.get_data(as_text=True))
        assert answer.status_code == 404, f"{entity} {record}: {answer.status}"
    return None


@pytest.mark.parametrize("entity", FORMS)
@pytest.mark.parametrize("name", PEOPLE)
def test_saving_a_page_as_it_came_changes_nothing(
    app: RunningApp, people: dict[str, Web], name: str, entity: str
) -> None:
    if not may(name, entity, "read"):
        assert people[name].get(f"/e/{entity}").status_code == 403
        return
    wrong: list[str] = []
    for ids in newest(app, entity):
        found = shown(people[name], entity, ids)
        if found is None or "save" not in found[1].buttons:
            continue
        record, page = found
        before = stored(app, entity, record)
        answer = people[name].try_press(page)
        if answer.status_code != 303:
            wrong.append(f"{record} ({before.get('status')}) was refused: {answer.status} {told(answer)}")
        wrong += [
            f"{record} ({before.get('status')}) {what}" for what in differences(before, stored(app, entity, record))
        ]
    assert wrong == []


@pytest.mark.parametrize("name", PEOPLE)
def test_every_new_page_opens_for_who_may_fill_it_in(people: dict[str, Web], name: str) -> None:
    expected = {entity: 200 if may(name, entity, "create") else 403 for entity in FORMS}
    assert {entity: people[name].get(f"/e/{entity}/new").status_code for entity in FORMS} == expected


def test_settings_are_kept_as_they_are(app: RunningApp, people: dict[str, Web]) -> None:
    wrong: list[str] = []
    for entity in MODEL.entities.values():
        if entity.kind is not EntityKind.SETTING or entity.form is None:
            continue
        with app.database.read() as connection:
            record = connection.execute(select(app.tables.entity[entity.id].c.id)).scalar_one()
        page = people["admin"].open(f"/e/{entity.id}/{record}")
        before = stored(app, entity.id, record)
        answer = people["admin"].try_press(page)
        if answer.status_code != 303:
            wrong.append(f"{entity.id} was refused: {answer.status} {told(answer)}")
        wrong += [f"{entity.id} {what}" for what in differences(before, stored(app, entity.id, record))]
    assert wrong == []
