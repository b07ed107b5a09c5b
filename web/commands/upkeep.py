"""``tick backup restore``: what an operator runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from runtime.apps import RunningApp
from runtime.backup import backup, restore
from runtime.context import Clock, FixedClock, SystemClock
from runtime.outbox_courier import deliver
from runtime.outbox_delivery import Delivered
from runtime.plugins.running import Ended, work_off
from runtime.schedule import Done, tick
from runtime.settings import Settings
from web.commands.place import choose, db_option, json_option, open_home, print_json, progress, text
from web.print_mail import PrintedForms


class Moment(click.ParamType[datetime]):
    """A moment with its zone, as ISO 8601."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The aware moment."""
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            return self.fail(f"{value}: 不是时刻 | not a moment, write 2026-02-01T08:00:00+08:00", param, ctx)
        if moment.tzinfo is None:
            return self.fail(f"{value}: 缺少时区 | the zone is missing, write {value}+08:00", param, ctx)
        return moment


TOLD: Mapping[str, tuple[str, str]] = {
    "month_kept": (
        "台账 {subject} 的月末余额已保存到 {through}",
        "ledger {subject}: month-end balances kept through {through}",
    ),
    "reminder_done": ("提醒 {subject}（{through}）已处理", "reminder {subject} of {through} handled"),
    "reminder_skipped": (
        "提醒 {subject}（{through}）已过期，跳过",
        "reminder {subject} of {through} was missed and skipped",
    ),
    "reminder_merged": (
        "提醒 {subject}（{through}）已合并处理",
        "reminder {subject} of {through} handled with a later one",
    ),
    "reminder_again": (
        "提醒 {subject} 出错，稍后重试：{error}",
        "reminder {subject} failed and is tried again: {error}",
    ),
    "reminder_failed": ("提醒 {subject} 失败：{error}", "reminder {subject} failed: {error}"),
    "message_sent": ("消息 {subject} 已发出", "message {subject} sent"),
    "message_waiting": (
        "消息 {subject} 没有发出，稍后重试：{error}",
        "message {subject} is tried again later: {error}",
    ),
    "message_held": (
        "消息 {subject} 留着，通道已停用：{error}",
        "message {subject} is kept, its channel is off: {error}",
    ),
    "plugin_done": ("插件运行 {subject} 已完成", "plug-in run {subject} is done"),
    "plugin_failed": ("插件运行 {subject} 失败：{error}", "plug-in run {subject} failed: {error}"),
    "plugin_working": ("插件运行 {subject} 由别的进程在做", "plug-in run {subject} is done by another process"),
    "message_dead": ("消息 {subject} 无法送达：{error}", "message {subject} cannot be delivered: {error}"),
}
"""What is said of each kind of work."""


def _told(settings: Settings, done: Done) -> str:
    chinese, english = (words.format(**asdict(done)) for words in TOLD[done.kind])
    return text(settings, chinese, english)


def _sent(each: Delivered, clock: Clock, app: RunningApp) -> Done:
    return Done(
        kind=f"message_{each.state}", subject=f"{each.kind} {each.id}", through=_day(clock, app), error=each.error
    )


def _worked(each: Ended, clock: Clock, app: RunningApp) -> Done:
    subject = f"{each.plugin}.{each.act} {each.id}"
    return Done(kind=f"plugin_{each.state}", subject=subject, through=_day(clock, app), error=each.error)


def _day(clock: Clock, app: RunningApp) -> date:
    return clock.now().astimezone(ZoneInfo(app.model.timezone)).date()


@click.command("tick")
@click.argument("app", required=False)
@click.option("--now", type=Moment(), help="时刻 | The moment, by default now")
@db_option
@json_option
@click.pass_obj
def tick_command(settings: Settings, app: str | None, now: datetime | None, db: str | None, as_json: bool) -> None:
    """执行到期的工作 | Run all that is due at a moment."""
    clock: Clock = FixedClock(now) if now else SystemClock()
    with open_home(settings, db) as home:
        running = choose(home, settings, app)
        with running.database.write() as connection:
            done = tick(running.context(connection, clock))
        done += [_worked(each, clock, running) for each in work_off(running, clock)]
        done += [_sent(each, clock, running) for each in deliver(running, clock, attach=PrintedForms())]
    if as_json:
        print_json([asdict(d) for d in done])
        return
    for each in done:
        click.echo(_told(settings, each))
    if not done:
        click.echo(text(settings, "没有到期的工作", "nothing is due"))


@click.command("backup")
@click.argument("app")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@db_option
@json_option
@click.pass_obj
def backup_command(settings: Settings, app: str, file: Path, db: str | None, as_json: bool) -> None:
    """备份到一个文件，应用照常运行 | Write an app into one file while it runs."""
    with open_home(settings, db) as home, progress("backup") as tell:
        counts = backup(home.get(app), file, tell)
    _print_counts(settings, counts, file, as_json=as_json)


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("app")
@db_option
@json_option
@click.pass_obj
def restore_command(settings: Settings, file: Path, app: str, db: str | None, as_json: bool) -> None:
    """从备份建立应用 | Make an app from a backup."""
    with open_home(settings, db) as home, progress("restore") as tell:
        counts = restore(home, file, app, tell)
    _print_counts(settings, counts, file, as_json=as_json)


def _print_counts(settings: Settings, counts: object, file: Path, *, as_json: bool) -> None:
    assert isinstance(counts, dict)
    if as_json:
        print_json({"file": str(file), "rows": counts})
        return
    rows = sum(counts.values())
    click.echo(text(settings, f"{file}：{len(counts)} 张表，{rows} 行", f"{file}: {len(counts)} tables, {rows} rows"))
