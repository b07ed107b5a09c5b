"""Every key of the template language: the block it stands in, the shape of its value, one sentence about it.

``schema.json`` and the reference are generated from this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.field_types import FIELD_TYPES

ID = "^[a-z][a-z0-9_]*$"
Shape = dict[str, Any]

# A text may look like a number or a word of YAML (`label: 2025`): editors read it so, the key decides.
TEXT: Shape = {"type": ["string", "number", "boolean"]}
EXPRESSION: Shape = {"type": ["string", "number", "boolean"], "maxLength": 2000}
VALUE: Shape = {"type": ["string", "number", "boolean"]}
FLAG: Shape = {"type": "boolean"}
FLAG_OR_EXPRESSION: Shape = {"type": ["boolean", "string"], "pattern": "^="}
COUNT: Shape = {"type": "integer", "minimum": 0}
NAME: Shape = {"type": "string", "pattern": ID}
PATH: Shape = {"type": "string"}
NAMES: Shape = {"type": "array", "items": {"type": "string"}}
NAME_OR_NAMES: Shape = {"type": ["string", "array"], "items": {"type": "string"}}


def words(*allowed: str) -> Shape:
    """One of some words."""
    return {"enum": list(allowed)}


def ref(name: str) -> Shape:
    """A block described elsewhere."""
    return {"$ref": f"#/$defs/{name}"}


def text_or(name: str) -> Shape:
    """A plain value, or a block described elsewhere."""
    return {"type": ["string", "number", "boolean", "object"], "if": {"type": "object"}, "then": ref(name)}


def each(shape: Shape) -> Shape:
    """A block of ids, each with a value of ``shape``."""
    return {"type": "object", "propertyNames": {"pattern": ID}, "additionalProperties": shape}


def mapped(shape: Shape) -> Shape:
    """A block whose keys are paths or names of other things."""
    return {"type": "object", "additionalProperties": shape}


Keys = Mapping[str, tuple[Shape, str]]

_LABEL = (TEXT, "The name people see: `中文 | English`.")
_AFTER = (NAME, "Stands after this neighbour.")
_RETIRED = (FLAG, "Off every screen; data is kept.")
_ENTRY = {"label": _LABEL, "after": _AFTER, "retired": _RETIRED}

APP: Keys = {
    "app": (NAME, "Id of the app."),
    "module": (NAME, "Id of the module (instead of `app`)."),
    "needs": (NAMES, "Modules this one builds on."),
    "version": (VALUE, "Version, as in 1.0.0."),
    "title": (TEXT, "Name of the app: `中文 | English`."),
    "description": (TEXT, "What the app is for."),
    "icon": (TEXT, "Its picture in the catalogue: an icon's name."),
    "currency": (TEXT, "ISO code of the currency."),
    "timezone": (TEXT, "Time zone; its days are the firm's days."),
    "uses": (NAMES, "Modules, in the order in which they are laid over each other."),
    "extends": (TEXT, "The template (and version) that this layer was made against."),
    "rename": (mapped(NAME), "`entity.field: new_id`; what refers to the old id follows."),
    "members": (NAME, "Entity of the people who log in."),
    "departments": (NAME, "Entity of departments."),
    "secrecy": (each(TEXT), "Secrecy tags and their names."),
    "entities": (each(ref("entity")), "Tables of the app."),
    "traits": (each(ref("trait")), "Bundles of fields to reuse."),
    "ledgers": (each(ref("ledger")), "Append-only moves and their balances."),
    "guards": (each(ref("guard")), "Conditions across ledgers."),
    "structures": (each(ref("structure")), "Relations of the kind 'made of'."),
    "plans": (each(ref("plan")), "Netting of demands against supplies."),
    "roles": (each(ref("role")), "Who may see and do what."),
    "rules": (each(ref("rule")), "What is done when something happens."),
    "alerts": (each(ref("alert")), "What stays open while something holds."),
    "cards": (each(ref("card")), "Figures."),
    "reports": (each(ref("report")), "Grouped figures."),
    "dashboards": (each(ref("dashboard")), "Pages of cards and reports."),
    "prints": (each(ref("print")), "Page layouts."),
    "stations": (each(ref("station")), "Screens of work places."),
    "labels": (each(ref("print")), "Label layouts."),
    "plugins": (each(ref("plugin")), "Plug-ins: whether they are on to begin with, and their settings."),
    "menu": (each(ref("menu_group")), "Groups of the side bar."),
    "openings": (each(ref("opening")), "Tables of the opening page."),
    "first_steps": (each(ref("first_step")), "The check list of a new firm, on the home page of administrators."),
    "demo": (ref("demo"), "Demo data."),
}

ENTITY: Keys = {
    **_ENTRY,
    "kind": (words("master", "document", "setting"), "Declares the entity and gives it its standard fields."),
    "icon": (TEXT, "Name of an icon."),
    "group": (TEXT, "Group of the side bar."),
    "tree": (FLAG, "Records stand under each other: adds the field `parent_<id>`."),
    "title": (NAMES, "Fields that name a record."),
    "search": (NAMES, "Paths that the search reads."),
    "traits": (NAMES, "Bundles of fields."),
    "unique": (each(NAMES), "Fields that together are unique."),
    "indexes": (each(NAMES), "Fields that lists filter and sort by."),
    "number": (ref("number"), "How codes are made."),
    "fields": (each(ref("field")), "Fields."),
    "checks": (each(ref("check")), "What a record must meet."),
    "progress": (each(ref("progress")), "Derived axes: none, partial, done, closed."),
    "workflow": (ref("workflow"), "States and transitions of the field `status`."),
    "sources": (each(ref("source")), "Documents that this one is drawn from."),
    "postings": (each(each(ref("posting"))), "Transition → what it writes into ledgers, in order."),
    "form": (each(ref("section")), "Sections of the form."),
    "views": (each(ref("view")), "Saved ways of looking."),
    "retain": (EXPRESSION, "The day from which a record may be deleted; empty: at any time."),
    "measured": (ref("measured"), "Records are counted in units."),
    "measuring": (ref("measuring"), "Records are units."),
}

FIELD: Keys = {
    **_ENTRY,
    "type": (words(*FIELD_TYPES), "Declares the field."),
    "help": (TEXT, "One sentence shown beside the field."),
    "required": (FLAG_OR_EXPRESSION, "Must be filled; a constant or `= condition`."),
    "visible": (FLAG_OR_EXPRESSION, "Is shown; a constant or `= condition`."),
    "readonly": (FLAG_OR_EXPRESSION, "Cannot be typed over; a constant or `= condition`."),
    "default": (VALUE, "First value; a constant or `= expression`."),
    "fill": (EXPRESSION, "Follows this expression until a person types over it."),
    "formula": (EXPRESSION, "Computed; the type is inferred."),
    "along": (NAME, "Structure along which the formula may return to itself."),
    "min": (VALUE, "Least value; a constant or `= expression`."),
    "max": (VALUE, "Greatest value; a constant or `= expression`."),
    "max_length": (COUNT, "Most characters."),
    "options": (each(text_or("option")), "Options of a choice."),
    "to": (NAME_OR_NAMES, "Entities a reference may point at (`entity` or `entity.lines`)."),
    "where": (EXPRESSION, "What a reference may pick."),
    "among": (PATH, "A set on a neighbour that a reference picks from."),
    "create": (mapped(EXPRESSION), "An unknown code makes a new record with these values."),
    "reverse": (NAME, "Name under which the other side sees these records."),
    "fields": (each(ref("field")), "Fields of the lines."),
    "traits": (NAMES, "Bundles of fields of the lines."),
    "unique": (
        {"type": ["boolean", "object"], "additionalProperties": NAMES},
        "Unique value; on lines: fields that together are unique.",
    ),
    "indexes": (each(NAMES), "Indexes of the lines."),
    "checks": (each(ref("check")), "What a line must meet."),
    "explode": (ref("explode"), "Lines are filled from a structure."),
    "copy": (ref("copy"), "Lines are filled from the lines of a record that the document names."),
    "trace": (ref("traced"), "Lines are filled from where a record went or came from."),
    "allot": (ref("allot"), "Lines are split over the balances that a posting would take from."),
    "unit": (PATH, "Field that holds the unit of a quantity."),
    "of": (PATH, "Field that holds what a quantity measures (`this`: the record)."),
    "per": (PATH, "Field that holds the unit a price is for."),
    "fixed": (words("once_posted", "once_live", "period_start"), "When it may no longer change."),
    "secrecy": (NAME, "Secrecy tag."),
    "many": (FLAG, "Holds several files."),
    "title": (NAMES, "Fields that name a line."),
    "search": (NAMES, "Paths that the search reads."),
}

OPTION: Keys = {**_ENTRY, "color": (TEXT, "Tone of its chip.")}
TRAIT: Keys = {
    "label": _LABEL,
    "traits": (NAMES, "Other bundles it contains."),
    "fields": (each(ref("field")), "Fields."),
}
NUMBER: Keys = {
    "pattern": (TEXT, "Text with <yyyyMM>, <field> and <serial:4>."),
    "reset": (words("never", "year", "month", "week", "day"), "When the serial starts again."),
    "gapless": (FLAG, "No gaps, even under concurrency."),
}
CHECK: Keys = {
    "that": (EXPRESSION, "What must hold."),
    "say": (TEXT, "What is said otherwise."),
    "level": (words("error", "warn"), "`warn` only tells."),
    "field": (NAME, "Field the message stands at."),
    "after": _AFTER,
    "retired": _RETIRED,
}
PROGRESS: Keys = {
    "label": _LABEL,
    "whole": (EXPRESSION, "All of it."),
    "left": (EXPRESSION, "What is left."),
    "closed": (EXPRESSION, "Closed by hand when this holds."),
}
SOURCE: Keys = {
    **_ENTRY,
    "from": (NAME, "Entity it is drawn from."),
    "if": (EXPRESSION, "Which documents, on them."),
    "into": (NAME, "Header field that names the document; made if missing."),
    "required": (FLAG, "Not without one."),
    "many": (FLAG, "Collects from several documents."),
    "fill": (mapped(EXPRESSION), "Header fields, from the document."),
    "lines": (ref("source_lines"), "Lines drawn into lines."),
    "single_line": (ref("source_lines"), "One line (or the document itself) drawn into the header."),
    "holds": (EXPRESSION, "Drawn documents that hold their quantity."),
    "counts": (EXPRESSION, "Drawn documents that count as done."),
    "tolerance": (EXPRESSION, "Share by which one may draw more."),
    "beyond": (words("refuse", "approve"), "What happens beyond it."),
}
SOURCE_LINES: Keys = {
    "from": (NAME, "Lines drawn from."),
    "into": (NAME, "Lines drawn into (`lines`)."),
    "where": (EXPRESSION, "Which lines."),
    "left": (NAME, "Computed field made on the line drawn from: what is left."),
    "done": (NAME, "Computed field made on the line drawn from: what is done."),
    "left_label": (TEXT, "What is left, in the words of the trade: `待领 | To be issued`."),
    "done_label": (TEXT, "What is done, in the words of the trade: `已领 | Issued`."),
    "fill": (mapped(EXPRESSION), "Fields of the drawn line, from the line."),
    "qty": (NAME, "Amount that is drawn: a field of both sides (or `whole`)."),
    "amount": (NAME, "Amount that is drawn, in money."),
    "hours": (NAME, "Amount that is drawn, in hours."),
    "weight": (NAME, "Amount that is drawn, by weight."),
    "whole": (EXPRESSION, "The whole of it on the line drawn from, if the field has another name there."),
}
POSTING: Keys = {
    "after": _AFTER,
    "retired": _RETIRED,
    "if": (EXPRESSION, "Only when this holds."),
    "add": (NAME, "Ledger that is added to."),
    "take": (NAME, "Ledger that is taken from."),
    "returns": (PATH, "`line.posting` whose moves come back."),
    "revalue": (NAME, "Ledger whose values are corrected."),
    "each": (NAME, "Lines field: once a line."),
    "from": (NAME, "Posting whose moves this one carries on."),
    "at": (mapped(EXPRESSION), "Dimensions; the rest bind by name; `nothing` leaves one open."),
    "kind": (NAME, "Kind of move; of what comes back, the kind of what went."),
    "allocate": (EXPRESSION, "Allocation: an id or `= expression`."),
    "fits": (EXPRESSION, "Which balances a take may use besides what the allocation says; `this` is the row posted."),
    "say": (TEXT, "Said where no balance `fits`."),
    "short": (
        {"type": ["string", "object"], "additionalProperties": EXPRESSION},
        "When balances do not suffice: refuse, drop, or where the rest is booked.",
    ),
    "spread": (mapped({"type": "array", "items": TEXT}), "Dimension with first and last day."),
    "explode": (ref("explode"), "One move for each component of a structure."),
    "of": (PATH, "`set.posting` whose moves a revaluation corrects."),
    "upto": (EXPRESSION, "Most that rows with the same dimensions add together; the first in order come first."),
    "later": (ref("later"), "Who gets what `upto` did not allow, when more arrives."),
}
COPY: Keys = {
    "from": (PATH, "Path of references from the document to the lines copied."),
    "where": (EXPRESSION, "Which of them."),
    "upon": (NAME, "Transition that fills the lines."),
    "fill": (mapped(EXPRESSION), "Fields of the made lines, from the line copied."),
}
LATER: Keys = {
    "while": (EXPRESSION, "Rows that still wait."),
    "order": (EXPRESSION, "Who comes first: the smallest."),
}
EXPLODE: Keys = {
    "structure": (NAME, "Structure."),
    "product": (EXPRESSION, "What is made."),
    "qty": (EXPRESSION, "How much."),
    "at": (EXPRESSION, "Date whose version is valid."),
    "where": (EXPRESSION, "Which component lines."),
    "upon": (NAME, "Transition that fills the lines."),
    "renew": (NAME_OR_NAMES, "Transitions that fill them anew: what stood there goes."),
    "fill": (mapped(EXPRESSION), "Fields of the made lines, from `need` and the component line."),
}
SECTION: Keys = {
    **_ENTRY,
    "fields": (NAMES, "Fields."),
    "grid": (NAME, "Lines field shown as a grid."),
    "columns": (
        {"type": ["integer", "array"], "items": {"type": "string"}, "minimum": 1, "maximum": 6},
        "Number of columns; in a grid their names.",
    ),
    "footer": (NAMES, "Columns summed under a grid."),
    "folded": (FLAG, "Closed at first."),
    "what_if": (NAME, "Number that may be moved to and fro to see what would follow; nothing is saved by it."),
    "from": (EXPRESSION, "With `what_if`: least value (half of what it is)."),
    "to": (EXPRESSION, "With `what_if`: greatest value (one and a half of what it is)."),
    "marks": (NAMES, "With `what_if`: fields whose values are worth stopping at."),
    "paste": (FLAG, "Takes rows from a spreadsheet (always on)."),
}
VIEW: Keys = {
    **_ENTRY,
    "type": (words("list", "board", "calendar", "gantt"), "How it looks."),
    "where": (EXPRESSION, "Which records."),
    "columns": (NAMES, "Columns."),
    "sort": (NAMES, "Paths, `-` for descending."),
    "filters": (NAMES, "Filters offered."),
    "colors": (mapped(EXPRESSION), "Colour of a row when a condition holds."),
    "urgent": (FLAG, "Counted on the home page."),
    "date": (PATH, "Date of a calendar."),
    "start": (PATH, "First day of a gantt."),
    "end": (PATH, "Last day of a gantt; of a calendar whose records last several days."),
    "group": (PATH, "Groups of a gantt."),
    "by": (PATH, "Columns of a board."),
    "title": (TEXT, "Text of an entry."),
}
MEASURED: Keys = {
    "unit": (NAME, "Field that holds the base unit."),
    "units": (NAME, "Lines field of further units."),
    "unit_of": (NAME, "Field of those lines that holds the unit."),
    "ratio": (NAME, "Field of those lines that holds the ratio."),
}
MEASURING: Keys = {
    "ratio": (NAME, "Field with the ratio to the base of the dimension."),
    "dimension": (NAME, "Field with the dimension."),
    "step": (NAME, "Field with the smallest step."),
}
