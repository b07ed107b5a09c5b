"""A signature drawn on a pad is kept as a picture: of a document, of its lines, and of what a step asks for."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.compiler import load_text
from runtime import files
from runtime.apps import AppHome, RunningApp
from runtime.context import SYSTEM, RunContext, SystemClock
from runtime.database import Database
from runtime.errors import Invalid
from runtime.record_rows import load_rows
from runtime.records import create
from runtime.tables import build_tables
from web.application import create_app
from web.print_view import Form
from web.record_fields import field_view
from web.record_html import RecordHtml
from web.record_page import scene_of
from web.signatures import DRAWN, kept, with_kept

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
APP = (
    "app: signs\nentities:\n  visit:\n    kind: document\n    fields:\n      title: {type: text}\n"
    "      seen: {type: signature, label: 签字 | Signed}\n"
    "      lines: {type: lines, fields: {work: {type: text}, done: {type: signature}}}\n"
    "prints:\n  visit:\n    of: visit\n    label: 记录 | Record\n    paper: {size: A4}\n    blocks:\n"
    "      head: {columns: 2, fields: [title, seen]}\n      work: {table: lines, columns: [work, done]}\n"
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
    assert [kept(ctx, f"{DRAWN}{junk}") for junk in ("%%%", "é", "签")] == ["", "", ""]
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


@pytest.fixture
def signed(ctx: RunContext) -> tuple[dict[str, Any], str]:
    """A visit that was signed, as it is read, and the number of its picture."""
    seen, done = kept(ctx, DRAWN + DOT), kept(ctx, DRAWN + DOT)
    made = create(
        ctx, "visit", {"code": f"V{seen}", "title": "a", "seen": seen, "lines": [{"work": "roof", "done": done}]}
    ).id
    return load_rows(ctx, "visit", [made])[made], str(seen)


def test_a_signature_to_be_read_is_shown_as_its_picture(
    ctx: RunContext, signed: tuple[dict[str, Any], str], tmp_path: Path
) -> None:
    row, number = signed
    visit = ctx.app.model.entities["visit"]
    with create_app(AppHome(tmp_path), testing=True).test_request_context():
        scene = replace(scene_of(ctx, visit, row), locked=frozenset({"seen"}))
        view = field_view(scene, visit, visit.fields["seen"], row)
        html = RecordHtml(ctx)
        for shown in (html.field(view), html.pair(view)):
            assert f'<a href="/files/{number}"><img src="/files/{number}" alt="签字"></a>' in shown
            assert "signature.png" not in shown
        pad = html.field(field_view(replace(scene, locked=frozenset()), visit, visit.fields["seen"], row))
        assert f'<input type="hidden" name="seen" value="{number}">' in pad


def test_a_printed_form_carries_its_signatures_along(ctx: RunContext, signed: tuple[dict[str, Any], str]) -> None:
    row, _ = signed
    (sheet,) = Form(ctx, ctx.app.model.prints["visit"], row).sheets()
    (head, lines) = sheet.blocks
    assert [(pair["text"], pair["pictures"]) for pair in head["pairs"]] == [("a", []), ("", [DRAWN + DOT])]
    assert [cell["pictures"] for cell in lines["rows"][0]] == [[], [DRAWN + DOT]]
