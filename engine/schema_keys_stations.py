"""Keys of stations; see ``schema_keys``."""

from __future__ import annotations

from engine.schema_keys import _ENTRY, EXPRESSION, NAME, NAMES, PATH, TEXT, VALUE, Keys, each, mapped, ref

STATION: Keys = {
    **_ENTRY,
    "help": (TEXT, "What is done here."),
    "icon": (TEXT, "Icon."),
    "for": (NAMES, "Roles that work here (all unless said)."),
    "place": (NAME, "Entity of the places one may stand at; chosen once on the device."),
    "starts": (NAMES, "Entities of which a new document is begun with one key."),
    "queues": (each(ref("queue")), "What waits here."),
}
QUEUE: Keys = {
    **_ENTRY,
    "of": (NAME, "Entity."),
    "where": (EXPRESSION, "Which documents wait."),
    "place": (PATH, "Path that names the place a document waits at."),
    "sort": (NAMES, "Paths, `-` for descending."),
    "facts": (NAMES, "Paths told of each document beside its code."),
    "lines": (NAME, "Lines field shown of the document that was picked."),
    "columns": (NAMES, "Paths shown of each line."),
    "scan": (NAMES, "Paths a scanned code is looked for in (`code` unless said); through lines, too."),
    "acts": (each(ref("station_act")), "Keys on a document."),
}
STATION_ACT: Keys = {
    **_ENTRY,
    "icon": (TEXT, "Icon."),
    "do": (NAME, "Transition of the document."),
    "draw": (PATH, "`entity.source` drawn from the document."),
    "create": (NAME, "Entity of a new document made for this one."),
    "set": (mapped(VALUE), "Fields of the new document: a constant, or `= expression` on this one."),
    "then": (NAME, "Transition of what was drawn, taken at once; without it the drawn document is opened."),
    "ask": (NAMES, "Fields given here, of what is made or of the document itself; `lines.field` for each line."),
    "adds": (
        mapped(mapped(VALUE)),
        "Lines of which `ask` speaks that may be added here, each with what a first one begins with.",
    ),
}
