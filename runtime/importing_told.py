"""What an import tells, put together: the same sentence about many rows is said once, with all their lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runtime.importing_table import RowFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One sentence and the lines of the file it is about."""

    level: str
    code: str
    field: str
    message: str
    lines: tuple[int, ...]

    @property
    def where(self) -> str:
        """The lines as ``2-5, 9``."""
        return line_ranges(self.lines)


def told(faults: Iterable[RowFault]) -> list[Told]:
    """Faults by sentence, in order of their first line."""
    lines: dict[tuple[str, str, str, str], set[int]] = {}
    for one in faults:
        lines.setdefault((one.level, one.code, one.field, one.message), set()).add(one.line)
    found = [
        Told(level=level, code=code, field=field, message=message, lines=tuple(sorted(each)))
        for (level, code, field, message), each in lines.items()
    ]
    return sorted(found, key=lambda one: one.lines[0])


def line_ranges(lines: Sequence[int]) -> str:
    """``2-5, 9`` for sorted line numbers."""
    spans: list[list[int]] = []
    for line in lines:
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
