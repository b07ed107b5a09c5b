"""``python -m tests.bench``: every goal with its figure, ours beside the hand-written, in one table."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import click
from rich.console import Console
from rich.table import Table

from tests.bench import (
    p01_lists,
    p02_forms,
    p03_receipt,
    p04_clients,
    p05_expressions,
    p06_definitions,
    p07_schema,
    p08_ledgers,
    p08_lots,
    p08_recall,
    p09_cascade,
    p10_sheets,
    p11_footprint,
    p12_rules,
    p13_time,
    peers,
)
from tests.bench.measure import Figure
from tests.bench.places import FULL, HOME, QUICK, Size, open_place

GOALS: Sequence[ModuleType] = (
    p01_lists, p02_forms, p03_receipt, p04_clients, p05_expressions, p06_definitions, p07_schema, p08_ledgers,
    p08_lots, p08_recall, p09_cascade, p10_sheets, p11_footprint, p12_rules, p13_time,
)  # fmt: skip
DATABASES = {"sqlite": ("sqlite",), "postgresql": ("postgresql",), "both": ("sqlite", "postgresql")}


@click.command()
@click.argument("goals", nargs=-1)
@click.option("--quick", is_flag=True, help="a few rows and rounds: only shows that everything runs")
@click.option("--rows", type=click.IntRange(1_000), help="rows of the large tables (a million)")
@click.option("--db", type=click.Choice(sorted(DATABASES)), default="both")
@click.option("--json", "as_json", type=click.Path(path_type=Path), help="write the figures to a file as well")
def main(goals: tuple[str, ...], quick: bool, rows: int | None, db: str, as_json: Path | None) -> None:
    """Measure GOALS (P1 P3 …; none: all)."""
    console = Console(stderr=True)
    figures: list[Figure] = []
    failed = 0
    size = QUICK if quick else replace(FULL, rows=rows or FULL.rows)
    chosen = [m for m in GOALS if not goals or m.GOAL in {g.upper() for g in goals}]
    with tempfile.TemporaryDirectory() as passing:
        home = Path(passing) if quick else HOME
        for dialect in DATABASES[db]:
            for module in chosen:
                console.print(f"{module.GOAL} {dialect} …")
                try:
                    figures.extend(_measured(module, dialect, size, home))
                except Exception:  # the edge of the program: one that cannot run must not hide the others
                    failed += 1
                    console.print(traceback.format_exc(), markup=False)
    if os.environ.get("PEERS"):
        console.print("peers …")
        figures.extend(peers.run(size))
    _show(figures)
    if as_json:
        as_json.write_text(json.dumps([f.as_json() for f in figures], ensure_ascii=False, indent=1), encoding="utf-8")
    sys.exit(1 if failed else 0)


def _measured(module: ModuleType, dialect: str, size: Size, home: Path) -> Iterator[Figure]:
    place = open_place(dialect, size, home)
    try:
        yield from module.run(place)
    finally:
        place.home.close()


def _show(figures: Sequence[Figure]) -> None:
    table = Table(title="Ours beside hand-written", title_justify="left")
    for name in ("goal", "what", "database"):
        table.add_column(name)
    for name in ("ours", "hand-written", "ratio", "target"):
        table.add_column(name, justify="right")
    table.add_column("met?")
    for one in figures:
        what = f"{one.name}\n[dim]{one.note}[/dim]" if one.note else one.name
        table.add_row(one.goal, what, one.database, *_numbers(one), _met(one))
    Console(width=140 if not sys.stdout.isatty() else None).print(table)


def _numbers(one: Figure) -> tuple[str, str, str, str]:
    sign = "≥" if one.at_least else "≤"
    unit = "x" if one.of == "ratio" else f" {one.unit}"
    target = "–" if one.limit is None else f"{sign} {one.limit:,g}{unit}"
    ratio = "–" if one.ratio is None else f"{one.ratio:.2f}"
    return _number(one.ours, one.unit), _number(one.hand, one.unit), ratio, target


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:,.2f} {unit}"


def _met(one: Figure) -> str:
    words = {True: "[green]yes[/green]", False: "[red]no[/red]", None: "–"}
    return words[one.met]


if __name__ == "__main__":
    main()
