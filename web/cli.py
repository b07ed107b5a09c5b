"""The command ``dougong``. Commands are imported when they are called: starting must not cost what others need."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import click

from engine.problems import MetadataError
from runtime.errors import UserError
from runtime.settings import BadSetting, load_settings

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "templates": ("web.commands.catalogue", "应用模板 | The catalogue of templates"),
        "validate": ("web.commands.catalogue", "检查应用定义 | Check app definitions"),
        "test-template": ("web.commands.scenarios", "演模板的场景 | Play the scenarios a template carries"),
        "new": ("web.commands.making", "新建应用 | Create an app"),
        "run": ("web.commands.run", "启动服务 | Serve web, jobs and schedule"),
        "worker": ("web.commands.worker", "后台任务 | Jobs and schedule only"),
        "user": ("web.commands.people", "账号 | Accounts"),
        "token": ("web.commands.people", "API 令牌 | Make an API token"),
        "diff": ("web.commands.versions", "比较定义 | Show what a definition would change"),
        "apply": ("web.commands.versions", "发布定义 | Make a definition the newest version"),
        "export": ("web.commands.versions", "导出定义 | Write the definition as YAML"),
        "versions": ("web.commands.versions", "版本历史 | The history of an app"),
        "rollback": ("web.commands.versions", "回到某个版本 | Go back to a version"),
        "import": ("web.commands.data", "导入数据 | Bring records in"),
        "dump": ("web.commands.data", "导出数据 | Write records as CSV"),
        "channels": ("web.commands.channels", "消息通道 | Where messages leave"),
        "plugins": ("web.commands.plugins", "插件 | Plug-ins: list, switch, set, run"),
        "tick": ("web.commands.upkeep", "执行到期的工作 | Run what is due"),
        "check": ("web.commands.proof", "核对账目 | Prove the ledgers"),
        "backup": ("web.commands.upkeep", "备份 | Write an app into one file"),
        "restore": ("web.commands.upkeep", "恢复 | Make an app from a backup"),
    }
)
"""Command → module that holds it (as ``<name>_command``) and one line of help."""


class Lazy(click.Group):
    """A group whose commands are imported on demand, and whose faults are printed one a line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command ``name``."""
        if name not in COMMANDS:
            return None
        gc.disable()  # what is loaded stays: looking through it again and again would be a tenth of the start
        command = getattr(import_module(COMMANDS[name][0]), f"{name.replace('-', '_')}_command")
        gc.freeze()
        gc.enable()
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in ``--help``, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what is wrong with the input ends it with status 1, wrong settings with 2."""
        try:
            return super().invoke(ctx)
        except MetadataError as error:
            lines = [str(problem) for problem in error.problems]
        except UserError as error:
            lines = [f"{f.field + ': ' if f.field else ''}{f.message} [{f.code}]" for f in error.faults]
        except BadSetting as error:
            raise click.UsageError(str(error)) from None
        for line in lines:
            click.echo(line, err=True)
        return ctx.exit(1)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--home", metavar="DIR", help="应用所在的目录 | Folder of the apps (var)")
@click.option("--lang", "language", type=click.Choice(["zh", "en"]), help="输出语言 | Language of the output")
@click.version_option(package_name="dougong")
@click.pass_context
def cli(ctx: click.Context, home: str | None, language: str | None) -> None:
    """斗拱：企业自己搭的进销存、生产与服务系统 | Dougong: software that a small firm shapes itself."""
    flags = {"home": home, "language": language}
    ctx.obj = load_settings(flags, os.environ, Path.cwd())


def main() -> None:
    """The entrance of the ``dougong`` script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")  # Windows consoles are not UTF-8 by themselves
    cli(prog_name="dougong")
