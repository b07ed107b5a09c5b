"""Who may do what: the only place that reads roles. Everything that shows or writes asks here.

Rights of several roles add up: an action one role allows is allowed, a field is hidden only if every role that
reads the entity hides it, and rows are those that any of them lets through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.expressions.tree import Expr
from engine.model import AppModel, Field, Role
from runtime.context import RunContext
from runtime.errors import Fault, Forbidden
from runtime.messages import fault, say

ALL = "all"
READ = "read"
SYSTEM = frozenset({ALL})
VERBS = frozenset({"read", "create", "change", "delete", "print", "export"})
LEDGER = "ledger."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a person may do with an entity (or ledger).

    ``hidden``: fields the person must not learn of on any path. ``readonly``: fields shown but not to be written.
    ``rows``: alternatives, each a conjunction; empty = all rows. Conditions stand on a record of the entity that
    carries the rules: the owner's, for lines.
    """

    entity: str
    actions: frozenset[str]
    hidden: frozenset[str] = frozenset()
    readonly: frozenset[str] = frozenset()
    rows: tuple[tuple[Expr, ...], ...] = ()

    def may(self, action: str) -> bool:
        """Whether ``action`` (a verb or an entity's own word) is allowed."""
        return ALL in self.actions or action in self.actions

    def sees(self, field: str) -> bool:
        """Whether the field may be known."""
        return field not in self.hidden


def rights(ctx: RunContext, entity: str) -> Rights:
    """The rights of the acting person on ``entity``; also for ``ledger.<id>``, ``report.<id>``, ``plan.<id>``."""
    known = _cache(ctx)
    if ctx.user.is_system:
        return ctx.app.programs.keep(("rights of the system", entity), lambda: Rights(entity=entity, actions=SYSTEM))
    key = (ctx.user.roles, entity)
    if key not in known:
        known[key] = compute_rights(ctx.app.model, ctx.user.roles, entity, ctx.user.own)
    return known[key]


def _cache(ctx: RunContext) -> dict[tuple[frozenset[str], str], Rights]:
    return ctx.app.programs.rights


def demand(ctx: RunContext, entity: str, action: str) -> Rights:
    """The rights on ``entity``; raises ``Forbidden`` without the right to ``action``."""
    found = rights(ctx, entity)
    if not found.may(action):
        raise Forbidden(forbidden_fault(ctx, entity, action))
    return found


def forbidden_fault(ctx: RunContext, entity: str, action: str) -> Fault:
    """The sentence that says who may not do what."""
    verb = f"verb_{action}" if action in VERBS else "verb_other"
    return fault(ctx, "forbidden", action=say(ctx, verb), label=label_of(ctx, entity))


def label_of(ctx: RunContext, entity: str) -> str:
    """What people call an entity or ledger."""
    model = ctx.app.model
    if entity.startswith(LEDGER):
        ledger = model.ledgers.get(entity.removeprefix(LEDGER))
        return ledger.label.get(ctx.language) if ledger else entity
    found = model.entities.get(entity)
    return found.label.get(ctx.language) if found else entity


def compute_rights(model: AppModel, roles: Iterable[str], entity: str, own: Role | None = None) -> Rights:
    """Rights of a set of roles, from the model alone; ``own``: a role that stands in no definition."""
    held = _held(model, roles, own)
    carrier = owner_of(model, entity)
    granted = {role.id: _granted(model, role, carrier) for role in held}
    readers = [role for role in held if {READ, ALL} & granted[role.id]]
    sees = frozenset[str]().union(*(role.sees for role in held))
    return Rights(
        entity=entity,
        actions=frozenset[str]().union(*granted.values()),
        hidden=_hidden(model, readers, entity, sees),
        readonly=_readonly(readers, model, entity),
        rows=_row_rules(readers, carrier),
    )


def _held(model: AppModel, roles: Iterable[str], own: Role | None) -> list[Role]:
    return [model.roles[r] for r in sorted(roles) if r in model.roles] + ([own] if own is not None else [])


def owner_of(model: AppModel, entity: str) -> str:
    """The entity that carries the rights: the outermost owner of lines, else the entity itself."""
    while entity in model.entities and model.entities[entity].parent:
        entity = model.entities[entity].parent
    return entity


def _granted(model: AppModel, role: Role, entity: str) -> frozenset[str]:
    own = role.can.get(entity, frozenset())
    granted = own | role.can.get(ALL, frozenset())
    if entity.startswith(LEDGER) and entity not in role.can:
        granted |= _ledger_default(model, role, entity.removeprefix(LEDGER))
    if READ not in granted and {"create", "change"} & granted:
        granted |= {READ}
    return granted


def _ledger_default(model: AppModel, role: Role, ledger: str) -> frozenset[str]:
    """A ledger nobody mentions is readable by who may read the records its required dimensions name."""
    found = model.ledgers.get(ledger)
    if found is None:
        return frozenset()
    named = {t for d in found.dimensions.values() if d.optional is False for t in d.targets[:1]}
    readable = all({READ, ALL} & _granted(model, role, owner_of(model, target)) for target in named)
    return frozenset({READ, "print", "export"}) if named and readable else frozenset()


def _hidden(model: AppModel, readers: list[Role], entity: str, sees: frozenset[str]) -> frozenset[str]:
    secret = {name for name, tags in _tags(model, entity).items() if tags - sees}
    if readers:
        per_role = [_field_words(role, model, entity, "hidden") for role in readers]
        secret |= frozenset.intersection(*per_role)
    return frozenset(secret)


def _readonly(readers: list[Role], model: AppModel, entity: str) -> frozenset[str]:
    per_role = [_field_words(role, model, entity, "read") for role in readers]
    return frozenset.intersection(*per_role) if per_role else frozenset()


def _field_words(role: Role, model: AppModel, entity: str, word: str) -> frozenset[str]:
    """Fields of ``entity`` that ``role`` marks with ``word``; lines may be addressed through their owner."""
    named = {f for f, said in role.fields.get(entity, {}).items() if said == word}
    found = model.entities.get(entity)
    if found is not None and found.parent:
        prefix = f"{found.parent_field}."
        outer = role.fields.get(found.parent, {})
        named |= {f.removeprefix(prefix) for f, said in outer.items() if f.startswith(prefix) and said == word}
        if outer.get(found.parent_field) == word:
            named |= set(found.fields)
    return frozenset(named)


def _tags(model: AppModel, entity: str) -> Mapping[str, frozenset[str]]:
    """Secrecy tags by field (resources and measures, for a ledger)."""
    if entity.startswith(LEDGER):
        ledger = model.ledgers.get(entity.removeprefix(LEDGER))
        if ledger is None:
            return {}
        tags = {r.id: r.secrecy for r in ledger.resources.values()}
        return tags | {m.id: m.secrecy | m.formula.secrecy for m in ledger.measures.values()}
    found = model.entities.get(entity)
    return {f.id: tags_of(f) for f in found.fields.values()} if found else {}


def tags_of(field: Field) -> frozenset[str]:
    """The secrecy of a field, its own and what its formula reads."""
    inherited = field.formula.secrecy if field.formula else frozenset()
    return field.secrecy | inherited


def _row_rules(readers: list[Role], entity: str) -> tuple[tuple[Expr, ...], ...]:
    alternatives = []
    for role in readers:
        rules = tuple(rule.where[entity] for rule in role.rows if entity in rule.where)
        if not rules:
            return ()
        alternatives.append(rules)
    return tuple(dict.fromkeys(alternatives))


def visible_tags(ctx: RunContext) -> frozenset[str]:
    """The secrecy tags the acting person may see (all, for the system)."""
    model = ctx.app.model
    if ctx.user.is_system:
        return frozenset(model.secrecy)
    return frozenset[str]().union(*(role.sees for role in _held(model, ctx.user.roles, ctx.user.own)))


def may_see(ctx: RunContext, secrecy: frozenset[str]) -> bool:
    """Whether a figure with these tags (a card, a measure, a column) may be shown."""
    return ctx.user.is_system or not secrecy - visible_tags(ctx)


def administering(model: AppModel) -> frozenset[str]:
    """The roles that may do everything with everything: who holds one administers the app."""
    return frozenset(role.id for role in model.roles.values() if ALL in role.can.get(ALL, frozenset()))


def is_admin(ctx: RunContext) -> bool:
    """Whether the acting person administers the app."""
    return ctx.user.is_system or bool(administering(ctx.app.model) & ctx.user.roles)


def demand_admin(ctx: RunContext) -> None:
    """Refuse everybody else."""
    if not is_admin(ctx):
        raise Forbidden(fault(ctx, "admin_only"))
