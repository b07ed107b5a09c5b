"""``user`` and ``token``: who may log in."""

from __future__ import annotations

import sys

import click

from runtime.accounts import account_named, accounts, add_account, create_token
from runtime.settings import Settings
from web.commands.place import app_option, choose, db_option, json_option, open_home, print_json, print_table, text


@click.group("user")
def user_command() -> None:
    """账号 | Accounts."""


@user_command.command("add")
@click.argument("account")
@click.option(
    "--role", "roles", multiple=True, required=True, metavar="R", help="角色 | Role; may be given several times"
)
@click.option("--password-stdin", is_flag=True, help="从标准输入读密码 | Read the password from standard input")
@app_option
@db_option
@json_option
@click.pass_obj
def add_user(
    settings: Settings, account: str, roles: tuple[str, ...], password_stdin: bool, name: str | None, db: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """新建账号 | Add an account."""
    password = _read_password(password_stdin=password_stdin)
    with open_home(settings, db) as home:
        app = choose(home, settings, name)
        with app.database.write() as connection:
            made = add_account(app.context(connection), account, password, roles)
    if as_json:
        print_json({"id": made, "name": account, "roles": list(roles)})
    else:
        click.echo(text(settings, f"账号 {account} 已建立", f"account {account} added"))


def _read_password(*, password_stdin: bool) -> str:
    if password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if sys.stdin.isatty():
        return click.prompt("密码 | Password", type=str, hide_input=True, confirmation_prompt=True)
    raise click.UsageError("没有终端：用 --password-stdin | no terminal: use --password-stdin")


@user_command.command("list")
@app_option
@db_option
@json_option
@click.pass_obj
def list_users(settings: Settings, name: str | None, db: str | None, as_json: bool) -> None:
    """列出账号 | List the accounts."""
    with open_home(settings, db) as home:
        app = choose(home, settings, name)
        with app.database.read() as connection:
            found = accounts(app.context(connection))
    if as_json:
        print_json(found)
    else:
        print_table([{**each, "roles": " ".join(each["roles"])} for each in found])


@click.command("token")
@click.argument("account")
@click.option("--label", default="cli", metavar="TEXT", help="用途 | What it is for")
@app_option
@db_option
@json_option
@click.pass_obj
def token_command(
    settings: Settings, account: str, label: str, name: str | None, db: str | None, as_json: bool
) -> None:
    """新建 API 令牌，只显示一次 | Make an API token; it is shown only once."""
    with open_home(settings, db) as home:
        app = choose(home, settings, name)
        with app.database.write() as connection:
            ctx = app.context(connection)
            token = create_token(ctx, account_named(ctx, account), label)
    if as_json:
        print_json({"account": account, "token": token})
    else:
        click.echo(token)
