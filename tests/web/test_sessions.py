"""Sessions: a cookie that was verified is remembered, and nothing that a request does changes what is remembered."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, session
from flask_wtf.csrf import CSRFProtect, generate_csrf, validate_csrf

from web import sessions

NAME = "session"


@pytest.fixture
def app() -> Flask:
    """An application that puts into its session what it is told to."""
    made = Flask("small")
    made.secret_key = b"known"
    made.config.update(SESSION_REFRESH_EACH_REQUEST=False, TESTING=True, WTF_CSRF_TIME_LIMIT=None)
    CSRFProtect(made)
    sessions.register(made)
    made.add_url_rule("/put/<word>", "put", lambda word: session.update(word=word, list=[word]) or "")
    made.add_url_rule("/plain/<word>", "plain", lambda word: session.update(word=word) or "")
    made.add_url_rule("/spoil", "spoil", lambda: str(session.get("list", []).append("spoilt")))
    made.add_url_rule("/read", "read", lambda: f"{session.get('word')} {session.get('list')}")
    made.add_url_rule("/token", "token", sessions.csrf_token)
    return made


def read(app: Flask, cookie: str) -> str:
    return app.test_client(use_cookies=False).get("/read", headers={"Cookie": f"{NAME}={cookie}"}).text


def made_cookie(app: Flask, path: str) -> str:
    client = app.test_client()
    client.get(path)
    found = client.get_cookie(NAME)
    assert found is not None
    return found.value


def test_a_cookie_says_the_same_each_time_and_costs_no_other_one(app: Flask) -> None:
    cookie = made_cookie(app, "/plain/a")
    assert [read(app, cookie) for _ in range(3)] == ["a None"] * 3
    answer = app.test_client(use_cookies=False).get("/read", headers={"Cookie": f"{NAME}={cookie}"})
    assert ("Set-Cookie" in answer.headers, answer.headers["Vary"]) == (False, "Cookie")


def test_a_changed_cookie_is_none_however_often_the_true_one_was_seen(app: Flask) -> None:
    cookie = made_cookie(app, "/plain/a")
    assert read(app, cookie) == "a None"
    swapped = "b" if cookie[3] != "b" else "c"
    for wrong in (cookie[:3] + swapped + cookie[4:], cookie[:-1], cookie + "x", ""):
        assert read(app, wrong) == "None None"
    assert read(app, cookie) == "a None"


def test_what_a_request_does_to_its_session_is_not_remembered(app: Flask) -> None:
    cookie = made_cookie(app, "/put/a")
    client = app.test_client(use_cookies=False)
    for _ in range(2):
        client.get("/spoil", headers={"Cookie": f"{NAME}={cookie}"})
        client.get("/plain/other", headers={"Cookie": f"{NAME}={cookie}"})
    assert read(app, cookie) == "a ['a']"


def test_a_cookie_ends_when_its_time_is_over_though_it_was_seen_before(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(hours=1)
    cookie = made_cookie(app, "/plain/a")
    assert read(app, cookie) == "a None"
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 3590)
    assert read(app, cookie) == "a None"
    monkeypatch.setattr("time.time", lambda: now + 3610)
    assert read(app, cookie) == "None None"


def test_no_more_cookies_are_remembered_than_the_bound(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    cookies = [made_cookie(app, f"/plain/{word}") for word in "abcd"]
    assert [read(app, cookie) for cookie in cookies * 2] == [f"{word} None" for word in "abcd"] * 2
    kept: Any = app.session_interface
    assert len(kept._verified) <= 2


def test_the_token_of_a_session_is_the_same_on_all_its_pages_and_of_no_other(app: Flask) -> None:
    one, other = app.test_client(), app.test_client()
    first = one.get("/token").text
    assert one.get("/token").text == first
    assert other.get("/token").text != first
    with one.session_transaction() as known, app.test_request_context():
        session.update(known)
        validate_csrf(first)
        assert generate_csrf() != ""
