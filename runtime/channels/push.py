"""Web push: a message to a person's own browsers, sealed for each (RFC 8291) and signed by the app (RFC 8292)."""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import orjson
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.model import Text
from runtime.channels.http_post import BadAddress, Unreachable, post
from runtime.channels.letters import OK, Answer, ChannelKind, Config, Letter, Verdict, Wire, cut
from runtime.channels.robots import BUSY, one_by_one

CURVE = ec.SECP256R1()
RECORD = 4096
MOST_BYTES = 2000
TTL = 86400
VALID = 12 * 3600
GONE = (404, 410)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What makes a sealing unique: 16 random bytes, and a key that is used once."""

    salt: bytes
    key: ec.EllipticCurvePrivateKey


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_keys() -> dict[str, str]:
    """A pair of keys by which browsers know the app."""
    key = ec.generate_private_key(CURVE)
    number = key.private_numbers().private_value.to_bytes(32, "big")
    return {"private": _b64(number), "public": _b64(_point(key.public_key()))}


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """The key that ``make_keys`` wrote."""
    return ec.derive_private_key(int.from_bytes(_raw(text), "big"), CURVE)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def sealed(text: bytes, public: str, auth: str, seal: Seal | None = None) -> bytes:
    """``text`` so that only the browser with the key ``public`` and the secret ``auth`` can read it."""
    seal = seal or Seal(salt=os.urandom(16), key=ec.generate_private_key(CURVE))
    theirs = _raw(public)
    shared = seal.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, theirs))
    ours = _point(seal.key.public_key())
    input_key = _derived(_raw(auth), shared, b"WebPush: info\0" + theirs + ours, 32)
    content_key = _derived(seal.salt, input_key, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(seal.salt, input_key, b"Content-Encoding: nonce\0", 12)
    head = seal.salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return head + AESGCM(content_key).encrypt(nonce, text + b"\x02", b"")


def _derived(salt: bytes, key: bytes, info: bytes, length: int) -> bytes:
    """HKDF of one block."""
    return hmac.digest(hmac.digest(salt, key, "sha256"), info + b"\x01", "sha256")[:length]


def authorization(endpoint: str, keys: Mapping[str, str], contact: str, now: datetime) -> str:
    """The header that tells the push service which app is speaking."""
    parts = urlsplit(endpoint)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now.timestamp()) + VALID, "sub": contact}
    said = ".".join(_b64(orjson.dumps(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    first, second = decode_dss_signature(private_key(keys["private"]).sign(said.encode(), ec.ECDSA(hashes.SHA256())))
    signature = _b64(first.to_bytes(32, "big") + second.to_bytes(32, "big"))
    return f"vapid t={said}.{signature}, k={keys['public']}"


def content(letter: Letter) -> bytes:
    """What the browser shows, and where a touch leads."""
    path = f"/e/{letter.entity}/{letter.record}" if letter.entity and letter.record else "/messages"
    shown = {"title": letter.heading, "body": cut(letter.words, MOST_BYTES), "url": path, "tag": letter.key[:100]}
    return orjson.dumps(shown)


def _send(config: Config, letter: Letter, wire: Wire) -> Answer:
    """To every browser of the person; one that takes it is enough."""
    places = letter.body.get("subscriptions", ())
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
    except (BadAddress, InvalidKey, ValueError) as error:
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
    own=True,
    personal=True,
)
