"""A browser and the gallery of components for the tests of what people see."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from runtime.apps import AppHome
from tests.browser import chromium
from tests.scenarios.clients import code
from tests.scenarios.works import PASSWORD, MovingClock, Works, prepare
from tests.web.gallery.app import DIST, create_gallery

FRONTEND = Path(__file__).resolve().parents[2] / "web" / "frontend"
AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
MARK = f"--dougong-tests={uuid.uuid4().hex}"
PATIENCE = 30_000
"""Milliseconds: what a busy machine may take; nothing ever waits that long when all is well."""
Open = Callable[..., Page]
Report = pytest.StashKey[dict[str, pytest.TestReport]]()
expect.set_options(timeout=PATIENCE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep how a test ended where its fixtures find it."""
    report = yield
    item.stash.setdefault(Report, {})[report.when or ""] = report
    return report


def leave(request: pytest.FixtureRequest, contexts: list[BrowserContext]) -> None:
    """Close the windows; a test that failed says where its pictures are and what its pages complained of."""
    ended = request.node.stash.get(Report, {}).get("call")
    for number, context in enumerate(contexts):
        if ended is not None and ended.failed:
            for page in context.pages:
                _picture(request, page, number)
        if not _closes(context):
            sys.stdout.write("The browser did not close its window and was ended.\n")
            request.getfixturevalue("browsers").end()


def _closes(context: BrowserContext) -> bool:
    """Whether a window closes in time.

    A browser may never answer here (seen once in thousands), and the public ``close`` knows no limit. What the test
    asserts is asserted by then: a browser that hangs at the door says nothing of the product.
    """
    try:
        context._sync(asyncio.wait_for(context._impl_obj.close(reason=None), PATIENCE / 1000))
    except TimeoutError:
        return False
    return True


@dataclass
class Browsers:
    """The browser of a run: started when first asked for, and again when it was ended."""

    launch: Callable[[], Browser]
    running: Browser | None = None

    def get(self) -> Browser:
        """One that is alive."""
        if self.running is None or not self.running.is_connected():
            self.running = self.launch()
        return self.running

    def end(self) -> None:
        """End it with all that it started, which its mark tells; the next one asked for is new."""
        self.running = None
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                ours = MARK.encode() in command.read_bytes()
            except OSError:  # ended meanwhile
                continue
            if ours:
                os.kill(int(command.parent.name), signal.SIGKILL)


@pytest.fixture(scope="session")
def browsers(launch_browser: Callable[..., Browser]) -> Iterator[Browsers]:
    """Gives the browser and closes it in the end."""
    kept = Browsers(launch_browser)
    yield kept
    if kept.running is not None and kept.running.is_connected():
        kept.running.close()


@pytest.fixture
def browser(browsers: Browsers) -> Browser:
    """A browser that answers, the same for all tests as long as it does."""
    return browsers.get()


def _picture(request: pytest.FixtureRequest, page: Page, number: int) -> None:
    folder = request.getfixturevalue("tmp_path_factory").getbasetemp()
    path = folder / f"{re.sub(r'[^A-Za-z0-9_]+', '-', request.node.name)}-{number}.png"
    page.screenshot(path=path)
    said = page.locator("[data-error-summary], .toast, [role=alert]").all_inner_texts()
    sys.stdout.write(f"{page.url}: {said}, picture {path}\n")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's own Chromium; a clear failure where there is none."""
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.REMEDY)
    return {
        **browser_type_launch_args,
        "executable_path": path,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", MARK],
    }


@pytest.fixture(scope="session")
def frontend() -> None:
    """The built front end and axe."""
    if not (DIST / "manifest.json").exists() or not AXE.exists():
        for step in (["ci"], ["run", "build"]):
            subprocess.run([sys.executable, str(FRONTEND / "npm.py"), *step], check=True, cwd=FRONTEND)


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The address of an application while it is served."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="session")
def gallery(frontend: None) -> Iterator[str]:
    """The address of a running gallery over the built front end."""
    with serving(create_gallery()) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser, gallery: str, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a page of the gallery in a window of its own; an error in a script fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_one(path: str, width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, has_touch=width < 768, reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(gallery + path, wait_until="networkidle")
        return page

    yield open_one
    leave(request, contexts)
    assert errors == []


@pytest.fixture
def form(open_page: Open) -> Page:
    """The form of the gallery."""
    return open_page("/form")


# --- a small firm at work --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Firm:
    """A served app with a little data: its address and the app itself, for what is not done in the browser."""

    address: str
    works: Works


@pytest.fixture(scope="session")
def firm(frontend: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    """The app, served for the whole session."""
    folder = tmp_path_factory.mktemp("firm")
    tokens = prepare(folder)
    works = Works(AppHome(folder), MovingClock(), tokens)
    _history(works)
    with serving(works.flask) as address:
        yield Firm(address, works)
    works.home.close()


def _history(works: Works) -> None:
    """Some goods, an order that is short of material, and one that waits for the manager."""
    works.bought("COPPER", "500", "11")
    works.bought("SCREW", "30000", "0.1")
    works.api().change("item", works.id("item", "SCREW"), safety_stock="40000")
    sales, buyer = works.api("sales"), works.api("buyer")
    for qty, due in (("10000", "2026-01-15"), ("400", "2026-01-20")):
        line = {"item": code("CONN"), "qty": qty, "price": "20"}
        order = sales.new("sales_order", partner=code("C"), warehouse=code("W"), due_date=due, lines=[line])
        sales.take("sales_order", order["id"], "submit")
    for qty in ("1000", "100", "120", "130"):
        line = {"item": code("COPPER"), "qty": qty, "price": "11"}
        order = buyer.new(
            "purchase_order", partner=code("S"), warehouse=code("W"), expected_date="2026-01-14", lines=[line]
        )
        if qty == "1000":
            buyer.take("purchase_order", order["id"], "submit")


Person = Callable[..., Page]
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of (401|409|412|422)")


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """Cookies of those who have logged in."""
    return {}


@pytest.fixture
def person(browser: Browser, firm: Firm, sessions: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[Person]:
    """Opens a page as somebody who is logged in; no error may appear in the browser's console, none of the policy."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(text: str) -> None:
        if not EXPECTED.search(text):
            errors.append(text)

    def open_one(name: str, path: str = "/", width: int = 1440, height: int = 900, **more: Any) -> Page:
        given = {"viewport": {"width": width, "height": height}, "has_touch": width < 768, "reduced_motion": "reduce"}
        if name in sessions:
            given["storage_state"] = sessions[name]
        context = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai", **{**given, **more})
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: note(f"{m.text} ({m.location.get('url')})") if m.type == "error" else None)
        if name and name not in sessions:
            page.goto(firm.address + "/login")
            page.fill("#name", name)
            page.fill("#password", PASSWORD)
            page.click("button[type=submit]")
            page.wait_for_url(firm.address + "/")
            sessions[name] = context.storage_state()
        page.goto(firm.address + path, wait_until="networkidle")
        return page

    yield open_one
    leave(request, contexts)
    assert errors == []
