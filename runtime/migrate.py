"""One version's tables into the next one's: an ordered list of steps, computed from what is really there.

``plan`` only reads. ``apply_steps`` does all of it in the caller's transaction, or refuses and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from engine.model import AppModel
from runtime.errors import Conflict, Fault
from runtime.migrate_inspect import look
from runtime.migrate_plan import Planner
from runtime.migrate_steps import Failure, Step, open_site
from runtime.tables import Tables, build_tables

__all__ = ["Failure", "Step", "apply_steps", "check_steps", "in_step", "plan", "to_recompute", "undo_steps"]


def in_step(tables: Tables, connection: Connection) -> bool:
    """Whether every table, column and index of ``tables`` is there."""
    found = look(connection)
    for table in tables.metadata.tables.values():
        if not found.columns.get(table.name, frozenset()).issuperset(c.name for c in table.c):
            return False
    return all(i.name in found.indexes for t in tables.metadata.tables.values() for i in t.indexes)


def plan(
    old: AppModel | None,
    new: AppModel,
    connection: Connection,
    *,
    renames: Sequence[tuple[str, str]] = (),
    tables: Tables | None = None,
    old_tables: Tables | None = None,
) -> list[Step]:
    """The steps from the database as it is, made for ``old``, to what ``new`` needs.

    ``renames``: entities (``item``) or fields (``item.model``, ``item.lines.model``) and their new id, done first.
    ``tables``, ``old_tables``: those of the two models, where the caller has them.
    """
    wanted = tables or build_tables(new)
    if old is not None and old.hash and old.hash == new.hash and in_step(wanted, connection):
        return []
    return Planner(old, new, wanted, connection, renames, old_tables).steps()


def check_steps(steps: Iterable[Step], *, allow_loss: bool, language: str = "zh") -> list[Fault]:
    """Why the steps must not be taken: data in the way, or a loss that nobody has agreed to."""
    found = []
    for step in steps:
        if step.blocked or (step.loses and not allow_loss):
            code = "blocked_by_data" if step.blocked else "destructive"
            found.append(Fault(code=code, message=_reason(step, language), field=".".join(_place(step))))
    return found


def _place(step: Step) -> list[str]:
    names = step.names()
    return [str(names[part]) for part in ("table", "column") if names.get(part)]


def _reason(step: Step, language: str) -> str:
    english = language == "en"
    lines = [step.describe(language)]
    if step.blocked:
        lines.append("correct these first" if english else "请先更正以下数据")
    else:
        lines.append("needs --allow-loss" if english else "需要 --allow-loss")
    shown = ", ".join(f"#{f.record} {f.value}" for f in step.failures[:20])
    return "; ".join(lines) + (f": {shown}" if shown else "")


def apply_steps(
    connection: Connection,
    steps: Sequence[Step],
    *,
    version: int,
    now: datetime,
    allow_loss: bool = False,
    language: str = "zh",
) -> None:
    """Take every step, or raise ``Conflict`` with all reasons why not."""
    faults = check_steps(steps, allow_loss=allow_loss, language=language)
    if faults:
        raise Conflict(*faults)
    site = open_site(connection, version, now)
    for step in steps:
        step.forward(site)


def undo_steps(connection: Connection, steps: Sequence[Step], *, version: int, now: datetime) -> None:
    """Take the steps back, last first. What was written since into what they added goes out of sight with it."""
    site = open_site(connection, version, now)
    for step in reversed(steps):
        step.backward(site)


def to_recompute(old: AppModel | None, new: AppModel) -> tuple[tuple[str, str], ...]:
    """Stored computed fields whose values must be made anew, in order of dependency."""
    changed = []
    for entity, field in new.order:
        now = new.entities[entity].fields[field]
        past = old.entities[entity].fields.get(field) if old and entity in old.entities else None
        same = past is not None and past.stored and past.formula and now.formula and past.value == now.value
        if not same or past is None or past.formula.text != now.formula.text:  # type: ignore[union-attr]
            changed.append((entity, field))
    return tuple(changed)
