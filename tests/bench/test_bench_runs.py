"""Every benchmark still runs, on a few rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_every_benchmark_runs_on_little_data(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--db", "sqlite", "--json", str(figures)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=480, check=False)

    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert {one["goal"] for one in found} == {
        "P1",
        "P2",
        "P3",
        "P4",
        "P5",
        "P6",
        "P7",
        "P8",
        "P9",
        "P10",
        "P11",
        "P12",
        "P13",
    }
    assert all(one["ours"] > 0 for one in found)
