"""What plug-ins are given and what they report, for people: inputs of an act's arguments, and values under their
labels, records by their title with a link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for

from engine.model import Text
from runtime.context import RunContext
from runtime.permissions import rights
from runtime.plugins.choosing import chosen
from runtime.plugins.declare import NOTHING, Act, Argument
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


class Words:
    """Values of one plug-in in the reader's words; titles of records are read for all that is given."""

    def __init__(self, ctx: RunContext, plugin: str, given: Sequence[Values], about: Iterable[tuple[str, int]]) -> None:
        found = market().plugins.get(plugin)
        self._ctx, self._settings = ctx, chosen(ctx, found.plugin).settings if found else NOTHING
        pairs = {(self._entity(event_of), record) for event_of, record in about}
        for declared, values in given:
            kinds = {name: each for name, each in declared.items() if each.kind == "record"}
            pairs |= {(self._entity(kinds[n].of), v) for n, v in values.items() if n in kinds and isinstance(v, int)}
        self._titles = titles(ctx, pairs)

    def values(self, of: Values) -> list[View]:
        """Values under their labels."""
        declared, values = of
        return [self._one(declared.get(name), name, value) for name, value in values.items() if value is not None]

    def line(self, of: Values) -> str:
        """Values under their labels in one line, without links: no request has to be under way."""
        declared, values = of
        pairs = ((declared.get(name), name, value) for name, value in values.items() if value is not None)
        said = [f"{self._label(each, name)} {self._text(each, value)}" for each, name, value in pairs]
        return translator(self._ctx.language)("，", ", ").join(said)

    def record(self, of: str, record: object) -> View:
        """A record by its title, with a link where the reader may open it. ``of``: as the plug-in declares it."""
        ctx, entity = self._ctx, self._entity(of)
        found, known = ctx.app.model.entities.get(entity), (entity, record) in self._titles
        opens = found is not None and not found.parent and known and rights(ctx, entity).may("read")
        url = url_for("pages.record", entity=entity, id=record) if opens else ""
        return {"title": self._title(of, record), "url": url}

    def _title(self, of: str, record: object) -> str:
        texts = self._titles.get((self._entity(of), record), {}) if isinstance(record, int) else {}
        return " ".join(str(texts[name]) for name in ("code", "name") if texts.get(name)) or f"#{record}"

    def _entity(self, of: str) -> str:
        return spelled(of, self._settings)

    def _one(self, declared: Argument | None, name: str, value: Any) -> View:
        label = self._label(declared, name)
        if declared and declared.kind == "record":
            return {"label": label, **self.record(declared.of, value)}
        return {"label": label, "title": self._text(declared, value), "url": ""}

    def _label(self, declared: Argument | None, name: str) -> str:
        return declared.label.get(self._ctx.language) if declared and declared.label else name

    def _text(self, declared: Argument | None, value: Any) -> str:
        """A value as its kind is shown; what is none of the kind (a simulation may have it in words) as it stands."""
        if declared and declared.kind == "record":
            return self._title(declared.of, value)
        show = _SHOWN.get(declared.kind) if declared else None
        try:
            return show(self._ctx, value) if show else shown(value)
        except (ValueError, TypeError, ArithmeticError):
            return shown(value)


class RunWords:
    """One run in the reader's words."""

    def __init__(self, ctx: RunContext, run: Run) -> None:
        found = market().plugins.get(run.plugin)
        self._ctx, self._run, self._plugin = ctx, run, found.plugin if found else None
        self._given = (arguments_of(run.plugin, run.act), run.given)
        given = [self._given, *(self._values(each) for each in run.raised)]
        about = [(self._about(each), each["record"]) for each in run.raised]
        self._words = Words(ctx, run.plugin, given, about)

    def arguments(self) -> list[View]:
        """What it was started with."""
        return self._words.values(self._given)

    def raised(self) -> list[View]:
        """What it reported, each with its record and its values."""
        return [
            {
                "label": named(self._run.plugin, each["event"]).get(self._ctx.language),
                **self._words.record(self._about(each), each["record"]),
                "values": self._words.values(self._values(each)),
            }
            for each in self._run.raised
        ]

    def _values(self, raised: Mapping[str, Any]) -> Values:
        event = self._plugin.event(raised["event"]) if self._plugin else None
        return (event.gives if event else NOTHING), raised["values"]

    def _about(self, raised: Mapping[str, Any]) -> str:
        event = self._plugin.event(raised["event"]) if self._plugin else None
        return event.of if event else ""


def arguments_of(plugin: str, act: str) -> Mapping[str, Argument]:
    """What an act is started with; nothing where it is not installed."""
    found = market().plugins.get(plugin)
    declared = found.plugin.act(act) if found else None
    return declared.arguments if declared else NOTHING


def given_words(ctx: RunContext, plugin: str, act: str, given: Mapping[str, Any]) -> str:
    """Arguments in one line: of what a rule started, or would have started."""
    of = (arguments_of(plugin, act), given)
    return Words(ctx, plugin, [of], ()).line(of)


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
