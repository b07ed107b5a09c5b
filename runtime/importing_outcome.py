"""What an import says of each row, as plain data: kept between two pages, answered by the API."""

from __future__ import annotations

from collections import Counter
from typing import Any

from runtime.importing import Report

LEVELS = {"new": 0, "changed": 0, "left": 1, "wrong": 2}
"""Verdicts; where several rows of the file say something of one line the weightiest holds."""
MOST_TOLD = 2000
Outcome = dict[str, Any]


def outcome_of(report: Report, number: int = 0) -> Outcome:
    """``lines``: line → verdict (``new changed left wrong``); ``told``: [line, field, message, level]."""
    lines: dict[int, str] = {}
    for one in report.taken:
        lines.update(dict.fromkeys(one.lines, "new" if one.fresh else "changed"))
    for verdict, said in (("left", report.left_out), ("wrong", report.faults)):
        for each in said:
            if LEVELS[verdict] >= LEVELS.get(lines.get(each.line, "new"), 0):
                lines[each.line] = verdict
    told = [
        [one.line, one.field, one.message, one.level, one.code]
        for one in (*report.faults, *report.warnings, *report.left_out)
    ]
    counts = Counter(lines.values())
    return {
        "import": number,
        "rows": report.rows,
        "records": report.records,
        "created": report.created,
        "updated": report.updated,
        "skipped": report.skipped,
        "written": report.written,
        "wrong": counts["wrong"],
        "look": len({one.line for one in report.warnings}),
        "made": len(report.made),
        "lines": {str(line): verdict for line, verdict in sorted(lines.items())},
        "told": told[:MOST_TOLD],
        "untold": max(0, len(told) - MOST_TOLD),
    }
