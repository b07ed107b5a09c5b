"""Values of expression inputs for records at hand, saved or not: own fields, lines, referenced records.

What a record in memory can answer is never asked of the database; referenced records are fetched once a batch,
with one statement per entity. Sets that are not at hand and ledgers go to ``runtime.inputs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from engine.expressions.tree import Aggregate, Balance, Binary, Clock, Expr, Node, Path, UnitRatio, walk
from engine.model import Field
from runtime.columns import is_link
from runtime.context import RunContext
from runtime.inputs import resolve
from runtime.record_rows import read_first, read_lines, read_links, read_rows
from runtime.record_sets import combine, nothing
from runtime.record_ways import ROOTS, Way
from runtime.units import unit_ratios
from runtime.values import ENTERED, Ref
from runtime.working_days import clock_value

Row = dict[str, Any]
Rows = Sequence[Row | None]


class Workspace:
    """The records one call works on and what they refer to. Lives for one call.

    A line at hand has its owner itself under ``parent``; a line read alone has the owner's id there.
    """

    def __init__(self, ctx: RunContext, read: dict[str, dict[int, Row | None]] | None = None) -> None:
        self.ctx = ctx
        self.model = ctx.app.model
        self.programs = ctx.app.programs
        self._known: dict[str, dict[int, Row | None]] = {} if read is None else read
        self._settings: dict[str, Row] = {} if ctx.settings is None else ctx.settings
        self._ahead: dict[Node, dict[int, Any]] = {}

    def onward(self) -> Workspace:
        """The same records read, for the next call of the transaction; nothing asked ahead for this one's rows."""
        next_one = Workspace(self.ctx, self._known)
        next_one._settings = self._settings
        return next_one

    @property
    def met(self) -> Mapping[str, Mapping[int, Row | None]]:
        """All records fetched so far."""
        return self._known

    def evaluate(self, expr: Expr, rows: Rows, this: Rows | None = None, entity: str = "") -> list[Any]:
        """The value of ``expr`` for each row; ``this``: the records one stands on, where they are not the rows."""
        function, of_record = self.programs.reading(expr, self.model)
        if not expr.inputs:
            return [function(())] * len(rows)
        if of_record is not None and this is None and None not in rows:
            return [*map(of_record, rows)]
        columns = [READERS[type(node)](self, node, rows, this, entity) for node in expr.inputs]
        return [*map(function, zip(*columns, strict=True))]

    def input(self, node: Node, rows: Rows, this: Rows | None = None, entity: str = "") -> list[Any]:
        """The values of one input."""
        return READERS[type(node)](self, node, rows, this, entity)

    # --- paths -----------------------------------------------------------------------------------------------

    def path(self, node: Path, rows: Rows, this: Rows | None, entity: str) -> list[Any]:
        if node.root in ROOTS:
            start = this if node.root == "this" and this is not None else rows
            way = self.programs.way(node, self.model)
            return self.follow(node.entity, start, node.steps, node.entered) if way is None else self._go(way, start)
        if node.root == "user":
            return self._user(node) * len(rows)
        if node.root == "settings":
            row = self.setting(node.steps[0])
            return self.follow(node.steps[0], [row], node.steps[1:], node.entered) * len(rows)
        named, steps = [None if row is None else row.get(node.root) for row in rows], node.steps
        if steps and any(isinstance(n, dict) for n in named):  # a record as it was: ``before.item.name``
            named, steps = [n.get(steps[0]) if isinstance(n, dict) else None for n in named], steps[1:]
        return self._onward(node.entity, named, steps, node.entered) if steps and node.entity else named

    def _go(self, way: Way, rows: Rows) -> list[Any]:
        """What stands at the end of a way."""
        for name, target in way.hops:
            named = [None if row is None else row.get(name) for row in rows]
            self.need(target, [n for n in named if type(n) is int])
            known = self._known[target]
            rows = [known.get(n) if type(n) is int else n if type(n) is dict else None for n in named]
        last = way.last
        return [None if row is None else row.get(last) for row in rows]

    def _onward(self, entity: str, named: Sequence[Any], steps: tuple[str, ...], entered: bool) -> list[Any]:
        """What stands at the end of a path from records that a name handed in stands for."""
        refs = [n if isinstance(n, Ref) else Ref(entity, n) if isinstance(n, int) else None for n in named]
        for kind in dict.fromkeys(ref.entity for ref in refs if ref is not None):
            self.need(kind, (ref.id for ref in refs if ref is not None and ref.entity == kind))
        known = [None if ref is None else self.known(ref.entity, ref.id) for ref in refs]
        return self.follow(entity, known, steps, entered)

    def follow(self, entity: str, rows: Rows, steps: tuple[str, ...], entered: bool = False) -> list[Any]:
        """The values at the end of a path of references."""
        if not steps:
            return [None if row is None else row.get("id") for row in rows]
        for step in steps[:-1]:
            rows, entity = self.hop(entity, rows, step)
        return self.column(entity, rows, steps[-1], entered)

    def column(self, entity: str, rows: Rows, name: str, entered: bool = False) -> list[Any]:
        """One field of each row; live formulas are computed."""
        field = self.model.entities[entity].fields.get(name)
        if field is not None and field.live and field.formula is not None:
            return self._live(field.formula, rows, entity)
        if name == "parent":
            return [_id(None if row is None else row.get("parent")) for row in rows]
        if field is not None and (field.lines or is_link(field)):
            self._gather(entity, rows, field)
        key = name + ENTERED if entered else name
        if entered:
            return [None if row is None else row.get(key, row.get(name)) for row in rows]
        return [None if row is None else row.get(name) for row in rows]

    def _gather(self, entity: str, rows: Rows, field: Field) -> None:
        """Fetch the lines or links of records read without them."""
        missing = {row["id"]: row for row in rows if row is not None and field.id not in row and row.get("id")}
        if field.lines:
            lines = read_lines(self.ctx, field.lines, missing) if missing else {}
            for owner, row in missing.items():
                row[field.id] = lines[owner]
        elif missing:
            links = read_links(self.ctx, entity, field.id, missing)
            for owner, row in missing.items():
                row[field.id] = links[owner]

    def lines_of(self, entity: str, owner: int) -> list[Row]:
        """The lines of one record."""
        return read_lines(self.ctx, entity, [owner])[owner]

    def _live(self, formula: Expr, rows: Rows, entity: str) -> list[Any]:
        there = [row for row in rows if row is not None]
        values = iter(self.evaluate(formula, there, None, entity))
        return [None if row is None else next(values) for row in rows]

    def hop(self, entity: str, rows: Rows, step: str) -> tuple[Rows, str]:
        """The records that a reference of the rows names."""
        if step == "parent":
            owner = self.model.entities[entity].parent
            named = [None if row is None else row.get("parent") for row in rows]
            self.need(owner, (n for n in named if isinstance(n, int)))
            return [n if isinstance(n, dict) else self.known(owner, n) for n in named], owner
        field = self.model.entities[entity].fields[step]
        named = [None if row is None else row.get(step) for row in rows]
        target = _target(field)
        if target:
            self.need(target, (n for n in named if isinstance(n, int)))
            return [self.known(target, n) for n in named], target
        return self._hop_mixed(named), _mixed_target(field)

    def kinds(self, entity: str, rows: Rows, step: str) -> list[str]:
        """The entity of what each row names, where a reference may name things of several kinds."""
        if step == "parent":
            return [self.model.entities[entity].parent] * len(rows)
        first = _mixed_target(self.model.entities[entity].fields[step])
        named = [None if row is None else row.get(step) for row in rows]
        return [n.entity if isinstance(n, Ref) else first for n in named]

    def _hop_mixed(self, named: Sequence[Any]) -> list[Row | None]:
        """Through a reference with several targets."""
        refs = [n for n in named if isinstance(n, Ref)]
        for entity in {ref.entity for ref in refs}:
            self.need(entity, (ref.id for ref in refs if ref.entity == entity))
        return [self.known(n.entity, n.id) if isinstance(n, Ref) else None for n in named]

    # --- records referred to ---------------------------------------------------------------------------------

    def need(self, entity: str, ids: Iterable[int]) -> None:
        """Fetch the records not fetched yet, deleted ones too (old documents keep naming them)."""
        known = self._known.get(entity)
        if known is None:
            known = self._known[entity] = {}
        missing = set(ids).difference(known)
        if missing:
            found = read_rows(self.ctx, entity, missing)
            for i in missing:
                known[i] = found.get(i)

    def known(self, entity: str, record: object) -> Row | None:
        """A record fetched before."""
        return self._known.get(entity, {}).get(record) if isinstance(record, int) else None

    def keep(self, entity: str, rows: Iterable[Row]) -> None:
        """Let records at hand answer for themselves when others refer to them."""
        known = self._known.setdefault(entity, {})
        for row in rows:
            if row.get("id") is not None:
                known[row["id"]] = row

    def meet(self, entity: str, row: Row) -> None:
        """A record just read; one met before stays what it is."""
        known = self._known.setdefault(entity, {})
        if known.get(row["id"]) is None:
            known[row["id"]] = row

    def forget(self, entity: str, ids: Iterable[int]) -> None:
        """Records changed behind our back."""
        known = self._known.get(entity)
        if known:
            for i in known.keys() & set(ids):
                del known[i]

    def setting(self, entity: str) -> Row:
        """The one record of a setting; its defaults before anybody saved it."""
        if entity not in self._settings:
            row = read_first(self.ctx, entity)
            if row is None:
                declared = self.model.entities[entity].fields.values()
                row = {f.id: self.evaluate(f.default, [{}])[0] for f in declared if f.default is not None}
            self._settings[entity] = row
        return self._settings[entity]

    def _user(self, node: Path) -> list[Any]:
        member = self.ctx.user.member
        if not node.steps or member is None:
            return [member]
        self.need(node.entity, [member])
        return self.follow(node.entity, [self.known(node.entity, member)], node.steps, node.entered)

    # --- clock, units, sets ----------------------------------------------------------------------------------

    def clock(self, node: Clock, rows: Rows, this: Rows | None, entity: str) -> list[Any]:
        return [clock_value(self.ctx, node)] * len(rows)

    def ratio(self, node: UnitRatio, rows: Rows, this: Rows | None, entity: str) -> list[Fraction | None]:
        units = self.path(node.unit, rows, this, entity)
        start = this if node.item.root == "this" and this is not None else rows
        items, target = start, node.item.entity
        kinds = [target] * len(start)
        for step in node.item.steps:
            kinds = self.kinds(target, items, step)
            items, target = self.hop(target, items, step)
        return unit_ratios(self, kinds, items, units)

    def aggregate(self, node: Aggregate, rows: Rows, this: Rows | None, entity: str) -> list[Any]:
        unsaved = self.programs.unsaved(node, nothing_named)
        if unsaved is not None and all(row is None or row.get("id") is None for row in rows):
            return [unsaved[0]] * len(rows)
        owners = self._owners_at_hand(node, rows, this)
        if owners is None:
            return self.fetched(node, rows, this, entity)
        lines: list[Row] = []
        spans: list[tuple[int, int]] = []
        for owner in owners:
            start = len(lines)
            lines.extend(owner.get(node.rows.by) or () if owner else ())
            spans.append((start, len(lines)))
        return combine(self, node, lines, spans, rows)

    def _owners_at_hand(self, node: Aggregate, rows: Rows, this: Rows | None) -> Rows | None:
        """The owners of the set if they carry their lines, else ``None``."""
        base = node.rows.base
        if base is None or base.root not in ("record", "this"):
            return None
        start: Rows = this if base.root == "this" and this is not None else rows
        if node.rows.kind != "lines" or base.steps not in ((), ("parent",)):
            return None
        owners = start if not base.steps else [None if row is None else row.get("parent") for row in start]
        at_hand = all(o is None or (isinstance(o, dict) and node.rows.by in o) for o in owners)
        return owners if at_hand else None

    def fetch_ahead(self, exprs: Iterable[Expr], rows: Sequence[Row], entity: str) -> None:
        """Ask the database once for all that these expressions of saved records need from it."""
        nodes = dict.fromkeys(n for expr in exprs for n in expr.inputs if _asks_database(n))
        if len(nodes) > 1 and rows:
            for row, values in zip(rows, resolve(self.ctx, tuple(nodes), entity, rows), strict=True):
                for node, value in zip(nodes, values, strict=True):
                    self._ahead.setdefault(node, {})[id(row)] = value

    def fetched(self, node: Node, rows: Rows, this: Rows | None, entity: str) -> list[Any]:
        ahead = self._ahead.get(node) if self._ahead else None
        if ahead is not None and all(id(row) in ahead for row in rows):
            return [ahead[id(row)] for row in rows]
        return resolve_one(self.ctx, node, entity or _asker(node) or next(iter(self.model.entities)), rows)


def resolve_one(ctx: RunContext, node: Node, entity: str, rows: Rows) -> list[Any]:
    """The values of an input that only the database can answer."""
    there = [row for row in rows if row is not None]
    values = iter(one[0] for one in resolve(ctx, (node,), entity, there))
    return [None if row is None else next(values) for row in rows]


def _asks_database(node: Node) -> bool:
    return isinstance(node, Balance) or (isinstance(node, Aggregate) and node.rows.kind != "lines")


def _asker(node: Node) -> str:
    """The entity of the records that ask, where the caller did not say."""
    if isinstance(node, Aggregate) and node.rows.base is not None:
        return node.rows.base.entity
    root = "this" if isinstance(node, Aggregate) else "record"
    return next((n.entity for n in walk(node) if isinstance(n, Path) and n.root == root), "")


def nothing_named(node: Aggregate) -> tuple[Any] | None:
    """The value for records that are not saved yet, where it asks for what names them: nothing does."""
    return (nothing(node),) if _names_asker(node) else None


def _names_asker(node: Aggregate) -> bool:
    """Whether only rows that name the asking record itself belong to the set."""
    if node.rows.kind == "reverse":
        return node.rows.base is not None and not node.rows.base.steps
    stack = [node.where] if node.where is not None else []
    while stack:
        match stack.pop():
            case Binary(operator="and", left=left, right=right):
                stack.extend((left, right))
            case (
                Binary(operator="==", left=Path(root="this", steps=()))
                | Binary(operator="==", right=Path(root="this", steps=()))
            ):
                return True
    return False


def _id(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else value


def _target(field: Field) -> str:
    targets = field.targets or field.value.targets
    return targets[0] if len(targets) == 1 else ""


def _mixed_target(field: Field) -> str:
    return (field.targets or field.value.targets)[0]


Reader = Callable[[Workspace, Any, Rows, Rows | None, str], list[Any]]
READERS: Mapping[type, Reader] = {
    Path: Workspace.path,
    Clock: Workspace.clock,
    UnitRatio: Workspace.ratio,
    Aggregate: Workspace.aggregate,
    Balance: Workspace.fetched,
}
