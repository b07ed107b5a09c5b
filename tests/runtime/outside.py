"""The outside world as tests meet it: a local HTTP server that notes what it is sent and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass(frozen=True)
class Heard:
    """A request: path with its query, headers in lower case, body."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return orjson.loads(self.raw)


@dataclass
class Outside:
    """What was heard, and how to answer: status and body, or a function of the request that gives both."""

    url: str
    answer: Callable[[Heard], tuple[int, Any]] | tuple[int, Any] = (200, {"errcode": 0, "errmsg": "ok"})
    heard: list[Heard] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)


@contextmanager
def listening() -> Iterator[Outside]:
    """The server, as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, raw: bytes) -> None:
            asked = Heard(self.path, {n.lower(): v for n, v in self.headers.items()}, raw)
            outside.heard.append(asked)
            status, body = outside.answer(asked) if callable(outside.answer) else outside.answer
            content = body if isinstance(body, bytes) else orjson.dumps(body)
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # the other side did not wait
                return

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    outside = Outside(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield outside
    finally:
        outside.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
