"""``check``: the proof that the books hold, and what can be mended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import click

from runtime.apps import RunningApp
from runtime.context import RunContext
from runtime.ledgers import Problem
from runtime.proof import mend, prove
from runtime.settings import Settings
from web.commands.place import choose, db_option, json_option, open_home, print_json, text


@click.command("check")
@click.argument("app", required=False)
@click.option("--deep", is_flag=True, help="连同所有公式字段重算核对 | Compute every stored formula again too")
@click.option(
    "--mend", "mending", is_flag=True, help="能由流水和单据重算的就重算 | Make anew what moves and records give"
)
@db_option
@json_option
@click.pass_context
def check_command(
    ctx: click.Context, app: str | None, deep: bool, mending: bool, db: str | None, as_json: bool
) -> None:
    """核对账目 | Prove the books: balances are the sums of moves, nothing forbidden is negative, chains are whole."""
    settings: Settings = ctx.obj
    with open_home(settings, db) as home:
        running = choose(home, settings, app)
        with running.database.snapshot() as connection:
            found = prove(_asking(settings, running.context(connection)), deep=deep)
        if found and mending:
            found = _mended(settings, running, found, deep=deep)
    if as_json:
        print_json([_told(problem) for problem in found])
    else:
        _print(settings, found)
    ctx.exit(1 if found else 0)


def _asking(settings: Settings, ctx: RunContext) -> RunContext:
    return replace(ctx, language="en" if settings.language == "en" else "zh")


def _mended(settings: Settings, running: RunningApp, found: Sequence[Problem], *, deep: bool) -> list[Problem]:
    """Mend, and prove again in the same transaction: what is told then is what is left."""
    with running.database.write() as connection:
        ctx = _asking(settings, running.context(connection))
        done = mend(ctx, found)
        left = prove(ctx, deep=deep)
    click.echo(text(settings, f"重新生成了 {done} 项", f"{done} made anew"), err=True)
    return left


def _told(problem: Problem) -> dict[str, str]:
    return {
        "code": problem.code,
        "ledger": problem.ledger,
        "key": problem.key,
        "record": problem.record,
        "message": problem.message,
        "remedy": problem.remedy,
    }


def _print(settings: Settings, found: Sequence[Problem]) -> None:
    for problem in found:
        click.echo(f"{problem.ledger} {problem.record}: {problem.message} [{problem.code}]", err=True)
    for remedy in dict.fromkeys(problem.remedy for problem in found):
        click.echo(f"  → {remedy}", err=True)
    if not found:
        click.echo(text(settings, "账目无误", "the ledgers hold"))
