"""Prints and labels, the side bar, the tables of the opening page, the check list of a new firm."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import chain

from engine.compile.bench import Bench
from engine.compile.figures import check_target
from engine.compile.messages import message
from engine.compile.part import Part, Word, bilingual
from engine.compile.paths import checked_paths
from engine.compile.scope import parse, scope_of
from engine.expressions.tree import Expr
from engine.frozen import Frozen
from engine.model import EntityKind, FirstStep, MenuGroup, Message, Opening, Print, PrintBlock, Text
from engine.problems import did_you_mean, got
from engine.yaml_source import Items

_SIZES = {"A3": (297, 420), "A4": (210, 297), "A5": (148, 210), "A6": (105, 148)}
_MEASURES = re.compile(r"(\d+)\s*[x×]\s*(\d+)\s*(mm)?$")


def compile_prints(bench: Bench) -> Frozen[str, Print]:
    """Page layouts and labels."""
    pages = [(id, part, False) for id, part in bench.root.parts("prints")]
    labels = [(id, part, True) for id, part in bench.root.parts("labels")]
    made = {id: _print(bench, id, part, label=label) for id, part, label in chain(pages, labels)}
    return Frozen({id: each for id, each in made.items() if each is not None})


def _print(bench: Bench, id: str, part: Part, *, label: bool) -> Print | None:
    entity = part.text("of")
    if entity not in bench.entities:
        part.problem("D304", "of", f"unknown entity {got(entity)}", did_you_mean(entity, bench.entities))
        return None
    paper = part.part("paper")
    width, height = _size(paper if paper is not None and paper.has("size") else part)
    copies = paper.pairs("copies") if paper else []
    blocks = (_block(bench, entity, name, each) for name, each in part.parts("blocks"))
    return Print(
        id=id,
        entity=entity,
        label=part.label("label", id),
        width=width,
        height=height,
        rows=paper.number("rows") if paper else 0,
        copies=Frozen({name: bilingual(word.text, name) for name, word in copies}),
        blocks=tuple(block for block in blocks if block is not None),
        label_size=label,
    )


def _size(part: Part) -> tuple[int, int]:
    text = part.text("size", "A4")
    if text in _SIZES:
        return _SIZES[text]
    found = _MEASURES.match(text)
    if found is None:
        part.problem("D207", "size", f"{got(text)} is no size", "write A4, A5, A6 or 241x140 mm")
        return _SIZES["A4"]
    return int(found[1]), int(found[2])


def _block(bench: Bench, entity: str, id: str, part: Part) -> PrintBlock | None:
    kind = next((kind for kind in ("table", "moves", "fields", "text", "signatures", "qr") if part.has(kind)), "")
    if not kind:
        part.problem("D806", "", "a block without text, fields, table, moves, signatures or qr", "write one of them")
        return None
    if kind == "moves":
        return _moves(bench, entity, id, part)
    rows = entity
    if kind == "table":
        rows = f"{entity}.{part.text('table')}"
        if rows not in bench.entities:
            known = [f.id for f in bench.entities[entity].fields.values() if f.lines]
            what = f"{entity} has no lines {got(part.text('table'))}"
            part.problem("D806", "table", what, did_you_mean(part.text("table"), known))
            return None
    scope = scope_of(bench, entity)
    listed = isinstance(part.get("columns"), Items)
    qr = part.word("qr")
    text: Message | None = message(part.word("text"), scope)
    code: Expr | None = parse(qr, scope) if qr is not None else None
    return PrintBlock(
        id=id,
        kind=kind,
        message=text,
        paths=checked_paths(bench, rows, part.words("columns" if kind == "table" else "fields")),
        lines=part.text("table"),
        columns=3 if listed else part.number("columns", 3),
        page_totals=checked_paths(bench, rows, part.words("page_totals")),
        pad_rows=part.flag("pad_rows"),
        signatures=tuple(bilingual(word.text, word.text) for word in part.words("signatures")),
        qr=code,
    )


def _moves(bench: Bench, entity: str, id: str, part: Part) -> PrintBlock | None:
    """The account of the record in a ledger."""
    ledger, _, figure = part.text("moves").partition(".")
    found = next((each for name, each in bench.root.parts("ledgers") if name == ledger), None)
    known = [name for name, _ in found.parts("resources")] if found else []
    if found is None or figure not in known:
        hint = did_you_mean(part.text("moves"), [f"{ledger}.{name}" for name in known])
        part.problem("D806", "moves", f"there is no figure {got(part.text('moves'))}", hint)
        return None
    rows = bench.rows[f"ledger.{ledger}"]
    dimensions = [name for name, _ in found.parts("dimensions")]
    naming = [name for name in dimensions if rows[name].type.targets == (entity,)]
    by = part.text("by") or (naming[0] if len(naming) == 1 else "")
    if by not in naming:
        what = (
            f"{ledger} has no dimension {got(by)} of {entity}" if by else f"{ledger} has no one dimension of {entity}"
        )
        part.problem("D806", "by", what, did_you_mean(by, naming))
        return None
    shown = [word for word in part.words("columns") if word.text in dimensions]
    return PrintBlock(
        id=id,
        kind="moves",
        paths=tuple(word.text for word in shown),
        ledger=ledger,
        figure=figure,
        by=by,
        came=part.label("came", "came") if part.has("came") else None,
        went=part.label("went", "went") if part.has("went") else None,
    )


def compile_menu(bench: Bench) -> tuple[MenuGroup, ...]:
    """The side bar: as written, else by the ``group`` of the entities."""
    written = list(bench.root.parts("menu"))
    if not written:
        return _default_menu(bench)
    done = []
    for id, part in written:
        entries = tuple(word.text for word in part.words("entries") if check_target(bench, word))
        done.append(MenuGroup(id=id, label=part.label("label", id), entries=entries))
    return tuple(done)


def _default_menu(bench: Bench) -> tuple[MenuGroup, ...]:
    groups: dict[str, list[str]] = {}
    for id, draft in bench.entities.items():
        if draft.parent:
            continue
        usual = "设置 | Settings" if draft.kind is EntityKind.SETTING else "其他 | Other"
        groups.setdefault(draft.part.text("group") or usual, []).append(id)
    figures = [f"{kind}.{id}" for kind, key in _FIGURES for id, _ in bench.root.parts(key)]
    if figures:
        groups.setdefault("统计 | Figures", []).extend(figures)
    return tuple(
        MenuGroup(id=f"group_{number}", label=_label(text), entries=tuple(entries))
        for number, (text, entries) in enumerate(groups.items(), 1)
    )


_FIGURES = (("ledger", "ledgers"), ("report", "reports"), ("plan", "plans"))


def _label(text: str) -> Text:
    return bilingual(text, text)


def compile_openings(bench: Bench) -> Frozen[str, Opening]:
    """Tables of the opening page."""
    done = {}
    for id, part in bench.root.parts("openings"):
        word = part.word("ledger") or part.word("of")
        if word is None:
            part.problem("D204", "", "neither of nor ledger", "name an entity or a ledger")
            continue
        name = f"ledger.{word.text}" if part.has("ledger") else word.text
        if name in bench.entities or name.removeprefix("ledger.") in bench.ledgers:
            done[id] = Opening(id=id, label=part.label("label", id), entity=name, brings=_brings(bench, part))
        else:
            known = [*bench.entities, *(f"ledger.{each}" for each in bench.ledgers)]
            bench.problems.add(
                "D304", word.place, word.path, f"unknown entity {got(word.text)}", did_you_mean(word.text, known)
            )
    return Frozen(done)


def _brings(bench: Bench, part: Part) -> str:
    """The document that brings the balances of a ledger in."""
    word = part.word("of") if part.has("ledger") else None
    if word is None:
        return ""
    documents = [id for id, entity in bench.entities.items() if entity.kind is EntityKind.DOCUMENT]
    if word.text not in documents:
        bench.problems.add(
            "D304", word.place, word.path, f"unknown document {got(word.text)}", did_you_mean(word.text, documents)
        )
    return word.text


def compile_first_steps(bench: Bench) -> Frozen[str, FirstStep]:
    """The check list of a new firm."""
    done = {}
    for id, part in bench.root.parts("first_steps"):
        entity, ledger = part.word("of"), part.word("ledger")
        accounts = part.number("accounts", 0)
        if entity is None and ledger is None and not accounts:
            part.problem(
                "D204", "", "neither of, ledger nor accounts", "name an entity, a ledger or a number of people"
            )
            continue
        if _known(bench, entity, bench.entities, "entity") and _known(bench, ledger, bench.ledgers, "ledger"):
            done[id] = FirstStep(
                id=id,
                label=part.label("label", id),
                entity=entity.text if entity else "",
                ledger=ledger.text if ledger else "",
                accounts=accounts,
                least=part.number("least", 1),
            )
    return Frozen(done)


def _known(bench: Bench, word: Word | None, known: Collection[str], what: str) -> bool:
    if word is None or word.text in known:
        return True
    bench.problems.add(
        "D304", word.place, word.path, f"unknown {what} {got(word.text)}", did_you_mean(word.text, known)
    )
    return False
