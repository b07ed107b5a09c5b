"""One merge for module, template and own layer: key by key, lists as ordered sets, places kept.

``[+a after b, -c]`` changes a list; ``after`` in a block says which neighbour it follows (applied by ``ordered``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.problems import Place, Problems, did_you_mean, got
from engine.yaml_source import Block, Items, Node, Scalar

ATOMIC = frozenset({"sort", "order", "signatures", "edges"})
"""Lists in which a leading ``-`` means something else: they are replaced as a whole."""


@dataclass(frozen=True, slots=True)
class Merge:
    """``related``: whether one of two layers builds on the other (then the later may set what the earlier set)."""

    problems: Problems
    related: Callable[[str, str], bool]
    may_retype: Callable[[str], bool]

    def blocks(self, base: Block, over: Block, path: str = "") -> Block:
        """``over`` laid on ``base``; both stay as they are."""
        done = Block(base.place, dict(base.entries), dict(base.keys), base.layer)
        self._refuse_second_declaration(base, over, path)
        for key, value in over.entries.items():
            here = f"{path}.{key}" if path else key
            if key in done.entries:
                done.entries[key] = self._nodes(done.entries[key], value, here)
            else:
                done.entries[key] = value
                done.keys[key] = over.keys.get(key, over.place)
        return done

    def _refuse_second_declaration(self, base: Block, over: Block, path: str) -> None:
        parts = path.split(".")
        if len(parts) == 2 and parts[0] == "entities" and "kind" in base.entries and "kind" in over.entries:
            first = base.key_place("kind")
            what = f"entity {parts[1]} is declared in {first.file}:{first.line} already"
            self.problems.add("D303", over.key_place("kind"), path, what, "take `kind` away to extend it")
        if len(parts) > 2 and parts[-2] == "fields" and parts[0] == "entities":
            self._refuse_second_type(base, over, path)

    def _refuse_second_type(self, base: Block, over: Block, path: str) -> None:
        old, new = base.entries.get("type"), over.entries.get("type")
        if not isinstance(old, Scalar) or not isinstance(new, Scalar) or old.text == new.text:
            return
        if not self.may_retype(new.layer):
            what = f"field is declared as {old.text} in {old.place.file}:{old.place.line}, here as {got(new.text)}"
            self.problems.add("D303", new.place, path, what, "choose another id or take `type` away")

    def _nodes(self, base: Node, over: Node, path: str) -> Node:
        if isinstance(base, Scalar) and isinstance(over, Block):
            base = Block(base.place, {"label": base}, {"label": base.place}, base.layer)
        if isinstance(base, Block) and isinstance(over, Scalar) and path.rsplit(".", 2)[-2:-1] == ["options"]:
            over = Block(over.place, {"label": over}, {"label": over.place}, over.layer)
        if isinstance(base, Block) and isinstance(over, Block):
            return self.blocks(base, over, path)
        if isinstance(over, Items) and not path.endswith(tuple(f".{key}" for key in ATOMIC)):
            return self._lists(base, over, path)
        if isinstance(base, Scalar) and isinstance(over, Scalar):
            self._refuse_clash(base, over, path)
        return over

    def _refuse_clash(self, base: Scalar, over: Scalar, path: str) -> None:
        if base.text != over.text and not self.related(base.layer, over.layer):
            what = f"{got(over.text)} here, {got(base.text)} in {base.place.file}:{base.place.line}"
            self.problems.add(
                "D308", over.place, path, what, f"let {over.layer} need {base.layer}, or set it in the app"
            )

    def _lists(self, base: Node, over: Items, path: str) -> Node:
        first = base.items if isinstance(base, Items) else [base]
        if not is_patch(over):
            if isinstance(base, Items) and is_patch(base):
                return Items(over.place, self._patched(over.items, base.items, path), over.layer)
            return over
        if isinstance(base, Items) and is_patch(base):
            return Items(base.place, [*base.items, *over.items], base.layer)
        return Items(base.place, self._patched(first, over.items, path), base.layer)

    def _patched(self, items: Iterable[Node], changes: Iterable[Node], path: str) -> list[Node]:
        done = list(items)
        for change in changes:
            if not isinstance(change, Scalar) or change.text[:1] not in ("+", "-"):
                place = change.place
                what = f"{got(change.text if isinstance(change, Scalar) else 'a block')} without + or -"
                self.problems.add("D307", place, path, what, "start every element with + or -, or none")
                continue
            self._apply(done, change, path)
        return done

    def _apply(self, done: list[Node], change: Scalar, path: str) -> None:
        name, _, neighbour = change.text[1:].strip().partition(" after ")
        names = [node.text for node in done if isinstance(node, Scalar)]
        if change.text[0] == "-":
            if name not in names:
                self.problems.add(
                    "D307", change.place, path, f"{got(name)} is not in the list", did_you_mean(name, names)
                )
                return
            del done[names.index(name)]
            return
        if name in names:
            return
        where = len(done)
        if neighbour:
            if neighbour.strip() not in names:
                what = f"{got(neighbour)} is not in the list"
                self.problems.add("D307", change.place, path, what, did_you_mean(neighbour, names))
                return
            where = names.index(neighbour.strip()) + 1
        done.insert(where, Scalar(name, change.place, True, change.layer))


def is_patch(items: Items) -> bool:
    """Whether a list changes another instead of standing for itself."""
    return any(isinstance(item, Scalar) and item.plain and item.text[:1] in ("+", "-") for item in items.items)


def settle_patches(root: Block, problems: Problems) -> None:
    """Changes of lists that were never there: additions stand for themselves, the rest is a problem."""
    stack: list[tuple[Node, str]] = [(root, "")]
    while stack:
        node, path = stack.pop()
        if isinstance(node, Block):
            stack.extend((value, f"{path}.{key}" if path else key) for key, value in node.entries.items())
        elif isinstance(node, Items) and path.rsplit(".", 1)[-1] not in ATOMIC and is_patch(node):
            node.items = Merge(problems, lambda a, b: True, lambda a: True)._patched([], node.items, path)


def ordered(block: Block, path: str, problems: Problems) -> list[tuple[str, Node]]:
    """The entries of a block of ids, each ``after`` the neighbour it names."""
    if not any(isinstance(value, Block) and "after" in value.entries for value in block.entries.values()):
        return list(block.entries.items())
    order = [key for key, value in block.entries.items() if not _after(value)]
    moved = [(key, after) for key, value in block.entries.items() if (after := _after(value))]
    while moved:
        rest = []
        for key, after in moved:
            if after.text in order:
                where = order.index(after.text) + 1
                while where < len(order) and _follows(block, order[where], after.text):
                    where += 1
                order.insert(where, key)
            else:
                rest.append((key, after))
        if len(rest) == len(moved):
            for key, after in rest:
                others = [name for name in block.entries if name != key]
                what = f"after: {got(after.text)} names no neighbour"
                problems.add("D306", after.place, f"{path}.{key}", what, did_you_mean(after.text, others))
                order.append(key)
            break
        moved = rest
    return [(key, block.entries[key]) for key in order]


def _after(value: Node) -> Scalar | None:
    """The neighbour an entry follows; what begins with a digit (``8 work_hours``) is a time, not a neighbour."""
    after = value.entries.get("after") if isinstance(value, Block) else None
    return after if isinstance(after, Scalar) and not after.text[:1].isdigit() else None


def _follows(block: Block, key: str, neighbour: str) -> bool:
    after = _after(block.entries[key])
    return after is not None and after.text == neighbour


def made(value: object, place: Place, layer: str = "") -> Node:
    """Nodes for what the compiler itself writes, at the place of what caused it."""
    if isinstance(value, dict):
        entries = {key: made(inner, place, layer) for key, inner in value.items()}
        return Block(place, entries, dict.fromkeys(entries, place), layer)
    if isinstance(value, (list, tuple)):
        return Items(place, [made(inner, place, layer) for inner in value], layer)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Scalar(text, place, True, layer)
