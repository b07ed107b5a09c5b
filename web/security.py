"""Headers every answer carries: no foreign scripts, no frames, no sniffing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flask import Flask, Response, request

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
YEAR = 31_536_000
FINGERPRINTED = "/static/dist/assets/"


ALWAYS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        name.lower(): (name, value)
        for name, value in (
            ("Content-Security-Policy", POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(self), geolocation=(self), microphone=()"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
        )
    }
)
"""What an answer says unless it says something else itself; by name in small letters."""


def protect(response: Response) -> Response:
    """Add the security headers; pages are never kept by shared caches, fingerprinted assets for a year."""
    headers = response.headers
    if request.path.startswith(FINGERPRINTED):
        headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}")
    said = {name.lower() for name, _ in headers}
    headers.extend([pair for name, pair in ALWAYS.items() if name not in said])
    return response


def register(app: Flask) -> None:
    """Attach the headers to every response."""
    app.after_request(protect)
