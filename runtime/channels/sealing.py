"""What seals a message for one browser (RFC 8291) and signs for the app (RFC 8292).

Apart from the channel itself: its library weighs much, and most servers never send a push message.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import orjson
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CURVE = ec.SECP256R1()
RECORD = 4096
VALID = 12 * 3600
REFUSED = (InvalidKey, ValueError)
"""What a key or a secret that is none is refused with."""


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
