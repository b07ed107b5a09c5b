"""E-mail by SMTP: one connection for several letters, TLS unless the admin says otherwise."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from types import MappingProxyType

from engine.model import Text
from runtime.channels.letters import OK, Answer, ChannelKind, Config, Letter, Setting, Verdict, Wire

PORTS = MappingProxyType({"starttls": 587, "tls": 465, "none": 25})
FOREVER = 500
"""Replies from here on are final; those below may be different later."""


def message(config: Config, letter: Letter) -> EmailMessage:
    """The letter as mail. Its Message-ID is the same at every attempt, so mailboxes can tell a repeat."""
    mail = EmailMessage()
    sender = config["sender"]
    name, _, domain = sender.partition("@")
    mail["From"] = Address(config.get("sender_name", ""), name, domain)
    to = Address(addr_spec=letter.address.strip())
    if not to.username or not to.domain:
        raise ValueError(letter.address)
    mail["To"] = to
    mail["Subject"] = letter.heading or "Dougong"
    mail["Date"] = format_datetime(letter.made_at)
    mail["Message-ID"] = f"<{sha256(letter.key.encode()).hexdigest()[:40]}@{domain or 'dougong.invalid'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join(part for part in (letter.words, letter.link) if part) + "\n")
    for file in letter.files:
        main, _, sub = file.media_type.partition("/")
        params = {"charset": "utf-8"} if main == "text" else {}
        mail.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name, params=params)
    return mail


@contextmanager
def connected(config: Config, wire: Wire) -> Iterator[smtplib.SMTP]:
    """A connection that is ready to take mail."""
    security = config.get("security") or "starttls"
    port = int(config.get("port") or PORTS[security])
    if security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(config["host"], port, timeout=wire.timeout, context=_trust(config))
    else:
        server = smtplib.SMTP(config["host"], port, timeout=wire.timeout)
    with server:
        if security == "starttls":
            server.starttls(context=_trust(config))
        if config.get("user"):
            server.login(config["user"], config.get("password", ""))
        yield server


def _trust(config: Config) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=config.get("authority") or None)


def send(config: Config, letters: Sequence[Letter], wire: Wire) -> list[Answer]:
    """Send them; one that is refused does not hold up the others."""
    answers: list[Answer] = []
    try:
        with connected(config, wire) as server:
            for letter in letters:
                answers.append(_one(server, config, letter))
    except (smtplib.SMTPException, OSError, ValueError) as error:
        answers += [_failed(error)] * (len(letters) - len(answers))
    return answers


def _one(server: smtplib.SMTP, config: Config, letter: Letter) -> Answer:
    try:
        server.send_message(message(config, letter))
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        final = all(code >= FOREVER for code in codes)
        said = "; ".join(f"{code} {_words(text)}" for code, text in error.recipients.values())
        return Answer(verdict=Verdict.GIVE_UP if final else Verdict.AGAIN, error=said[:300])
    except smtplib.SMTPDataError as error:
        final = error.smtp_code >= FOREVER
        said = f"{error.smtp_code} {_words(error.smtp_error)}"[:300]
        return Answer(verdict=Verdict.GIVE_UP if final else Verdict.AGAIN, error=said)
    except (MessageError, UnicodeError, ValueError, IndexError) as error:
        return Answer(verdict=Verdict.GIVE_UP, error=f"not an address: {error}"[:300])
    return OK


def _failed(error: Exception) -> Answer:
    """What the server says to all: a wrong password stays wrong, a line that is down comes back."""
    if isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPSenderRefused):
        final = error.smtp_code >= FOREVER
        said = f"{error.smtp_code} {_words(error.smtp_error)}"[:300]
        return Answer(verdict=Verdict.SWITCH_OFF if final else Verdict.AGAIN, error=said)
    if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError):
        return Answer(verdict=Verdict.SWITCH_OFF, error=str(error)[:300])
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return Answer(verdict=Verdict.SWITCH_OFF, error=f"wrong setting: {error}"[:300])
    return Answer(verdict=Verdict.AGAIN, error=(f"{type(error).__name__}: {error}")[:300])


def _words(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said


EMAIL = ChannelKind(
    id="email",
    label=Text(zh="邮件（SMTP）", en="E-mail (SMTP)"),
    settings=(
        Setting(id="host", label=Text(zh="服务器", en="Server"), required=True),
        Setting(
            id="security",
            label=Text(zh="加密方式", en="Encryption"),
            default="starttls",
            options=(
                ("starttls", Text(zh="STARTTLS（587）", en="STARTTLS (587)")),
                ("tls", Text(zh="SSL/TLS（465）", en="SSL/TLS (465)")),
                ("none", Text(zh="不加密（25，仅限内网）", en="none (25, inside the firm only)")),
            ),
        ),
        Setting(id="port", label=Text(zh="端口", en="Port"), hint=Text(zh="留空用默认", en="empty: the usual one")),
        Setting(id="sender", label=Text(zh="发件地址", en="From address"), required=True),
        Setting(id="sender_name", label=Text(zh="发件人名称", en="From name")),
        Setting(id="user", label=Text(zh="用户名", en="User")),
        Setting(id="password", label=Text(zh="密码或授权码", en="Password"), secret=True),
        Setting(
            id="authority",
            label=Text(zh="自有证书机构（PEM）", en="Own certificate authority (PEM)"),
            hint=Text(zh="只有自签证书的服务器需要", en="only for servers with certificates of your own"),
            long=True,
        ),
    ),
    send=send,
    together=20,
    personal=True,
)
