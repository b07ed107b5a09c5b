"""Expressions of ledgers over rows of dimensions and resources: guards, methods, pools, allocations, messages.

Paths that lead through a dimension are followed once for all rows; nothing is read when the row alone suffices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, Table, bindparam, select

from engine.expressions.tree import Clock, Expr, Node, Path, Scalar, this_path
from engine.model import Dimension, Field, Message
from runtime.context import RunContext
from runtime.prepared import Statement, padded, prepare_statement
from runtime.record_rows import FEW, read_first
from runtime.values import Ref
from runtime.working_days import clock_value

if TYPE_CHECKING:
    from runtime.record_inputs import Workspace


class Reader:
    """Evaluates expressions for one call; what it read through references is read once."""

    def __init__(self, ctx: RunContext, dimensions: Mapping[str, Dimension], known: Workspace | None = None) -> None:
        self.ctx = ctx
        self._known = known
        self._dimensions = dimensions
        self._seen: dict[tuple[str, str, int], object] = {}
        self._settings: dict[str, Mapping[str, object]] = {}

    def one(self, expr: Expr, row: Mapping[str, object]) -> Scalar:
        """The value of ``expr`` for a row."""
        return self.many(expr, [row])[0]

    def many(self, expr: Expr, rows: Sequence[Mapping[str, object]]) -> list[Scalar]:
        """The values of ``expr`` for rows. ``before``, ``wanted`` and ledgers are mappings inside a row."""
        function = self.ctx.app.programs.function(expr)
        inputs = [self._input(node, rows) for node in expr.inputs]
        return [function([values[i] for values in inputs]) for i in range(len(rows))]

    def text(self, message: Message, row: Mapping[str, object]) -> str:
        """The sentence of a message for a row."""
        pieces = message.get(self.ctx.language) or message.zh
        return "".join(p if isinstance(p, str) else shown(self.one(p, row)) for p in pieces)

    def _input(self, node: Node, rows: Sequence[Mapping[str, object]]) -> list[Scalar]:
        if isinstance(node, Clock):
            return [clock_value(self.ctx, node)] * len(rows)
        if not isinstance(node, Path):
            raise LookupError(f"a ledger cannot evaluate {type(node).__name__}")
        if node.root == "this" and rows and "this" in rows[0]:
            return [scalar(row["this"][this_path(node)]) for row in rows]  # type: ignore[index]
        if node.root == "settings":
            return [scalar(self._setting(node.steps))] * len(rows)
        steps = node.steps if node.root in ("record", "this") else (node.root, *node.steps)
        return [scalar(v) for v in self._follow(steps, rows)]

    def _setting(self, steps: tuple[str, ...]) -> object:
        entity, name = steps[0], steps[1]
        if entity not in self._settings:
            self._settings[entity] = self._read_setting(entity)
        found = self._settings[entity].get(name)
        if found is None:
            field = self.ctx.app.model.entities[entity].fields[name]
            return self.one(field.default, {}) if field.default else None
        return found

    def _read_setting(self, entity: str) -> Mapping[str, object]:
        if self._known is not None:
            return self._known.setting(entity)
        return read_first(self.ctx, entity) or {}

    def _follow(self, steps: tuple[str, ...], rows: Sequence[Mapping[str, object]]) -> list[object]:
        found = [_own(row, steps) for row in rows]
        width = max((used for used, _ in found), default=len(steps))
        values = [value for _, value in found]
        for hop, step in enumerate(steps[width:], width):
            values = self._hop(steps, hop, step, values)
        return values

    def _hop(self, steps: tuple[str, ...], hop: int, step: str, values: list[object]) -> list[object]:
        entity = self._target(steps[:hop])
        by_entity: dict[str, set[int]] = {}
        for value in values:
            if isinstance(value, Ref):
                by_entity.setdefault(value.entity, set()).add(value.id)
            elif isinstance(value, int) and entity:
                by_entity.setdefault(entity, set()).add(value)
        for name, ids in by_entity.items():
            self._load(name, step, ids)
        return [self._seen.get(_spot(v, entity, step)) for v in values]

    def _target(self, steps: tuple[str, ...]) -> str:
        """The entity a path of references arrives at, "" when it may be several."""
        model = self.ctx.app.model
        dimension = self._dimensions.get(steps[0])
        targets = dimension.targets if dimension else ()
        for step in steps[1:]:
            field = model.entities[targets[0]].fields.get(step) if len(targets) == 1 else None
            targets = (field.targets or field.value.targets) if field else ()
        return targets[0] if len(targets) == 1 else ""

    def _load(self, entity: str, step: str, ids: set[int]) -> None:
        wanted = sorted(i for i in ids if (entity, step, i) not in self._seen)
        if not wanted:
            return
        if step == "id":
            self._seen.update({(entity, step, i): i for i in wanted})
            return
        model = self.ctx.app.model.entities[entity]
        field = model.fields.get(step)
        if step == "parent":
            step_column = "parent"
        elif field is None or field.live or f"{step}__num" in self.ctx.app.tables.entity[entity].c:
            self._load_live(entity, field, step, wanted)
            return
        else:
            step_column = step
        wanted = self._not_known(entity, step_column, wanted)
        if not wanted:
            return
        table = self.ctx.app.tables.entity[entity]
        query = self.ctx.app.programs.keep(("ledger path", entity, step_column), lambda: _by_ids(table, step_column))
        if len(wanted) <= FEW:
            rows = self._few(table, step_column, wanted)
        else:
            rows = self.ctx.connection.execute(query, {"ids": wanted}).all()
        for record, value in rows:
            self._seen[entity, step, record] = value

    def _few(self, table: Table, column: str, wanted: list[int]) -> Sequence[Any]:
        """By a statement prepared for that many."""
        wanted = padded(wanted)
        key = ("ledger path", table.name, column, len(wanted))
        few = self.ctx.app.programs.keep(key, lambda: _prepared_few(self.ctx, table, column, len(wanted)))
        return few.run(self.ctx, {f"w{i}": record for i, record in enumerate(wanted)})

    def _not_known(self, entity: str, step: str, wanted: list[int]) -> list[int]:
        """Those of whom the caller has not read the field yet."""
        if self._known is None:
            return wanted
        rest = []
        for record in wanted:
            row = self._known.known(entity, record)
            if row is None or step not in row or isinstance(row[step], dict):
                rest.append(record)
            else:
                self._seen[entity, step, record] = row[step]
        return rest

    def _load_live(self, entity: str, field: Field | None, step: str, ids: list[int]) -> None:
        """A field without a column: its formula, over the records it stands on."""
        if field is None or field.formula is None:
            return
        function = self.ctx.app.programs.function(field.formula)
        columns = []
        for node in field.formula.inputs:
            if isinstance(node, Path) and node.root in ("record", "this"):
                columns.append([scalar(v) for v in self._along(entity, node.steps, ids)])
            else:
                columns.append(self._input(node, [{}] * len(ids)))
        for i, record in enumerate(ids):
            self._seen[entity, step, record] = function([c[i] for c in columns])

    def _along(self, entity: str, steps: tuple[str, ...], ids: list[int]) -> list[object]:
        values: list[object] = list(ids)
        for step in steps:
            by = {v for v in values if isinstance(v, int)}
            if entity:
                self._load(entity, step, by)
            values = [self._seen.get((entity, step, v)) if isinstance(v, int) else None for v in values]
            field = self.ctx.app.model.entities[entity].fields.get(step) if entity else None
            targets = (field.targets or field.value.targets) if field else ()
            entity = targets[0] if len(targets) == 1 else ""
        return values


def _by_ids(table: Table, column: str) -> Select[Any]:
    return select(table.c.id, table.c[column]).where(table.c.id.in_(bindparam("ids", expanding=True)))


def _prepared_few(ctx: RunContext, table: Table, column: str, count: int) -> Statement:
    ids = [bindparam(f"w{i}", type_=table.c.id.type) for i in range(count)]
    columns = [table.c.id, table.c[column]]
    return prepare_statement(ctx, select(*columns).where(table.c.id.in_(ids)), columns)


def _own(row: Mapping[str, object], steps: tuple[str, ...]) -> tuple[int, object]:
    """The value the row itself gives for the beginning of a path, and how many steps that took."""
    if len(steps) > 1:
        inner = row.get(steps[0])
        if isinstance(inner, Mapping):
            return 2, inner.get(steps[1])
        if f"{steps[0]}__{steps[1]}" in row:
            return 2, row[f"{steps[0]}__{steps[1]}"]
    return 1, row.get(steps[0])


def _spot(value: object, entity: str, step: str) -> tuple[str, str, int]:
    if isinstance(value, Ref):
        return (value.entity, step, value.id)
    return (entity, step, value if isinstance(value, int) else -1)


def scalar(value: object) -> Scalar:
    """A value as expressions take it: integers of the database are decimals, references ids."""
    if isinstance(value, Ref):
        return value.id
    return value  # type: ignore[return-value]


def shown(value: Scalar) -> str:
    """A value inside a sentence."""
    if value is None:
        return ""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
