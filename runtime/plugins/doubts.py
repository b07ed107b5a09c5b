"""What a definition says about plug-ins that does not fit those installed here.

Doubts, no problems: another machine may have other plug-ins, and an app whose plug-in is gone opens all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.expressions.tree import Literal
from engine.model import Action, AppModel, Origin, PluginChoice, Rule
from engine.problems import Place, Problem, did_you_mean, got
from runtime.plugins.declare import Plugin
from runtime.plugins.finding import market
from runtime.plugins.settings import settings_of
from runtime.plugins.values import fit

CODE = "W901"


def plugin_doubts(model: AppModel) -> list[Problem]:
    """All of them, in the order of the definition; nothing is looked for where it names no plug-in."""
    named = any(
        rule.trigger.kind == "event" or any(a.kind == "start" for a in rule.actions) for rule in model.rules.values()
    )
    if not model.plugins and not named:
        return []
    known = {id: each.plugin for id, each in market().plugins.items()}
    found = [doubt for choice in model.plugins.values() for doubt in _of_choice(choice, known)]
    for rule in model.rules.values():
        found += _of_trigger(rule, known)
        for action in rule.actions:
            if action.kind == "start":
                found += _of_action(rule, action, known)
    return found


def _doubt(origin: Origin | None, path: str, what: str, remedy: str) -> Problem:
    place = Place(origin.file, origin.line, origin.column) if origin else Place("", 1, 1)
    return Problem(code=CODE, place=place, path=path, what=what, remedy=remedy)


def _of_choice(choice: PluginChoice, known: Mapping[str, Plugin]) -> Iterator[Problem]:
    path = f"plugins.{choice.id}"
    if choice.id not in known:
        yield _doubt(choice.origin, path, f"no plug-in {got(choice.id)} is installed", did_you_mean(choice.id, known))
        return
    names = [each.id for each in settings_of(known[choice.id])]
    for name in choice.settings:
        if name not in names:
            what = f"{choice.id} has no setting {got(name)}"
            yield _doubt(choice.origin, f"{path}.settings.{name}", what, did_you_mean(name, names))


def _of_trigger(rule: Rule, known: Mapping[str, Plugin]) -> Iterator[Problem]:
    trigger, path = rule.trigger, f"rules.{rule.id}.when.event"
    if trigger.kind != "event":
        return
    id, _, name = trigger.event.partition(".")
    if id not in known:
        yield _doubt(rule.origin, path, f"no plug-in {got(id)} is installed", did_you_mean(id, known))
        return
    event = known[id].event(name)
    if event is None:
        names = [each.id for each in known[id].events]
        yield _doubt(rule.origin, path, f"{id} raises no event {got(name)}", did_you_mean(name, names))
        return
    if "{" not in event.of and event.of != trigger.entity:
        what = f"{trigger.event} is about {event.of}, not {trigger.entity}"
        yield _doubt(rule.origin, f"rules.{rule.id}.of", what, f"write of: {event.of}")
    for value, kind in trigger.gives.items():
        declared = event.gives.get(value)
        if declared is None or declared.kind != kind:
            what = f"{trigger.event} gives no {kind} {got(value)}"
            given = ", ".join(f"{name}: {each.kind}" for name, each in event.gives.items()) or "nothing"
            yield _doubt(rule.origin, f"rules.{rule.id}.when.gives.{value}", what, f"it gives {given}")


def _of_action(rule: Rule, action: Action, known: Mapping[str, Plugin]) -> Iterator[Problem]:
    path = f"rules.{rule.id}.then.{action.id}"
    if action.plugin not in known:
        what = f"no plug-in {got(action.plugin)} is installed"
        yield _doubt(action.origin, f"{path}.start", what, did_you_mean(action.plugin, known))
        return
    plugin = known[action.plugin]
    act = plugin.act(action.act)
    if act is None:
        what = f"{plugin.id} does nothing called {got(action.act)}"
        yield _doubt(action.origin, f"{path}.start", what, did_you_mean(action.act, [each.id for each in plugin.acts]))
        return
    for name, expr in action.fill.items():
        if name not in act.arguments:
            what = f"{plugin.id}.{act.id} has no argument {got(name)}"
            yield _doubt(action.origin, f"{path}.with.{name}", what, did_you_mean(name, act.arguments))
        elif isinstance(expr.tree, Literal) and not _fits(act.arguments[name].kind, expr.tree.value):
            what = f"{got(expr.text)} is no {act.arguments[name].kind}"
            yield _doubt(action.origin, f"{path}.with.{name}", what, "write one, or = and an expression")
    for name, argument in act.arguments.items():
        if argument.required and name not in action.fill:
            what = f"{plugin.id}.{act.id} needs the argument {got(name)}"
            yield _doubt(action.origin, f"{path}.with", what, f"write with: {{{name}: …}}")


def _fits(kind: str, value: object) -> bool:
    try:
        fit(kind, value)
    except ValueError:
        return False
    return True
