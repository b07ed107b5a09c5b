"""Two ways to work with a running app: a program with a token, and a person who fills in the pages' own forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any

import orjson
from flask import Flask
from werkzeug.test import TestResponse

Row = dict[str, Any]
PREFIX = "/api/v1"


def code(value: str) -> Row:
    """A reference by code, as the contract writes it."""
    return {"code": value}


class Api:
    """A program that acts with one person's token; ``tick`` moves the clock before each call."""

    def __init__(self, app: Flask, token: str, tick: Callable[[], None]) -> None:
        self._client = app.test_client()
        self._headers = {"Authorization": f"Bearer {token}"}
        self._tick = tick

    def call(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None, **query: object
    ) -> TestResponse:
        """The raw answer."""
        self._tick()
        given = {} if body is None else {"data": orjson.dumps(body), "content_type": "application/json"}
        return self._client.open(
            PREFIX + path,
            method=method,
            headers={**self._headers, **(headers or {})},
            query_string=dict(query),
            **given,  # type: ignore[arg-type]
        )

    def _good(self, status: int, method: str, path: str, body: object = None, **query: object) -> Any:
        answer = self.call(method, path, body, **query)
        assert answer.status_code == status, f"{method} {path}: {answer.status} {answer.get_data(as_text=True)[:2000]}"
        return answer.get_json()

    def get(self, path: str, **query: object) -> Any:
        """What is there."""
        return self._good(200, "GET", path, **query)

    def post(self, path: str, body: object = None, status: int = 200, **query: object) -> Any:
        """Send something that must succeed."""
        return self._good(status, "POST", path, body if body is not None else {}, **query)

    def new(self, entity: str, **values: object) -> Row:
        """A new record."""
        found: Row = self._good(201, "POST", f"/{entity}", values)
        return found

    def read(self, entity: str, id: int) -> Row:
        """A record."""
        found: Row = self.get(f"/{entity}/{id}")
        return found

    def change(self, entity: str, id: int, **values: object) -> Row:
        """Some fields of a record."""
        found: Row = self._good(200, "PATCH", f"/{entity}/{id}", values)
        return found

    def take(self, entity: str, id: int, transition: str, **body: object) -> Row:
        """A step of the workflow."""
        found: Row = self._good(200, "POST", f"/{entity}/{id}/actions/{transition}", body)
        return found

    def items(self, path: str, **query: object) -> list[Row]:
        """The rows of a list."""
        found: list[Row] = self.get(path, **query)["items"]
        return found

    def status(self, method: str, path: str, body: object = None) -> int:
        """Only how it ended."""
        return self.call(method, path, body).status_code

    def refused(self, status: int, method: str, path: str, body: object = None) -> list[Row]:
        """What is said when it is refused with ``status``."""
        answer = self.call(method, path, body)
        assert answer.status_code == status, f"{method} {path}: {answer.status} {answer.get_data(as_text=True)[:2000]}"
        assert answer.content_type.startswith("application/problem+json")
        found: list[Row] = answer.get_json()["errors"]
        return found

    def decide(self, entity: str, id: int, decision: str = "approve", **body: object) -> Row:
        """Say yes (or no) to what waits for me on a record."""
        mine = [t for t in self.items("/tasks") if t["entity"] == entity and t["record"] == id]
        assert mine, f"nothing about {entity} {id} waits for this person"
        found: Row = self.post(f"/tasks/{mine[0]['id']}/{decision}", body)
        return found

    def balances(self, ledger: str, **query: object) -> list[Row]:
        """Rows of a ledger."""
        return self.items(f"/ledgers/{ledger}/balances", **query)

    def explain(self, card: str, **query: object) -> Row:
        """A card with its parts."""
        found: Row = self.get(f"/cards/{card}", **query)
        return found


class Page(HTMLParser):
    """A page as a browser holds it: the named controls of its record form, links and what it says."""

    def __init__(self, text: str, form: str = "record") -> None:
        super().__init__(convert_charrefs=True)
        self.values: dict[str, list[str]] = {}
        self.action = ""
        self.text = text
        self.links: list[str] = []
        self._form, self._open, self._skip = form, False, 0
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self._area: tuple[str, list[str]] | None = None
        self.buttons: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "template":
            self._skip += 1
        elif tag == "form":
            self._open = given.get("id") == self._form
            self.action = given.get("action", "") if self._open else self.action
        elif tag == "a" and given.get("href"):
            self.links.append(given["href"])
        elif tag == "button" and given.get("form") == self._form and given.get("value"):
            self.buttons.append(given["value"])
        if not self._open or self._skip or "disabled" in given:
            return
        name = given.get("name", "")
        if tag == "input" and name:
            self._input(name, given)
        elif tag == "select" and name:
            self._select = (name, [])
        elif tag == "option" and self._select:
            self._select[1].append((given.get("value", ""), "selected" in given))
        elif tag == "textarea" and name:
            self._area = (name, [])

    def _input(self, name: str, given: Mapping[str, str]) -> None:
        if given.get("type") in ("checkbox", "radio"):
            if "checked" in given:
                self.values.setdefault(name, []).append(given.get("value", "on"))
        elif given.get("type") != "file":
            self.values.setdefault(name, []).append(given.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self._area:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "template":
            self._skip -= 1
        elif tag == "form":
            self._open = False
        elif tag == "select" and self._select:
            name, options = self._select
            chosen = [v for v, selected in options if selected] or [v for v, _ in options[:1]]
            self.values.setdefault(name, []).extend(chosen)
            self._select = None
        elif tag == "textarea" and self._area:
            self.values.setdefault(self._area[0], []).append("".join(self._area[1]).removeprefix("\n"))
            self._area = None


class Web:
    """A person at a browser without scripts: opens pages, fills in what the page offers, presses buttons."""

    def __init__(self, app: Flask, name: str, password: str, tick: Callable[[], None]) -> None:
        self._client = app.test_client()
        self._tick = tick
        page = self._open("/login", form="")
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token is not None
        answer = self._client.post("/login", data={"name": name, "password": password, "csrf_token": token[1]})
        assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]

    def get(self, path: str) -> TestResponse:
        """The raw answer."""
        self._tick()
        return self._client.get(path)

    def _open(self, path: str, form: str = "record") -> Page:
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status} {answer.get_data(as_text=True)[:2000]}"
        return Page(answer.get_data(as_text=True), form)

    def open(self, path: str) -> Page:
        """A page with its record form."""
        return self._open(path)

    def fill(self, page: Page, **values: object) -> dict[str, list[str]]:
        """What the form would post after typing; a list of objects fills the line grid."""
        posted = {name: list(kept) for name, kept in page.values.items()}
        for name, value in values.items():
            if isinstance(value, list):
                for index, row in enumerate(value):
                    for inner, cell in row.items():
                        _type(posted, f"{name}-{index}-{inner}", cell)
            else:
                _type(posted, name, value)
        return posted

    def press(self, page: Page, button: str = "save", **values: object) -> int:
        """Fill in, press a button, and give the id of the record that was saved."""
        answer = self.try_press(page, button, **values)
        assert answer.status_code == 303, f"{page.action} {button}: {answer.status} {told(answer)}"
        return int(answer.headers["Location"].rstrip("/").rpartition("/")[2])

    def try_press(self, page: Page, button: str = "save", **values: object) -> TestResponse:
        """Fill in and press a button, whatever comes of it."""
        self._tick()
        posted = {**self.fill(page, **values), "_action": [button]}
        return self._client.post(page.action, data=posted)

    def new(self, entity: str, button: str = "save", start: str = "", **values: object) -> int:
        """A new record; ``start`` is what follows the question mark of its address (drawing, copying)."""
        return self.press(self.open(f"/e/{entity}/new{'?' + start if start else ''}"), button, **values)

    def draw(self, entity: str, source: str, origin: int, button: str = "save", **values: object) -> int:
        """A record drawn from another, with the button on the other's page."""
        return self.new(entity, button, f"source={source}&ids={origin}", **values)

    def take(self, entity: str, id: int, transition: str, **body: object) -> TestResponse:
        """A step of the workflow through its dialog."""
        page = self._open(f"/e/{entity}/{id}", form="none")
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert token is not None
        self._tick()
        data = {"csrf_token": token[1], **{k: str(v) for k, v in body.items()}}
        return self._client.post(f"/e/{entity}/{id}/actions/{transition}", data=data)

    def took(self, entity: str, id: int, transition: str, **body: object) -> None:
        """A step that must succeed."""
        answer = self.take(entity, id, transition, **body)
        assert answer.status_code == 303, f"{entity} {transition}: {answer.status} {told(answer)}"

    def post(self, path: str, **data: object) -> TestResponse:
        """A small form of a page: its token and fields."""
        page = self._open("/", form="none")
        token = re.search(r'csrf[-_]token"[^>]*(?:value|content)="([^"]+)"', page.text)
        assert token is not None
        self._tick()
        return self._client.post(path, data={"csrf_token": token[1], **{k: str(v) for k, v in data.items()}})


def told(answer: TestResponse) -> str:
    """What a page says in its main part, without tags: why something was refused."""
    text = answer.get_data(as_text=True)
    main = text.partition('id="page"')[2] or text
    return " ".join(re.sub(r"<[^>]+>", " ", main.partition("<form")[0]).split())[:1500]


def _type(posted: dict[str, list[str]], name: str, value: object) -> None:
    """A cell: words go beside a reference (the server looks them up), everything else under its own name."""
    if isinstance(value, Mapping):
        posted[name], posted[f"{name}__text"] = [""], [str(value["code"])]
    elif isinstance(value, tuple):
        posted[name] = [str(v) for v in value]
    else:
        posted[name] = [str(value)]
