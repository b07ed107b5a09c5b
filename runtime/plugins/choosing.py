"""Which plug-ins an app has on, and with which settings: the definition says so to begin with, then the administrator.

Every use asks the database, so a switch counts at once, in every process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import insert, select, update

from runtime import audit
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.plugins.access import wrong_access
from runtime.plugins.declare import Plugin
from runtime.plugins.finding import installed
from runtime.plugins.settings import check, defaults, read, settings_of, without_secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A plug-in as this app has it. ``settings``: with the secrets, which ``secrets`` holds alone."""

    enabled: bool
    settings: Mapping[str, Any] = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)

    @property
    def open_settings(self) -> dict[str, Any]:
        """What may be shown of the settings."""
        return {id: value for id, value in self.settings.items() if id not in self.secrets}


def chosen(ctx: RunContext, plugin: Plugin) -> Chosen:
    """Whether it is on, and its settings."""
    table = ctx.app.tables.system.plugin
    row = ctx.connection.execute(select(table).where(table.c.plugin == plugin.id)).mappings().first()
    said = ctx.app.model.plugins.get(plugin.id)
    if row is None or row["settings"] is None:
        first = {**defaults(plugin), **(read(plugin, said.settings) if said else {})}
        opened, secrets = without_secrets(plugin, first)
        enabled = row["enabled"] if row is not None else said is not None and said.enabled
    else:
        opened = {**without_secrets(plugin, defaults(plugin))[0], **orjson.loads(row["settings"])}
        secrets, enabled = orjson.loads(row["secrets"]), row["enabled"]
    return Chosen(enabled=enabled, settings={**opened, **secrets}, secrets=secrets)


def refused(ctx: RunContext, plugin: Plugin, given: Mapping[str, Any]) -> list[Fault]:
    """Why it cannot work with these settings."""
    return check(ctx, plugin, given) or wrong_access(ctx, plugin, given)


def switch(ctx: RunContext, id: str, *, on: bool) -> None:
    """On or off; it goes on only with settings it can work with."""
    demand_admin(ctx)
    plugin = installed(ctx, id).plugin
    known = chosen(ctx, plugin)
    if on and (wrong := refused(ctx, plugin, known.settings)):
        raise Invalid(*wrong)
    _keep(ctx, id, {"enabled": on})
    _told(ctx, id, "on" if on else "off", {})


def configure(ctx: RunContext, id: str, given: Mapping[str, object]) -> None:
    """Change the settings that are named; a secret given empty stays as it is."""
    demand_admin(ctx)
    plugin = installed(ctx, id).plugin
    known = chosen(ctx, plugin)
    wanted = {name: value for name, value in read(plugin, given).items() if value != "" or name not in known.secrets}
    values = {**known.settings, **wanted}
    if wrong := refused(ctx, plugin, values):
        raise Invalid(*wrong)
    values = {name: value for name, value in values.items() if value not in (None, "", [])}
    opened, secrets = without_secrets(plugin, values)
    columns = {"settings": orjson.dumps(opened).decode(), "secrets": orjson.dumps(secrets).decode()}
    _keep(ctx, id, {**columns, "enabled": known.enabled})
    before = known.open_settings
    changes = {n: [before.get(n), opened.get(n)] for n in {*before, *opened} if before.get(n) != opened.get(n)}
    hidden = {each.id: "•" for each in settings_of(plugin) if each.secret and wanted.get(each.id)}
    _told(ctx, id, "update", {**dict(sorted(changes.items())), **hidden})


def _keep(ctx: RunContext, id: str, values: Mapping[str, object]) -> None:
    table = ctx.app.tables.system.plugin
    columns = {**values, "at": ctx.now(), "account": ctx.user.account or None}
    done = ctx.connection.execute(update(table).where(table.c.plugin == id).values(columns))
    if not done.rowcount:
        ctx.connection.execute(insert(table).values(plugin=id, **columns))


def _told(ctx: RunContext, id: str, kind: str, changes: Mapping[str, object]) -> None:
    audit.write(ctx, [audit.Entry("plugin", 0, 0, kind, {"plugin": id, **changes})])


def demand_on(ctx: RunContext, id: str) -> tuple[Plugin, Chosen]:
    """A plug-in that may work now, with its settings; else the reason why not."""
    plugin = installed(ctx, id).plugin
    known = chosen(ctx, plugin)
    label = plugin.label.get(ctx.language)
    if not known.enabled:
        raise Invalid(fault(ctx, "plugin_off", label=label))
    if wrong := refused(ctx, plugin, known.settings):
        raise Invalid(fault(ctx, "plugin_badly_set", label=label, reason=wrong[0].message))
    return plugin, known
