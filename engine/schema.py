"""Structure: the JSON Schema of the language, and the check of a file against it.

``schema.json`` is the published form (editors read it). The check first asks a quick walker whether all fits; only
when it does not, ``jsonschema`` says what is wrong and this module says where.
``python -m engine.reference`` writes ``schema.json`` with the reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import schema_keys, schema_keys_flows, schema_keys_more, schema_keys_rules, schema_keys_stations
from engine.problems import Place, Problems, did_you_mean, got, shorten
from engine.yaml_source import Block, Items, Node, Scalar

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

SCHEMA_ID = "https://dougong.dev/schema/app.json"
SCHEMA_FILE = Path(__file__).with_name("schema.json")

BLOCKS: Mapping[str, schema_keys.Keys] = {
    "entity": schema_keys.ENTITY,
    "field": schema_keys.FIELD,
    "option": schema_keys.OPTION,
    "trait": schema_keys.TRAIT,
    "number": schema_keys.NUMBER,
    "check": schema_keys.CHECK,
    "progress": schema_keys.PROGRESS,
    "workflow": schema_keys_flows.WORKFLOW,
    "state": schema_keys_flows.STATE,
    "approval": schema_keys_flows.APPROVAL,
    "step": schema_keys_flows.STEP,
    "outcome": schema_keys_flows.OUTCOME,
    "who": schema_keys_flows.WHO,
    "quorum": schema_keys_flows.QUORUM,
    "deadline": schema_keys_flows.DEADLINE,
    "transition": schema_keys_flows.TRANSITION,
    "demands": schema_keys_flows.DEMANDS,
    "source": schema_keys.SOURCE,
    "source_lines": schema_keys.SOURCE_LINES,
    "posting": schema_keys.POSTING,
    "explode": schema_keys.EXPLODE,
    "later": schema_keys.LATER,
    "copy": schema_keys.COPY,
    "traced": schema_keys_more.TRACED,
    "allot": schema_keys_more.ALLOT,
    "section": schema_keys.SECTION,
    "view": schema_keys.VIEW,
    "measured": schema_keys.MEASURED,
    "measuring": schema_keys.MEASURING,
    "ledger": schema_keys_more.LEDGER,
    "dimension": schema_keys_more.DIMENSION,
    "resource": schema_keys_more.RESOURCE,
    "valuation": schema_keys_more.VALUATION,
    "allocation": schema_keys_more.ALLOCATION,
    "measure": schema_keys_more.MEASURE,
    "ledger_guard": schema_keys_more.LEDGER_GUARD,
    "guard": schema_keys_more.GUARD,
    "grain": schema_keys_more.GRAIN,
    "structure": schema_keys_more.STRUCTURE,
    "version": schema_keys_more.VERSION,
    "also_makes": schema_keys_more.ALSO_MAKES,
    "plan": schema_keys_more.PLAN,
    "plan_for": schema_keys_more.PLAN_FOR,
    "flow": schema_keys_more.FLOW,
    "lots": schema_keys_more.LOTS,
    "suggest": schema_keys_more.SUGGEST,
    "role": schema_keys_more.ROLE,
    "row_rule": schema_keys_more.ROW_RULE,
    "card": schema_keys_more.CARD,
    "period": schema_keys_more.PERIOD,
    "opens": schema_keys_more.OPENS,
    "part": schema_keys_more.PART,
    "report": schema_keys_more.REPORT,
    "column": schema_keys_more.COLUMN,
    "report_measure": schema_keys_more.REPORT_MEASURE,
    "chart": schema_keys_more.CHART,
    "dashboard": schema_keys_more.DASHBOARD,
    "print": schema_keys_more.PRINT,
    "paper": schema_keys_more.PAPER,
    "print_block": schema_keys_more.PRINT_BLOCK,
    "menu_group": schema_keys_more.MENU_GROUP,
    "opening": schema_keys_more.OPENING,
    "first_step": schema_keys_more.FIRST_STEP,
    "demo": schema_keys_more.DEMO,
    "rule": schema_keys_rules.RULE,
    "trigger": schema_keys_rules.TRIGGER,
    "crossing": schema_keys_rules.CROSSING,
    "at_most": schema_keys_rules.AT_MOST,
    "action": schema_keys_rules.ACTION,
    "receiver": schema_keys_rules.RECEIVER,
    "alert": schema_keys_rules.ALERT,
    "level": schema_keys_rules.LEVEL,
    "escalation": schema_keys_rules.ESCALATION,
    "offer": schema_keys_rules.OFFER,
    "plugin": schema_keys_rules.PLUGIN,
    "station": schema_keys_stations.STATION,
    "queue": schema_keys_stations.QUEUE,
    "station_act": schema_keys_stations.STATION_ACT,
}
OPEN_BLOCKS = frozenset({"posting"})  # a posting's amounts are keyed by resource; the compiler knows which exist


def build_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a definition file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Dougong app, module or layer",
        **_block(schema_keys.APP, is_open=False),
        "$defs": {name: _block(keys, is_open=name in OPEN_BLOCKS) for name, keys in BLOCKS.items()},
    }


def _block(keys: schema_keys.Keys, *, is_open: bool) -> dict[str, Any]:
    properties = {key: {**shape, "description": about} for key, (shape, about) in keys.items()}
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": schema_keys.EXPRESSION if is_open else False,
    }


def schema_text() -> str:
    """The text of ``schema.json``."""
    return json.dumps(build_schema(), ensure_ascii=False, indent=1) + "\n"


_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?$")
_WORDS = {"true": True, "false": False}


def plain(node: Node) -> Any:
    """A node as plain data, scalars as an editor with YAML 1.2 reads them."""
    if isinstance(node, Scalar):
        if not node.plain:
            return node.text
        if node.text in _WORDS:
            return _WORDS[node.text]
        if _NUMBER.match(node.text):
            return float(node.text) if "." in node.text else int(node.text)
        return node.text
    if isinstance(node, Block):
        return {key: plain(value) for key, value in node.entries.items()}
    return [plain(item) for item in node.items]


def check_structure(root: Block, problems: Problems) -> None:
    """Note everything in a file that the schema does not allow, and take it out of ``root``."""
    if _fits_app()(root):
        return
    errors = sorted(_validator().iter_errors(plain(root)), key=lambda e: [str(p) for p in e.absolute_path])
    shadows: set[str] = set()
    for error in errors:
        _REPORTS.get(error.validator, _report_value)(error, root, problems)
    for error in errors:
        path = list(error.absolute_path)
        _prune(root, path, error)
        holder = path if error.validator == "additionalProperties" else path[:-1]
        shadows.add(_dotted(holder))
    problems.shadows |= shadows - {""}


@cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # only faulty files need it

    return Draft202012Validator(build_schema())


# --- the quick walker ------------------------------------------------------------------------------------------

Fits = Callable[[Node], bool]


@cache
def _fits_app() -> Fits:
    """A function that says whether a file fits, made once from the schema."""
    schema = build_schema()
    made: dict[str, Fits] = {}

    def by_name(name: str) -> Fits:
        def fits(node: Node) -> bool:
            if name not in made:
                made[name] = _fitting(schema["$defs"][name], by_name)
            return made[name](node)

        return fits

    return _fitting(schema, by_name)


def _fitting(shape: Mapping[str, Any], by_name: Callable[[str], Fits]) -> Fits:
    if "$ref" in shape:
        return by_name(shape["$ref"].rsplit("/", 1)[1])
    if "then" in shape:
        inner = by_name(shape["then"]["$ref"].rsplit("/", 1)[1])
        allowed = frozenset(shape["type"])
        return lambda node: inner(node) if isinstance(node, Block) else _type_of(node) in allowed
    kinds = shape.get("type", "string")
    allowed = frozenset([kinds] if isinstance(kinds, str) else kinds)
    scalar = _fitting_scalar(shape, allowed)
    block = _fitting_block(shape, by_name) if "object" in allowed else None
    items = _fitting(shape["items"], by_name) if "array" in allowed else None

    def fits(node: Node) -> bool:
        if isinstance(node, Scalar):
            return scalar(node)
        if isinstance(node, Block):
            return block is not None and block(node)
        return items is not None and all(items(item) for item in node.items)

    return fits


def _type_of(node: Node) -> str:
    if isinstance(node, Scalar):
        value = plain(node)
        return "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"
    return "object" if isinstance(node, Block) else "array"


def _fitting_scalar(shape: Mapping[str, Any], allowed: frozenset[str]) -> Callable[[Scalar], bool]:
    if allowed >= {"string", "number", "boolean"}:
        longest = shape.get("maxLength", 10**9)
        return lambda node: len(node.text) <= longest
    if "enum" in shape:
        words = frozenset(str(word) for word in shape["enum"])
        return lambda node: isinstance(plain(node), str) and node.text in words
    pattern = re.compile(shape.get("pattern", ""))
    low, high = shape.get("minimum", float("-inf")), shape.get("maximum", float("inf"))

    def fits(node: Scalar) -> bool:
        value = plain(node)
        if isinstance(value, bool):
            return "boolean" in allowed
        if isinstance(value, str):
            return "string" in allowed and pattern.search(value) is not None
        integral = isinstance(value, int)
        return ("number" in allowed or (integral and "integer" in allowed)) and low <= value <= high

    return fits


def _fitting_block(shape: Mapping[str, Any], by_name: Callable[[str], Fits]) -> Callable[[Block], bool]:
    known = {key: _fitting(value, by_name) for key, value in shape.get("properties", {}).items()}
    more = shape.get("additionalProperties")
    other = _fitting(more, by_name) if isinstance(more, dict) else None
    pattern = re.compile(shape.get("propertyNames", {}).get("pattern", ""))

    def fits(node: Block) -> bool:
        for key, value in node.entries.items():
            rule = known.get(key, other)
            if rule is None or not pattern.match(key) or not rule(value):
                return False
        return True

    return fits


# --- problems from jsonschema's errors ---------------------------------------------------------------------------


def find(root: Node, path: Iterable[str | int]) -> Node:
    """The node at a path of keys and indexes."""
    node = root
    for step in path:
        node = node.entries[str(step)] if isinstance(node, Block) else node.items[int(step)]  # type: ignore[union-attr]
    return node


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(str(step) for step in path)


def _known_keys(error: Any) -> tuple[str, ...]:
    return tuple(error.schema.get("properties", {}))


def _report_unknown(error: Any, root: Block, problems: Problems) -> None:
    path = list(error.absolute_path)
    block = find(root, path)
    assert isinstance(block, Block)
    known = _known_keys(error)
    for key in block.entries:
        if key not in known:
            remedy = did_you_mean(key, known)
            problems.add("D201", block.key_place(key), _dotted([*path, key]), f"unknown key {got(key)}", remedy)


def _report_type(error: Any, root: Block, problems: Problems) -> None:
    path = list(error.absolute_path)
    node = find(root, path)
    wanted = error.validator_value
    wanted = [wanted] if isinstance(wanted, str) else wanted
    names = " or ".join(dict.fromkeys(_SHAPES[each] for each in wanted))
    found = _SHAPES[_type_of(node)]
    what = f"{found} {got(node.text)}" if isinstance(node, Scalar) else found
    problems.add("D202", node.place, _dotted(path), f"expected {names}, got {what}", f"write {names} here")


_SHAPES = {
    "object": "a block of keys",
    "array": "a list in [ ]",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}


def _report_word(error: Any, root: Block, problems: Problems) -> None:
    path = list(error.absolute_path)
    node = find(root, path)
    allowed = [str(word) for word in error.validator_value]
    word = node.text if isinstance(node, Scalar) else _SHAPES[_type_of(node)]
    close = did_you_mean(word, allowed, f"one of {shorten(allowed, 40)}")
    problems.add("D203", node.place, _dotted(path), f"{got(word)} is not a word for this key", close)


def _report_key(error: Any, root: Block, problems: Problems) -> None:
    """A key that is no id (from ``propertyNames``)."""
    path = list(error.absolute_path)
    block = find(root, path)
    assert isinstance(block, Block)
    bad = error.instance
    remedy = "ids are lower-case words with underscores, as in due_date"
    problems.add("D205", block.key_place(bad), _dotted([*path, bad]), f"{got(bad)} is no id", remedy)


def _report_value(error: Any, root: Block, problems: Problems) -> None:
    path = list(error.absolute_path)
    node = find(root, path)
    if error.parent is not None and error.parent.validator == "propertyNames":
        return
    text = node.text if isinstance(node, Scalar) else _SHAPES[_type_of(node)]
    remedies = {
        schema_keys.ID: "ids are lower-case words with underscores, as in due_date",
        "^=": "write true, false or = condition",
    }
    remedy = remedies.get(str(error.validator_value), f"{error.validator} is {error.validator_value}")
    code = "D205" if error.validator_value == schema_keys.ID else "D207"
    problems.add(code, node.place, _dotted(path), f"{got(text)} does not fit", remedy)


def _report_pattern(error: Any, root: Block, problems: Problems) -> None:
    """A pattern stands at a value, or at a key under ``propertyNames``."""
    report = _report_key if "propertyNames" in error.absolute_schema_path else _report_value
    report(error, root, problems)


_REPORTS: Mapping[str, Callable[[Any, Block, Problems], None]] = {
    "additionalProperties": _report_unknown,
    "type": _report_type,
    "enum": _report_word,
    "pattern": _report_pattern,
}


def _prune(root: Block, path: list[str | int], error: Any) -> None:
    """Take out what was reported, so that later checks do not stumble over it."""
    try:
        node = find(root, path)
    except (KeyError, IndexError):
        return
    if error.validator == "additionalProperties" and isinstance(node, Block):
        for key in [key for key in node.entries if key not in _known_keys(error)]:
            del node.entries[key]
    elif "propertyNames" in error.absolute_schema_path and isinstance(node, Block):
        node.entries.pop(error.instance, None)
    elif path:
        parent = find(root, path[:-1])
        if isinstance(parent, Block):
            parent.entries.pop(str(path[-1]), None)
        elif isinstance(parent, Items) and isinstance(path[-1], int) and len(parent.items) > path[-1]:
            parent.items[path[-1]] = Scalar("", Place("", 0, 0))
