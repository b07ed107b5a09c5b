"""``test-template``: the scenarios that a template carries, played into an empty app of it."""

from __future__ import annotations

import click

from engine.compile.layers import CATALOGUE
from runtime.app_source import start_from
from runtime.scenarios import Played, play_all, scenario_files
from runtime.settings import Settings
from web.commands.place import json_option, print_json, text


@click.command("test-template")
@click.argument("template")
@json_option
@click.pass_context
def test_template_command(ctx: click.Context, template: str, as_json: bool) -> None:
    """演一遍模板自带的场景 | Play the scenarios that a template carries."""
    settings: Settings = ctx.obj
    if not (CATALOGUE / f"{template}.yaml").is_file():
        raise click.UsageError(text(settings, f"没有模板 {template}", f"There is no template {template}"))
    paths = scenario_files(CATALOGUE / template)
    if not paths:
        raise click.UsageError(text(settings, f"模板 {template} 没有场景", f"The template {template} has no scenarios"))
    played: list[Played] = []

    def told(one: Played) -> None:
        played.append(one)
        if not as_json:
            mark = text(settings, "不符", "differs") if one.faults else text(settings, "符合", "as written")
            click.echo(f"{one.id}\t{' '.join(one.covers)}\t{mark}")
            for fault in one.faults:
                click.echo(f"  {fault}", err=True)

    good = play_all(start_from("scenario", template), paths, told)
    if as_json:
        print_json([{"id": p.id, "covers": p.covers, "steps": p.steps, "faults": p.faults} for p in played])
    ctx.exit(0 if good else 1)
