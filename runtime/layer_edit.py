"""The app's own layer with something added: comments and everything else in its text stay as they are.

Lines are put in behind the key they belong to. A layer that writes that key on one line (``{…}``) has no place for
them: then it is written anew, in canonical form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.merge import made
from engine.problems import Place, Problems
from engine.yaml_source import Block, Items, Node, Scalar, read_yaml
from runtime.app_source import write_yaml

NOWHERE = Place("", 1, 1)


def with_added(text: str, added: Mapping[str, object]) -> str:
    """The layer ``text`` with ``added``: keys with texts, with further keys, or with names that join a list."""
    whole = read_yaml(text, "", Problems())
    lines = text.splitlines()
    if _put(lines, whole, added):
        return "\n".join(lines) + "\n"
    _merge(whole, added)
    return write_yaml(whole)


def _put(lines: list[str], block: Block, added: Mapping[str, object]) -> bool:
    """Whether all of it found its place; from the last key to the first, so that places stay right."""
    present = [key for key in block.entries if key in added]
    fresh = {key: value for key, value in added.items() if key not in block.entries}
    if fresh and not _insert(lines, block, fresh):
        return False
    return all(_into(lines, block.entries[key], added[key]) for key in reversed(present))


def _into(lines: list[str], node: Node, value: object) -> bool:
    if isinstance(node, Block) and isinstance(value, Mapping):
        return _is_open(lines, node) and _put(lines, node, value)
    if isinstance(node, Items) and isinstance(value, (list, tuple)):
        return _lengthen(lines, node, value)
    return False


def _is_open(lines: Sequence[str], block: Block) -> bool:
    """Whether a mapping stands on lines of its own, below its key."""
    first = min(block.keys.values(), key=lambda place: place.line, default=None)
    return first is not None and not lines[first.line - 1][: first.column - 1].strip()


def _insert(lines: list[str], block: Block, added: Mapping[str, object]) -> bool:
    """New keys behind the last one of the mapping."""
    last = max(block.keys.values(), key=lambda place: place.line, default=NOWHERE)
    indent = last.column - 1
    at = _end(lines, last.line, indent)
    text = write_yaml(_block(added)).splitlines()
    lines[at:at] = [" " * indent + line for line in text]
    return True


def _end(lines: Sequence[str], line: int, indent: int) -> int:
    """Behind the last line of what hangs on the key at ``line``."""
    at = line
    for number, text in enumerate(lines[line:], line):
        if text.strip() and len(text) - len(text.lstrip()) <= indent:
            break
        at = number + 1 if text.strip() else at
    return min(at, len(lines))


def _lengthen(lines: list[str], items: Items, names: Sequence[object]) -> bool:
    """Names at the end of a list that stands on one line."""
    row = items.place.line - 1
    start = items.place.column - 1
    end = lines[row].find("]", start)
    if lines[row][start : start + 1] != "[" or end < 0:
        return False
    glue = ", " if items.items else ""
    lines[row] = f"{lines[row][:end]}{glue}{', '.join(map(str, names))}{lines[row][end:]}"
    return True


def _block(added: Mapping[str, object]) -> Block:
    node = made(dict(added), NOWHERE)
    assert isinstance(node, Block), "a mapping becomes a block"
    return node


def _merge(block: Block, added: Mapping[str, object]) -> None:
    for key, value in added.items():
        here = block.entries.get(key)
        if isinstance(here, Block) and isinstance(value, Mapping):
            _merge(here, value)
        elif isinstance(here, Items) and isinstance(value, (list, tuple)):
            here.items.extend(Scalar(str(name), NOWHERE) for name in value)
        else:
            block.entries.update(_block({key: value}).entries)
