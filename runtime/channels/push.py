"""Web push: a message to a person's own browsers, sealed for each (RFC 8291) and signed by the app (RFC 8292)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from engine.model import Text
from runtime.channels.http_post import BadAddress, Unreachable, post
from runtime.channels.letters import OK, Answer, ChannelKind, Config, Letter, Verdict, Wire, cut
from runtime.channels.robots import BUSY, one_by_one

MOST_BYTES = 2000
TTL = 86400
GONE = (404, 410)


def content(letter: Letter) -> bytes:
    """What the browser shows, and where a touch leads."""
    path = f"/e/{letter.entity}/{letter.record}" if letter.entity and letter.record else "/messages"
    shown = {"title": letter.heading, "body": cut(letter.words, MOST_BYTES), "url": path, "tag": letter.key[:100]}
    return orjson.dumps(shown)


def _send(config: Config, letter: Letter, wire: Wire) -> Answer:
    """To every browser of the person; one that takes it is enough."""
    places = letter.browsers
    answers = [_to(config, letter, place, wire) for place in places]
    gone = tuple(place["id"] for place, answer in zip(places, answers, strict=True) if answer.error in _GONE_WORDS)
    if any(answer.verdict is Verdict.SENT for answer in answers):
        return Answer(verdict=Verdict.SENT, gone=gone)
    best = next((a for a in answers if a.verdict is Verdict.AGAIN), None) or (answers[0] if answers else None)
    if best is None:
        return Answer(verdict=Verdict.GIVE_UP, error="no_address")
    return Answer(verdict=best.verdict, error=best.error, wait=best.wait, gone=gone)


_GONE_WORDS = tuple(f"HTTP {status}" for status in GONE)


def _to(config: Config, letter: Letter, place: Mapping[str, str], wire: Wire) -> Answer:
    from runtime.channels.sealing import REFUSED, authorization, sealed

    endpoint = place["endpoint"]
    try:
        body = sealed(content(letter), place["p256dh"], place["auth"])
        headers = {
            "Authorization": authorization(endpoint, config, config["contact"], wire.now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(TTL),
        }
        reply = post(endpoint, body, wire.timeout, headers)
    except (BadAddress, *REFUSED) as error:
        return Answer(verdict=Verdict.GIVE_UP, error=f"not a subscription: {error}"[:200])
    except Unreachable as error:
        return Answer(verdict=Verdict.AGAIN, error=str(error))
    if 200 <= reply.status < 300:
        return OK
    again = reply.status in BUSY or reply.status >= 500
    return Answer(
        verdict=Verdict.AGAIN if again else Verdict.GIVE_UP, error=f"HTTP {reply.status}", wait=reply.retry_after
    )


def send(config: Config, letters: Sequence[Letter], wire: Wire) -> list[Answer]:
    """One letter after the other."""
    return one_by_one(_send)(config, letters, wire)


PUSH = ChannelKind(
    id="push",
    label=Text(zh="浏览器推送", en="Browser push"),
    settings=(),
    send=send,
    together=5,
    fits=lambda letter: len(letter.words.encode()) <= MOST_BYTES,
    own=True,
    personal=True,
)
