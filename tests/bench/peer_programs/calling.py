"""Calls an application the way a server does and says what a page costs. Runs beside a peer: it knows nothing else."""

from __future__ import annotations

import gc
import io
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def environ(address: str, cookie: str) -> dict[str, Any]:
    """A GET of ``address``."""
    path, _, query = address.partition("?")
    return {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SCRIPT_NAME": "", "HTTP_COOKIE": cookie,
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1", "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr, "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip


def answer(application: Application, address: str, cookie: str) -> str:
    """The body of a page; anything but success ends the program."""
    status: list[str] = []
    parts = application(environ(address, cookie), lambda given, _headers, _fault=None: status.append(given))
    body = b"".join(parts).decode()
    if hasattr(parts, "close"):
        parts.close()
    if not status[0].startswith("200"):
        sys.exit(f"{address} answered {status[0]}: {body[:500]}")
    return body


def tell(application: Application, pages: Mapping[str, str], rounds: int, cookie: str = "") -> None:
    """Print for every page its median CPU time in milliseconds and its body."""
    told = {}
    for name, address in pages.items():
        for _ in range(3):
            body = answer(application, address, cookie)
        taken = []
        gc.collect()
        gc.disable()
        for _ in range(rounds):
            start = time.process_time()
            answer(application, address, cookie)
            taken.append((time.process_time() - start) * 1e3)
        gc.enable()
        told[name] = {"ms": statistics.median(taken), "body": body}
    sys.stdout.write(json.dumps(told))
