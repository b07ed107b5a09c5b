"""``run``: serve web, jobs and schedule."""

from __future__ import annotations

import os
import secrets
from dataclasses import fields, replace

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from runtime.accounts import add_account, is_empty
from runtime.app_setup import LogIn, demo_log_ins
from runtime.apps import AppHome
from runtime.settings import PREFIX, Settings
from web.commands.making import demo_with_bar, make_app, print_log_ins
from web.commands.place import open_home, text
from web.commands.tls import Secured, reached_by, secured, show_trust


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
    safe = secured(wanted, tls, tls_key) if tls else None
    with open_home(wanted) as home:
        people = _ensure(home, wanted, ensure, demo=demo) if ensure else []
        if not home.names():
            raise click.UsageError("还没有应用：先运行 dougong new | no app yet: run dougong new first")
    address = f"{'https' if safe else 'http'}://{reached_by(wanted) if safe else wanted.host}:{wanted.port}"
    click.echo(text(wanted, f"斗拱：{address}", f"Dougong: {address}"))
    print_log_ins(wanted, people)
    if safe is not None and safe.authority is not None:
        show_trust(wanted, safe.authority)
    _serve(wanted, safe)


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


def _serve(settings: Settings, safe: Secured | None) -> None:
    """Server processes take their settings from the environment: they may be started afresh at any time."""
    os.environ.update({PREFIX + f.name.upper(): str(getattr(settings, f.name)) for f in fields(settings)})
    server = Granian(
        "web.serving:build",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        factory=True,
        websockets=False,
        ssl_cert=safe.chain if safe else None,
        ssl_key=safe.key if safe else None,
        log_level=LogLevels(settings.log),
        respawn_failed_workers=True,
        workers_kill_timeout=5,
    )
    server.serve()
