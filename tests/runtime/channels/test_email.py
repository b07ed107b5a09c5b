"""E-mail, sent to a real SMTP server on this machine: plain, with TLS, with a log-in, refused in every way."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from engine.model import Text
from runtime.channels import CHANNELS, Answer, Letter, Verdict, Wire
from tests.runtime.channels.test_robots import NOW, OK, letter


class Post:
    """A post office: keeps what it took, refuses whom it is told to."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.refused: dict[str, str] = {}
        self.at_the_end = "250 OK"

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _o: object) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.at_the_end.startswith("250"):
            self.taken.append(envelope)
        return self.at_the_end


class _Office(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # any that was free
        super()._trigger_server()


@contextmanager
def office(**more) -> Iterator[tuple[Post, dict[str, str]]]:
    post = Post()
    server = _Office(post, hostname="127.0.0.1", port=0, **more)
    server.start()
    port = server.port
    try:
        yield post, {"host": "127.0.0.1", "port": str(port), "sender": "dougong@firm.example", "security": "none"}
    finally:
        server.stop()


def send(config: dict[str, str], *letters: Letter) -> list[Answer]:
    return CHANNELS["email"].send(config, letters or [letter(address="v@example.com")], Wire(now=NOW, timeout=5))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's certificate that names 127.0.0.1, and its PEM for those who are to trust it."""
    folder: Path = tmp_path_factory.mktemp("smtp")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "smtp test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(pem + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context, pem.decode()


def test_a_letter_arrives_as_it_was_written() -> None:
    with office() as (post, config):
        one = letter(address="v@example.com", link="http://firm/e/order/7", title=Text(zh="订单\n已批准", en=""))
        assert send({**config, "sender_name": "斗拱"}, one) == [OK]
    (taken,) = post.taken
    assert (taken.mail_from, taken.rcpt_tos) == ("dougong@firm.example", ["v@example.com"])
    mail = message_from_bytes(taken.content, policy=policy.default)
    assert (mail["Subject"], mail["To"], mail["From"]) == (
        "订单 已批准",
        "v@example.com",
        "斗拱 <dougong@firm.example>",
    )
    assert mail.get_content().replace("\r\n", "\n") == "螺栓 190\n\nhttp://firm/e/order/7\n"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_repeat_has_the_same_message_id() -> None:
    with office() as (post, config):
        send(config)
        send(config)
    first, second = (message_from_bytes(taken.content)["Message-ID"] for taken in post.taken)
    assert first == second


def test_one_that_is_refused_does_not_hold_up_the_next() -> None:
    with office() as (post, config):
        post.refused = {"gone@example.com": "550 no such mailbox", "full@example.com": "452 try later"}
        places = ("gone@example.com", "full@example.com", "not an address", "v@example.com")
        answers = send(config, *(letter(key=p, address=p) for p in places))
    assert [a.verdict for a in answers] == [Verdict.GIVE_UP, Verdict.AGAIN, Verdict.GIVE_UP, Verdict.SENT]
    assert answers[0].error == "550 no such mailbox"
    assert [taken.rcpt_tos for taken in post.taken] == [["v@example.com"]]


def test_a_server_that_is_full_is_asked_again_and_one_that_refuses_the_text_is_not() -> None:
    with office() as (post, config):
        post.at_the_end = "451 later"
        assert send(config) == [Answer(verdict=Verdict.AGAIN, error="451 later")]
        post.at_the_end = "554 spam"
        assert send(config) == [Answer(verdict=Verdict.GIVE_UP, error="554 spam")]


def test_a_line_that_is_down_is_tried_again() -> None:
    with office() as (_post, config):
        pass
    assert [a.verdict for a in send(config, letter(address="a@b.c"), letter(address="d@e.f"))] == [Verdict.AGAIN] * 2


def test_tls_is_used_and_a_stranger_is_not_trusted(certificate) -> None:
    context, pem = certificate
    with office(tls_context=context, require_starttls=True) as (post, config):
        assert [a.verdict for a in send(config)] == [Verdict.SWITCH_OFF]  # it wants TLS, we were told none
        (stranger,) = send({**config, "security": "starttls"})
        assert (stranger.verdict, "CERTIFICATE_VERIFY_FAILED" in stranger.error) == (Verdict.SWITCH_OFF, True)
        assert send({**config, "security": "starttls", "authority": pem}) == [OK]
    assert len(post.taken) == 1
    with office(ssl_context=context) as (post, config):
        assert send({**config, "security": "tls", "authority": pem}) == [OK]
    assert len(post.taken) == 1


def test_who_has_no_tls_is_not_spoken_to_in_the_open() -> None:
    with office() as (post, config):
        (answer,) = send({**config, "security": "starttls"})
    assert (answer.verdict, post.taken) == (Verdict.SWITCH_OFF, [])


def test_a_wrong_password_switches_off_and_the_right_one_logs_in(certificate) -> None:
    context, pem = certificate

    def judge(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, given) -> AuthResult:
        return AuthResult(success=given.password == b"right", handled=False)

    with office(tls_context=context, authenticator=judge, auth_required=True) as (post, config):
        asked = {**config, "security": "starttls", "authority": pem, "user": "u"}
        (wrong,) = send({**asked, "password": "wrong"})
        assert (wrong.verdict, wrong.error[:3]) == (Verdict.SWITCH_OFF, "535")
        assert send({**asked, "password": "right"}) == [OK]
    assert len(post.taken) == 1
