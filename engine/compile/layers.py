"""Which files make an app: modules under the template, own layers on top, merged into one tree."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.compile.part import Part
from engine.merge import Merge, settle_patches
from engine.problems import Place, Problems, did_you_mean, got
from engine.schema import check_structure
from engine.yaml_source import Block, read_yaml

CATALOGUE = Path(__file__).resolve().parents[2] / "templates_catalog"
_ID = re.compile(r"[a-z][a-z0-9_]*$")


@dataclass(slots=True)
class Stack:
    """Files of an app, lowest first, and what came of reading them."""

    catalogue: Path
    problems: Problems
    blocks: list[tuple[str, Block]] = field(default_factory=list)
    needs: dict[str, set[str]] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    texts: list[bytes] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """A text and the name it is told by."""

    name: str
    text: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """The whole tree, ids that were renamed, the hash of all texts."""

    root: Part
    aliases: Mapping[tuple[str, str], str]
    hash: str
    files: tuple[Path, ...] = ()


def find_source(ref: str | Path, catalogue: Path, problems: Problems) -> Source | None:
    """The file that a path or template id names."""
    path = Path(ref)
    if isinstance(ref, str) and _ID.match(ref):
        path = catalogue / f"{ref}.yaml"
    if not path.is_file():
        known = [each.stem for each in catalogue.glob("*.yaml")]
        place = Place(str(ref), 1, 1)
        problems.add("D100", place, "", f"there is no file or template {got(ref)}", did_you_mean(str(ref), known))
        return None
    return _read(path, _shown(path, catalogue), problems)


def _shown(path: Path, catalogue: Path) -> str:
    return path.relative_to(catalogue).as_posix() if path.is_relative_to(catalogue) else str(path)


def _read(path: Path, name: str, problems: Problems) -> Source | None:
    try:
        return Source(name, path.read_text(encoding="utf-8-sig"), path)
    except UnicodeDecodeError as error:
        problems.add("D109", Place(name, 1, 1), "", f"not UTF-8 at byte {error.start}", "save the file as UTF-8")
        return None


def assemble(sources: Sequence[Source], catalogue: Path, problems: Problems) -> Merged | None:
    """Read all files under the sources (modules, bases) and merge them."""
    stack = Stack(catalogue, problems)
    for source in sources:
        _add_app(stack, source, ())
    if not stack.blocks:
        return None
    merge = Merge(problems, lambda a, b: _related(stack, a, b), lambda layer: layer in _own_layers(stack))
    whole: Block | None = None
    aliases: dict[tuple[str, str], str] = {}
    for _, block in stack.blocks:
        if whole is None:
            whole = block
            aliases.update(_renamed_before(block))
            continue
        _rename(whole, block, aliases, problems)
        whole = merge.blocks(whole, block)
    assert whole is not None
    settle_patches(whole, problems)
    digest = hashlib.sha256(b"\0".join(stack.texts)).hexdigest()
    return Merged(Part(whole, "", problems), aliases, digest, tuple(stack.files))


def _own_layers(stack: Stack) -> set[str]:
    return {name for name, _ in stack.blocks} - stack.modules


def _related(stack: Stack, below: str, above: str) -> bool:
    """Modules must need each other to set the same value; apps and layers may override anything."""
    if above not in stack.modules or below == above:
        return True
    return below in _closure(stack, above) or above in _closure(stack, below)


def _closure(stack: Stack, module: str) -> set[str]:
    done: set[str] = set()
    todo = [module]
    while todo:
        for need in stack.needs.get(todo.pop(), ()):
            if need not in done:
                done.add(need)
                todo.append(need)
    return done


def _parse(stack: Stack, source: Source) -> Block:
    layer = Path(source.name).stem
    block = read_yaml(source.text, source.name, stack.problems, layer)
    stack.texts.append(source.text.encode("utf-8", "surrogatepass"))
    if source.path is not None:
        stack.files.append(source.path)
    check_structure(block, stack.problems)
    return block


def _add_app(stack: Stack, source: Source, seen: tuple[str, ...]) -> None:
    block = _parse(stack, source)
    part = Part(block, "", stack.problems)
    if not block.keys.keys() & {"app", "module"} and block.entries:
        what = "neither app nor module"
        stack.problems.add("D313", block.place, "", what, "start the file with app: and an id")
    base = part.word("extends")
    if base is not None:
        id = base.text.split()[0] if base.text.split() else ""
        if id in seen:
            what = f"layers extend each other in a circle: {' → '.join([*seen, id])}"
            stack.problems.add("D314", base.place, base.path, what, "extend a template")
            return
        _add_base(stack, part, id, (*seen, id))
    _add_modules(stack, part)
    stack.blocks.append((block.layer, block))


def _add_base(stack: Stack, part: Part, id: str, seen: tuple[str, ...]) -> None:
    path = stack.catalogue / f"{id}.yaml"
    word = part.word("extends")
    assert word is not None
    if not _ID.match(id) or not path.is_file():
        known = [each.stem for each in stack.catalogue.glob("*.yaml")]
        stack.problems.add("D100", word.place, word.path, f"there is no template {got(id)}", did_you_mean(id, known))
        return
    source = _read(path, f"{id}.yaml", stack.problems)
    if source is not None:
        _add_app(stack, source, seen)


def _add_modules(stack: Stack, part: Part) -> None:
    folder = stack.catalogue / "modules"
    words = part.words("uses")
    used = {word.text for word in words} | stack.modules
    for word in words:
        path = folder / f"{word.text}.yaml"
        if word.text in stack.modules:
            continue
        if not _ID.match(word.text) or not path.is_file():
            known = [each.stem for each in folder.glob("*.yaml")]
            what = f"there is no module {got(word.text)}"
            stack.problems.add("D100", word.place, word.path, what, did_you_mean(word.text, known))
            continue
        source = _read(path, f"modules/{word.text}.yaml", stack.problems)
        if source is None:
            continue
        block = _parse(stack, source)
        needed = Part(block, "", stack.problems).words("needs")
        stack.modules.add(word.text)
        stack.needs[word.text] = {need.text for need in needed}
        for need in needed:
            if need.text not in used:
                what = f"module {word.text} needs {got(need.text)}, which the app does not use"
                stack.problems.add("D309", word.place, word.path, what, f"add {need.text} to uses")
        block.entries.pop("module", None)
        block.entries.pop("needs", None)
        stack.blocks.append((word.text, block))


def _renamed_before(whole: Block) -> Iterator[tuple[tuple[str, str], str]]:
    """Fields of an app written whole that bear their new ids already, while others still name them by the old ones."""
    for key, word in Part(whole, "", Problems()).pairs("rename"):
        entity, _, old = key.rpartition(".")
        fields = _fields_of(whole, entity)
        if fields is not None and word.text in fields.entries and old not in fields.entries:
            yield (entity, old), word.text


def _rename(base: Block, layer: Block, aliases: dict[tuple[str, str], str], problems: Problems) -> None:
    """Rename fields of the base before the layer is laid on it."""
    part = Part(layer, "", problems)
    for key, word in part.pairs("rename"):
        entity, _, old = key.rpartition(".")
        fields = _fields_of(base, entity)
        if fields is None or old not in fields.entries:
            known = fields.entries if fields else ()
            problems.add("D312", word.place, word.path, f"{got(key)} is no field of the base", did_you_mean(old, known))
        elif word.text in fields.entries:
            what = f"{entity} already has a field {word.text}"
            problems.add("D312", word.place, word.path, what, "choose a free id")
        else:
            fields.entries = {word.text if id == old else id: node for id, node in fields.entries.items()}
            fields.keys = {word.text if id == old else id: place for id, place in fields.keys.items()}
            aliases[entity, old] = word.text


def _fields_of(base: Block, entity: str) -> Block | None:
    node = base.entries.get("entities")
    for step in ".fields.".join(entity.split(".")).split("."):
        node = node.entries.get(step) if isinstance(node, Block) else None
    fields = node.entries.get("fields") if isinstance(node, Block) else None
    return fields if isinstance(fields, Block) else None
