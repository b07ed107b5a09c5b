"""Settings of a plug-in: read by its JSON Schema from texts (definition, form, command line) or JSON, and checked.

A bound is told in the reader's words; what has no words of ours is told in those of the checker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from engine.compile.constants import number
from engine.model import AppModel, Ledger, Text
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.messages import fault
from runtime.plugins.declare import Plugin
from runtime.plugins.field_choices import Wanted, fitting, misfit, wanted
from runtime.plugins.hints import near

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

LONGEST = 4000
MOST_WHOLE = 2**63 - 1
MOST = 200
"""Values in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One property of a plug-in's settings, as forms need it. ``shape``: its JSON Schema; ``sees``: tags of secret
    figures that the plug-in sees."""

    id: str
    label: Text
    hint: Text
    shape: Mapping[str, Any]
    required: bool
    sees: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Its JSON type; a text where it does not say."""
        return str(self.shape.get("type", "string"))

    @property
    def secret(self) -> bool:
        """Whether it is never shown again."""
        return bool(self.shape.get("writeOnly", False))


def settings_of(plugin: Plugin) -> list[Setting]:
    """What may be set, in order."""
    required = plugin.settings.get("required", ())
    return [
        Setting(
            id=id,
            label=_both(shape.get("title", id)),
            hint=_both(shape.get("description", "")),
            shape=shape,
            required=id in required,
            sees=plugin.access.sees,
        )
        for id, shape in plugin.settings.get("properties", {}).items()
    ]


def _both(text: str) -> Text:
    zh, bar, en = text.partition("|")
    return Text(zh.strip(), en.strip() if bar else zh.strip())


def defaults(plugin: Plugin) -> dict[str, Any]:
    """What its schema says where nobody said anything."""
    return {each.id: each.shape["default"] for each in settings_of(plugin) if "default" in each.shape}


# --- reading -----------------------------------------------------------------------------------------------------


def read(plugin: Plugin, given: Mapping[str, object]) -> dict[str, Any]:
    """Texts as the values its schema asks for; what cannot be read stays as it is, for ``check`` to tell."""
    known = {each.id: each for each in settings_of(plugin)}
    return {id: _READ.get(known[id].kind, _as_is)(value) if id in known else value for id, value in given.items()}


def _as_is(value: object) -> object:
    return value


def _number(value: object) -> object:
    """``95 %`` is 0.95."""
    if not isinstance(value, str):
        return value
    try:
        return float(number(value))
    except (ValueError, InvalidOperation):
        return value


def _integer(value: object) -> object:
    read_as = _number(value)
    whole = isinstance(read_as, float) and read_as.is_integer()
    return int(read_as) if whole and not isinstance(value, float) else read_as  # type: ignore[call-overload]


def _boolean(value: object) -> object:
    words = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}
    return words.get(value.strip().lower(), value) if isinstance(value, str) else value


def _array(value: object) -> object:
    if isinstance(value, str):
        parts = value.replace("，", ",").replace("\n", ",").split(",")
        return [part.strip() for part in parts if part.strip()]
    return list(value) if isinstance(value, tuple) else value


def _string(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


_READ: Mapping[str, Callable[[object], object]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "array": _array,
    "string": _string,
}


def in_form(setting: Setting, value: object) -> str:
    """A value as its form shows it: ``95 %`` where the schema says that it is a share."""
    if setting.shape.get("format") == "percent" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{shown(round(value * 100, 10))} %"
    return shown(value)


def shown(value: object) -> str:
    """A value as a form shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    return str(value)


# --- checking ----------------------------------------------------------------------------------------------------


def check(ctx: RunContext, plugin: Plugin, values: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with settings: by the schema, and by what the app knows of the ids that are named."""
    known = {each.id: each for each in settings_of(plugin)}
    wrong = [_unknown(ctx, id, known) for id in values if id not in known]
    wrong += [each for id, value in values.items() if id in known and (each := _unfit(ctx, known[id], value))]
    if wrong:
        return wrong
    wrong += [fault(ctx, "required", id, label=known[id].label.get(ctx.language)) for id in _missing(plugin, values)]
    told = {each.field for each in wrong}
    for each in _by_schema(ctx, plugin, values, known):
        if each.field not in told:
            wrong.append(each)
            told.add(each.field)
    return wrong + [each for each in _by_name(ctx, known, values) if each.field not in told]


def _unfit(ctx: RunContext, setting: Setting, value: object) -> Fault | None:
    """What no setting may be, whatever its schema says."""
    label, text = setting.label.get(ctx.language), shown(value)
    if isinstance(value, (list, tuple)) and len(value) > MOST:
        return fault(ctx, "setting_many", setting.id, label=label, most=MOST)
    if isinstance(value, int) and abs(value) > MOST_WHOLE:
        return fault(ctx, "setting_maximum", setting.id, label=label, given=text[:60], bound=str(MOST_WHOLE))
    if len(text) > LONGEST:
        return fault(ctx, "too_long", setting.id, label=label, length=len(text), most=LONGEST)
    bad = next((at for at, letter in enumerate(text, 1) if letter == "\0" or "\ud800" <= letter <= "\udfff"), 0)
    return fault(ctx, "bad_character", setting.id, label=label, position=bad) if bad else None


def _missing(plugin: Plugin, values: Mapping[str, Any]) -> list[str]:
    return [id for id in plugin.settings.get("required", ()) if values.get(id) in (None, "", [])]


def _unknown(ctx: RunContext, id: str, known: Mapping[str, Setting]) -> Fault:
    return fault(ctx, "plugin_setting_unknown", id[:60], given=id[:60], hint=near(ctx, id[:60], known))


def _by_schema(
    ctx: RunContext, plugin: Plugin, values: Mapping[str, Any], known: Mapping[str, Setting]
) -> Iterator[Fault]:
    given = {id: value for id, value in values.items() if value not in (None, "", [])}
    for error in sorted(
        _validator(orjson.dumps(_plain(plugin.settings))).iter_errors(given), key=lambda e: list(e.path)
    ):
        if error.validator == "required":
            continue
        id = str(error.path[0]) if error.path else ""
        label = known[id].label.get(ctx.language) if id in known else plugin.label.get(ctx.language)
        quoted = "" if id in known and known[id].secret else shown(error.instance)[:60]
        code = f"setting_{error.validator}"
        bound = shown(error.validator_value)[:200]
        if code not in _TOLD:
            code, bound = "setting_other", "" if id in known and known[id].secret else error.message[:200]
        yield fault(ctx, code, id, label=label, given=quoted, bound=bound)


_TOLD = frozenset(
    f"setting_{name}" for name in ("type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum")
)


def _plain(value: Any) -> Any:
    """A schema as JSON has it, whatever mapping it was written as."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


@lru_cache(maxsize=32)
def _validator(schema: bytes) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # only who changes settings needs it

    found = orjson.loads(schema)
    return Draft202012Validator({"type": "object", **found})


# --- ids of the app ------------------------------------------------------------------------------------------------


def _by_name(ctx: RunContext, known: Mapping[str, Setting], values: Mapping[str, Any]) -> Iterator[Fault]:
    for id, setting in known.items():
        value = values.get(id)
        choices = choices_of(ctx.app.model, setting, values)
        if choices is None or value in (None, "", []):
            continue
        for name in value if isinstance(value, (list, tuple)) else [value]:
            if not isinstance(name, str) or name not in choices:
                yield _unfit_name(ctx, setting, values, str(name), choices)


def _unfit_name(
    ctx: RunContext, setting: Setting, values: Mapping[str, Any], name: str, choices: Mapping[str, Text]
) -> Fault:
    label, shape = setting.label.get(ctx.language), setting.shape.get("items", setting.shape)
    if shape.get("format") == "field":
        told = misfit(ctx, _wanted(setting, values), setting.id, label, name)
        if told is not None:
            return told
    hint = near(ctx, name[:60], choices)
    return fault(ctx, "setting_unknown_id", setting.id, label=label, given=name[:60], hint=hint)


def choices_of(model: AppModel, setting: Setting, values: Mapping[str, Any]) -> Mapping[str, Text] | None:
    """The ids of the app that may stand there, with their names; ``None``: it is no id."""
    shape = setting.shape.get("items", setting.shape)
    if shape.get("format") == "field":
        return {id: each.label for id, each in fitting(model, _wanted(setting, values)).items()}
    found = _CHOICES.get(str(shape.get("format", "")))
    return found(model, str(values.get(str(shape.get("of", "")), ""))) if found else None


def _wanted(setting: Setting, values: Mapping[str, Any]) -> Wanted:
    sees = frozenset(spelled(tag, values) for tag in setting.sees)
    return wanted(setting.shape.get("items", setting.shape), values, sees)


class _Named(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def spelled(text: str, settings: Mapping[str, Any]) -> str:
    """A declared id with settings in place; a setting nobody made is nothing."""
    return text.format_map(_Named({id: shown(value) for id, value in settings.items()}))


def _entities(model: AppModel, _of: str) -> Mapping[str, Text]:
    return {id: each.label for id, each in model.entities.items() if not each.parent}


def _ledgers(model: AppModel, _of: str) -> Mapping[str, Text]:
    return {id: each.label for id, each in model.ledgers.items()}


def _of_ledger(part: Callable[[Ledger], Mapping[str, Text]]) -> Callable[[AppModel, str], Mapping[str, Text]]:
    return lambda model, of: part(model.ledgers[of]) if of in model.ledgers else {}


_CHOICES: Mapping[str, Callable[[AppModel, str], Mapping[str, Text]]] = {
    "entity": _entities,
    "ledger": _ledgers,
    "dimension": _of_ledger(lambda ledger: {id: each.label for id, each in ledger.dimensions.items()}),
    "resource": _of_ledger(lambda ledger: {id: each.label for id, each in ledger.resources.items()}),
    "kind": _of_ledger(lambda ledger: dict(ledger.kinds)),
}


def without_secrets(plugin: Plugin, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values that may be shown, and those that may not."""
    secret = {each.id for each in settings_of(plugin) if each.secret}
    open_ones = {id: value for id, value in values.items() if id not in secret}
    return open_ones, {id: str(value) for id, value in values.items() if id in secret and value}
