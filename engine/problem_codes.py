"""The table of problem codes: code, title, explanation. Codes never change their meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.expressions.problems import CODES as EXPRESSION_CODES

_TABLE = (
    # reading
    ("D100", "file not found", "The file or template id does not exist."),
    (
        "D101",
        "not YAML",
        "The text cannot be read as YAML. A text with a colon and a space needs block style or a full-width colon.",
    ),
    ("D102", "key given twice", "A key may stand once in a block; YAML would silently keep the last."),
    ("D103", "alias or anchor", "`&name` and `*name` are refused: they hide what is written and can blow up a file."),
    ("D104", "tag", "`!tag` is refused: types follow from keys."),
    ("D105", "tab", "Tabs are refused; indent with spaces."),
    ("D106", "file too large", "A definition may have at most 2 MB and 200,000 values."),
    ("D107", "nested too deep", "Blocks may be nested at most 30 deep."),
    ("D108", "several documents", "A file holds one document; `---` may not separate more."),
    ("D109", "not text", "The file must be UTF-8 text without control characters."),
    ("D110", "comma inside { }", "Inside `{ }` a comma ends a value: write this field as a block."),
    ("D111", "key is no name", "Keys are plain texts, not lists or blocks."),
    # structure
    ("D201", "unknown key", "The key is not known at this place."),
    ("D202", "wrong shape", "A block, a list or a plain value was expected and something else was found."),
    ("D203", "not one of the words", "Only certain words may stand here."),
    ("D204", "key missing", "A key that is needed here is missing."),
    ("D205", "bad id", "Ids are lower-case words with underscores (`[a-z][a-z0-9_]*`)."),
    ("D206", "value missing", "The key has no value."),
    ("D207", "bad value", "The value does not have the form that this key needs."),
    # names and layers
    ("D301", "reserved word", "The id is used by the system or is a word of Python."),
    (
        "D302",
        "nothing to extend",
        "A block without `kind` (or a field without `type` or `formula`) changes something that exists.",
    ),
    ("D303", "declared twice", "Two files declare the same thing."),
    ("D304", "unknown name", "The name refers to something that does not exist."),
    ("D305", "unknown field in a path", "A step of the path is not a field of the entity it stands on."),
    ("D306", "`after` names nothing", "`after` must name a neighbour in the same block."),
    (
        "D307",
        "bad change of a list",
        "In a list that changes another list every element starts with + or - and fits the list it changes.",
    ),
    ("D308", "modules disagree", "Two modules set the same value and neither `needs` the other."),
    ("D309", "module missing", "A module needs another one that the app does not use."),
    ("D310", "id taken", "The id is already used by something that the compiler makes."),
    ("D312", "bad rename", "`rename` maps `entity.field` to a new, free id."),
    ("D313", "no app", "A file that is loaded as an app needs `app` and `title`."),
    ("D314", "extends in a circle", "Layers may not extend each other in a circle."),
    # fields
    ("D401", "key does not fit the type", "Fields of this type do not have this key."),
    ("D402", "type needs a key", "Fields of this type need a key that is missing."),
    ("D403", "not a reference", "The path must lead to a reference."),
    ("D404", "bad constant", "The constant cannot be read as a value of the field's type."),
    ("D406", "too many steps", "A path has at most 4 steps."),
    ("D407", "trait in a circle", "Traits may not use each other in a circle."),
    # formulas
    (
        "D501",
        "formulas in a circle",
        "A formula needs its own result. Only `along` a structure may a formula return to itself.",
    ),
    ("D502", "chain of formulas too long", "Formulas may build on each other at most 30 deep."),
    # workflows
    ("D601", "no start state", "A workflow has exactly one state with `start: true`."),
    ("D602", "state out of reach", "No transition leads to the state."),
    ("D604", "approval without way", "The outcomes of an approval must be transitions from its state."),
    ("D605", "nobody may", "A transition without `by` must be the outcome of an approval."),
    ("D606", "status missing", "A workflow needs the field `status`, a choice of its states."),
    ("D607", "no way up", "Those above are found along a field of members that names another member."),
    ("D608", "bad share", "A share of approvers is above 0 % and at most 100 %."),
    ("D609", "bad deadline", "A deadline is a number and `work_hours`, `hours` or `days`."),
    # documents, ledgers, postings
    ("D701", "bad source", "A source draws from an existing document with lines."),
    ("D702", "posting verb", "A posting has exactly one of add, take, returns, revalue."),
    (
        "D703",
        "dimension unbound",
        "A dimension of the ledger has no value: name it in `at` or give the line a field of that name.",
    ),
    ("D704", "amount missing", "A resource of the ledger has no amount."),
    ("D705", "unknown amount", "The key is neither a key of postings nor a resource of the ledger."),
    ("D706", "bad guard", "A guard reads resources and dimensions at the grain it is for."),
    ("D707", "bad ledger", "A part of the ledger does not fit its dimensions and resources."),
    ("D708", "unknown posting", "`from`, `returns` and `revalue` name a posting that writes moves before."),
    ("D709", "posts without transition", "A posting set belongs to a transition of the same entity."),
    # plans, roles, figures, looks
    ("D801", "bad structure", "A structure names an entity, its product, its lines and their item."),
    ("D802", "bad plan", "A plan nets demands against supplies of one entity."),
    ("D803", "unknown action", "A role may have known actions only."),
    ("D804", "bad target", "`opens`, `blocks` and menu entries name things that exist."),
    ("D805", "bad number pattern", "A pattern is text with <yyyyMM>, <field> and one <serial:n>."),
    ("D806", "bad print", "A print block is one of text, fields, table, moves, signatures, qr."),
    # rules and alerts
    (
        "D901",
        "bad trigger",
        "A rule waits for exactly one thing: created, changed, transition, becomes, crosses, date, every, event.",
    ),
    (
        "D902",
        "bad action",
        "An action does exactly one thing: send, set, create, draw, take, start; an offer plan, set or snooze.",
    ),
    ("D903", "no member", "A receiver is a role, or an expression that gives a member or an address."),
    # doubts: told by `dougong validate`, they keep nothing from running
    ("W901", "plug-in unknown", "What is said of a plug-in does not fit any that is installed here."),
    ("W801", "target and colours disagree", "A card that has just reached its target is in a warning colour."),
)

CODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {code: (title, text) for code, title, text in _TABLE}
    | {code: (title, "In an expression.") for code, title in EXPRESSION_CODES.items()}
)
"""Code → (title, explanation); those of expressions included."""
