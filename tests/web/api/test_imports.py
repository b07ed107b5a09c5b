"""Spreadsheets by API: judged, taken, told row by row, taken back."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient

from tests.scenarios.works import Works


def sent(office: Works, query: str, text: str) -> tuple[int, dict[str, object]]:
    client: FlaskClient = office.flask.test_client()
    answer = client.post(
        f"/api/v1/imports?{query}",
        data={"file": (io.BytesIO(text.encode()), "a.csv")},
        headers={"Authorization": f"Bearer {office.tokens['admin']}"},
        content_type="multipart/form-data",
    )
    return answer.status_code, answer.get_json()


@pytest.mark.both
def test_a_file_is_judged_taken_and_taken_back(office: Works) -> None:
    side = office.app.database.dialect[:2]
    text = f"部门表,,\n代码,部门名称,备注\nAPI-{side}-1,一,x\nAPI-{side}-1,二,\nAPI-{side}-2,三,\n"
    status, judged = sent(office, "entity=department&dry_run=true", text)
    assert (status, judged["created"], judged["lines"]) == (200, 2, {"3": "new", "4": "wrong", "5": "new"})
    assert judged["columns"] == {"code": "代码", "name": "部门名称", "note": "备注"}
    status, refused = sent(office, "entity=department", text)
    assert (status, [e["field"] for e in refused["errors"]]) == (422, ["4.code"])  # type: ignore[attr-defined]
    status, taken = sent(office, "entity=department&partial=true", text)
    assert (status, taken["created"], taken["written"]) == (201, 2, True)
    api = office.api()
    plain = api.get(f"/imports/{taken['import']}")
    assert (plain["file"], plain["standing"], "undo" in plain) == ("a.csv", 2, False)
    looked = api.get(f"/imports/{taken['import']}", undo="true")
    assert (looked["file"], looked["undo"]["removed"], looked["undo"]["stays"]) == ("a.csv", 2, [])
    assert api.post(f"/imports/{taken['import']}/undo")["removed"] == 2
    assert api.get("/imports", entity="department")["items"][0]["id"] == taken["import"]
    assert office.scalar(f"select count(*) from department where code like 'API-{side}-%' and deleted_at is null") == 0


def test_what_is_missing_is_said(office: Works) -> None:
    assert sent(office, "", "code\nx\n")[0] == 400
    assert sent(office, "entity=nothing", "code\nx\n")[0] == 404
    assert sent(office, "entity=department&mapping=none", "code\nx\n")[0] == 404


def test_undoing_many_records_is_not_tried_for_an_answer(office: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = sent(office, "entity=department", "code,name\nMANY-1,a\nMANY-2,b\n")[1]
    monkeypatch.setattr("web.api.imports.MOST_TRIED", 1)
    refused = office.api().call("GET", f"/imports/{taken['import']}", undo="true")
    assert refused.status_code == 422
    assert [one["message"] for one in refused.get_json()["errors"]] == [
        "这次导入还有 2 条，超过 1 条不试撤：请到导入记录页面看，或直接撤销"
    ]
    assert office.api().get(f"/imports/{taken['import']}")["standing"] == 2


def test_all_imports_are_listed_a_page_at_a_time(office: Works, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [sent(office, "entity=department", f"code,name\nPAGE-{n},a\n")[1]["import"] for n in range(3)]
    monkeypatch.setattr("web.api.imports.PAGE", 2)
    first = office.api().get("/imports", entity="department")
    second = office.api().get("/imports", entity="department", cursor=first["next"])
    assert [one["id"] for one in first["items"]] == numbers[:0:-1]
    assert first["next"] == str(numbers[1])
    assert second["items"][0]["id"] == numbers[0]
    assert len(first["items"]) == 2
