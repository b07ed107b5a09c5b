"""``run``: serve web, jobs and schedule."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from dataclasses import astuple, fields, replace
from typing import TYPE_CHECKING

import click

from runtime.accounts import add_account, is_empty
from runtime.app_setup import LogIn, demo_log_ins
from runtime.apps import AppHome
from runtime.settings import PREFIX, Settings
from runtime.start_code import start_code
from web.commands.making import demo_with_bar, make_app, print_log_ins
from web.commands.place import open_home, text
from web.serving import SPLITS, serve

if TYPE_CHECKING:
    from web.commands.tls import Secured


@click.command("run")
@click.option("--host", help="地址 | Address (127.0.0.1)")
@click.option("--port", type=click.IntRange(1, 65535), help="端口 | Port (8000)")
@click.option("--workers", type=click.IntRange(1, 64), help="进程数 | Server processes (1)")
@click.option("--db", metavar="URL", help="数据库 | Database the apps live in")
@click.option(
    "--ensure", metavar="TEMPLATE", help="没有应用时按模板新建 | Make an app of this template if there is none"
)
@click.option("--tls", metavar="auto|CERT KEY", help="HTTPS：auto 自建证书 | HTTPS with a local authority, or your own")
@click.argument("tls_key", metavar="", required=False)
@click.option("--demo", is_flag=True, help="新建时带演示数据 | With demo data, if it is made")
@click.pass_obj
def run_command(
    settings: Settings, host: str | None, port: int | None, workers: int | None, db: str | None, ensure: str | None,
    demo: bool, tls: str | None, tls_key: str | None,
) -> None:  # fmt: skip
    """启动服务 | Serve web, jobs and schedule."""
    wanted = replace(
        settings,
        host=host or settings.host,
        port=port or settings.port,
        workers=workers or settings.workers,
        db=db or settings.db,
    )
    if tls_key is not None and tls in (None, "auto"):
        raise click.UsageError("--tls auto | --tls CERT KEY")
    _refuse_if_taken(wanted)
    safe, host_name = _secured(wanted, tls, tls_key) if tls else (None, wanted.host)
    with open_home(wanted) as home:
        known = ensure is None or ensure in home.names()
        people = _ensure(home, wanted, ensure, demo=demo) if ensure else []
        address = f"{'https' if safe else 'http'}://{host_name}:{wanted.port}"
        click.echo(text(wanted, f"斗拱：{address}", f"Dougong: {address}"))
        print_log_ins(wanted, people)
        _print_code(home, wanted)
        sys.stdout.flush()
        os.environ.update({PREFIX + f.name.upper(): str(getattr(wanted, f.name)) for f in fields(wanted)})
        if known and SPLITS:
            serve(wanted, home, *(astuple(safe) if safe else ()))
            return
    _serve_afresh(safe)


def _refuse_if_taken(settings: Settings) -> None:
    """Workers share their port, so a second server would too: the two would answer by turns. Told before any work."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        where, other = f"{settings.host}:{settings.port}", settings.port % 65535 + 1
        chinese = f"{where} 用不了（{error.strerror}）：换一个地址或端口，例如 --port {other}"
        english = f"{where} cannot be used ({error.strerror}): choose another address or port, as --port {other}"
        raise click.ClickException(text(settings, chinese, english)) from None


def _print_code(home: AppHome, settings: Settings) -> None:
    """Without an app, who opens the first page from another machine needs a code that only this console shows."""
    if home.names():
        return
    code = start_code(home)
    chinese = f"从别的电脑第一次打开时要输入口令：{code}"
    click.echo(text(settings, chinese, f"Opening it first from another machine asks for this code: {code}"))


def _secured(settings: Settings, given: str, key: str | None) -> tuple[Secured, str]:
    """What HTTPS needs, and the name by which others reach this server."""
    from web.commands.tls import reached_by, secured

    return secured(settings, given, key), reached_by(settings)


def _ensure(home: AppHome, settings: Settings, template: str, *, demo: bool) -> list[LogIn]:
    """The app of ``template``, made if it is not there; who may log in to the demo."""
    if template in home.names():
        return demo_log_ins(home.get(template).model) if demo else []
    app = make_app(home, template, template, language=settings.language)
    if demo:
        return demo_with_bar(app)
    with app.database.write() as connection:
        ctx = app.context(connection)
        if not is_empty(ctx) or "admin" not in app.model.roles:
            return []
        first = LogIn(name="admin", password=secrets.token_urlsafe(9), roles=("admin",))
        add_account(ctx, first.name, first.password, first.roles)
        return [first]


def _serve_afresh(safe: Secured | None) -> None:
    """Become the server: a process that knows none of what was needed to make an app."""
    paths = [str(path or "") for path in astuple(safe)] if safe else []
    command = [sys.executable, "-P", "-m", "web.serving", *paths]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(command[0], command)
    sys.exit(subprocess.call(command))  # Windows has no way to become another program
