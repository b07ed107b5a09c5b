"""企业微信 group robot: the key in the address is the secret; 20 messages a minute, texts of 2048 bytes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

from engine.model import Text
from runtime.channels.letters import Answer, ChannelKind, Config, Letter, Setting, Verdict, Wire, cut, within
from runtime.channels.robots import Codes, base_setting, one_by_one, talk

BASE = "https://qyapi.weixin.qq.com"
MOST_BYTES = 2048
CODES: Codes = MappingProxyType(
    {
        93000: (Verdict.SWITCH_OFF, 0.0),
        40008: (Verdict.GIVE_UP, 0.0),
        40058: (Verdict.GIVE_UP, 0.0),
        45009: (Verdict.AGAIN, 60.0),
        -1: (Verdict.AGAIN, 5.0),
    }
)


def message(letter: Letter) -> Mapping[str, object]:
    """The body: a text, for only texts can name people by their mobile number."""
    mobiles = [m for m in letter.mentions if m.lstrip("+").isdigit()]
    users = [m for m in letter.mentions if m not in mobiles]
    named: dict[str, object] = {"content": cut(letter.plain(), MOST_BYTES)}
    if users:
        named["mentioned_list"] = users
    if mobiles:
        named["mentioned_mobile_list"] = mobiles
    return {"msgtype": "text", "text": named}


def _send(config: Config, letter: Letter, wire: Wire) -> Answer:
    url = f"{config.get('base') or BASE}/cgi-bin/webhook/send?{urlencode({'key': config['key']})}"
    return talk(url, message(letter), wire, "errcode", "errmsg", CODES)


WECOM = ChannelKind(
    id="wecom",
    label=Text(zh="企业微信群机器人", en="WeCom robot"),
    settings=(
        Setting(
            id="key",
            label=Text(zh="密钥 key", en="Key"),
            secret=True,
            required=True,
            hint=Text(zh="机器人地址中 key= 后面的部分", en="what follows key= in the robot's address"),
        ),
        base_setting(BASE),
    ),
    send=one_by_one(_send),
    burst=5,
    per_second=0.25,  # 5 and 15 a minute are never more than 20 in any minute
    merges=True,
    fits=within(MOST_BYTES),
)
