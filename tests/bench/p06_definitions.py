"""P6: checking a definition of 2,000 lines, a warm start of a model, the largest template in a fresh process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from engine.compiler import load_app, load_text
from tests.bench.measure import Figure, against, cpu
from tests.bench.places import Place

GOAL = "P6"
LINES = 2_000
LARGEST = "discrete"
FIELDS = """      name_{n}: {{type: text, label: 名称 | Name}}
      price_{n}: {{type: money, label: 单价 | Price, default: 1, min: 0}}
      qty_{n}: {{type: decimal, label: 数量 | Quantity}}
      worth_{n}:
        type: money
        label: 金额 | Worth
        formula: round(price_{n} * qty_{n}, 2)
      due_{n}:
        type: date
        label: 到期 | Due
        default: = today()
"""


def run(place: Place) -> Iterator[Figure]:
    """No database: shown once."""
    if place.dialect != "sqlite":
        return
    rounds = max(3, place.size.rounds // 6)
    text = definition(120 if place.size.quick else LINES)
    lines = text.count("\n")
    mine, theirs = against(lambda: load_text(text), lambda: list(yaml.compose(text, yaml.CSafeLoader).value), rounds, 1)
    shared = {"goal": GOAL, "database": "–", "unit": "ms CPU", "of": "ours"}
    yield Figure(
        name=f"check and compile a definition of {lines} lines", ours=mine, hand=theirs, limit=50.0,
        note="beside it: only reading the YAML", **shared,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        load_app(LARGEST, cache=cache)
        warm = statistics.median(cpu(lambda: load_app(LARGEST, cache=cache)) for _ in range(rounds))
    yield Figure(name=f"warm model of {LARGEST}", ours=warm, limit=5.0, **shared)
    cold = statistics.median(_in_a_process() for _ in range(1 if place.size.quick else 3))
    yield Figure(name=f"validate {LARGEST} after import", ours=cold, limit=500.0, **shared)


def definition(lines: int) -> str:
    """An app of entities of twenty-odd fields, ``lines`` long."""
    head = "app: bench\nversion: 1.0.0\ntitle: 测试 | Bench\ncurrency: CNY\nentities:\n"
    parts, count = [head], 2
    while count < lines:
        number = len(parts)
        parts.append(f"  thing_{number}:\n    kind: master\n    label: 东西{number} | Thing {number}\n    fields:\n")
        parts.extend(FIELDS.format(n=n) for n in range(5))
        count += 4 + 11 * 5
    return "".join(parts)


def _in_a_process() -> float:
    program = (
        "import time; from engine.compiler import load_app; import web.cli; s = time.process_time(); "
        f"load_app({LARGEST!r}); print((time.process_time() - s) * 1e3)"
    )
    return float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
