"""What names stand for in expressions written while the app runs (list filters): answered from the compiled model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from engine.expressions import types
from engine.expressions.parse import parse_expression
from engine.expressions.problems import ExpressionProblems
from engine.expressions.scope import FieldInfo, LedgerInfo, Reverse
from engine.expressions.tree import Aggregate, Balance, Expr, Node, Path, UnitRatio, walk
from engine.expressions.types import Type
from engine.model import AppModel, EntityKind, Field
from runtime.context import RunContext
from runtime.errors import Malformed
from runtime.messages import fault
from runtime.permissions import LEDGER, may_see, rights, tags_of

STANDARD: Mapping[str, Type] = {
    "id": types.INTEGER,
    "created_at": types.MOMENT,
    "changed_at": types.MOMENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScope:
    """Names of an entity or ledger of a compiled app."""

    model: AppModel
    root_entity: str = ""
    this_entity: str = ""
    given: str = ""
    names: Mapping[str, Type] = field(default_factory=dict)

    @property
    def user_entity(self) -> str:
        """The entity of members."""
        return self.model.members

    @property
    def money_scale(self) -> int:
        """Decimals of the currency."""
        return self.model.currency_scale

    def field(self, entity: str, name: str) -> FieldInfo | None:
        """The field ``name`` of an entity, or a dimension or figure of a ledger."""
        if entity.startswith(LEDGER):
            ledger = self.ledger(entity.removeprefix(LEDGER))
            if ledger is None:
                return None
            found = ledger.dimensions.get(name)
            return FieldInfo(type=found) if found else ledger.figures.get(name)
        described = self.model.entities.get(entity)
        spec = described.fields.get(name) if described else None
        if spec is None:
            return FieldInfo(type=STANDARD[name]) if name in STANDARD else None
        return self._info(spec)

    def _info(self, spec: Field) -> FieldInfo:
        measured = self.model.entities[spec.entity].measured
        return FieldInfo(
            type=spec.value,
            secrecy=tags_of(spec),
            live=spec.live,
            lines=spec.lines,
            unit_field=spec.unit_field,
            of_field=spec.of_field or self._counted(spec),
            per_field=spec.per_field,
            base_unit=measured is not None and bool(spec.per_field) and measured.unit == spec.per_field,
        )

    def _counted(self, spec: Field) -> str:
        """The thing whose units a price is per: that of the quantity beside it."""
        fields = self.model.entities[spec.entity].fields.values()
        return next((f.of_field for f in fields if spec.per_field and f.unit_field == spec.per_field), "")

    def fields(self, entity: str) -> Collection[str]:
        """All names of an entity."""
        described = self.model.entities.get(entity)
        return described.fields if described else ()

    def parent(self, entity: str) -> str:
        """The owner's entity for a lines entity."""
        described = self.model.entities.get(entity)
        return described.parent if described else ""

    def reverse(self, entity: str, name: str) -> Reverse | None:
        """What a reverse name stands for."""
        for other in self.model.entities.values():
            for spec in other.fields.values():
                if spec.reverse == name and entity in spec.targets:
                    return Reverse(entity=other.id, by=spec.id)
        return None

    def entities(self) -> Collection[str]:
        """Ids of all entities."""
        return self.model.entities

    def setting(self, name: str) -> bool:
        """Whether ``name`` is a setting entity."""
        described = self.model.entities.get(name)
        return described is not None and described.kind is EntityKind.SETTING

    def ledger(self, name: str) -> LedgerInfo | None:
        """The ledger ``name``."""
        found = self.model.ledgers.get(name)
        if found is None:
            return None
        figures = {r.id: FieldInfo(type=r.value, secrecy=r.secrecy) for r in found.resources.values()}
        for measure in found.measures.values():
            figures[measure.id] = FieldInfo(type=measure.formula.type, secrecy=measure.secrecy, live=True)
        dimensions = {d.id: d.value for d in found.dimensions.values()}
        return LedgerInfo(dimensions=dimensions, figures=figures, kinds=found.kinds)


def parse_filter(ctx: RunContext, entity: str, text: str) -> Expr:
    """A condition typed by a person over ``entity`` (or ``ledger.<id>``); names of hidden fields do not exist."""
    scope = ModelScope(model=ctx.app.model, root_entity=entity, this_entity=entity)
    try:
        expr = parse_expression(text, scope, expect=types.YES_NO)
    except ExpressionProblems as problems:
        raise Malformed(
            fault(ctx, "filter_bad", "filter", reason="; ".join(str(p) for p in problems.problems))
        ) from None
    hidden = next(hidden_names(ctx, expr), None)
    if hidden is not None or not may_see(ctx, expr.secrecy):
        raise Malformed(fault(ctx, "filter_bad", "filter", reason=_unknown(ctx, hidden or "?")))
    return expr


def _unknown(ctx: RunContext, name: str) -> str:
    return f"没有字段 {name}" if ctx.language == "zh" else f"there is no field {name}"


def hidden_names(ctx: RunContext, expr: Expr) -> Iterator[str]:
    """Names in an expression that the person may not know of."""
    for node in walk(expr.tree):
        for path in _paths(node):
            yield from _hidden_in(ctx, path)
        if isinstance(node, Aggregate) and not rights(ctx, node.rows.entity).may("read"):
            yield node.rows.entity
        if isinstance(node, Balance):
            allowed = rights(ctx, LEDGER + node.ledger)
            if not allowed.may("read") or node.measure in allowed.hidden:
                yield node.ledger


def _paths(node: Node) -> list[Path]:
    match node:
        case Path():
            return [node]
        case UnitRatio():
            return [node.item, node.unit]
        case Aggregate():
            return [node.rows.base] if node.rows.base is not None else []
    return []


def _hidden_in(ctx: RunContext, path: Path) -> Iterator[str]:
    entity = path.entity
    if path.root not in ("record", "this"):
        return
    for step in path.steps:
        if step in rights(ctx, entity).hidden:
            yield step
            return
        if step == "parent":
            entity = ctx.app.model.entities[entity].parent
            continue
        described = ctx.app.model.entities.get(entity)
        spec = described.fields.get(step) if described else None
        targets = spec.targets if spec else _dimension_targets(ctx, entity, step)
        if not targets:
            return
        entity = targets[0]


def _dimension_targets(ctx: RunContext, entity: str, step: str) -> tuple[str, ...]:
    ledger = ctx.app.model.ledgers.get(entity.removeprefix(LEDGER)) if entity.startswith(LEDGER) else None
    return ledger.dimensions[step].targets if ledger and step in ledger.dimensions else ()
