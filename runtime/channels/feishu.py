"""飞书 custom bot: signed with the time in seconds, where time and secret are the *key* and the message is empty."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from urllib.parse import quote

from engine.model import Text
from runtime.channels.letters import Answer, ChannelKind, Config, Letter, Setting, Verdict, Wire, cut
from runtime.channels.robots import Codes, base_setting, one_by_one, talk

BASE = "https://open.feishu.cn"
MOST_BYTES = 18000
"""The whole body may have 20 KB: room is left for names and JSON."""
CODES: Codes = MappingProxyType(
    {
        9499: (Verdict.GIVE_UP, 0.0),
        19001: (Verdict.SWITCH_OFF, 0.0),
        19021: (Verdict.SWITCH_OFF, 0.0),
        19022: (Verdict.SWITCH_OFF, 0.0),
        19024: (Verdict.SWITCH_OFF, 0.0),
        11232: (Verdict.AGAIN, 60.0),
        -1: (Verdict.AGAIN, 5.0),
    }
)


def signature(seconds: int, secret: str) -> str:
    """Base64 of HMAC-SHA256 over nothing; not the other robots' scheme, though it looks like it."""
    return base64.b64encode(hmac.digest(f"{seconds}\n{secret}".encode(), b"", "sha256")).decode()


def message(letter: Letter, secret: str, now: datetime) -> Mapping[str, object]:
    """The body, signed where there is a secret."""
    called = _called(letter)
    text = called + cut(_plain(letter.plain()), MOST_BYTES - len(called.encode()))
    body: dict[str, object] = {"msg_type": "text", "content": {"text": text}}
    if secret:
        seconds = int(now.timestamp())
        body = {"timestamp": str(seconds), "sign": signature(seconds, secret), **body}
    return body


def _called(letter: Letter) -> str:
    return "".join(f'<at user_id="{_plain(m)}"></at> ' for m in letter.mentions)


def _fits(letter: Letter) -> bool:
    return len((_called(letter) + _plain(letter.plain())).encode()) <= MOST_BYTES


def _plain(text: str) -> str:
    """A text of ours calls nobody by looking like a tag."""
    return text.replace("<", "＜").replace('"', "＂")


def _send(config: Config, letter: Letter, wire: Wire) -> Answer:
    url = f"{config.get('base') or BASE}/open-apis/bot/v2/hook/{quote(config['token'], safe='')}"
    return talk(url, message(letter, config.get("secret", ""), wire.now), wire, "code", "msg", CODES)


FEISHU = ChannelKind(
    id="feishu",
    label=Text(zh="飞书群机器人", en="Feishu bot"),
    settings=(
        Setting(
            id="token",
            label=Text(zh="令牌", en="Token"),
            secret=True,
            required=True,
            hint=Text(zh="机器人地址中 /hook/ 后面的部分", en="what follows /hook/ in the bot's address"),
        ),
        Setting(id="secret", label=Text(zh="签名密钥", en="Signing secret"), secret=True),
        base_setting(BASE),
    ),
    send=one_by_one(_send),
    burst=3,
    per_second=1.6,  # never more than 5 in a second and 100 in a minute
    merges=True,
    fits=_fits,
)
