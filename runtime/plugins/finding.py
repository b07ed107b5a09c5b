"""Which plug-ins are installed: those that come with the product, and those of the entry points ``dougong.plugins``.

Found out once a process, when it is first asked. One that cannot be loaded is told, and keeps nobody from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from engine.model import Text
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.messages import fault
from runtime.plugins.declare import KINDS, Act, Plugin
from runtime.plugins.hints import near

if TYPE_CHECKING:
    from runtime.plugins.work import Work

GROUP = "dougong.plugins"
BUNDLED = "runtime.plugins.bundled"
FAULTS = (ImportError, AttributeError, TypeError, ValueError, SyntaxError, LookupError, OSError, RuntimeError)
"""What loading a plug-in may fail with: it is then left out, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A plug-in that is there. ``origin``: ``bundled`` or the package it came with."""

    plugin: Plugin
    origin: str
    run: Callable[[str, Mapping[str, Any], Work], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """All that is installed, by id; ``broken``: what could not be loaded, and why."""

    plugins: Mapping[str, Installed]
    broken: Mapping[str, str]


@cache
def market() -> Market:
    """What is installed here."""
    import pluggy  # apps without plug-ins need none of it

    from runtime.plugins.hooks import PROJECT, Spec

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Spec)
    found: dict[str, tuple[str, str, Plugin]] = {}
    broken: dict[str, str] = {}
    for name, origin, load in _candidates():
        try:
            manager.register(load(), name=name)
            plugin = _checked(_alone(manager, name, "dougong_plugin")(), found)
        except FAULTS as error:
            if manager.has_plugin(name):
                manager.unregister(name=name)
            broken[name] = f"{type(error).__name__}: {error}"[:300]
        else:
            found[plugin.id] = (name, origin, plugin)
    plugins = {  # made last: a hook's caller knows only those to leave out that are there when it is made
        id: Installed(plugin=plugin, origin=origin, run=_runner(_alone(manager, name, "dougong_run")))
        for id, (name, origin, plugin) in found.items()
    }
    return Market(plugins=plugins, broken=broken)


def _alone(manager: Any, name: str, hook: str) -> Any:
    """A hook of one plug-in and no other."""
    return manager.subset_hook_caller(hook, [each for other, each in manager.list_name_plugin() if other != name])


def _runner(hook: Any) -> Callable[[str, Mapping[str, Any], Work], object]:
    return lambda act, given, at: hook(act=act, given=given, at=at)


def _candidates() -> Iterator[tuple[str, str, Callable[[], object]]]:
    from importlib.metadata import entry_points

    for module in iter_modules(import_module(BUNDLED).__path__):
        yield module.name, "bundled", partial(import_module, f"{BUNDLED}.{module.name}")
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        yield f"{GROUP}:{point.name}", point.dist.name if point.dist else point.value, point.load


def _checked(declared: list[Plugin], found: Mapping[str, tuple[str, str, Plugin]]) -> Plugin:
    """What it says about itself, if that can be worked with."""
    if len(declared) != 1 or not isinstance(declared[0], Plugin):
        raise ValueError("dougong_plugin gives no Plugin")
    (plugin,) = declared
    if not plugin.id.isidentifier() or plugin.id != plugin.id.lower():
        raise ValueError(f"{plugin.id!r} is no id: a-z, digits and _")
    if plugin.id in found:
        raise ValueError(f"{plugin.id} is the id of another plug-in ({found[plugin.id][1]})")
    values = [a for act in plugin.acts for a in act.arguments.values()]
    values += [a for event in plugin.events for a in event.gives.values()]
    unknown = sorted({value.kind for value in values} - set(KINDS))
    if unknown:
        raise ValueError(f"no kind of value: {', '.join(unknown)}")
    return plugin


def installed(ctx: RunContext, id: str) -> Installed:
    """A plug-in that is there, or a refusal that says which are."""
    found = market().plugins.get(id)
    if found is None:
        hint = near(ctx, id, market().plugins)
        raise NotFound(fault(ctx, "plugin_unknown", "plugin", given=id[:60], hint=hint))
    return found


def act_of(ctx: RunContext, plugin: Plugin, id: str) -> Act:
    """Something it does, or a refusal that says what it does."""
    found = plugin.act(id)
    if found is None:
        hint = near(ctx, id, [act.id for act in plugin.acts])
        label = plugin.label.get(ctx.language)
        raise NotFound(fault(ctx, "plugin_act_unknown", "act", given=id[:60], label=label, hint=hint))
    return found


def label_of(id: str, act: str = "") -> Text:
    """What people call a plug-in, or what it does; its id where it is not installed."""
    found = market().plugins.get(id)
    if found is None:
        return Text(act or id, act or id)
    if not act:
        return found.plugin.label
    named = found.plugin.act(act) or found.plugin.event(act)
    return named.label if named else Text(act, act)
