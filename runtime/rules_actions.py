"""What rules do: messages, fields, documents, transitions. A closed table, kind → function.

An action works on several records at once and tells for each what it did, for the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.expressions.tree import Clock, Expr, Path
from engine.model import Action, AppModel, Rule, Text
from runtime import documents, records, workflow
from runtime.context import SYSTEM, RunContext
from runtime.outbox import Outgoing
from runtime.permissions import tags_of
from runtime.plugins.starting import start_for_rule
from runtime.record_inputs import Workspace
from runtime.record_texts import field_of, record_title
from runtime.rules_look import kept_value
from runtime.rules_people import People
from runtime.rules_texts import Wording, exprs_of, wordings

Row = dict[str, Any]
Done = Mapping[str, Any]
DIGEST_LINES = 40
"""Records named in one message about many."""


@dataclass(frozen=True, slots=True)
class Acting:
    """One rule on some records: ``run`` tells this doing from every other, so nothing is said twice.

    ``said``: its messages, which go out with those of other rules once the rule has done all it does.
    """

    ctx: RunContext
    rule: Rule
    at: Workspace
    people: People
    event: str
    run: str
    said: list[Outgoing] = field(default_factory=list)

    @property
    def entity(self) -> str:
        """What the records are."""
        return self.rule.trigger.entity

    @property
    def system(self) -> RunContext:
        """Rules act with every right, and the trail says that it was a rule."""
        return replace(self.ctx, user=SYSTEM, source="rule")


def act(acting: Acting, rows: Sequence[Row]) -> list[list[Done]]:
    """Do everything the rule does with the records; what was done, by record."""
    done: list[list[Done]] = [[] for _ in rows]
    for action in acting.rule.actions:
        for told, one in zip(done, ACTIONS[action.kind](acting, action, rows), strict=True):
            told.append({"id": action.id, "kind": action.kind, **one})
    return done


def leaves_nothing(ctx: RunContext, rule: Rule) -> bool:
    """Whether acting needs no savepoint: the rule only says something, and nothing that it reads for this can fail in
    a way that breaks off the transaction (figures that PostgreSQL computes can)."""
    if any(action.kind != "send" for action in rule.actions):
        return False
    return breaks_nothing(ctx, [expr for action in rule.actions for expr in read_by(action)], rule.trigger.entity)


def breaks_nothing(ctx: RunContext, exprs: Iterable[Expr], entity: str) -> bool:
    """Whether reading cannot break off the transaction: only figures that PostgreSQL computes can."""
    return ctx.connection.dialect.name == "sqlite" or all(
        isinstance(node, Clock) or (isinstance(node, Path) and _is_stored(ctx.app.model, node, entity))
        for expr in exprs
        for node in expr.inputs
    )


def read_by(action: Action) -> list[Expr]:
    """What a message reads: its words and whom it goes to."""
    messages = [expr for message in (action.title, action.text) if message for expr in exprs_of(message)]
    return messages + [each.expr for each in action.to if each.expr is not None]


def _is_stored(model: AppModel, node: Path, entity: str) -> bool:
    found = field_of(model, node, entity)
    return found is None or not found.live


# --- messages ------------------------------------------------------------------------------------------------


def _send(acting: Acting, action: Action, rows: Sequence[Row]) -> list[Done]:
    told = acting.people.told(acting.at, action.to, rows, acting.entity)
    each = [_words(acting, action, row, one) for row, one in zip(rows, told, strict=True)]
    together = action.digest or (acting.event == "date" and acting.ctx.app.model.entities[acting.entity].parent)
    if together and len(rows) > 1:
        outgoing = _digest(acting, action, rows, each)
    else:
        outgoing = [
            message for row, those in zip(rows, each, strict=True) for message in _outgoing(acting, action, row, those)
        ]
    acting.said.extend(outgoing)
    return [_told(action, those) for those in each]


def _words(acting: Acting, action: Action, row: Row, told: tuple[frozenset[int], tuple[str, ...]]) -> list[Wording]:
    rule, model = acting.rule, acting.ctx.app.model
    title = record_title(model, _owner_entity(acting), row if "code" in row else _owner(acting, row))
    fallback = Text(f"{rule.label.zh} {title}", f"{rule.label.en} {title}")
    messages = (action.title, action.text)
    return wordings(acting.at, acting.people, row, acting.entity, messages=messages, told=told, fallback=fallback)


def _owner_entity(acting: Acting) -> str:
    entity = acting.ctx.app.model.entities[acting.entity]
    return entity.parent or entity.id


def _owner(acting: Acting, row: Row) -> Row:
    """The record that people know: a line's owner."""
    parent = acting.ctx.app.model.entities[acting.entity].parent
    if not parent:
        return row
    owner = row.get("parent")
    if isinstance(owner, dict):
        return owner
    acting.at.need(parent, [owner] if isinstance(owner, int) else [])
    return acting.at.known(parent, owner) or row


def _outgoing(acting: Acting, action: Action, row: Row, those: Sequence[Wording]) -> list[Outgoing]:
    owner = _owner(acting, row)
    kinds = _kinds(acting, action)
    return [
        Outgoing(
            kind=kind,  # type: ignore[arg-type]
            key=f"{acting.run}:{row['id']}:{action.id}:{kind}:{number}",
            title=words.title,
            text=words.text,
            accounts=words.accounts,
            addresses=_places(action, kind, words),
            entity=_owner_entity(acting),
            record=owner.get("id") or 0,
            origin=f"rule:{acting.rule.id}",
            body=_body(acting, action, row) if kind in ("webhook", "email") else None,
            pace=action.pace,
        )
        for kind in kinds
        for number, words in enumerate(those)
    ]


def _kinds(acting: Acting, action: Action) -> list[str]:
    """The channels of a message; ``own`` is the inbox too. A story told about the past rings nobody's phone."""
    if acting.ctx.source == "demo":
        return ["inbox"]
    kinds = list(dict.fromkeys((action.channel, *action.more)))
    return [kind for kind in kinds if kind != "inbox" or "own" not in kinds]


def _places(action: Action, kind: str, words: Wording) -> tuple[str, ...]:
    if kind == "email":
        return words.addresses
    return (action.url,) if kind == "webhook" and action.url else ()


def _body(acting: Acting, action: Action, row: Row) -> Mapping[str, Any]:
    """What a webhook is given: the record without what is secret; what an e-mail has attached."""
    fields = acting.ctx.app.model.entities[acting.entity].fields
    shown = {
        str(n): kept_value(v) for n, v in row.items() if n in fields and not fields[n].lines and not tags_of(fields[n])
    }
    given = {"rule": acting.rule.id, "event": acting.event, "entity": acting.entity, "record": row["id"]}
    return {**given, "values": shown, "attach": list(action.attach)}


def _digest(acting: Acting, action: Action, rows: Sequence[Row], each: Sequence[Sequence[Wording]]) -> list[Outgoing]:
    """One message a person about all the records he would be told of."""
    lines: dict[int, list[Text]] = {}
    for those in each:
        for words in those:
            for account in words.accounts:
                lines.setdefault(account, []).append(words.text)
    made = []
    for account, texts in lines.items():
        more = len(texts) - DIGEST_LINES
        tail = (f"\n……另有 {more} 条", f"\n… and {more} more") if more > 0 else ("", "")
        shown = texts[:DIGEST_LINES]
        label = acting.rule.label
        for kind in _kinds(acting, action):
            made.append(
                Outgoing(
                    kind=kind,  # type: ignore[arg-type]
                    key=f"{acting.run}:digest:{action.id}:{kind}:{account}",
                    title=Text(f"{label.zh}（{len(texts)}）", f"{label.en} ({len(texts)})"),
                    text=Text("\n".join(t.zh for t in shown) + tail[0], "\n".join(t.en for t in shown) + tail[1]),
                    accounts=frozenset({account}),
                    entity=_owner_entity(acting),
                    record=_owner(acting, rows[0]).get("id") or 0,
                    origin=f"rule:{acting.rule.id}",
                    pace=action.pace,
                )
            )
    return made


def _told(action: Action, those: Sequence[Wording]) -> Done:
    accounts = sorted({account for words in those for account in words.accounts})
    addresses = sorted({address for words in those for address in words.addresses})
    text = those[0].text if those else Text("", "")
    nobody = not accounts and not addresses and action.channel != "webhook"
    return {
        "channel": action.channel, "accounts": accounts, "addresses": addresses, "text": [text.zh, text.en],
        "nobody": nobody,
    }  # fmt: skip


# --- records -------------------------------------------------------------------------------------------------


def _set(acting: Acting, action: Action, rows: Sequence[Row]) -> list[Done]:
    values = filled(acting, action, rows)
    changes = [{n: v for n, v in each.items() if row.get(n) != v} for row, each in zip(rows, values, strict=True)]
    entity = acting.ctx.app.model.entities[acting.entity]
    if entity.parent:
        _set_lines(acting, rows, changes)
    else:
        due = [(row["id"], each, None) for row, each in zip(rows, changes, strict=True) if each]
        if due:
            records.update_many(acting.system, acting.entity, due)
    return [
        {"set": {n: [kept_value(row.get(n)), kept_value(v)] for n, v in each.items()}}
        for row, each in zip(rows, changes, strict=True)
    ]


def _set_lines(acting: Acting, rows: Sequence[Row], changes: Sequence[Row]) -> None:
    """Lines are written with their owner: the others are named and stay as they are."""
    entity = acting.ctx.app.model.entities[acting.entity]
    due: dict[int, dict[int, Row]] = {}
    for row, each in zip(rows, changes, strict=True):
        if each:
            owner = row["parent"]["id"] if isinstance(row["parent"], dict) else row["parent"]
            due.setdefault(owner, {})[row["id"]] = each
    if not due:
        return
    held = records.load_many(acting.system, entity.parent, due)
    lines = {owner: held[owner][entity.parent_field] for owner in due}
    written = {
        owner: [{"id": line["id"], **due[owner].get(line["id"], {})} for line in those]
        for owner, those in lines.items()
    }
    changed = [(owner, {entity.parent_field: those}, None) for owner, those in written.items()]
    records.update_many(acting.system, entity.parent, changed)


def _create(acting: Acting, action: Action, rows: Sequence[Row]) -> list[Done]:
    saved = records.create_many(acting.system, action.entity, filled(acting, action, rows))
    return [{"entity": action.entity, "made": one.id, "code": one.code} for one in saved]


def _draw(acting: Acting, action: Action, rows: Sequence[Row]) -> list[Done]:
    done: list[Done] = []
    for row, changes in zip(rows, filled(acting, action, rows), strict=True):
        made = documents.draw(acting.system, action.entity, action.source, [row["id"]], changes=changes)
        done.append({"entity": action.entity, "made": made[0].id, "code": "、".join(one.code for one in made)})
    return done


def _take(acting: Acting, action: Action, rows: Sequence[Row]) -> list[Done]:
    before = [row.get("status") for row in rows]
    moved = workflow.take_many(acting.system, acting.entity, [row["id"] for row in rows], action.transition, {})
    return [
        {"transition": action.transition, "set": {"status": [was, row["status"]]}}
        for was, row in zip(before, moved, strict=True)
    ]


def _start(acting: Acting, action: Action, rows: Sequence[Row]) -> list[Done]:
    """A plug-in works later, in its own time; its result is written into this trace then."""
    asked = [(row["id"], given) for row, given in zip(rows, filled(acting, action, rows), strict=True)]
    origin = {"run": f"{acting.run}:{action.id}", "rule": acting.rule.id, "action": action.id, "entity": acting.entity}
    return list(start_for_rule(acting.system, action.plugin, action.act, asked, origin))


def filled(acting: Acting, action: Action, rows: Sequence[Row]) -> list[Row]:
    """The values an action gives, by record."""
    columns = {n: acting.at.evaluate(expr, rows, None, acting.entity) for n, expr in action.fill.items()}
    return [{n: column[index] for n, column in columns.items()} for index in range(len(rows))]


ACTIONS: Mapping[str, Callable[[Acting, Action, Sequence[Row]], list[Done]]] = {
    "send": _send,
    "set": _set,
    "create": _create,
    "draw": _draw,
    "take": _take,
    "start": _start,
}
