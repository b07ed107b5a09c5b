"""A Node process that evaluates the JavaScript reading, one line in, one line out."""

from __future__ import annotations

import json
import subprocess
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

DECIMAL = Path(__file__).parents[3] / "web" / "frontend" / "src" / "decimal.ts"
_MAIN = """
import * as D from "./decimal.mjs";
import { createInterface } from "node:readline";
const read = { n: D.num, w: D.moment, r: D.ratio, a: (x) => x, "": (x) => x };
const show = (x) => (typeof x === "object" && x !== null && "d" in x ? { n: D.str(x) } : x);
for await (const line of createInterface({ input: process.stdin })) {
  const { source, values } = JSON.parse(line);
  let answer;
  try {
    answer = { value: show((0, eval)(source)(values.map(([kind, x]) => (x === null ? null : read[kind](x))), D)) };
  } catch (wrong) {
    answer = wrong instanceof D.Overflow ? { overflow: true } : { error: String(wrong.stack) };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
}
"""


class Browser:
    """Runs functions in Node."""

    def __init__(self, place: Path) -> None:
        (place / "decimal.mjs").write_text(DECIMAL.read_text(encoding="utf-8"), encoding="utf-8")
        (place / "main.mjs").write_text(_MAIN, encoding="utf-8")
        self._process = subprocess.Popen(
            ["node", str(place / "main.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, source: str, values: list[Any]) -> Any:
        """The result of the function ``source`` for ``values``, or ``"overflow"``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"source": source, "values": [_sent(v) for v in values]}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        if answer.get("overflow"):
            return "overflow"
        value = answer["value"]
        return Decimal(value["n"]) if isinstance(value, dict) else value

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def _sent(value: Any) -> list[Any]:
    if isinstance(value, Decimal):
        return ["n", f"{value:f}"]
    if isinstance(value, Fraction):
        return ["r", f"{value.numerator}/{value.denominator}"]
    if isinstance(value, datetime):
        return ["w", value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")]
    return ["", value.isoformat() if isinstance(value, date) else value]
