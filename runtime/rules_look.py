"""Looking at a record for a rule: each part of a condition with the values it was judged by, and how it came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.expressions.functions import WORKING_DAYS
from engine.expressions.render import render
from engine.expressions.tree import Binary, Expr, Node, Path
from engine.expressions.types import Kind
from runtime.audit import plain
from runtime.context import RunContext
from runtime.expression_words import Speaker
from runtime.programs import Function
from runtime.record_inputs import Workspace
from runtime.record_rows import read_rows
from runtime.record_texts import field_of, title_of, value_text

Row = dict[str, Any]


class Part(NamedTuple):
    """One part of a condition (its parts are joined by *and*): whether it held, and what it read."""

    text: str
    holds: bool
    inputs: tuple[tuple[str, Any], ...]

    def kept(self) -> dict[str, Any]:
        """As the trace keeps it."""
        return {"text": self.text, "holds": self.holds, "inputs": [[n, kept_value(v)] for n, v in self.inputs]}


def kept_value(value: Any) -> Any:
    """A value as JSON keeps it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [kept_value(each) for each in value]
    if isinstance(value, dict):
        return value.get("id")
    return plain(value)


def parts_of(node: Node) -> Iterator[Node]:
    """The parts that must all hold."""
    if isinstance(node, Binary) and node.operator == "and":
        yield from parts_of(node.left)
        yield from parts_of(node.right)
    else:
        yield node


def look(at: Workspace, expr: Expr | None, rows: Sequence[Row], entity: str) -> list[tuple[Part, ...]]:
    """For each row how every part of the condition came out; nothing to ask = nothing that fails."""
    if expr is None or not rows:
        return [() for _ in rows]
    looked: list[list[Part]] = [[] for _ in rows]
    for text, function, inputs, shown in at.programs.keep(("looked", id(expr)), lambda: (expr, _asked(at, expr)))[1]:
        columns = [at.input(each, rows, None, entity) for each in inputs]
        for index, found in enumerate(looked):
            given = [column[index] for column in columns]
            found.append(Part(text, function(given) is True, tuple([(name, given[i]) for i, name in shown])))
    return [tuple(each) for each in looked]


def _asked(at: Workspace, expr: Expr) -> list[tuple[str, Function, tuple[Node, ...], list[tuple[int, str]]]]:
    """Each part of a condition: its text, its function, what that takes, and which of it is told under which name."""
    made = []
    for node in parts_of(expr.tree):
        inner = at.programs.expression(node)
        shown = [(i, render(each)) for i, each in enumerate(inner.inputs) if each != WORKING_DAYS]
        made.append((render(node), at.programs.function(inner), inner.inputs, shown))
    return made


def holds(parts: Sequence[Part]) -> bool:
    """Whether all of them held."""
    return all(part.holds for part in parts)


class Records:
    """The records that one look works on, read once a round."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self.at = Workspace(ctx)
        self._rows: dict[str, dict[int, Row]] = {}

    def rows(self, entity: str, ids: Sequence[int]) -> list[Row]:
        """The records that are there (deleted ones left out), in order of ``ids``."""
        known = self._rows.setdefault(entity, {})
        missing = [i for i in ids if i not in known]
        if missing:
            found = read_rows(self.ctx, entity, missing)
            known.update(found)
            self.at.keep(entity, found.values())
        return [known[i] for i in ids if i in known and known[i].get("deleted_at") is None]

    def start(self, seeds: Mapping[str, Mapping[int, Row]], read: dict[str, dict[int, Row | None]]) -> None:
        """A new round: what was just written is at hand as it was written, and what was ``read`` of others and not
        written since; everything else is read anew."""
        self._rows.clear()
        self.at = Workspace(self.ctx, read)
        for entity, rows in seeds.items():
            self._rows[entity] = dict(rows)
            self.at.keep(entity, rows.values())

    def changed(self) -> None:
        """Something was written: everything is read anew."""
        self._rows.clear()
        self.at = Workspace(self.ctx)


# --- for people ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A part in the words of the app: the condition, whether it held, and the values it read."""

    text: str
    holds: bool
    inputs: tuple[tuple[str, str], ...]


def tell(ctx: RunContext, expr: Expr | None, kept: Sequence[Mapping[str, Any]], entity: str) -> list[Told]:
    """Parts kept in a trace, in the reader's words; what the rule no longer says stays as it was written."""
    nodes = {render(node): node for node in parts_of(expr.tree)} if expr is not None else {}
    speaker, at = Speaker(ctx), Workspace(ctx)
    told = []
    for part in kept:
        node = nodes.get(part["text"])
        inner = at.programs.expression(node) if node is not None else None
        known = {render(each): each for each in inner.inputs} if inner is not None else {}
        inputs = tuple(
            (speaker.say(known[name]) if name in known else name, _shown(at, known.get(name), value))
            for name, value in part["inputs"]
        )
        text = speaker.say(node) if node is not None else part["text"]
        told.append(Told(text=text, holds=part["holds"], inputs=inputs))
    return told


def _shown(at: Workspace, node: Node | None, value: Any) -> str:
    if value is None:
        return "（空）" if at.ctx.language == "zh" else "(empty)"
    if isinstance(node, Path) and node.type.kind is Kind.REFERENCE:
        return title_of(at, node.type.targets, value) or str(value)
    field = field_of(at.model, node, "") if isinstance(node, Path) else None
    found = next((option for option in field.options if option.id == value), None) if field else None
    return found.label.get(at.ctx.language) if found else value_text(at.ctx, value)
