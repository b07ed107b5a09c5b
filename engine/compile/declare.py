"""First pass: which entities and fields there are.

Kinds give standard fields, traits are unfolded, lines get entities of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.compile.bench import RESERVED, Bench, EntityDraft, FieldDraft
from engine.compile.part import Part
from engine.expressions.scope import Reverse
from engine.merge import Merge, made, ordered
from engine.model import EntityKind
from engine.problems import did_you_mean, got
from engine.yaml_source import Block, Scalar

_ID = re.compile(r"[a-z][a-z0-9_]*$")
_DECLARING = ("type", "formula", "options", "to")


def declare(bench: Bench) -> None:
    """Drafts of all entities, their fields and reverse names."""
    for id, part in bench.root.parts("entities"):
        kind = part.text("kind")
        if not kind:
            declared = [e for e, p in bench.root.parts("entities") if p.has("kind")]
            place = next(iter(part.block.keys.values()), part.place)
            remedy = did_you_mean(id, declared, "give it a kind: to declare it, or use the module that declares it")
            bench.problems.add("D302", place, part.path, f"there is no entity {id} to extend", remedy)
            bench.problems.silence(part.path)
            continue
        check_id(bench, id, part)
        bench.entities[id] = EntityDraft(id, EntityKind(kind), part)
    for draft in list(bench.entities.values()):
        _declare_fields(bench, draft)


def finish_names(bench: Bench) -> None:
    """Reverse names, once all fields are there."""
    for draft in bench.entities.values():
        for field in draft.fields.values():
            if field.part.has("reverse"):
                _declare_reverse(bench, field)


def check_id(bench: Bench, id: str, part: Part) -> None:
    """An id must be free and well formed."""
    if id in RESERVED:
        what = f"{id} is a word of the system or of Python"
        bench.problems.add("D301", part.place, part.path, what, "choose another id")


def _merge(bench: Bench) -> Merge:
    return Merge(bench.problems, lambda a, b: True, lambda layer: True)


def _declare_fields(bench: Bench, draft: EntityDraft) -> None:
    head, tail = _standard(bench, draft)
    own = draft.part.get("fields")
    written = own if isinstance(own, Block) else Block(draft.part.place)
    path = draft.part.path_of("fields")
    base = _unfold(bench, draft.part, made(head, draft.part.place), ())
    _refuse_orphans(bench, written, {*base.entries, *tail}, path)
    whole = _merge(bench).blocks(base, written, path)
    for id, keys in tail.items():
        given = whole.entries.pop(id, None)
        standard = made({id: keys}, draft.part.place)
        assert isinstance(standard, Block)
        if given is not None:
            standard = _merge(bench).blocks(standard, Block(written.place, {id: given}, {id: whole.keys[id]}), path)
        whole.entries[id] = standard.entries[id]
        whole.keys[id] = standard.keys[id]
    for id, node in ordered(whole, path, bench.problems):
        if isinstance(node, Block):
            _declare_field(bench, draft, id, Part(node, f"{path}.{id}", bench.problems), id in head or id in tail)


def _refuse_orphans(bench: Bench, written: Block, known: set[str], path: str) -> None:
    for id, node in list(written.entries.items()):
        if not isinstance(node, Block):
            continue
        here = f"{path}.{id}"
        if not _ID.match(id):
            continue
        if id in known or any(key in node.entries for key in _DECLARING):
            if id in RESERVED:
                what = f"{id} is a word of the system or of Python"
                bench.problems.add("D301", written.key_place(id), here, what, "choose another id")
            continue
        old = did_you_mean(id, (known | set(written.entries)) - {id}, "give it a type or a formula to declare it")
        bench.problems.add("D302", written.key_place(id), here, f"there is no field {id} to extend", old)
        bench.problems.silence(here)
        del written.entries[id]


def _unfold(bench: Bench, part: Part, base: object, seen: tuple[str, ...]) -> Block:
    """The fields of the traits of a block, laid on ``base``."""
    assert isinstance(base, Block)
    traits = bench.root.part("traits")
    for word in part.words("traits"):
        trait = traits.part(word.text) if traits else None
        if word.text in seen:
            told = " → ".join([*seen, word.text])
            bench.problems.add("D407", word.place, word.path, f"traits in a circle: {told}", "take one of them away")
        elif trait is None:
            known = traits.block.entries if traits else ()
            what = f"unknown trait {got(word.text)}"
            bench.problems.add("D304", word.place, word.path, what, did_you_mean(word.text, known))
        else:
            base = _unfold(bench, trait, base, (*seen, word.text))
            own = trait.get("fields")
            if isinstance(own, Block):
                base = _merge(bench).blocks(base, own, trait.path_of("fields"))
    return base


def _declare_field(bench: Bench, owner: EntityDraft, id: str, part: Part, standard: bool) -> None:
    draft = FieldDraft(id, owner.id, part, standard, part.text("type"))
    owner.fields[id] = draft
    if draft.type == "lines":
        draft.lines = f"{owner.id}.{id}"
        rows = EntityDraft(draft.lines, EntityKind.LINES, part, owner.id, id)
        bench.entities[draft.lines] = rows
        _declare_fields(bench, rows)


def add_field(
    bench: Bench, entity: str, id: str, keys: Mapping[str, object], cause: Part, *, standard: bool = True
) -> None:
    """A field that the compiler makes, at the place of what causes it. A field already there is a problem."""
    owner = bench.entities[entity]
    if id in owner.fields:
        what = f"{entity} already has a field {id}, which is made here"
        bench.problems.add("D310", cause.place, cause.path, what, "give the written field another id")
        return
    node = made(dict(keys), cause.place, cause.block.layer)
    assert isinstance(node, Block)
    part = Part(node, f"{owner.part.path}.fields.{id}", bench.problems)
    owner.fields[id] = FieldDraft(id, entity, part, standard, part.text("type"))


def _declare_reverse(bench: Bench, field: FieldDraft) -> None:
    name = field.part.text("reverse")
    for word in field.part.words("to"):
        target = bench.entities.get(word.text)
        if target is None:
            continue
        if name in target.fields or name in target.reverses:
            what = f"{word.text} already has something called {name}"
            field.part.problem("D310", "reverse", what, "choose another name")
        else:
            target.reverses[name] = Reverse(entity=field.entity, by=field.id)


Fields = dict[str, dict[str, object]]


def _standard(bench: Bench, draft: EntityDraft) -> tuple[Fields, Fields]:
    """Standard fields of a kind, before and after the own ones."""
    maker = {EntityKind.MASTER: _master, EntityKind.DOCUMENT: _document}.get(draft.kind)
    return maker(bench, draft) if maker else ({}, {})


def _code(draft: EntityDraft) -> dict[str, object]:
    numbered = draft.part.has("number")
    return {"type": "text", "label": "编号 | Code", "unique": True, "max_length": 64, "required": not numbered}


def _status(draft: EntityDraft) -> Fields:
    workflow = draft.part.part("workflow")
    if workflow is None:
        return {}
    states = {id: _state_option(node) for id, node in workflow.entries("states")}
    return {"status": {"type": "choice", "label": "状态 | Status", "options": states, "readonly": True}}


def _state_option(node: object) -> dict[str, object]:
    """A state as an option of the field ``status``."""
    if not isinstance(node, Block):
        return {}
    texts = {key: node.entries.get(key) for key in ("label", "color")}
    return {key: value.text for key, value in texts.items() if isinstance(value, Scalar)}


def _master(bench: Bench, draft: EntityDraft) -> tuple[Fields, Fields]:
    head: Fields = {"code": _code(draft), "name": {"type": "text", "label": "名称 | Name", "required": True}}
    if draft.part.flag("tree"):
        head[f"parent_{draft.id}"] = {"type": "reference", "to": draft.id, "label": "上级 | Parent"}
    tail: Fields = {
        **_status(draft),
        "active": {"type": "yes_no", "label": "启用 | Active", "default": True},
        "note": {"type": "long_text", "label": "备注 | Note"},
    }
    return head, tail


def _document(bench: Bench, draft: EntityDraft) -> tuple[Fields, Fields]:
    head: Fields = {
        "code": _code(draft),
        "date": {"type": "date", "label": "日期 | Date", "required": True, "default": "= today()"},
    }
    tail: Fields = {}
    if bench.members:
        tail["owner"] = {"type": "member", "label": "经办人 | Owner", "default": "= user"}
    if bench.departments:
        tail["department"] = {"type": "department", "label": "部门 | Department"}
    tail.update(_status(draft))
    tail["note"] = {"type": "long_text", "label": "备注 | Note"}
    tail["attachments"] = {"type": "file", "many": True, "label": "附件 | Attachments"}
    return head, tail
