"""Plug-ins as a definition names them: what is on to begin with, what a rule starts, which events a rule waits for.

Which plug-ins there are is not known here: a definition compiles to the same model wherever it is read, and who
installs a plug-in later need not compile it again. What names one that is not there is a doubt (``runtime.plugins``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.compile.bench import Bench
from engine.compile.constants import after_equals, literal
from engine.compile.part import Part, Word
from engine.compile.scope import AppScope, parse
from engine.expressions.tree import Expr
from engine.expressions.types import DATE, INTEGER, MOMENT, NUMBER, TEXT, YES_NO, Type
from engine.frozen import Frozen
from engine.model import Action, PluginChoice, Trigger
from engine.problems import got
from engine.yaml_source import Items, Scalar

GIVES: Mapping[str, Type] = Frozen(
    {"text": TEXT, "number": NUMBER, "integer": INTEGER, "yes_no": YES_NO, "date": DATE, "moment": MOMENT}
)
"""Kinds of values that come with an event."""
EVENT = "event"
"""What an event's values are read by: ``event.name``."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
DOTTED = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


def compile_plugins(bench: Bench) -> Frozen[str, PluginChoice]:
    """What the definition says about each plug-in."""
    return Frozen({id: _choice(id, part) for id, part in bench.root.parts("plugins")})


def _choice(id: str, part: Part) -> PluginChoice:
    given: dict[str, str | tuple[str, ...]] = {}
    for name, node in part.entries("settings"):
        if isinstance(node, Scalar):
            given[name] = node.text
        elif isinstance(node, Items):
            given[name] = tuple(each.text for each in node.items if isinstance(each, Scalar))
    return PluginChoice(id=id, enabled=part.flag("enabled"), settings=Frozen(given), origin=part.origin)


def event_trigger(bench: Bench, when: Part, entity: str) -> Trigger | None:
    """A plug-in says that something happened to a record of ``entity``."""
    name = _dotted(when, "event", "plugin.event")
    gives = {id: word.text for id, word in when.pairs("gives")}
    for id, word in when.pairs("gives"):
        if not NAME.fullmatch(id):
            bench.problems.add("D205", word.place, word.path, f"{got(id)} is no id", "write a-z, digits and _")
    if bench.draft(entity, EVENT) is not None:
        when.problem("D901", "event", f"{entity} has a field {EVENT}", "give the field another id")
        return None
    return Trigger(kind="event", entity=entity, event=name, gives=Frozen(gives)) if name else None


def given_names(trigger: Trigger) -> dict[str, Type]:
    """What a rule may name beside the record."""
    return {f"{EVENT}.{name}": GIVES[kind] for name, kind in trigger.gives.items()}


def start_action(scope: AppScope, id: str, part: Part) -> Action | None:
    """A plug-in's action with its arguments, which are checked against the plug-in when it is there."""
    name = _dotted(part, "start", "plugin.action")
    given = {argument: _argument(scope, word) for argument, word in part.pairs("with")}
    plugin, _, act = name.partition(".")
    fill = Frozen({argument: expr for argument, expr in given.items() if expr is not None})
    return Action(id=id, kind="start", plugin=plugin, act=act, fill=fill, origin=part.origin) if name else None


def _argument(scope: AppScope, word: Word) -> Expr | None:
    if word.text.startswith("="):
        return parse(after_equals(word), scope)
    return literal(word.text, word.text, TEXT)


def _dotted(part: Part, key: str, form: str) -> str:
    text = part.text(key)
    if DOTTED.fullmatch(text):
        return text
    part.problem("D207", key, f"{got(text)} names nothing", f"write {form}")
    return ""
