"""Documents on an earlier flow: an administrator sees them on the workflow's page and moves them, one or all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import accounts
from runtime.app_source import pin
from runtime.apps import AppHome
from tests.runtime.test_flow_versions import AFTER, BEFORE
from tests.scenarios.works import NAME, PASSWORD, MovingClock, Works
from tests.web.pages.test_figures import Reader
from tests.web.pages.test_workflows import plain

ROLES = "roles:\n"
ADMIN = ROLES + "  admin: {label: 管理员 | Administrator, can: {all: [all]}}\n"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Works]:
    """A small app with an administrator and a clerk, two documents of which have passed the clerk."""
    home, clock = AppHome(tmp_path), MovingClock()
    app, tokens = home.create(NAME, pin(BEFORE.replace(ROLES, ADMIN))), {}
    with app.database.write() as connection:
        ctx = app.context(connection, clock)
        for name, role in (("admin", "admin"), ("clerk", "clerk"), ("second", "clerk"), ("boss", "boss")):
            account = accounts.add_account(ctx, name, PASSWORD, [role])
            tokens[name] = accounts.create_token(ctx, account, "test")
    office = Works(home, clock, tokens)
    for amount in (5, 50):
        made = office.api("clerk").new("request", amount=amount)
        office.api("clerk").take("request", made["id"], "submit")
        office.api("second").take("request", made["id"], "agree")
    yield office
    home.close()


def test_an_administrator_moves_one_document_and_then_the_rest(desk: Works) -> None:
    admin = Reader(desk, "admin")
    assert "还走旧流程的单据" not in admin.page("/workflows/request")
    desk.home.publish(NAME, pin(AFTER.replace(ROLES, ADMIN)))
    checking, pending = desk.api().items("/request", sort="code")
    page = admin.page("/workflows/request")
    rows = [plain(row) for row in re.findall(r"<tr><th scope=\"row\">(?:复核|审批中)</th>.*?</tr>", page)]
    assert [row.split()[0][:4] for row in rows] == ["复核11", "审批中1"]
    told = admin.page(f"/e/request/{pending['id']}")
    assert f'href="/workflows/request?record={pending["id"]}#older">改走新流程' in told
    assert "改走新流程" not in Reader(desk, "clerk").page(f"/e/request/{pending['id']}")
    assert "还走旧流程的单据：QS-0002" in admin.page(f"/workflows/request?record={pending['id']}")

    admin.post("/workflows/request/move", record=pending["id"], **{"state.pending": "pending"})
    assert "改走新流程（原按第 1 版的流程）" in admin.page(f"/e/request/{pending['id']}")
    refused = admin.post("/workflows/request/move", 409)
    assert "停在“复核”，新流程里没有这个状态：请指定改到哪个状态（草稿、审批中、已同意、已驳回）" in refused
    admin.post("/workflows/request/move", **{"state.checking": "agreed"})
    page = admin.page("/workflows/request")
    assert "1 张单据已改走新流程" in page
    assert "还走旧流程的单据" not in page
    assert desk.api().read("request", checking["id"])["status"] == "agreed"


def test_a_program_moves_them_too(desk: Works) -> None:
    desk.home.publish(NAME, pin(AFTER.replace(ROLES, ADMIN)))
    api, path = desk.api(), "/workflows/request"
    found = api.get(f"{path}/older")
    assert found["states"] == ["draft", "pending", "agreed", "refused"]
    assert found["items"] == [
        {"version": 1, "state": "checking", "documents": 1, "known": False},
        {"version": 1, "state": "pending", "documents": 1, "known": True},
    ]
    assert desk.api("clerk").call("GET", f"{path}/older").status_code == 403
    assert desk.api("clerk").call("POST", f"{path}/move", {}).status_code == 403
    (fault,) = api.refused(409, "POST", f"{path}/move", {})
    assert (fault["field"], fault["code"]) == ("states.checking", "flow_state_gone")
    (fault,) = api.refused(422, "POST", f"{path}/move", {"states": {"checking": "lost"}})
    assert (fault["field"], fault["code"]) == ("states.checking", "flow_state_unknown")
    assert api.call("POST", f"{path}/move", {"records": "all"}).status_code == 422
    moved = api.post(f"{path}/move", {"states": {"checking": "agreed"}})
    assert (moved["count"], api.get(f"{path}/older")["items"]) == (2, [])
