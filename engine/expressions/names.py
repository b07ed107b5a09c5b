"""Names and paths: what ``parent.partner.name`` or ``lines.item.inspect`` stands for.

A path reaches one value, or goes through exactly one set of rows on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from engine.expressions.operators import Basis, Typed
from engine.expressions.problems import did_you_mean
from engine.expressions.scope import FieldInfo, Scope
from engine.expressions.syntax import refuse
from engine.expressions.tree import Path, Rows
from engine.expressions.types import EMPTY, Kind, Type, reference

MAX_HOPS = 4
WORDS = ("this", "parent", "user", "settings")


@dataclass(frozen=True, slots=True)
class Frame:
    """What bare names are fields of: the record itself, or (``inside``) a row of a set."""

    entity: str
    inside: bool = False


@dataclass(frozen=True, slots=True)
class SetOf:
    """Rows of a set and what is read of each (``value`` ``None``: the row itself)."""

    rows: Rows
    value: Typed | None


@dataclass(slots=True)
class Seen:
    """What the expression reads, gathered while its names are resolved."""

    live: bool = False
    secrecy: set[str] = field(default_factory=set)

    def note(self, info: FieldInfo) -> None:
        """A field was read."""
        self.live = self.live or info.live
        self.secrecy |= info.secrecy


@dataclass(frozen=True, slots=True)
class _At:
    """Where the walk stands: entities (empty: at a value), path from the root, rows if a set was entered."""

    root: str
    root_entity: str
    entities: tuple[str, ...]
    steps: tuple[str, ...] = ()
    rows: Rows | None = None
    info: FieldInfo | None = None
    nullable: bool = False

    def path(self, type_: Type) -> Path:
        return Path(root=self.root, entity=self.root_entity, steps=self.steps, type=type_)


class Names:
    """Resolves dotted names in a scope, noting secrecy and liveness in ``seen``."""

    def __init__(self, scope: Scope, seen: Seen) -> None:
        self.scope = scope
        self.seen = seen

    def resolve(self, parts: tuple[str, ...], frame: Frame, column: int) -> Typed | SetOf:
        """The value or set that ``parts`` names; raises a problem where there is none."""
        at, rest, named = self._start(parts, frame, column)
        if named is not None:
            return named
        if len(rest) - 1 > MAX_HOPS:
            raise refuse("E319", column, f"{'.'.join(parts)} goes over {len(rest) - 1} hops, at most {MAX_HOPS}")
        for name in rest:
            at = self._step(at, name, column)
        return self._finish(at)

    def is_known(self, name: str, frame: Frame) -> bool:
        """Whether a bare name means something other than an option."""
        known = name in WORDS or name in self.scope.names
        return known or (bool(frame.entity) and self.scope.field(frame.entity, name) is not None)

    def field_type(self, name: str, frame: Frame) -> Type | None:
        """The type of a bare field."""
        info = self.scope.field(frame.entity, name) if frame.entity else None
        return info.type if info else self.scope.names.get(name)

    def _start(self, parts: tuple[str, ...], frame: Frame, column: int) -> tuple[_At, tuple[str, ...], Typed | None]:
        first = parts[0]
        special = {"this": self._this, "user": self._user, "settings": self._settings}.get(first)
        if special:
            return (*special(parts, frame, column), None)
        root = _At("record", frame.entity, (frame.entity,))
        if frame.inside and self._has(frame.entity, first):
            return root, parts, None
        given = self._given(parts, column)
        if given is not None:
            return given
        if self._has(frame.entity, first):
            return root, parts, None
        entity = next((e for e in (".".join(parts[:2]), first) if e in self.scope.entities()), "")
        if entity:
            rows = Rows(kind="entity", entity=entity, base=None, by="")
            return _At("record", entity, (entity,), (), rows), parts[len(entity.split(".")) :], None
        known = {*WORDS, *self.scope.names, *(self.scope.fields(frame.entity) if frame.entity else ())}
        raise refuse("E330", column, f"{first} is not known here", did_you_mean(first, known))

    def _given(self, parts: tuple[str, ...], column: int) -> tuple[_At, tuple[str, ...], Typed | None] | None:
        for length in (2, 1):
            name = ".".join(parts[:length])
            type_ = self.scope.names.get(name) if len(parts) >= length else None
            if type_ is None:
                continue
            steps = parts[1:length]
            rest = parts[length:]
            if type_.kind is Kind.REFERENCE and rest:
                return _At(parts[0], type_.targets[0] if type_.targets else "", type_.targets, steps), rest, None
            if rest:
                raise refuse("E334", column, f"{name} is not a reference, so .{rest[0]} cannot follow it")
            entity = type_.targets[0] if type_.kind is Kind.REFERENCE and type_.targets else ""
            node = Path(root=parts[0], entity=entity, steps=steps, type=type_)
            return _At(parts[0], "", ()), (), Typed(node)
        return None

    def _has(self, entity: str, name: str) -> bool:
        if not entity:
            return False
        if name == "parent":
            return bool(self.scope.parent(entity))
        return self.scope.field(entity, name) is not None or self.scope.reverse(entity, name) is not None

    def _this(self, parts: tuple[str, ...], frame: Frame, column: int) -> tuple[_At, tuple[str, ...]]:
        entity = self.scope.this_entity
        if not entity:
            raise refuse("E330", column, "there is no record that `this` could stand for here")
        apart = frame.inside or entity != self.scope.root_entity
        return _At("this" if apart else "record", entity, (entity,)), parts[1:]

    def _user(self, parts: tuple[str, ...], frame: Frame, column: int) -> tuple[_At, tuple[str, ...]]:
        self.seen.live = True
        if not self.scope.user_entity:
            raise refuse("E330", column, "this app has no entity of members, so there is no `user`")
        return _At("user", self.scope.user_entity, (self.scope.user_entity,), nullable=True), parts[1:]

    def _settings(self, parts: tuple[str, ...], frame: Frame, column: int) -> tuple[_At, tuple[str, ...]]:
        if len(parts) < 3 or not self.scope.setting(parts[1]):
            name = parts[1] if len(parts) > 1 else ""
            known = [e for e in self.scope.entities() if self.scope.setting(e)]
            raise refuse("E330", column, f"settings.{name} is not a setting", did_you_mean(name, known))
        return _At("settings", "", (parts[1],), (parts[1],)), parts[2:]

    def _step(self, at: _At, name: str, column: int) -> _At:
        if at.info is not None and at.info.type.many:
            at = self._enter(at, Rows(kind="references", entity=at.entities[0], base=None, by=at.steps[-1]), column)
        if not at.entities:
            last = at.steps[-1] if at.steps else at.root
            raise refuse("E334", column, f"{last} is not a reference, so .{name} cannot follow it")
        if name == "parent":
            owner = self.scope.parent(at.entities[0])
            if owner:
                return replace(at, entities=(owner,), steps=(*at.steps, name), info=None)
        info = self.scope.field(at.entities[0], name)
        if info is None:
            return self._reverse(at, name, column)
        for other in at.entities[1:]:
            twin = self.scope.field(other, name)
            if twin is None or twin.type != info.type:
                raise refuse("E331", column, f"{other} has no field {name} of the same type")
        self.seen.note(info)
        if info.lines:
            return self._enter(at, Rows(kind="lines", entity=info.lines, base=None, by=name), column)
        targets = info.type.targets if info.type.kind is Kind.REFERENCE else ()
        nullable = at.nullable or info.type.nullable
        return replace(at, entities=targets, steps=(*at.steps, name), info=info, nullable=nullable)

    def _reverse(self, at: _At, name: str, column: int) -> _At:
        found = self.scope.reverse(at.entities[0], name) if len(at.entities) == 1 else None
        if found is None:
            hint = did_you_mean(name, self.scope.fields(at.entities[0]))
            raise refuse("E331", column, f"{at.entities[0]} has no field {name}", hint)
        return self._enter(at, Rows(kind="reverse", entity=found.entity, base=None, by=found.by), column)

    def _enter(self, at: _At, rows: Rows, column: int) -> _At:
        inner = "record"
        if at.rows is None:
            steps = at.steps[:-1] if rows.kind == "references" else at.steps
            owner = reference(*(() if rows.kind == "references" else at.entities))
            base = replace(at, steps=steps).path(owner)
            kind = "setting" if at.root == "settings" and rows.kind == "lines" else rows.kind
            return _At(inner, rows.entity, (rows.entity,), (), replace(rows, base=base, kind=kind))
        if at.steps or rows.kind == "references" or at.rows.kind not in ("entity", "lines", "reverse"):
            raise refuse("E318", column, f"{rows.by}: a path can go through one set only")
        return _At(inner, rows.entity, (rows.entity,), (), _nested(at.rows, rows))

    def _finish(self, at: _At) -> Typed | SetOf:
        if at.rows is not None:
            value = Typed(self._leaf(at), self._basis(at)) if at.steps else None
            return SetOf(at.rows, value)
        return Typed(self._leaf(at), self._basis(at))

    def _leaf(self, at: _At) -> Path:
        if at.info is None:
            return at.path(replace(reference(*at.entities), nullable=at.nullable))
        return at.path(replace(at.info.type, nullable=at.nullable))

    def _basis(self, at: _At) -> Basis | None:
        info = at.info
        unit = info.unit_field or info.per_field if info else ""
        if info is None or info.base_unit or not unit:
            return None
        before = at.steps[:-1]
        item = None
        if info.of_field:
            steps = before if info.of_field == "this" else (*before, *info.of_field.split("."))
            item = replace(at, steps=steps).path(EMPTY_REFERENCE)
        return Basis(item, replace(at, steps=(*before, *unit.split("."))).path(EMPTY_REFERENCE))


EMPTY_REFERENCE = replace(EMPTY, kind=Kind.REFERENCE)


def _nested(outer: Rows, inner: Rows) -> Rows:
    """One set for a set in a set: the inner rows, found by a longer way back to the same base."""
    if outer.kind == "entity":
        if inner.kind == "lines":
            return replace(outer, entity=inner.entity)
        return Rows(kind="entity", entity=inner.entity, base=None, by="")
    back = "parent" if inner.kind == "lines" else inner.by
    rest = "parent" if outer.kind == "lines" else outer.by
    return Rows(kind="reverse", entity=inner.entity, base=outer.base, by=f"{back}.{rest}")


def many_as_set(typed: Typed) -> SetOf | None:
    """A many reference (``user.warehouses``) seen as the set of records it names."""
    node = typed.node
    if not isinstance(node, Path) or not node.type.many or not node.steps:
        return None
    base = replace(node, steps=node.steps[:-1], type=reference())
    entity = node.type.targets[0] if node.type.targets else ""
    return SetOf(Rows(kind="references", entity=entity, base=base, by=node.steps[-1]), None)
