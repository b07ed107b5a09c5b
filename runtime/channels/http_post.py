"""One request to somebody else's server, bounded in every way: time, size, redirects (none)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Timer
from urllib.parse import urlsplit

import orjson

MOST_READ = 64 * 1024
"""Bytes of an answer that are looked at."""


class Unreachable(Exception):
    """No usable answer in time; the message says why and names no secret."""


class BadAddress(Exception):
    """The URL cannot be called at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back."""

    status: int
    text: str
    retry_after: float = 0.0


def post_json(url: str, body: object, timeout: float, headers: Mapping[str, str] | None = None) -> Reply:
    """POST ``body`` as JSON."""
    return post(
        url, orjson.dumps(body), timeout, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    )


def get(url: str, timeout: float, headers: Mapping[str, str] | None = None) -> Reply:
    """GET, bounded like everything here."""
    return _exchange("GET", url, None, timeout, headers or {})


def post(url: str, body: bytes, timeout: float, headers: Mapping[str, str]) -> Reply:
    """POST ``body``."""
    return _exchange("POST", url, body, timeout, headers)


def _exchange(method: str, url: str, body: bytes | None, timeout: float, headers: Mapping[str, str]) -> Reply:
    """The whole exchange takes at most ``timeout`` seconds, however slowly bytes drip."""
    connection, path = _connection(url, timeout)
    late = Event()
    watchdog = Timer(timeout, _cut_off, (connection, late))
    watchdog.daemon = True
    try:
        connection.connect()
        watchdog.start()
        connection.request(method, path, body, {"User-Agent": "Dougong", **headers})
        answer = connection.getresponse()
        text = answer.read(MOST_READ).decode(errors="replace")
        if late.is_set():
            raise TimeoutError
        return Reply(status=answer.status, text=text, retry_after=_seconds(answer.getheader("Retry-After")))
    except (OSError, HTTPException, ValueError) as error:
        raise Unreachable(_reason(error, timeout, late=late.is_set())) from None
    finally:
        watchdog.cancel()
        connection.close()


def _connection(url: str, timeout: float) -> tuple[HTTPConnection, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadAddress("not a URL") from None
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise BadAddress("not an http(s) URL")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme == "http":
        return HTTPConnection(host, port, timeout=timeout), path
    return HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context()), path


def _cut_off(connection: HTTPConnection, late: Event) -> None:
    late.set()
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _seconds(header: str | None) -> float:
    return float(header) if header and header.isascii() and header.isdigit() and len(header) < 7 else 0.0


def _reason(error: Exception, timeout: float, *, late: bool) -> str:
    if late or isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return f"{type(error).__name__}: {error.strerror if isinstance(error, OSError) and error.strerror else error}"
