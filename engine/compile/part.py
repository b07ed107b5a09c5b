"""A block of the merged tree with its key path: typed access for the compiler.

The structure was checked before, so accessors only convert; what has the wrong shape is absent here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.merge import ordered
from engine.model import Origin, Text
from engine.problems import Place, Problems
from engine.yaml_source import Block, Items, Node, Scalar


@dataclass(frozen=True, slots=True)
class Word:
    """A name or expression text, where it stands and under which key path."""

    text: str
    place: Place
    path: str


@dataclass(frozen=True, slots=True)
class Part:
    """A block and the path that leads to it."""

    block: Block
    path: str
    problems: Problems

    @property
    def place(self) -> Place:
        """Where the block begins."""
        return self.block.place

    @property
    def origin(self) -> Origin:
        """The place as the model keeps it."""
        file, line, column = self.place
        return Origin(file=file, line=line, column=column, layer=self.block.layer)

    @property
    def retired(self) -> bool:
        """Whether it is off every screen."""
        return self.flag("retired")

    def has(self, key: str) -> bool:
        """Whether the key is written."""
        return key in self.block.entries

    def get(self, key: str) -> Node | None:
        """The node under a key."""
        return self.block.entries.get(key)

    def path_of(self, key: str) -> str:
        """The key path of a key."""
        return f"{self.path}.{key}" if self.path else key

    def place_of(self, key: str) -> Place:
        """Where a key stands."""
        return self.block.key_place(key)

    def word(self, key: str) -> Word | None:
        """The plain value under a key."""
        node = self.get(key)
        return Word(node.text, node.place, self.path_of(key)) if isinstance(node, Scalar) else None

    def text(self, key: str, default: str = "") -> str:
        """The text under a key."""
        node = self.get(key)
        return node.text if isinstance(node, Scalar) else default

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false under a key."""
        node = self.get(key)
        return node.text == "true" if isinstance(node, Scalar) else default

    def number(self, key: str, default: int = 0) -> int:
        """The whole number under a key."""
        text = self.text(key)
        return int(text) if text.isdigit() else default

    def label(self, key: str, id: str) -> Text:
        """The text in both languages under a key; English comes from ``id`` when it is not written."""
        return bilingual(self.text(key), id)

    def part(self, key: str) -> Part | None:
        """The block under a key."""
        node = self.get(key)
        return Part(node, self.path_of(key), self.problems) if isinstance(node, Block) else None

    def entries(self, key: str) -> list[tuple[str, Node]]:
        """Ids and nodes of the block under a key, in order of display."""
        node = self.get(key)
        return ordered(node, self.path_of(key), self.problems) if isinstance(node, Block) else []

    def parts(self, key: str) -> Iterator[tuple[str, Part]]:
        """Ids and blocks of the block under a key, in order of display; retired ones left out."""
        for id, node in self.entries(key):
            if isinstance(node, Block):
                part = Part(node, f"{self.path_of(key)}.{id}", self.problems)
                if not part.retired:
                    yield id, part

    def words(self, key: str) -> list[Word]:
        """The names under a key: a list, or one alone."""
        node = self.get(key)
        path = self.path_of(key)
        if isinstance(node, Scalar):
            return [Word(node.text, node.place, path)]
        if isinstance(node, Items):
            return [Word(item.text, item.place, path) for item in node.items if isinstance(item, Scalar)]
        return []

    def pairs(self, key: str) -> list[tuple[str, Word]]:
        """Keys and plain values of the block under a key."""
        return [
            (id, Word(node.text, node.place, f"{self.path_of(key)}.{id}"))
            for id, node in self.entries(key)
            if isinstance(node, Scalar)
        ]

    def problem(self, code: str, key: str, what: str, remedy: str) -> None:
        """A problem at a key (at the block itself when the key is not written)."""
        self.problems.add(code, *self._at(key), what, remedy)

    def doubt(self, code: str, key: str, what: str, remedy: str) -> None:
        """What is probably not meant so."""
        self.problems.doubt(code, *self._at(key), what, remedy)

    def _at(self, key: str) -> tuple[Place, str]:
        node = self.get(key) if key else None
        place = node.place if isinstance(node, Scalar) else self.place_of(key) if key else self.place
        return place, self.path_of(key) if key and self.has(key) else self.path


def bilingual(text: str, id: str) -> Text:
    """``中文 | English``; without the bar English comes from the id."""
    zh, bar, en = text.partition("|")
    english = en.strip() if bar else from_id(id)
    return Text(zh.strip() or english, english)


def from_id(id: str) -> str:
    """``purchase_order`` → ``Purchase order``."""
    words = id.rsplit(".", 1)[-1].replace("_", " ").strip()
    return words[:1].upper() + words[1:]
