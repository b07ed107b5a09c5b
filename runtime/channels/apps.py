"""Messages to one person by the firm's own app at 企业微信, 钉钉 or 飞书: a token is asked for, kept and renewed.

The three differ in addresses, names and codes; what is done with them is the same and stands here once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson

from engine.model import Text
from runtime.channels import dingtalk, feishu, wecom
from runtime.channels.http_post import BadAddress, Reply, Unreachable, get, post_json
from runtime.channels.letters import OK, Answer, ChannelKind, Config, Letter, Setting, Verdict, Wire, cut, within
from runtime.channels.robots import Codes, base_setting, judged, said_in

EARLY = 300
"""Seconds before its end from which a token counts as over."""
LONGEST_UUID = 50
CHINA = ZoneInfo("Asia/Shanghai")
MOMENT = "%m-%d %H:%M:%S"
DINGTALK_BYTES = 2048 - len("\n12-31 23:59:59")
"""What a work notice may hold beside its moment."""
GIVE_UP, SWITCH_OFF = (Verdict.GIVE_UP, 0.0), (Verdict.SWITCH_OFF, 0.0)

Said = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request: a body is posted, without one it is a GET."""

    url: str
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How one of them is spoken to. ``names``: of code, its text, the token and its length of life in seconds."""

    id: str
    base: str
    names: tuple[str, str, str, str]
    token: Callable[[Config, str], Call]
    send: Callable[[Config, str, str, Letter], Call]
    codes: Codes
    dead: frozenset[int]
    missed: str = ""  # where an answer names those it could not reach

    def deliver(self, config: Config, letters: Sequence[Letter], wire: Wire) -> list[Answer]:
        """One letter after the other."""
        return [self._one(config, letter, wire) for letter in letters]

    def _one(self, config: Config, letter: Letter, wire: Wire) -> Answer:
        base = config.get("base") or self.base
        try:
            answer = self._sent(config, base, letter, wire, fresh=False)
            return answer or self._sent(config, base, letter, wire, fresh=True) or _dead_twice()
        except BadAddress as error:
            return Answer(verdict=Verdict.SWITCH_OFF, error=str(error))
        except Unreachable as error:
            return Answer(verdict=Verdict.AGAIN, error=str(error))

    def _sent(self, config: Config, base: str, letter: Letter, wire: Wire, *, fresh: bool) -> Answer | None:
        """What became of it; nothing if the token was dead."""
        token = self._token(config, base, wire, fresh=fresh)
        if isinstance(token, Answer):
            return token
        reply = _called(self.send(config, base, token, letter), wire)
        said = said_in(reply)
        if said.get(self.names[0]) in self.dead:
            return None
        answer = judged(reply, self.names[0], self.names[1], self.codes)
        missed = str(said.get(self.missed) or "") if self.missed else ""
        if answer == OK and missed:
            return Answer(verdict=Verdict.GIVE_UP, error=f"{self.missed} {missed}"[:300])
        return answer

    def _token(self, config: Config, base: str, wire: Wire, *, fresh: bool) -> str | Answer:
        """The token kept, or one that is asked for; whoever is refused one is switched off."""
        asked = self.token(config, base)
        mark = sha256(repr(asked).encode()).hexdigest()
        kept = wire.kept.get(mark)
        if kept is not None and not fresh and kept[1] > wire.now:
            return kept[0]
        reply = _called(asked, wire)
        said = said_in(reply)
        code_name, text_name, token_name, life_name = self.names
        token, life = said.get(token_name), said.get(life_name)
        if not isinstance(token, str) or not token or not isinstance(life, int):
            answer = judged(reply, code_name, text_name, _TOKEN, SWITCH_OFF)
            return answer if answer != OK else Answer(verdict=Verdict.AGAIN, error=f"no {token_name}")
        wire.kept[mark] = (token, wire.now + timedelta(seconds=life - EARLY))
        return token


_TOKEN: Codes = MappingProxyType({-1: (Verdict.AGAIN, 5.0), 45009: (Verdict.AGAIN, 60.0)})
"""Of a token every other code is for good."""


def _dead_twice() -> Answer:
    return Answer(verdict=Verdict.AGAIN, error="the new token is refused too", wait=60.0)


def _called(call: Call, wire: Wire) -> Reply:
    if call.body is None:
        return get(call.url, wire.timeout, call.headers)
    return post_json(call.url, call.body, wire.timeout, call.headers)


# --- the three ------------------------------------------------------------------------------------------------------


def _wecom_token(config: Config, base: str) -> Call:
    return Call(url=f"{base}/cgi-bin/gettoken?{urlencode({'corpid': config['corp'], 'corpsecret': config['secret']})}")


def _wecom_send(config: Config, base: str, token: str, letter: Letter) -> Call:
    body = {
        "touser": letter.address,
        "msgtype": "text",
        "agentid": int(config["agent"]) if config["agent"].isdigit() else config["agent"],
        "text": {"content": cut(letter.plain(), wecom.MOST_BYTES)},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": 1800,
    }
    return Call(url=f"{base}/cgi-bin/message/send?{urlencode({'access_token': token})}", body=body)


def _dingtalk_token(config: Config, base: str) -> Call:
    return Call(url=f"{base}/gettoken?{urlencode({'appkey': config['key'], 'appsecret': config['secret']})}")


def _dingtalk_send(config: Config, base: str, token: str, letter: Letter) -> Call:
    """The same text to the same person vanishes for a day without a word: each carries its moment."""
    moment = f"\n{letter.made_at.astimezone(CHINA):{MOMENT}}"
    text = cut(letter.plain(), DINGTALK_BYTES) + moment
    agent = int(config["agent"]) if config["agent"].isdigit() else config["agent"]
    body = {"agent_id": agent, "userid_list": letter.address, "msg": {"msgtype": "text", "text": {"content": text}}}
    path = "/topapi/message/corpconversation/asyncsend_v2"
    return Call(url=f"{base}{path}?{urlencode({'access_token': token})}", body=body)


def _feishu_token(config: Config, base: str) -> Call:
    body = {"app_id": config["app"], "app_secret": config["secret"]}
    return Call(url=f"{base}/open-apis/auth/v3/tenant_access_token/internal", body=body)


def _feishu_send(config: Config, base: str, token: str, letter: Letter) -> Call:
    """The body's text is JSON inside JSON; a repeat within the hour is known by its ``uuid``."""
    to = letter.address
    kind = "email" if "@" in to else "open_id" if to.startswith("ou_") else "user_id"
    body = {
        "receive_id": to,
        "msg_type": "text",
        "content": orjson.dumps({"text": cut(letter.plain(), feishu.MOST_BYTES)}).decode(),
        "uuid": sha256(letter.key.encode()).hexdigest()[:LONGEST_UUID],
    }
    url = f"{base}/open-apis/im/v1/messages?receive_id_type={kind}"
    return Call(url=url, body=body, headers={"Authorization": f"Bearer {token}"})


WECOM_SERVICE = Service(
    id="wecom_app", base=wecom.BASE, names=("errcode", "errmsg", "access_token", "expires_in"),
    token=_wecom_token, send=_wecom_send, dead=frozenset({40014, 42001}), missed="invaliduser",
    codes=MappingProxyType(
        {81013: GIVE_UP, 40003: GIVE_UP, 60020: SWITCH_OFF, 40056: SWITCH_OFF, 301002: SWITCH_OFF,
         45009: (Verdict.AGAIN, 60.0), -1: (Verdict.AGAIN, 5.0)}
    ),
)  # fmt: skip
DINGTALK_SERVICE = Service(
    id="dingtalk_app", base=dingtalk.BASE, names=("errcode", "errmsg", "access_token", "expires_in"),
    token=_dingtalk_token, send=_dingtalk_send, dead=frozenset({40014, 42001}),
    codes=MappingProxyType(
        {33012: GIVE_UP, 60121: GIVE_UP, 40035: GIVE_UP, 90018: (Verdict.AGAIN, 60.0), 90002: (Verdict.AGAIN, 60.0),
         -1: (Verdict.AGAIN, 5.0)}
    ),
)  # fmt: skip
FEISHU_SERVICE = Service(
    id="feishu_app", base=feishu.BASE, names=("code", "msg", "tenant_access_token", "expire"),
    token=_feishu_token, send=_feishu_send, dead=frozenset({99991661, 99991663, 99991677}),
    codes=MappingProxyType(
        {230001: GIVE_UP, 230013: GIVE_UP, 230006: SWITCH_OFF, 99991672: SWITCH_OFF, 99991400: (Verdict.AGAIN, 10.0),
         230020: (Verdict.AGAIN, 10.0), -1: (Verdict.AGAIN, 5.0)}
    ),
)  # fmt: skip

SECRET = Setting(id="secret", label=Text(zh="应用密钥 Secret", en="App secret"), secret=True, required=True)
AGENT = Setting(id="agent", label=Text(zh="应用编号 AgentId", en="Agent id"), required=True)


def _kind(service: Service, most: int, label: Text, *settings: Setting) -> ChannelKind:
    every = (*settings, SECRET, base_setting(service.base))
    return ChannelKind(
        id=service.id, label=label, settings=every, send=service.deliver, burst=10, per_second=5.0, together=5,
        personal=True, fits=within(most),
    )  # fmt: skip


WECOM_APP = _kind(
    WECOM_SERVICE,
    wecom.MOST_BYTES,
    Text(zh="企业微信应用（发给本人）", en="WeCom app (to the person)"),
    Setting(id="corp", label=Text(zh="企业 ID", en="Corp id"), required=True),
    AGENT,
)
DINGTALK_APP = _kind(
    DINGTALK_SERVICE,
    DINGTALK_BYTES,
    Text(zh="钉钉工作通知（发给本人）", en="DingTalk work notice (to the person)"),
    Setting(id="key", label=Text(zh="应用标识 AppKey", en="App key"), required=True),
    AGENT,
)
FEISHU_APP = _kind(
    FEISHU_SERVICE,
    feishu.MOST_BYTES,
    Text(zh="飞书应用（发给本人）", en="Feishu app (to the person)"),
    Setting(id="app", label=Text(zh="应用标识 App ID", en="App id"), required=True),
)
