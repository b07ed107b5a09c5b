"""Dotted field paths in lists (columns, searches, sort keys): checked, renamed ids replaced."""

from __future__ import annotations

from engine.compile.bench import Bench
from engine.compile.part import Word
from engine.expressions.scope import FieldInfo
from engine.expressions.types import Kind, Type
from engine.problems import did_you_mean, got

MAX_STEPS = 4


def check_reference(bench: Bench, entity: str, word: Word) -> None:
    """The path must lead to a reference."""
    found = walk_path(bench, entity, word)
    if found is not None and found[1].type.kind is not Kind.REFERENCE:
        what = f"{got(word.text)} is a {found[1].type.kind}, not a reference"
        bench.problems.add("D403", word.place, word.path, what, "name a reference")


def checked_path(bench: Bench, entity: str, word: Word) -> str:
    """The path with current ids, "" when it is wrong."""
    found = walk_path(bench, entity, word)
    return ".".join(found[0]) if found else ""


def checked_paths(bench: Bench, entity: str, words: list[Word]) -> tuple[str, ...]:
    """Those of the paths that are right."""
    return tuple(path for word in words if (path := checked_path(bench, entity, word)))


def walk_path(bench: Bench, entity: str, word: Word) -> tuple[list[str], FieldInfo] | None:
    """The steps of a path and what it leads to."""
    steps: list[str] = []
    here: tuple[str, ...] = (entity,)
    info: FieldInfo | None = None
    parts = word.text.split(".")
    if len(parts) > MAX_STEPS + 1:
        bench.problems.add("D406", word.place, word.path, f"{got(word.text)} has {len(parts)} steps", "take at most 4")
        return None
    for name in parts:
        step = _step(bench, here, name, word)
        if step is None:
            return None
        id, info, here = step
        steps.append(id)
    assert info is not None
    return steps, info


def _step(bench: Bench, here: tuple[str, ...], name: str, word: Word) -> tuple[str, FieldInfo, tuple[str, ...]] | None:
    entity = here[0] if here else ""
    owner = bench.entities.get(entity)
    if name == "parent" and owner is not None and owner.parent:
        info = FieldInfo(type=Type(kind=Kind.REFERENCE, targets=(owner.parent,)))
        return name, info, (owner.parent,)
    found = bench.info(entity, name) if entity else None
    if found is None:
        if entity:
            what = f"{entity} has no field {got(name)}"
            remedy = did_you_mean(name, bench.names(entity))
        else:
            what, remedy = f"there is nothing behind the value before {got(name)}", "end the path earlier"
        bench.problems.add("D305", word.place, word.path, what, remedy)
        return None
    draft = bench.draft(entity, name)
    targets = (found.lines,) if found.lines else found.type.targets
    return draft.id if draft else name, found, targets
