"""钉钉 custom robot: signed with the time in milliseconds; 20 messages a minute, beyond it ten minutes of silence."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

from engine.model import Text
from runtime.channels.letters import Answer, ChannelKind, Config, Letter, Setting, Verdict, Wire, cut, within
from runtime.channels.robots import Codes, base_setting, one_by_one, talk

BASE = "https://oapi.dingtalk.com"
MOST_BYTES = 18000
SILENCE = 600.0
CODES: Codes = MappingProxyType(
    {
        310000: (Verdict.SWITCH_OFF, 0.0),  # keyword, time, signature or address of the sender
        300005: (Verdict.SWITCH_OFF, 0.0),
        300001: (Verdict.SWITCH_OFF, 0.0),
        130101: (Verdict.AGAIN, SILENCE),
        660026: (Verdict.AGAIN, SILENCE),
        -1: (Verdict.AGAIN, 5.0),
    }
)


def signature(milliseconds: int, secret: str) -> str:
    """Base64 of HMAC-SHA256 with the secret as key over time and secret; the address needs it URL-encoded."""
    digest = hmac.digest(secret.encode(), f"{milliseconds}\n{secret}".encode(), "sha256")
    return base64.b64encode(digest).decode()


def message(letter: Letter) -> Mapping[str, object]:
    """The body: a text that names mobiles or user ids."""
    mobiles = [m for m in letter.mentions if m.lstrip("+").isdigit()]
    users = [m for m in letter.mentions if m not in mobiles]
    called = "".join(f" @{m}" for m in letter.mentions)
    at = {"atMobiles": mobiles, "atUserIds": users, "isAtAll": False}
    return {"msgtype": "text", "text": {"content": cut(letter.plain(), MOST_BYTES) + called}, "at": at}


def _send(config: Config, letter: Letter, wire: Wire) -> Answer:
    asked = {"access_token": config["token"]}
    if secret := config.get("secret"):
        milliseconds = int(wire.now.timestamp() * 1000)
        asked |= {"timestamp": str(milliseconds), "sign": signature(milliseconds, secret)}
    url = f"{config.get('base') or BASE}/robot/send?{urlencode(asked)}"
    return talk(url, message(letter), wire, "errcode", "errmsg", CODES)


DINGTALK = ChannelKind(
    id="dingtalk",
    label=Text(zh="钉钉群机器人", en="DingTalk robot"),
    settings=(
        Setting(id="token", label=Text(zh="令牌 access_token", en="Access token"), secret=True, required=True),
        Setting(id="secret", label=Text(zh="加签密钥", en="Signing secret"), secret=True),
        base_setting(BASE),
    ),
    send=one_by_one(_send),
    burst=5,
    per_second=0.25,  # 5 and 15 a minute are never more than 20 in any minute
    merges=True,
    fits=within(MOST_BYTES),
)
