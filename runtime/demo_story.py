"""Reading a demo story: its YAML, its tables, and cells as the values that the write door takes."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import yaml

from engine.model import Entity, Field

Row = dict[str, Any]
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What is told. ``mixes``: tables that chance picks from, by name; ``days``: the working days in order;
    ``shift``: how far every date of the story's files lies behind the day on which it is told."""

    folder: Path
    seed: int
    shift: timedelta
    approver: str
    days: tuple[date, ...]
    masters: tuple[Row, ...]
    mixes: Mapping[str, tuple[Row, ...]]
    acts: tuple[Row, ...]


def read_story(folder: Path, today: date | None = None) -> Story:
    """The story in ``folder``, its last day moved to ``today``: the same story whatever day it is told."""
    told = yaml.safe_load((folder / "story.yaml").read_text(encoding="utf-8"))
    shift = (today or told["end"]) - told["end"]
    mixes = {path.stem.removeprefix("mix_"): tuple(read_table(path)) for path in sorted(folder.glob("mix_*.csv"))}
    days = _working_days(told["start"], told["end"], told.get("holidays", ()))
    return Story(
        folder=folder,
        seed=told["seed"],
        shift=shift,
        approver=told.get("approver", ""),
        days=tuple(day + shift for day in days),
        masters=tuple(_shifted(told["masters"], shift)),
        mixes=MappingProxyType(mixes),
        acts=tuple(_shifted(told["acts"], shift)),
    )


def _shifted(told: Any, shift: timedelta) -> Any:
    """The same with every date in it moved."""
    if isinstance(told, dict):
        return {name: _shifted(one, shift) for name, one in told.items()}
    if isinstance(told, list):
        return [_shifted(one, shift) for one in told]
    return shifted_date(told, shift) if isinstance(told, (str, date)) else told


def shifted_date(told: str | date, shift: timedelta) -> str:
    """A date, moved; any other text stays."""
    text = told if isinstance(told, str) else told.isoformat()
    return (date.fromisoformat(text) + shift).isoformat() if DATE.fullmatch(text) else text


def _working_days(start: date, end: date, holidays: Iterable[Sequence[date]]) -> list[date]:
    off = {day for first, last in holidays for day in _days(first, last)}
    return [day for day in _days(start, end) if day.isoweekday() <= 6 and day not in off]


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def read_table(path: Path) -> list[Row]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(file)]


def grouped_rows(
    entities: Mapping[str, Entity], entity: str, load: Mapping[str, Any], table: Sequence[Row], shift: timedelta
) -> list[Row]:
    """Records with their lines: a column ``lines.field`` belongs to a line; a row with the code of the one
    before, or without one, continues it. ``load`` says which columns to ``leave`` or to ``set``."""
    leave: Collection[str] = load.get("leave", ())
    only: Collection[str] = load.get("set", ())
    found: list[Row] = []
    for cells in table:
        values: dict[str, Row] = {}
        for column, text in cells.items():
            owner, _, name = column.rpartition(".")
            wanted = not only or name == "code" or name in only
            if text != "" and name not in leave and wanted:
                fields = entities[f"{entity}.{owner}" if owner else entity].fields
                values.setdefault(owner, {})[name] = cell_value(fields[name], shifted_date(text, shift))
        head = values.get("", {})
        if "code" in head and not (found and found[-1]["code"] == head["code"]):
            found.append(head)
        for owner, line in values.items():
            if owner:
                found[-1].setdefault(owner, []).append(line)
    return found


_LINKED = ("reference", "member", "department")


def cell_value(field: Field, text: object) -> object:
    """A cell as the write door takes it: references by code, several parted by ``;``."""
    if field.many or field.value.many:
        return [{"code": one} if field.type == "references" else one for one in str(text).split(";")]
    if field.create is None and field.type in _LINKED and isinstance(text, str):
        entity, _, code = text.partition(":")  # of several targets: ``entity:code``
        return {"entity": entity, "code": code} if len(field.targets) > 1 and code else {"code": text}
    if field.type == "yes_no":
        return text in (True, "1", "yes")
    if field.type == "percent" and isinstance(text, str) and text.endswith("%"):
        return str(float(text[:-1]) / 100)
    return text


def weighted(chance: Random, rows: Sequence[Row], count: int) -> list[Row]:
    """``count`` different rows, those with more ``weight`` oftener."""
    left = list(rows)
    taken = []
    for _ in range(min(count, len(left))):
        weights = [float(row.get("weight") or 1) for row in left]
        row = chance.choices(left, weights)[0]
        left.remove(row)
        taken.append(row)
    return taken
