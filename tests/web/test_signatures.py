"""A signature drawn on a pad is kept as a picture: of a document, of its lines, and of what a step asks for."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator

import pytest

from engine.compiler import load_text
from runtime import files
from runtime.apps import RunningApp
from runtime.context import SYSTEM, RunContext, SystemClock
from runtime.database import Database
from runtime.errors import Invalid
from runtime.tables import build_tables
from web.signatures import DRAWN, kept, with_kept

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
APP = (
    "app: signs\nentities:\n  visit:\n    kind: document\n    fields:\n      title: {type: text}\n"
    "      seen: {type: signature}\n      lines: {type: lines, fields: {work: {type: text}, done: {type: signature}}}\n"
)


@pytest.fixture(scope="module")
def app(module_database: Database) -> RunningApp:
    model = load_text(APP)
    tables = build_tables(model)
    with module_database.write() as connection:
        tables.metadata.create_all(connection)
    return RunningApp(name="signs", model=model, tables=tables, database=module_database)


@pytest.fixture
def ctx(app: RunningApp) -> Iterator[RunContext]:
    with app.database.write() as connection:
        yield RunContext(app=app, connection=connection, user=SYSTEM, clock=SystemClock())


def test_what_was_drawn_becomes_a_file(ctx: RunContext) -> None:
    number = kept(ctx, DRAWN + DOT)
    assert isinstance(number, int)
    file = files.fetch(ctx, number)
    assert (file.name, file.media_type, file.content) == ("signature.png", "image/png", b64decode(DOT))


def test_what_was_not_drawn_stays_as_it_was_posted(ctx: RunContext) -> None:
    assert [kept(ctx, given) for given in ("", "17", None)] == ["", "17", None]


def test_a_broken_picture_is_no_signature(ctx: RunContext) -> None:
    assert kept(ctx, f"{DRAWN}%%%") == ""
    with pytest.raises(Invalid):
        kept(ctx, f"{DRAWN}aGVsbG8=")  # well written, but no picture


def test_signatures_of_a_form_and_of_its_lines_are_kept_and_nothing_else_is_touched(ctx: RunContext) -> None:
    posted = {
        "title": DRAWN,
        "seen": DRAWN + DOT,
        "lines": [{"work": "a", "done": DRAWN + DOT}, {"work": "b", "done": "9"}],
    }
    found = with_kept(ctx, ctx.app.model.entities["visit"], posted)
    assert found["title"] == DRAWN
    assert isinstance(found["seen"], int)
    first, second = found["lines"]  # type: ignore[misc]
    assert isinstance(first["done"], int)
    assert first["done"] != found["seen"]
    assert (first["work"], second) == ("a", {"work": "b", "done": "9"})
