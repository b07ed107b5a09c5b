"""Attachments: what is accepted, whom they belong to, who may see them; and requests repeated with the same key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from runtime import files, idempotency, records
from runtime.context import RunContext, User
from runtime.errors import Conflict, Invalid, NotFound
from runtime.record_reading import as_json

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
OTHER = User(account=1, name="other", roles=frozenset({"boss"}))
THING: dict[str, Any] = {"group": "A", "name": "x", "unit": "pc", "price": 1}


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.png", PNG, "image/png"),
        ("b.pdf", b"%PDF-1.7 x", "application/pdf"),
        ("c.xlsx", b"PK\x03\x04x", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("d.csv", b"a,b", "text/csv"),
        ("fake.exe", PNG, "image/png"),
    ],
)
def test_files_are_what_their_bytes_say(boss: RunContext, name: str, content: bytes, kind: str) -> None:
    assert files.save(boss, name, content).media_type == kind


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.html", b"<script>", "file_type"),
        ("a.svg", b"<svg/>", "file_type"),
        ("a.xlsx", b"MZ", "file_type"),
        ("a.png", b"", "file_empty"),
        ("a.png", PNG + b"0" * files.LARGEST, "file_too_large"),
    ],
)
def test_what_could_run_or_is_too_large_is_refused(boss: RunContext, name: str, content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as error:
        files.save(boss, name, content)
    assert error.value.faults[0].code == code


def test_names_lose_what_a_file_system_could_stumble_over() -> None:
    assert files.clean_name("../../etc/pass\x00wd<1>.txt") == "passwd1.txt"
    assert files.clean_name("C:\\fakepath\\图 片.png") == "图 片.png"
    assert files.clean_name("...") == "file"


def test_a_file_belongs_to_the_record_that_names_it(boss: RunContext, seller: RunContext) -> None:
    photo = files.save(boss, "a.png", PNG)
    with pytest.raises(NotFound):
        files.fetch(seller, photo.id)  # not yet anybody's
    thing = records.create(boss, "thing", {**THING, "photo": photo.id})
    assert files.fetch(seller, photo.id).content == PNG  # who sees the thing sees its photo
    shown = as_json(boss, "thing", [records.read(boss, "thing", thing.id)])[0]
    assert shown["photo"] == {"id": photo.id, "name": "a.png", "media_type": "image/png", "size": len(PNG)}
    with pytest.raises(Invalid) as error:
        records.create(boss, "thing", {**THING, "photo": photo.id})
    assert error.value.faults[0].code == "file_taken"


def test_a_file_somebody_else_uploaded_or_no_image_cannot_be_named(boss: RunContext) -> None:
    photo = files.save(boss, "a.png", PNG)
    with pytest.raises(Invalid) as error:
        records.create(replace(boss, user=OTHER), "thing", {**THING, "photo": photo.id})
    assert (error.value.faults[0].code, error.value.faults[0].field) == ("no_such_record", "photo")
    text = files.save(boss, "a.txt", b"x")
    with pytest.raises(Invalid) as error:
        records.create(boss, "thing", {**THING, "photo": text.id})
    assert error.value.faults[0].code == "file_type"


def test_several_attachments_of_a_document_are_seen_by_who_sees_it(ctx: RunContext, seller: RunContext) -> None:
    one, two = files.save(ctx, "a.png", PNG), files.save(ctx, "b.txt", b"b")
    lines = [{"item": "A-0001", "qty": 1}]
    far = records.create(ctx, "order", {"place": "S", "lines": lines, "attachments": [one.id, {"id": two.id}]})
    assert records.load(ctx, "order", far.id)["attachments"] == (one.id, two.id)
    with pytest.raises(NotFound):
        files.fetch(seller, one.id)
    records.update(ctx, "order", far.id, {"place": "N", "attachments": [two.id]})
    assert files.fetch(seller, two.id).name == "b.txt"


def test_a_repeated_request_gets_the_first_answer(ctx: RunContext) -> None:
    assert idempotency.begin(ctx, "k1", b"body") is None
    idempotency.finish(ctx, "k1", 201, '{"id": 7}')
    assert idempotency.begin(ctx, "k1", b"body") == idempotency.Answer(status=201, response='{"id": 7}')
    with pytest.raises(Conflict):
        idempotency.begin(ctx, "k1", b"another body")
    table = ctx.app.tables.system.idempotency
    assert ctx.connection.execute(select(func.count()).select_from(table)).scalar() == 1
