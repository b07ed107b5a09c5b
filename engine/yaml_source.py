"""YAML text to blocks, items and scalars that know their place.

Reads the parser's events itself: nothing is ever interpreted (``on``, ``010``, ``08:00`` stay text until the key's
type reads them), keys given twice, aliases, tags and tabs are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from engine.problems import Place, Problems, got

MAX_BYTES = 2_000_000
MAX_VALUES = 200_000
MAX_DEPTH = 30


@dataclass(slots=True)
class Scalar:
    """A plain or quoted value, as text. ``layer``: the module or app it was written in."""

    text: str
    place: Place
    plain: bool = True
    layer: str = ""


@dataclass(slots=True)
class Block:
    """A mapping; ``keys`` holds the place of each key."""

    place: Place
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    layer: str = ""

    def key_place(self, key: str) -> Place:
        """Where ``key`` stands, or the block if it does not."""
        return self.keys.get(key, self.place)


@dataclass(slots=True)
class Items:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)
    layer: str = ""


Node: TypeAlias = Scalar | Block | Items


@dataclass(slots=True)
class _Open:
    """A container under construction. ``key``: the key that waits for its value."""

    node: Block | Items
    flow: bool
    path: str
    key: str | None = None
    key_end: int = -1
    double: bool = False


class _Stop(Exception):
    """The file cannot be read further."""


def read_yaml(text: str, file: str, problems: Problems, layer: str = "") -> Block:
    """The block a text holds; what cannot be read is noted in ``problems`` and left out."""
    reader = _Reader(file, problems, layer)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        problems.add("D106", Place(file, 1, 1), "", "the file is larger than 2 MB", "split it into modules")
        return Block(Place(file, 1, 1))
    if any("\ud800" <= letter <= "\udfff" for letter in _odd(text)):
        problems.add("D109", Place(file, 1, 1), "", "half a character", "save the file as plain UTF-8 text")
        return Block(Place(file, 1, 1))
    if "\t" in text:
        _refuse_tabs(text, file, problems)
        return Block(Place(file, 1, 1))
    return reader.read(text)


def _odd(text: str) -> str:
    """The text itself if it cannot be written as UTF-8, else nothing."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return text[error.start : error.end]
    return ""


def _refuse_tabs(text: str, file: str, problems: Problems) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        if "\t" in line:
            problems.add("D105", Place(file, number, line.index("\t") + 1), "", "a tab", "use spaces")


class _Reader:
    """Turns events into nodes, with an explicit stack instead of recursion."""

    def __init__(self, file: str, problems: Problems, layer: str) -> None:
        self.file = file
        self.problems = problems
        self.layer = layer
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.values = 0
        self.documents = 0

    def read(self, text: str) -> Block:
        """Run over all events; stop at the first that makes the rest meaningless."""
        handlers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        try:
            for event in yaml.parse(text, Loader=yaml.CBaseLoader):
                handler = handlers.get(type(event))
                if handler is not None:
                    handler(event)
        except _Stop:
            pass
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            self.problems.add(
                "D109", Place(self.file, line, 1), "", "a control character", "save the file as plain UTF-8 text"
            )
        except yaml.MarkedYAMLError as error:
            self._not_yaml(error)
        return self._whole()

    def _whole(self) -> Block:
        top = Place(self.file, 1, 1)
        if isinstance(self.root, Block):
            return self.root
        if not self.problems:
            what = "the file is empty" if self.root is None else "the file is not a block of keys"
            self.problems.add("D202", top, "", what, "start with app: or module:")
        return Block(top, layer=self.layer)

    def _not_yaml(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        place = Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file, 1, 1)
        remedy = "check the indentation and brackets here"
        if "mapping values" in str(error.problem):
            remedy = "a text that contains a colon and a space needs a block (key: |) or a full-width colon"
        self.problems.add("D101", place, self._path(), f"not YAML: {error.problem or error.context}", remedy)

    def _path(self) -> str:
        if not self.stack:
            return ""
        here = self.stack[-1]
        if here.key is not None:
            return f"{here.path}.{here.key}" if here.path else here.key
        return here.path

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.problems.add("D108", self._place(event), "", "a second document", "keep one document a file")
            raise _Stop

    def _alias(self, event: Any) -> None:
        what = f"alias *{event.anchor}"
        self.problems.add("D103", self._place(event), self._path(), what, "write the value again or use a trait")
        self._put(Scalar("", self._place(event), layer=self.layer), event)

    def _refuse_extras(self, event: Any, place: Place) -> None:
        if event.anchor is not None:
            self.problems.add("D103", place, self._path(), f"anchor &{event.anchor}", "take the anchor away")
        if event.tag is not None:
            self.problems.add("D104", place, self._path(), f"tag {event.tag}", "take the tag away")

    def _scalar(self, event: Any) -> None:
        mark = event.start_mark
        place = Place(self.file, mark.line + 1, mark.column + 1)
        if event.anchor is not None or event.tag is not None:
            self._refuse_extras(event, place)
        if self.stack:
            here = self.stack[-1]
            if here.key is None and type(here.node) is Block:
                self._key(here, event, place)
                return
        self._put(Scalar(event.value, place, event.implicit[0], self.layer), event)

    def _key(self, here: _Open, event: Any, place: Place) -> None:
        block = here.node
        assert isinstance(block, Block)
        key = event.value
        here.key, here.key_end, here.double = key, event.end_mark.index, key in block.entries
        if here.double:
            first = block.keys[key]
            self.problems.add(
                "D102",
                place,
                self._path(),
                f"key {got(key)} given twice, first in line {first.line}",
                "keep one of them",
            )
        else:
            block.keys[key] = place

    def _put(self, node: Node, event: Any) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            self.problems.add("D106", node.place, "", "more than 200,000 values", "split the file into modules")
            raise _Stop
        if not self.stack:
            self.root = node
            return
        here = self.stack[-1]
        if type(here.node) is Items:
            here.node.items.append(node)
            return
        assert isinstance(here.node, Block)
        assert here.key is not None
        self._value(here, here.node, here.key, node, event)

    def _value(self, here: _Open, block: Block, key: str, node: Node, event: Any) -> None:
        if type(node) is Scalar and not node.text and node.plain:
            self._empty(here, block, key, event)
        elif not here.double:
            block.entries[key] = node
        here.key = None

    def _empty(self, here: _Open, block: Block, key: str, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            return
        place, path = block.keys[key], self._path()
        if here.flow and event.start_mark.index == here.key_end:
            del block.keys[key]
            what = f"a comma ends a value inside {{ }}, so {got(key)} became a key of its own"
            self.problems.add("D110", place, here.path, what, "write this field as a block")
            self.problems.silence(here.path)
        else:
            self.problems.add("D206", place, path, "no value", "write the value or take the key away")

    def _start(self, event: Any) -> None:
        place = self._place(event)
        if event.anchor is not None or event.tag is not None:
            self._refuse_extras(event, place)
        if len(self.stack) >= MAX_DEPTH:
            self.problems.add("D107", place, self._path(), f"nested deeper than {MAX_DEPTH}", "flatten this part")
            raise _Stop
        node: Block | Items = (
            Block(place, layer=self.layer)
            if isinstance(event, yaml.MappingStartEvent)
            else Items(place, layer=self.layer)
        )
        if self.stack and type(self.stack[-1].node) is Block and self.stack[-1].key is None:
            self.problems.add(
                "D111",
                place,
                self._path(),
                "a list or block as a key",
                "keys are plain names; quote a text that starts with { or [",
            )
            raise _Stop
        self.stack.append(_Open(node, bool(event.flow_style), self._path()))

    def _end(self, event: Any) -> None:
        done = self.stack.pop()
        self._put(done.node, event)
