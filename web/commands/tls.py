"""How a phone comes to trust this server: a page and a QR code that lead to the authority's certificate."""

from __future__ import annotations

import html
import sys
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import click
import segno

from runtime.settings import Settings
from web.certificates import Certificate, local_addresses, local_certificate
from web.commands.place import text

FILE = "/dougong.crt"
EVERYWHERE = ("0.0.0.0", "::")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Secured:
    """What the server is to use, and the authority that phones are to trust ("" = a certificate of one's own)."""

    chain: Path
    key: Path
    authority: Path | None = None


def secured(settings: Settings, given: str, key: str | None) -> Secured:
    """The certificate of ``--tls auto`` or ``--tls CERT KEY``."""
    if given == "auto":
        names = [*local_addresses(), *([settings.host] if settings.host not in EVERYWHERE else [])]
        made: Certificate = local_certificate(Path(settings.home) / "tls", list(dict.fromkeys(names)))
        return Secured(made.chain, made.key, made.authority)
    if key is None:
        raise click.UsageError("--tls auto | --tls CERT KEY")
    for path in (Path(given), Path(key)):
        if not path.is_file():
            raise click.UsageError(f"{path}: 没有这个文件 | there is no such file")
    return Secured(Path(given), Path(key))


def reached_by(settings: Settings) -> str:
    """The address phones use."""
    return local_addresses()[-1] if settings.host in EVERYWHERE else settings.host


def show_trust(settings: Settings, authority: Path) -> ThreadingHTTPServer | None:
    """Serve the page on the next port and print its QR code; ``None`` where that port is taken."""
    host = reached_by(settings)
    address = f"http://{host}:{settings.port + 1}/"
    page = trust_page(f"https://{host}:{settings.port}/", address + FILE[1:])
    try:
        server = ThreadingHTTPServer((settings.host, settings.port + 1), handler(page, authority.read_bytes()))
    except OSError as error:
        told = f"{address}: {error}"
        click.echo(text(settings, f"手机信任页没有打开 {told}", f"The page for phones is not there: {told}"), err=True)
        return None
    Thread(target=server.serve_forever, name="trust", daemon=True).start()
    click.echo(text(settings, f"手机扫码信任本机：{address}", f"Phones trust this server by: {address}"))
    if sys.stdout.isatty():
        segno.make(address).terminal(compact=True)
    return server


def trust_page(server: str, certificate: str) -> bytes:
    """The page: what to do, in both languages, with a QR code of the server's address for afterwards."""
    image = segno.make(server).svg_data_uri(scale=5)
    steps = (
        "iPhone：设置 → 已下载描述文件 → 安装；再到 通用 → 关于本机 → 证书信任设置 打开",
        "Android：设置 → 安全 → 加密与凭据 → 安装证书 → CA 证书",
        "iPhone: Settings → Profile Downloaded → Install; then General → About → Certificate Trust Settings",
        "Android: Settings → Security → Encryption & credentials → Install a certificate → CA certificate",
    )
    listed = "".join(f"<li>{html.escape(step)}</li>" for step in steps)
    body = (
        '<!doctype html><html lang="zh"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>斗拱 Dougong</title>'
        "<style>body{font:16px system-ui;margin:2rem auto;max-width:34rem;padding:0 1rem}li{margin:.6rem 0}</style>"
        f'<h1>斗拱 · Dougong</h1><p><a href="{html.escape(certificate)}">1. 下载证书 · Download the certificate</a></p>'
        f'<ol>{listed}</ol><p>2. <a href="{html.escape(server)}">{html.escape(server)}</a></p>'
        f'<p><img alt="{html.escape(server)}" src="{image}"></p></html>'
    )
    return body.encode()


def handler(page: bytes, certificate: bytes) -> type[BaseHTTPRequestHandler]:
    """Answers with the page, or with the certificate; nothing else is there."""

    class Trust(BaseHTTPRequestHandler):
        """One request."""

        def do_GET(self) -> None:
            """The page or the certificate."""
            known = {"/": (page, "text/html; charset=utf-8"), FILE: (certificate, "application/x-x509-ca-cert")}
            content, kind = known.get(self.path.partition("?")[0], (b"", ""))
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Trust
