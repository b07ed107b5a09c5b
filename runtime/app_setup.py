"""The first minutes of an app: its settings, its demo data and the people of the demo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from engine.compile.layers import CATALOGUE
from engine.model import AppModel, EntityKind
from runtime.accounts import add_account
from runtime.apps import RunningApp
from runtime.context import Clock, RunContext, SystemClock
from runtime.demo import load_demo
from runtime.demo_story import read_table
from runtime.records import create

USERS = "users.csv"
Progress = Callable[[str, int, int], None]
DEMO_PASSWORD = "dougong-demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIn:
    """A name and password that somebody may use now."""

    name: str
    password: str
    roles: Sequence[str]


def make_settings(ctx: RunContext) -> None:
    """The one record of each setting, from its defaults, where there is none yet."""
    for entity in ctx.app.model.entities.values():
        if entity.kind is EntityKind.SETTING:
            table = ctx.app.tables.entity[entity.id]
            if not ctx.connection.execute(select(func.count()).select_from(table)).scalar_one():
                create(ctx, entity.id, {})


def demo_folder(model: AppModel) -> Path | None:
    """Where the demo data of the app's template lie."""
    folder = model.demo.get("data", "")
    return CATALOGUE / folder if folder else None


def demo_log_ins(model: AppModel) -> list[LogIn]:
    """The people of the demo who may log in."""
    return [each for each in demo_accounts(model) if each.password]


def demo_accounts(model: AppModel) -> list[LogIn]:
    """The people of the demo: those of its ``users.csv``, some without a password, else one for each role."""
    folder = demo_folder(model)
    if folder is not None and (folder / USERS).is_file():
        rows = read_table(folder / USERS)
        return [LogIn(name=row["name"], password=row["password"], roles=row["roles"].split()) for row in rows]
    return [LogIn(name=role, password=DEMO_PASSWORD, roles=(role,)) for role in model.roles]


def fill_demo(app: RunningApp, progress: Progress, clock: Clock = SystemClock()) -> list[LogIn]:  # noqa: B008
    """The template's demo data, up to the day of ``clock``, and the people of the demo; those who may log in."""
    folder = demo_folder(app.model)
    people = demo_log_ins(app.model)
    if folder is not None and folder.is_dir():
        load_demo(app, folder, progress, clock)
        return people
    with app.database.write() as connection:
        ctx = app.context(connection, clock, source="demo")
        for each in people:
            add_account(ctx, each.name, each.password, each.roles)
    return people


def set_up(app: RunningApp, clock: Clock) -> None:
    """What every new app needs before the first page."""
    with app.database.write() as connection:
        make_settings(app.context(connection, clock))
