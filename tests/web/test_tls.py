"""The local certificate authority and the page by which phones trust it."""

from __future__ import annotations

import http.client
import ssl
import stat
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner
from cryptography import x509

from web.certificates import SERVER_DAYS, Certificate, local_addresses, local_certificate
from web.cli import cli
from web.commands.tls import handler, trust_page

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NAMES = ["localhost", "127.0.0.1", "192.168.1.9"]


def test_the_certificate_names_every_address_and_is_signed_by_the_authority(tmp_path: Path) -> None:
    made = local_certificate(tmp_path, NAMES, NOW)
    found = x509.load_pem_x509_certificate(made.chain.read_bytes())
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    found.verify_directly_issued_by(authority)
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "192.168.1.9"]
    context = ssl.create_default_context(cafile=made.authority)
    assert len(context.get_ca_certs()) == 1
    for key in (made.key, tmp_path / "authority.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def kept(made: Certificate) -> tuple[bytes, bytes]:
    """What phones and browsers would notice."""
    return made.authority.read_bytes(), made.chain.read_bytes()


def test_it_is_made_once_and_renewed_only_when_need_be(tmp_path: Path) -> None:
    first = kept(local_certificate(tmp_path, NAMES, NOW))
    assert kept(local_certificate(tmp_path, NAMES[:2], NOW)) == first
    moved = kept(local_certificate(tmp_path, [*NAMES, "10.0.0.7"], NOW))
    assert (moved[0] == first[0], moved[1] == first[1]) == (True, False)
    later = kept(local_certificate(tmp_path, NAMES, NOW + timedelta(days=SERVER_DAYS - 10)))
    assert (later[0] == first[0], later[1] == moved[1]) == (True, False)


def test_this_machine_is_always_among_its_addresses() -> None:
    assert {"localhost", "127.0.0.1"} <= set(local_addresses())


def test_the_page_for_phones_gives_the_certificate_and_nothing_else() -> None:
    page = trust_page("https://192.168.1.9:8000/", "http://192.168.1.9:8001/dougong.crt")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(page, b"CERT"))
    Thread(target=server.serve_forever, daemon=True).start()
    found = {}
    for path in ("/", "/dougong.crt", "/../secret"):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
        connection.request("GET", path)
        answer = connection.getresponse()
        found[path] = (answer.status, answer.read())
        connection.close()
    server.shutdown()
    server.server_close()
    assert found == {"/": (200, page), "/dougong.crt": (200, b"CERT"), "/../secret": (404, b"")}
    assert "https://192.168.1.9:8000/" in page.decode()


@pytest.mark.parametrize(
    "given", [["--tls", "cert.pem"], ["--tls", "cert.pem", "key.pem"], ["key.pem"], ["--tls", "auto", "key.pem"]]
)
def test_half_a_certificate_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli, ["run", *given]).exit_code == 2


def test_a_worker_does_what_is_due_and_ends_when_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["worker", "--once"])
    assert (result.exit_code, result.output) == (0, "")
