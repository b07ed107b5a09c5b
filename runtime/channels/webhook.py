"""A program of the firm's own: JSON by POST, signed so that the receiver knows who sent it and that it is fresh."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

import orjson

from engine.model import Text
from runtime.channels.http_post import BadAddress, Unreachable, post
from runtime.channels.letters import OK, Answer, ChannelKind, Config, Letter, Setting, Verdict, Wire
from runtime.channels.robots import BUSY

CLOSED = (401, 403, 410)
"""Answers after which nothing will ever be taken until somebody mends it."""


def signature(seconds: int, body: bytes, secret: str) -> str:
    """``v1=`` and HMAC-SHA256 in hex over time, a point and the body."""
    return "v1=" + hmac.new(secret.encode(), f"{seconds}.".encode() + body, "sha256").hexdigest()


def content(letter: Letter) -> Mapping[str, object]:
    """What the receiver is given; ``id`` is the same at every attempt."""
    return {
        "id": letter.key,
        "title": {"zh": letter.title.zh, "en": letter.title.en},
        "text": {"zh": letter.text.zh, "en": letter.text.en},
        "entity": letter.entity,
        "record": letter.record,
        "origin": letter.origin,
        "link": letter.link,
        "at": letter.made_at,
        "data": letter.body,
    }


def send(config: Config, letters: Sequence[Letter], wire: Wire) -> list[Answer]:
    """One after the other; where nobody answers the rest does not wait for as long again."""
    answers: list[Answer] = []
    for letter in letters:
        answer = _send(config, letter, wire)
        answers.append(answer)
        if answer.verdict is Verdict.AGAIN or answer.verdict is Verdict.SWITCH_OFF:
            break
    return answers + answers[-1:] * (len(letters) - len(answers))


def _send(config: Config, letter: Letter, wire: Wire) -> Answer:
    body = orjson.dumps(content(letter))
    seconds = int(wire.now.timestamp())
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "X-Dougong-Timestamp": str(seconds),
        "X-Dougong-Delivery": letter.key.encode("ascii", "backslashreplace").decode()[:200],
    }
    if secret := config.get("secret"):
        headers["X-Dougong-Signature"] = signature(seconds, body, secret)
    try:
        reply = post(config["url"], body, wire.timeout, headers)
    except BadAddress as error:
        return Answer(verdict=Verdict.SWITCH_OFF, error=str(error))
    except Unreachable as error:
        return Answer(verdict=Verdict.AGAIN, error=str(error))
    return _judged(reply.status, reply.retry_after)


def _judged(status: int, retry_after: float) -> Answer:
    if 200 <= status < 300:
        return OK
    error = f"HTTP {status}"
    if status in CLOSED:
        return Answer(verdict=Verdict.SWITCH_OFF, error=error)
    if status in BUSY or status >= 500:
        return Answer(verdict=Verdict.AGAIN, error=error, wait=retry_after)
    return Answer(verdict=Verdict.GIVE_UP, error=error)


WEBHOOK = ChannelKind(
    id="webhook",
    label=Text(zh="Webhook 接口", en="Webhook"),
    settings=(
        Setting(id="url", label=Text(zh="地址", en="Address"), required=True),
        Setting(
            id="secret",
            label=Text(zh="签名密钥", en="Signing secret"),
            secret=True,
            hint=Text(zh="X-Dougong-Signature 用它签名", en="X-Dougong-Signature is made with it"),
        ),
    ),
    send=send,
    together=20,
    bundles=False,
)
