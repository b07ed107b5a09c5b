"""The first run: look at the templates, choose one, and stand in a working app as its administrator."""

from __future__ import annotations

import json
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from runtime import accounts, beginnings
from runtime.apps import AppHome
from runtime.beginnings import Wish, offers, unfit_names
from runtime.start_code import code_fits, start_code
from web.application import create_app


@pytest.fixture
def home(tmp_path: Path) -> AppHome:
    return AppHome(tmp_path)


@pytest.fixture
def client(home: AppHome) -> FlaskClient:
    return create_app(home, testing=True).test_client()


def post(client: FlaskClient, **given: str) -> tuple[int, str]:
    """Send the form of the page; status and text."""
    page = client.get("/start").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    usual = {"template": "service", "firm": "永信", "currency": "CNY", "admin": "boss", "password": "good-pass-1"}
    answer = client.post("/start", data={"csrf_token": token[1], **usual, **given})
    return answer.status_code, answer.get_data(as_text=True)


def made(client: FlaskClient) -> str:
    """Wait until what was asked for is made; where one stands then."""
    for thread in threading.enumerate():
        if thread.name == "beginning":
            thread.join(120)
    answer = client.get("/start/wait")
    return str(answer.location)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_template_shows_what_it_brings(client: FlaskClient, language: str) -> None:
    client.get(f"/start/language?lang={language}")
    for offer in offers(language):
        page = client.get(f"/start?template={offer.id}").get_data(as_text=True)
        assert all(text in page for text in (offer.title, *offer.roles, *offer.documents))
        assert len(offer.documents) == offer.counts["documents"] > 0
        assert offer.flow


def test_without_an_app_every_way_leads_to_the_first_page(client: FlaskClient) -> None:
    assert client.get("/").location == "/start"
    assert client.get("/e/item").location == "/start"
    assert client.get("/api/v1/item").status_code == 404


def test_one_stands_in_the_chosen_app_as_its_administrator(client: FlaskClient, home: AppHome) -> None:
    assert post(client, currency="USD")[0] == 303
    assert made(client) == "/"
    page = client.get("/").get_data(as_text=True)
    assert "永信" in page
    assert "boss" in page
    app = home.get("service")
    assert app.model.currency == "USD"
    assert app.definition is not None
    assert "currency: USD" in app.definition.text
    assert client.get("/settings/people").status_code == 200


def test_once_there_is_an_app_the_first_page_is_closed(client: FlaskClient, home: AppHome) -> None:
    post(client)
    made(client)
    stranger = create_app(home, testing=True).test_client()
    assert stranger.get("/start").status_code == 404
    assert stranger.post("/start", data={}).status_code in (400, 404)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"firm": " "}, "公司简称"),
        ({"password": "short"}, "至少 8 位"),
        ({"template": "bakery"}, "选择一个模板"),
        ({"currency": "XXX"}, "本位币"),
        ({"admin": ""}, "管理员"),
        ({"password": "x" * 201}, "至多 200 位"),
        ({"admin": "a" * 61}, "登录名要有 1 到 60 个可见字符"),
        ({"who.0": "b" * 61, "role.0": "finance"}, "登录名要有 1 到 60 个可见字符"),
        ({"who.0": "lina", "role.0": "finance", "who.2": "lina", "role.2": "sales"}, "登录名 lina 已有人用"),
        ({"who.1": "boss", "role.1": "finance"}, "登录名 boss 已有人用"),
        ({"demo": "1", "who.0": "sales", "role.0": "sales"}, "演示数据已经有登录名 sales"),
        ({"demo": "1", "who.0": "zoul", "role.0": "finance"}, "演示数据已经有登录名 zoul"),
        ({"demo": "1", "admin": "zoul"}, "演示数据已经有登录名 zoul"),
        ({"demo": "1", "admin": "sales"}, "演示数据已经有登录名 sales"),
    ],
)
def test_what_is_missing_is_told_and_what_was_written_stays(
    client: FlaskClient, home: AppHome, given: dict[str, str], told: str
) -> None:
    status, page = post(client, **{"firm": "永信", **given})
    assert status == 422
    assert told in page
    assert home.names() == []
    if "firm" not in given:
        assert 'value="永信"' in page
    if "who.0" in given:
        assert f'value="{given["who.0"]}"' in page


def test_the_names_of_the_demo_are_free_without_it_and_its_administrator_may_be_ones_own() -> None:
    wish = Wish(
        template="service", firm="永信", language="en", currency="CNY", admin="admin", password="good-pass-1", demo=True
    )
    assert unfit_names(wish) == []
    sales = replace(wish, colleagues=[("sales", "sales")])
    assert unfit_names(sales) == ["The demo data has the log-in name sales already"]
    assert unfit_names(replace(sales, demo=False)) == []


def test_a_failure_is_told_and_leaves_no_app_behind(
    client: FlaskClient, home: AppHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise AttributeError("'NoneType' object has no attribute 'cursor'")

    monkeypatch.setattr(beginnings, "set_up", broken)
    assert post(client)[0] == 303
    for thread in threading.enumerate():
        if thread.name == "beginning":
            thread.join(120)
    answer = client.get("/start/wait")
    assert answer.status_code == 500
    assert "没有建成" in answer.get_data(as_text=True)
    assert "NoneType" not in answer.get_data(as_text=True)
    assert home.names() == []
    assert client.get("/start").status_code == 200


@pytest.mark.parametrize("way", ["/start/wait", "/login"])
def test_an_app_whose_server_stopped_while_it_was_made_is_cleared_away(
    client: FlaskClient, home: AppHome, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    def stopped(*given: object) -> None:
        raise SystemExit

    monkeypatch.setattr(beginnings, "set_up", stopped)
    monkeypatch.setattr(threading, "excepthook", lambda given: None)
    assert post(client)[0] == 303
    assert made(client) == "None"
    note = next((home.folder / "cache").glob("beginning-*.json"))
    assert (json.loads(note.read_text())["state"], home.names()) == ("making", ["service"])
    os.utime(note, (0, 0))
    answer = client.get(way)
    page = answer.get_data(as_text=True)
    assert (home.names(), list((home.folder / "cache").glob("ended-*"))) == ([], [])
    assert "服务器停了" in page if way == "/start/wait" else answer.location == "/start"
    assert 'name="firm"' in client.get("/start").get_data(as_text=True)


# --- from elsewhere --------------------------------------------------------------------------------------------

ELSEWHERE = {"REMOTE_ADDR": "192.168.1.20"}


def test_from_elsewhere_the_first_page_asks_for_the_code_of_the_console(client: FlaskClient, home: AppHome) -> None:
    code = start_code(home)
    page = client.get("/start", environ_base=ELSEWHERE).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    assert 'name="code"' in page
    assert 'name="firm"' not in page
    wish = {
        "csrf_token": token[1],
        "template": "service",
        "firm": "x",
        "currency": "CNY",
        "admin": "a",
        "password": "12345678",
    }
    assert client.post("/start", data=wish, environ_base=ELSEWHERE).status_code == 403
    assert home.names() == []
    wrong = client.post("/start/code", data={"csrf_token": token[1], "code": "AAAA-AAAA"}, environ_base=ELSEWHERE)
    assert (wrong.status_code, "口令不对" in wrong.get_data(as_text=True)) == (403, True)
    given = {"csrf_token": token[1], "code": f" {code.lower()} "}
    assert client.post("/start/code", data=given, environ_base=ELSEWHERE).location == "/start"
    assert 'name="firm"' in client.get("/start", environ_base=ELSEWHERE).get_data(as_text=True)


@pytest.mark.parametrize("broken_off", ["", "\n", "ABCD", "ABCD-EFG1", "啊"])
def test_a_code_that_was_not_written_whole_lets_nobody_in_and_is_made_anew(home: AppHome, broken_off: str) -> None:
    path = home.folder / "start-code"
    path.write_text(broken_off, encoding="utf-8")
    assert not code_fits(home, broken_off)
    assert not code_fits(home, "")
    code = start_code(home)
    assert re.fullmatch("[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}", code)
    assert (path.read_text(), path.stat().st_mode & 0o777) == (code, 0o600)
    assert code_fits(home, f" {code.lower()} ")
    assert not code_fits(home, "")


def test_starts_at_the_same_moment_show_one_code(home: AppHome) -> None:
    with ThreadPoolExecutor(8) as starts:
        codes = set(starts.map(lambda _: start_code(home), range(24)))
    assert len(codes) == 1
    assert [path.name for path in home.folder.iterdir()] == ["start-code"]


@pytest.mark.parametrize(
    "header",
    [
        {"Host": "erp.example.com"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-Proto": "https"},
        {"x-forwarded-host": "erp.example.com"},
        {"X-Real-IP": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
        {"Via": "1.1 edge"},
    ],
)
def test_by_way_of_another_server_the_code_is_asked_for_as_well(client: FlaskClient, header: dict[str, str]) -> None:
    assert 'name="code"' in client.get("/start", headers=header).get_data(as_text=True)


@pytest.mark.parametrize("protocol", ["HTTP/1.0", "HTTP/1"])
def test_behind_a_server_that_says_nothing_but_speaks_the_old_protocol_the_code_is_asked_for(
    client: FlaskClient, protocol: str
) -> None:
    plain_nginx = {"REMOTE_ADDR": "127.0.0.1", "SERVER_PROTOCOL": protocol, "HTTP_HOST": "127.0.0.1:8000"}
    browser = {**plain_nginx, "SERVER_PROTOCOL": "HTTP/1.1"}
    assert 'name="code"' in client.get("/start", environ_overrides=plain_nginx).get_data(as_text=True)
    assert 'name="firm"' in client.get("/start", environ_overrides=browser).get_data(as_text=True)


def test_colleagues_get_accounts_and_their_passwords_are_shown_once(client: FlaskClient, home: AppHome) -> None:
    assert post(client, **{"who.0": "lina", "role.0": "finance", "who.1": "nobody", "role.1": "no-such-role"})[0] == 303
    for thread in threading.enumerate():
        if thread.name == "beginning":
            thread.join(120)
    notes = list((home.folder / "cache").glob("beginning-*"))
    assert [note.stat().st_mode & 0o777 for note in notes] == [0o600]
    shown = client.get("/start/wait").get_data(as_text=True)
    password = re.search(r"<code>([^<]+)</code>", shown)
    assert password is not None
    assert "nobody" not in shown
    assert client.get("/start/wait").location == "/"
    app = home.get("service")
    with app.database.write() as connection:
        ctx = app.context(connection)
        account = accounts.sign_in(ctx, "lina", password[1])
        assert account is not None
        person = accounts.person_of(ctx, account)
    assert person is not None
    assert person.user.roles == {"finance"}
    assert not (home.folder / "start-code").exists()
