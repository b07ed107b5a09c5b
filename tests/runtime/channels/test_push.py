"""Web push: sealed as the RFC's own example, signed so that a service can check it, sent to each browser."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtime.channels import CHANNELS, Answer, Verdict, Wire
from runtime.channels.push import content
from runtime.channels.sealing import Seal, authorization, make_keys, private_key, sealed
from tests.runtime.channels.test_robots import NOW, letter
from tests.runtime.outside import Outside, listening

UA_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


UA_PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def unsealed(sent: bytes) -> bytes:
    """What the browser of the RFC's example reads in it."""
    salt, ours = sent[:16], sent[21 : 21 + sent[20]]
    there = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), ours)
    shared = private_key(UA_PRIVATE).exchange(ec.ECDH(), there)

    def derived(salt: bytes, key: bytes, info: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, salt, info).derive(key)

    secret = derived(raw(AUTH), shared, b"WebPush: info\0" + raw(UA_PUBLIC) + ours, 32)
    key = derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = derived(salt, secret, b"Content-Encoding: nonce\0", 12)
    return AESGCM(key).decrypt(nonce, sent[21 + sent[20] :], b"").removesuffix(b"\x02")


@pytest.fixture
def outside() -> Iterator[Outside]:
    with listening() as found:
        found.answer = (201, b"")
        yield found


def test_a_message_is_sealed_as_in_the_example_of_the_rfc() -> None:
    seal = Seal(salt=raw("DGv6ra1nlYgDCS1FRnbzlw"), key=private_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
    assert sealed(b"When I grow up, I want to be a watermelon", UA_PUBLIC, AUTH, seal) == raw(SEALED)


def test_the_browser_of_the_example_can_read_it() -> None:
    assert unsealed(raw(SEALED)) == b"When I grow up, I want to be a watermelon"


def test_the_service_can_check_who_speaks() -> None:
    keys = make_keys()
    said = authorization("https://push.example.net:8443/x/1", keys, "mailto:a@b.c", NOW)
    token, _, public = said.removeprefix("vapid t=").partition(", k=")
    head, claims, signature = token.split(".")
    assert orjson.loads(raw(head)) == {"typ": "JWT", "alg": "ES256"}
    told = orjson.loads(raw(claims))
    assert told == {"aud": "https://push.example.net:8443", "exp": 1_700_000_000 + 43200, "sub": "mailto:a@b.c"}
    both = raw(signature)
    der = encode_dss_signature(int.from_bytes(both[:32], "big"), int.from_bytes(both[32:], "big"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw(public))
    key.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))


def send(outside: Outside, *paths: str) -> Answer:
    places = [
        {"id": n, "endpoint": f"{outside.url}/{p}", "p256dh": UA_PUBLIC, "auth": AUTH} for n, p in enumerate(paths)
    ]
    config = {**make_keys(), "contact": "mailto:a@b.c"}
    (answer,) = CHANNELS["push"].send(config, [letter(browsers=tuple(places))], Wire(now=NOW, timeout=5))
    return answer


def test_every_browser_of_the_person_gets_it(outside: Outside) -> None:
    assert send(outside, "one", "two") == Answer(verdict=Verdict.SENT)
    assert [h.path for h in outside.heard] == ["/one", "/two"]
    assert outside.heard[0].headers["content-encoding"] == "aes128gcm"
    assert len(outside.heard[0].raw) > 86


def test_a_browser_that_is_gone_is_told_of_and_one_that_takes_it_is_enough(outside: Outside) -> None:
    outside.answer = lambda heard: (410 if heard.path == "/old" else 201, b"")
    assert send(outside, "old", "new") == Answer(verdict=Verdict.SENT, gone=(0,))
    assert send(outside, "old") == Answer(verdict=Verdict.GIVE_UP, error="HTTP 410", gone=(0,))


def test_without_a_browser_it_is_given_up_and_a_busy_service_is_asked_again(outside: Outside) -> None:
    assert send(outside) == Answer(verdict=Verdict.GIVE_UP, error="no_address")
    outside.answer = (503, b"")
    assert send(outside, "x").verdict is Verdict.AGAIN


def test_a_touch_leads_to_the_record() -> None:
    shown = orjson.loads(content(letter(entity="order", record=7, made_at=datetime(2026, 1, 1, tzinfo=UTC))))
    assert shown == {"title": "库存告急", "body": "螺栓 190", "url": "/e/order/7", "tag": "k|1"}
