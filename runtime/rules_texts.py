"""What a rule or an alert says: both languages, and nothing that the reader may not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.expressions.tree import Expr, Path, walk
from engine.expressions.types import Kind
from engine.model import AppModel, Message, Text
from runtime.context import SYSTEM, RunContext, User
from runtime.permissions import compute_rights, tags_of
from runtime.record_inputs import Workspace
from runtime.record_texts import field_of, field_text, title_of
from runtime.rules_people import People

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One text and those who get it. ``addresses``: people outside, who get what the rule's author wrote for them."""

    accounts: frozenset[int]
    addresses: tuple[str, ...]
    title: Text
    text: Text


def wordings(
    at: Workspace, people: People, row: Row, entity: str, *, messages: tuple[Message | None, Message | None],
    told: tuple[frozenset[int], tuple[str, ...]], fallback: Text,
) -> list[Wording]:  # fmt: skip
    """The message about a record, once for each group of readers who see the same of it."""
    title, text = messages
    accounts, addresses = told
    groups = _groups(at.ctx, people, accounts, [m for m in messages if m is not None], entity)
    done = []
    for user, those in groups:
        words = [_both(at, message, row, entity, user) if message else fallback for message in (title, text)]
        outside = addresses if user.is_system else ()
        done.append(Wording(accounts=those, addresses=outside, title=words[0], text=words[1]))
    return [each for each in done if each.accounts or each.addresses] if accounts or addresses else done


def _groups(
    ctx: RunContext, people: People, accounts: frozenset[int], messages: Sequence[Message], entity: str
) -> list[tuple[User, frozenset[int]]]:
    """Readers by what is kept from them; the first group sees everything and speaks for those outside."""
    if not _secret(ctx, messages, entity):
        return [(SYSTEM, accounts)]
    by_roles: dict[frozenset[str], set[int]] = {}
    for account, roles in people.roles_of(sorted(accounts)).items():
        by_roles.setdefault(roles, set()).add(account)
    readers = [(User(account=min(those), name="", roles=roles), frozenset(those)) for roles, those in by_roles.items()]
    return [(SYSTEM, frozenset()), *readers]


def _secret(ctx: RunContext, messages: Sequence[Message], entity: str) -> bool:
    """Whether a message names anything that some role does not see."""
    model, known = ctx.app.model, ctx.app.programs

    def judged(message: Message) -> tuple[Message, bool]:  # kept with its message: so long its identity is its own
        found = (secrecy_of(model, expr, entity) or _hidden_from_some(model, expr) for expr in exprs_of(message))
        return message, any(found)

    return any(known.latest("secret", (id(m), entity), lambda m=m: judged(m))[1] for m in messages)  # type: ignore[misc]


def exprs_of(message: Message) -> list[Expr]:
    """The expressions in a message."""
    return [piece for piece in (*message.zh, *message.en) if isinstance(piece, Expr)]


def secrecy_of(model: AppModel, expr: Expr, entity: str) -> frozenset[str]:
    """The tags of what an expression reads, ``before.x`` included."""
    fields = model.entities[entity].fields
    before = (
        fields[node.steps[0]] for node in walk(expr.tree)
        if isinstance(node, Path) and node.root == "before" and node.steps and node.steps[0] in fields
    )  # fmt: skip
    return expr.secrecy.union(*(tags_of(field) for field in before))


def _hidden_from_some(model: AppModel, expr: Expr) -> bool:
    named = {step for node in walk(expr.tree) if isinstance(node, Path) for step in node.steps}
    words = (fields for role in model.roles.values() for fields in role.fields.values())
    return any(said == "hidden" and name in named for fields in words for name, said in fields.items())


def _both(at: Workspace, message: Message, row: Row, entity: str, user: User) -> Text:
    if not user.is_system:
        message = _without(at.model, message, entity, user)
    return Text(say(at, message, row, entity, "zh"), say(at, message, row, entity, "en"))


def say(at: Workspace, message: Message, row: Row, entity: str, language: str) -> str:
    """A message about a record, everything in it shown."""
    return say_each(at, message, [row], entity, language)[0]


def say_each(at: Workspace, message: Message, rows: Sequence[Row], entity: str, language: str) -> list[str]:
    """The same about each of several: what it reads is read for all of them at once."""
    made = at.programs.latest(
        "said", (id(message), entity, language), lambda: (message, _own_texts(at.model, message.get(language), entity))
    )
    if made[1] is not None:
        return ["".join([(row.get(own) or "") if own else piece for piece, own in made[1]]) for row in rows]
    ctx = at.ctx if at.ctx.language == language else replace(at.ctx, language=language)
    pieces = (
        [piece] * len(rows) if isinstance(piece, str) else _shown(at, ctx, piece, rows, entity)
        for piece in message.get(language)
    )
    return ["".join(said) for said in zip(*pieces, strict=True)] or [""] * len(rows)


def _own_texts(model: AppModel, pieces: Sequence[str | Expr], entity: str) -> list[tuple[str, str]] | None:
    """Pieces as (text, "") or ("", field) where a message names nothing but texts that its records hold themselves."""
    found = []
    for piece in pieces:
        if isinstance(piece, str):
            found.append((piece, ""))
            continue
        tree = piece.tree
        own = isinstance(tree, Path) and tree.root == "record" and tree.entity == entity and len(tree.steps) == 1
        if not isinstance(tree, Path) or not own or tree.entered:
            return None
        field = model.entities[entity].fields.get(tree.steps[0])
        if field is None or field.value.kind is not Kind.TEXT or field.value.many or field.many or field.live:
            return None
        found.append(("", field.id))
    return found


def _shown(at: Workspace, ctx: RunContext, piece: Expr, rows: Sequence[Row], entity: str) -> list[str]:
    values = at.evaluate(piece, rows, None, entity)
    if not isinstance(piece.tree, Path):
        return [field_text(ctx, None, value, piece) for value in values]
    if piece.type.kind is Kind.REFERENCE:
        return [
            field_text(ctx, None, value, piece) if value is None else title_of(at, piece.type.targets, value)
            for value in values
        ]
    spec = field_of(at.model, piece.tree, entity)
    return [field_text(ctx, None if value is None else spec, value, piece) for value in values]


def _without(model: AppModel, message: Message, entity: str, user: User) -> Message:
    """The message with stars for what the reader may not see: by tag, or by a field hidden from the role."""
    sees = frozenset[str]().union(*(model.roles[r].sees for r in user.roles if r in model.roles))
    hides = _hides(model, user)

    def shown(piece: str | Expr) -> str | Expr:
        if isinstance(piece, str):
            return piece
        secret = secrecy_of(model, piece, entity) - sees or _names_hidden(model, piece, entity, hides)
        return "***" if secret else piece

    return Message(zh=tuple(map(shown, message.zh)), en=tuple(map(shown, message.en)))


def _hides(model: AppModel, user: User) -> Mapping[str, frozenset[str]]:
    named = {entity for role in model.roles.values() for entity in role.fields}
    return {entity: compute_rights(model, user.roles, entity).hidden for entity in named if entity in model.entities}


def _names_hidden(model: AppModel, expr: Expr, entity: str, hides: Mapping[str, frozenset[str]]) -> bool:
    for node in walk(expr.tree):
        if not isinstance(node, Path):
            continue
        here = node.entity or (entity if node.root == "before" else "")
        for step in node.steps:
            if step in hides.get(here, frozenset()):
                return True
            known = model.entities.get(here)
            spec = known.fields.get(step) if known else None
            here = known.parent if known and step == "parent" else (spec.targets[0] if spec and spec.targets else "")
    return False
