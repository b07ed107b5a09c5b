"""``python -m tests.adventureworks``: everything brought in, nothing left away, with the time each file took."""

from __future__ import annotations

import sys
import tempfile
import time

import click

from runtime.app_setup import set_up
from runtime.app_source import start_from
from runtime.apps import AppHome
from runtime.context import SystemClock
from tests.adventureworks.loading import DATA, STEPS, bring_in


def main() -> int:
    """CPU seconds and rows a second of each file; 1 where a row was refused."""
    if not DATA.is_dir():
        click.echo(f"the AdventureWorks data is not there: {DATA}", err=True)
        return 1
    refused = 0
    with tempfile.TemporaryDirectory() as folder:
        home = AppHome(folder)
        app = home.create("works", start_from("works", "discrete"), language="en")
        set_up(app, SystemClock())
        click.echo(f"{'file':28}{'rows':>8}{'records':>9}{'left out':>10}{'refused':>9}{'CPU s':>8}{'rows/s':>8}")
        for step in STEPS:
            begun = time.process_time()
            (report,) = bring_in(app, [step]).values()
            spent = time.process_time() - begun
            refused += len(report.faults)
            records = report.created + report.updated
            counts = f"{report.rows:>8}{records:>9}{report.skipped:>10}{len(report.faults):>9}"
            click.echo(f"{step.mapping or step.file:28}{counts}{spent:>8.2f}{report.rows / spent:>8.0f}")
        home.close()
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
