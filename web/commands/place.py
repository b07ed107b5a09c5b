"""What commands share: which app is meant, how data and progress are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

import click

from runtime.apps import AppHome, RunningApp
from runtime.errors import Fault, NotFound
from runtime.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def db_option(command: Command) -> Command:
    """``--db URL``: the database the apps live in."""
    return click.option("--db", metavar="URL", help="数据库 | Database the apps live in")(command)


def json_option(command: Command) -> Command:
    """``--json``: data for programs."""
    return click.option("--json", "as_json", is_flag=True, help="输出 JSON | Print JSON")(command)


def app_option(command: Command) -> Command:
    """``--app NAME``: where there are several."""
    return click.option("--app", "name", metavar="APP", help="应用，默认唯一的那个 | App, by default the only one")(
        command
    )


@contextmanager
def open_home(settings: Settings, db: str | None = None) -> Iterator[AppHome]:
    """The apps that the settings name."""
    wanted = replace(settings, db=db) if db else settings
    home = AppHome(wanted.home, wanted.db)
    try:
        yield home
    finally:
        home.close()


def choose(home: AppHome, settings: Settings, name: str | None) -> RunningApp:
    """The app ``name``, else the one set, else the only one there is."""
    wanted = name or settings.app
    if wanted:
        return home.get(wanted)
    names = home.names()
    if len(names) > 1:
        message = f"有多个应用，请用 --app 指定 | several apps, say which with --app: {', '.join(names)}"
        raise click.UsageError(message)
    if not names:
        raise NotFound(Fault(code="no_app", message="还没有应用：先运行 dougong new | no app yet: run dougong new"))
    return home.get(names[0])


def text(settings: Settings, chinese: str, english: str) -> str:
    """The sentence in the language of the output."""
    return english if settings.language == "en" else chinese


def print_json(data: object) -> None:
    """Data for programs: decimals as text, dates in ISO 8601."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """Rows for people on a terminal, tab-separated for pipes."""
    if not rows:
        return
    names = list(rows[0])
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(str(row[name]) for name in names))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*names, box=None, header_style="bold")
    for row in rows:
        table.add_row(*(str(row[name]) for name in names))
    Console().print(table)


@contextmanager
def progress(label: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal, nothing in a pipe; call it with what was done, how many, of how many."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label)
        yield lambda _what, done, total: bar.update(task, completed=done, total=total)
