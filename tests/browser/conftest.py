"""A browser and the gallery of components for the tests of what people see."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from tests.browser import chromium
from tests.web.gallery.app import DIST, create_gallery

FRONTEND = Path(__file__).resolve().parents[2] / "web" / "frontend"
AXE = FRONTEND / "node_modules" / "axe-core" / "axe.min.js"
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's own Chromium; a clear failure where there is none."""
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.REMEDY)
    return {
        **browser_type_launch_args,
        "executable_path": path,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    }


@pytest.fixture(scope="session")
def gallery() -> Iterator[str]:
    """The address of a running gallery over the built front end."""
    if not (DIST / "manifest.json").exists() or not AXE.exists():
        for step in (["ci"], ["run", "build"]):
            subprocess.run([sys.executable, str(FRONTEND / "npm.py"), *step], check=True, cwd=FRONTEND)
    server = make_server("127.0.0.1", 0, create_gallery(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_page(browser: Browser, gallery: str) -> Iterator[Open]:
    """Opens a page of the gallery in a window of its own; an error in a script fails the test."""
    contexts, errors = [], []

    def open_one(path: str, width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height}, has_touch=width < 768, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(gallery + path, wait_until="networkidle")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def form(open_page: Open) -> Page:
    """The form of the gallery."""
    return open_page("/form")
