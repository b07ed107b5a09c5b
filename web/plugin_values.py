"""What plug-ins are given and what they report, for people: inputs of an act's arguments, and values under their
labels, records by their title with a link."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for

from engine.model import Text
from runtime.context import RunContext
from runtime.permissions import label_of, rights
from runtime.plugins.choosing import chosen
from runtime.plugins.declare import NOTHING, Act, Argument, Plugin
from runtime.plugins.finding import label_of as named
from runtime.plugins.finding import market
from runtime.plugins.running import Run
from runtime.plugins.settings import shown, spelled
from runtime.record_reading import titles
from web.display import full_day, moment, number
from web.texts import translator

View = dict[str, Any]
Values = tuple[Mapping[str, Argument], Mapping[str, Any]]
MOST_DECIMALS = 6
INPUTS: Mapping[str, str] = {"date": "date", "moment": "moment", "yes_no": "choice", "record": "reference"}


# --- asking ------------------------------------------------------------------------------------------------------


def argument_input(ctx: RunContext, act: Act, name: str, each: Argument, settings: Mapping[str, Any]) -> View:
    """An argument as a field of the form that starts the act."""
    t = translator(ctx.language)
    made: View = {
        "id": name,
        "html_id": f"{act.id}-{name}",
        "type": INPUTS.get(each.kind, "text"),
        "label": (each.label or Text(name, name)).get(ctx.language),
        "required": each.required,
        "maxlength": 500,
    }
    if each.kind == "record":
        entity = spelled(each.of, settings)
        known = entity in ctx.app.model.entities
        more = {
            "picker": url_for("pages.pick", entity=entity),
            "hint": t("选一个，或者输入编码", "choose one, or type a code"),
        }
        made |= more if known else {"type": "text"}
    elif each.kind == "moment":
        made["hint"] = t(f"{ctx.app.model.timezone} 的时间", f"time in {ctx.app.model.timezone}")
    elif each.kind == "yes_no":
        made["options"] = [{"value": "true", "text": t("是", "yes")}, {"value": "false", "text": t("否", "no")}]
    return made


def posted_arguments(ctx: RunContext, declared: Mapping[str, Argument], form: Mapping[str, str]) -> dict[str, str]:
    """What a form says of the arguments: a record picked or typed, a moment by the firm's clock."""
    given = {}
    for name, each in declared.items():
        text = form.get(name, "") or (form.get(f"{name}__text", "") if each.kind == "record" else "")
        if text:
            given[name] = _with_zone(ctx, text) if each.kind == "moment" else text
    return given


def _with_zone(ctx: RunContext, text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if found.tzinfo else found.replace(tzinfo=ZoneInfo(ctx.app.model.timezone)).isoformat()


# --- showing -----------------------------------------------------------------------------------------------------


class RunWords:
    """One run in the reader's words; the titles of all its records are read at once."""

    def __init__(self, ctx: RunContext, run: Run) -> None:
        found = market().plugins.get(run.plugin)
        self._ctx, self._run, self._plugin = ctx, run, found.plugin if found else None
        self._settings = chosen(ctx, found.plugin).settings if found else NOTHING
        self._titles = titles(ctx, set(self._pairs()))

    def arguments(self) -> list[View]:
        """What it was started with."""
        return self._shown(*self._given())

    def raised(self) -> list[View]:
        """What it reported, each with its record and its values."""
        return [
            {
                "label": named(self._run.plugin, each["event"]).get(self._ctx.language),
                **self._record(self._about(each["event"]), each["record"]),
                "values": self._shown(*self._values(each)),
            }
            for each in self._run.raised
        ]

    def _given(self) -> Values:
        act = self._plugin.act(self._run.act) if self._plugin else None
        return (act.arguments if act else NOTHING), self._run.given

    def _values(self, raised: Mapping[str, Any]) -> Values:
        event = self._plugin.event(raised["event"]) if self._plugin else None
        return (event.gives if event else NOTHING), raised["values"]

    def _about(self, event: str) -> str:
        return _entity_of(self._plugin, event, self._settings)

    def _pairs(self) -> Iterator[tuple[str, int]]:
        for declared, values in (self._given(), *(self._values(each) for each in self._run.raised)):
            for name, value in values.items():
                if name in declared and declared[name].kind == "record" and value is not None:
                    yield spelled(declared[name].of, self._settings), value
        for each in self._run.raised:
            yield self._about(each["event"]), each["record"]

    def _shown(self, declared: Mapping[str, Argument], values: Mapping[str, Any]) -> list[View]:
        return [self._one(declared.get(name), name, value) for name, value in values.items() if value is not None]

    def _one(self, declared: Argument | None, name: str, value: Any) -> View:
        label = (declared.label if declared and declared.label else Text(name, name)).get(self._ctx.language)
        if declared and declared.kind == "record":
            return {"label": label, **self._record(spelled(declared.of, self._settings), value)}
        show = _SHOWN.get(declared.kind) if declared else None
        return {"label": label, "title": show(self._ctx, value) if show else shown(value), "url": ""}

    def _record(self, entity: str, record: int) -> View:
        model, ctx = self._ctx.app.model, self._ctx
        texts = self._titles.get((entity, record), {})
        title = " ".join(str(texts[name]) for name in ("code", "name") if texts.get(name)) or f"#{record}"
        found = model.entities.get(entity)
        opens = found is not None and not found.parent and bool(texts) and rights(ctx, entity).may("read")
        what = label_of(ctx, entity) if found else ""
        return {"title": title, "what": what, "url": url_for("pages.record", entity=entity, id=record) if opens else ""}


def _entity_of(plugin: Plugin | None, event: str, settings: Mapping[str, Any]) -> str:
    declared = plugin.event(event) if plugin else None
    return spelled(declared.of, settings) if declared else ""


def _number(_ctx: RunContext, value: Any) -> str:
    return number(round(Decimal(str(value)), MOST_DECIMALS))


def _yes_no(ctx: RunContext, value: Any) -> str:
    return translator(ctx.language)("是", "yes") if value else translator(ctx.language)("否", "no")


def _day(ctx: RunContext, value: Any) -> str:
    return full_day(date.fromisoformat(value), ctx.language)


def _moment(ctx: RunContext, value: Any) -> str:
    return moment(datetime.fromisoformat(value), ctx)


_SHOWN: Mapping[str, Callable[[RunContext, Any], str]] = {
    "number": _number,
    "integer": _number,
    "yes_no": _yes_no,
    "date": _day,
    "moment": _moment,
}
