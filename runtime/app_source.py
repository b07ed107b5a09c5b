"""What an app is made of: its own text (the layer), and the files of the base it stands on, pinned.

A newer product brings newer templates; an app keeps the ones it was made from until somebody upgrades it. That is
why every version carries the texts of its base.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from sqlalchemy import Row

import engine
from engine import AppModel
from engine.cache import engine_mark, read_kept, write_kept
from engine.compile.layers import CATALOGUE, Merged, Source, assemble
from engine.problems import Problems
from engine.yaml_source import Block, Items, Node, Scalar, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """``text``: the app's own file. ``files``: name under the catalogue → text, of all it builds on."""

    text: str
    files: Mapping[str, str]
    name: str = "app.yaml"

    @property
    def base(self) -> str:
        """Id of the template it extends ("" = it stands alone)."""
        return _word(_read(self.text), "extends").partition(" ")[0]

    @property
    def base_version(self) -> str:
        """Version of that template, as pinned."""
        return _word(_read(self.files.get(f"{self.base}.yaml", "")), "version") if self.base else ""

    @property
    def hash(self) -> str:
        """Of everything it is made of."""
        return sha256(json.dumps([self.text, self.name, sorted(self.files.items())]).encode()).hexdigest()

    def packed_files(self) -> str:
        """The pinned files as one text."""
        return json.dumps(dict(sorted(self.files.items())), ensure_ascii=False)


def definition_of(row: Row[tuple[object, ...]]) -> Definition:
    """The definition that a version was made from."""
    return Definition(text=row.layer, files=json.loads(row.files))


def start_from(name: str, template: str, catalogue: Path = CATALOGUE) -> Definition:
    """A new app on a template, nothing of its own yet."""
    path = catalogue / f"{template}.yaml"
    version = _word(_read(path.read_text(encoding="utf-8")), "version") if path.is_file() else ""
    return pin(f"app: {name}\nextends: {template} {version or '1.0.0'}\n", catalogue)


def pin(text: str, catalogue: Path = CATALOGUE, kept: Definition | None = None, name: str = "app.yaml") -> Definition:
    """``text`` with the files that it builds on: those of ``kept`` when it stands on the same base, else today's."""
    base = _word(_read(text), "extends").partition(" ")[0]
    if kept is not None and base and kept.base == base:
        known: Mapping[str, str] = kept.files
    else:
        known = {}
    files: dict[str, str] = {}
    todo = list(_needs(text))
    while todo:
        need = todo.pop()
        path = catalogue / need
        if need in files or not (need in known or path.is_file()):
            continue
        files[need] = known[need] if need in known else path.read_text(encoding="utf-8-sig")
        todo.extend(_needs(files[need]))
    return Definition(text=text, files=files, name=name)


def _needs(text: str) -> Iterator[str]:
    block = _read(text)
    base = _word(block, "extends").partition(" ")[0]
    if base:
        yield f"{base}.yaml"
    uses = block.entries.get("uses")
    for each in uses.items if isinstance(uses, Items) else ():
        if isinstance(each, Scalar):
            yield f"modules/{each.text.lstrip('+')}.yaml"


def _read(text: str) -> Block:
    return read_yaml(text, "", Problems())


def _word(block: Block, key: str) -> str:
    node = block.entries.get(key)
    return node.text.strip() if isinstance(node, Scalar) else ""


def compile_definition(definition: Definition, *, cache_in: Path | None = None) -> AppModel:
    """The model; with ``cache_in`` kept there for the next start. Raises ``MetadataError`` with all problems."""
    kept = cache_in / f"{definition.hash[:32]}-{engine_mark()}.model" if cache_in else None
    if kept is not None:
        found = read_kept(kept)
        if isinstance(found, AppModel):
            return found
    model = _compile(definition)
    if kept is not None:
        write_kept(kept, model)
    return model


def _compile(definition: Definition) -> AppModel:
    if _is_todays(definition):
        return engine.load_text(definition.text, definition.name)
    with TemporaryDirectory() as folder:
        return engine.load_text(definition.text, definition.name, catalogue=_lay_out(definition, Path(folder)))


def compile_with(definition: Definition, layer: str) -> AppModel:
    """The model of a definition with a further layer over it, to try something out. Raises ``MetadataError``."""
    layers = [("draft.yaml", layer)]
    if _is_todays(definition):
        return engine.load_text(definition.text, definition.name, layers=layers)
    with TemporaryDirectory() as folder:
        home = _lay_out(definition, Path(folder))
        return engine.load_text(definition.text, definition.name, layers=layers, catalogue=home)


def _is_todays(definition: Definition) -> bool:
    paths = ((CATALOGUE / name, text) for name, text in definition.files.items())
    return all(path.is_file() and path.read_text(encoding="utf-8-sig") == text for path, text in paths)


def _lay_out(definition: Definition, folder: Path) -> Path:
    (folder / "modules").mkdir()
    for name, text in definition.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def renames(definition: Definition) -> list[tuple[str, str]]:
    """Fields that the layer renames: full old id and new id."""
    block = _read(definition.text).entries.get("rename")
    entries = block.entries.items() if isinstance(block, Block) else ()
    return [(old, new.text) for old, new in entries if isinstance(new, Scalar)]


def merged(definition: Definition) -> Block:
    """The whole definition, base and own layer, as one tree."""
    return merged_tree(definition).root.block


def merged_tree(definition: Definition) -> Merged:
    """The whole definition as one tree, with the ids that were renamed."""
    with TemporaryDirectory() as folder:
        problems = Problems()
        source = Source(definition.name, definition.text)
        whole = assemble([source], _lay_out(definition, Path(folder)), problems)
        problems.raise_if_any()
    assert whole is not None, "no tree and no problem"
    return whole


def flat_text(definition: Definition) -> str:
    """The whole app as one file that stands alone; old ids of renamed fields, which others go by, stay told in it."""
    tree = merged(definition)
    entries = {key: node for key, node in tree.entries.items() if key not in ("extends", "uses")}
    return write_yaml(Block(tree.place, entries, tree.keys, tree.layer))


def differences(old: Definition, new: Definition) -> list[tuple[str, str, str]]:
    """Every key path whose value differs: path, old text, new text ("" = not there)."""
    before, after = (dict(_leaves(merged(each))) for each in (old, new))
    skipped = {"app", "extends"}
    paths = [*before, *(path for path in after if path not in before)]
    return [
        (path, before.get(path, ""), after.get(path, ""))
        for path in paths
        if before.get(path) != after.get(path) and path.partition(".")[0] not in skipped
    ]


def _leaves(node: Node, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, Block):
        for key, value in node.entries.items():
            yield from _leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(node, Scalar):
        yield path, node.text
    else:
        yield path, write_flow(node)


def write_flow(node: Node) -> str:
    """A node on one line, for people."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return f"[{', '.join(write_flow(item) for item in node.items)}]"
    return f"{{{', '.join(f'{key}: {write_flow(value)}' for key, value in node.entries.items())}}}"


def write_yaml(block: Block) -> str:
    """A tree as canonical YAML: block style, lists on one line, keys in their order."""
    events = [yaml.StreamStartEvent(), yaml.DocumentStartEvent(explicit=False)]
    events += [*_events(block), yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent()]
    text = yaml.emit(events, Dumper=yaml.CDumper, allow_unicode=True, width=100_000, indent=2)
    return str(text)


def _events(node: Node) -> Iterator[yaml.Event]:
    if isinstance(node, Scalar):
        several = "\n" in node.text
        style = "|" if several else None if node.plain else '"'
        yield yaml.ScalarEvent(None, None, (True, True), node.text, style=style)
    elif isinstance(node, Items):
        flow = all(isinstance(item, Scalar) for item in node.items)
        yield yaml.SequenceStartEvent(None, None, True, flow_style=flow)
        for item in node.items:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    else:
        yield yaml.MappingStartEvent(None, None, True, flow_style=not node.entries)
        for key, value in node.entries.items():
            yield yaml.ScalarEvent(None, None, (True, True), key)
            yield from _events(value)
        yield yaml.MappingEndEvent()
