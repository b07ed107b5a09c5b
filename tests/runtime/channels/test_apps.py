"""Messages to one person by the firm's own app: addresses and bodies of the three, tokens kept and renewed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from runtime import accounts, channel_settings, outbox
from runtime.channels import CHANNELS, Answer, Verdict, Wire
from runtime.context import FixedClock
from runtime.database import Database
from runtime.outbox import Outgoing
from runtime.outbox_courier import deliver
from runtime.outbox_list import messages
from tests.runtime.channels.test_robots import NOW, OK, letter
from tests.runtime.outside import Heard, Outside, listening
from tests.runtime.works import BOSS, BUYER, CHIEF, NOON, Works, open_works

CONFIG = {
    "wecom_app": {"corp": "ww1", "agent": "1000002", "secret": "hush-hush"},
    "dingtalk_app": {"key": "ding1", "agent": "77", "secret": "hush-hush"},
    "feishu_app": {"app": "cli_1", "secret": "hush-hush"},
}
TOKENS: dict[str, dict[str, Any]] = {
    "wecom_app": {"errcode": 0, "errmsg": "ok", "access_token": "T{}", "expires_in": 7200},
    "dingtalk_app": {"errcode": 0, "errmsg": "ok", "access_token": "T{}", "expires_in": 7200},
    "feishu_app": {"code": 0, "msg": "ok", "tenant_access_token": "T{}", "expire": 7200},
}
ASKED = {
    "wecom_app": "/cgi-bin/gettoken?corpid=ww1&corpsecret=hush-hush",
    "dingtalk_app": "/gettoken?appkey=ding1&appsecret=hush-hush",
    "feishu_app": "/open-apis/auth/v3/tenant_access_token/internal",
}
SENT = {
    "wecom_app": "/cgi-bin/message/send?access_token=T1",
    "dingtalk_app": "/topapi/message/corpconversation/asyncsend_v2?access_token=T1",
    "feishu_app": "/open-apis/im/v1/messages?receive_id_type=open_id",
}
SAID: dict[str, dict[str, Any]] = {
    "wecom_app": {"errcode": 0, "errmsg": "ok", "invaliduser": "", "msgid": "m"},
    "dingtalk_app": {"errcode": 0, "errmsg": "ok", "task_id": 256},
    "feishu_app": {"code": 0, "msg": "success", "data": {"message_id": "om"}},
}
KINDS = sorted(CONFIG)


def service(kind: str, *answers: dict[str, Any]) -> Callable[[Heard], tuple[int, Any]]:
    """Gives tokens T1, T2 …, and answers messages in order, the last one for ever."""
    left, given = list(answers or (SAID[kind],)), iter(range(1, 100))

    def answer(heard: Heard) -> tuple[int, Any]:
        if heard.path == ASKED[kind]:
            number = str(next(given))
            return 200, {n: v.replace("{}", number) if isinstance(v, str) else v for n, v in TOKENS[kind].items()}
        return 200, left.pop(0) if len(left) > 1 else left[0]

    return answer


@pytest.fixture
def outside() -> Iterator[Outside]:
    with listening() as found:
        yield found


def send(kind: str, outside: Outside, wire: Wire, to: str = "ou_wang", count: int = 1) -> list[Answer]:
    letters = [letter(address=to, key=f"k|{number}") for number in range(count)]
    return CHANNELS[kind].send({"base": outside.url, **CONFIG[kind]}, letters, wire)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_is_asked_for_once_and_kept_until_shortly_before_its_end(outside: Outside, kind: str) -> None:
    outside.answer, kept = service(kind), dict[str, Any]()
    assert send(kind, outside, Wire(now=NOW, kept=kept), count=2) == [OK, OK]
    assert send(kind, outside, Wire(now=NOW + timedelta(seconds=6899), kept=kept)) == [OK]
    assert [heard.path for heard in outside.heard] == [ASKED[kind], *[SENT[kind]] * 3]
    assert send(kind, outside, Wire(now=NOW + timedelta(seconds=6900), kept=kept)) == [OK]
    assert [heard.path for heard in outside.heard[4:]] == [ASKED[kind], SENT[kind].replace("T1", "T2")]


def test_each_service_gets_its_own_body(outside: Outside) -> None:
    bodies = {}
    for kind in KINDS:
        outside.answer = service(kind)
        send(kind, outside, Wire(now=NOW))
        bodies[kind] = outside.heard[-1].body
    assert bodies["wecom_app"] == {
        "touser": "ou_wang",
        "msgtype": "text",
        "agentid": 1000002,
        "text": {"content": "库存告急\n螺栓 190"},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": 1800,
    }
    assert bodies["dingtalk_app"] == {
        "agent_id": 77,
        "userid_list": "ou_wang",
        "msg": {"msgtype": "text", "text": {"content": "库存告急\n螺栓 190\n11-15 06:13:20"}},
    }
    feishu = bodies["feishu_app"]
    assert (feishu["receive_id"], feishu["msg_type"]) == ("ou_wang", "text")
    assert orjson.loads(feishu["content"]) == {"text": "库存告急\n螺栓 190"}
    assert len(feishu["uuid"]) == 50
    tokens = [h for h in outside.heard if h.path == ASKED["feishu_app"]]
    assert [h.body for h in tokens] == [{"app_id": "cli_1", "app_secret": "hush-hush"}]
    (sent,) = (h for h in outside.heard if h.path == SENT["feishu_app"])
    assert sent.headers["authorization"] == "Bearer T1"


@pytest.mark.parametrize(
    ("kind", "dead"), [("wecom_app", 40014), ("wecom_app", 42001), ("dingtalk_app", 40014), ("feishu_app", 99991663)]
)
def test_a_dead_token_is_renewed_once(outside: Outside, kind: str, dead: int) -> None:
    name = TOKENS[kind].keys() & {"errcode", "code"}
    refused = {name.pop(): dead}
    outside.answer = service(kind, refused, SAID[kind])
    assert send(kind, outside, Wire(now=NOW)) == [OK]
    outside.answer = service(kind, refused)
    assert [answer.verdict for answer in send(kind, outside, Wire(now=NOW))] == [Verdict.AGAIN]
    assert [heard.path for heard in outside.heard].count(ASKED[kind]) == 4


@pytest.mark.parametrize(
    ("kind", "said", "verdict", "wait"),
    [
        ("wecom_app", {"errcode": 0, "errmsg": "ok", "invaliduser": "wang"}, Verdict.GIVE_UP, 0),
        ("wecom_app", {"errcode": 81013, "errmsg": "user & party & tag all invalid"}, Verdict.GIVE_UP, 0),
        ("wecom_app", {"errcode": 60020, "errmsg": "not allow to access from your ip"}, Verdict.SWITCH_OFF, 0),
        ("wecom_app", {"errcode": 45009, "errmsg": "api freq out of limit"}, Verdict.AGAIN, 60),
        ("dingtalk_app", {"errcode": 33012, "errmsg": "无效的USERID"}, Verdict.GIVE_UP, 0),
        ("feishu_app", {"code": 230013, "msg": "Bot has NO availability to this user."}, Verdict.GIVE_UP, 0),
        ("feishu_app", {"code": 99991400, "msg": "request trigger frequency limit"}, Verdict.AGAIN, 10),
    ],
)
def test_the_code_decides(outside: Outside, kind: str, said: dict[str, Any], verdict: Verdict, wait: float) -> None:
    outside.answer = service(kind, said)
    (answer,) = send(kind, outside, Wire(now=NOW))
    assert (answer.verdict, answer.wait) == (verdict, wait)


def test_who_is_refused_a_token_is_switched_off_and_a_busy_service_is_asked_again(outside: Outside) -> None:
    outside.answer = (200, {"errcode": 40001, "errmsg": "invalid credential"})
    assert send("wecom_app", outside, Wire(now=NOW)) == [
        Answer(verdict=Verdict.SWITCH_OFF, error="40001 invalid credential")
    ]
    outside.answer = (200, {"errcode": -1, "errmsg": "system busy"})
    assert send("wecom_app", outside, Wire(now=NOW))[0].verdict is Verdict.AGAIN
    outside.answer = (502, b"<html>")
    assert send("wecom_app", outside, Wire(now=NOW))[0].verdict is Verdict.AGAIN


@pytest.fixture(scope="module")
def works(module_database: Database) -> Works:
    return open_works(module_database)


def test_people_are_written_to_by_their_user_id_and_secrets_are_never_shown(works: Works, outside: Outside) -> None:
    outside.answer = service("wecom_app", {"errcode": 60020, "errmsg": "ip hush-hush"})
    with works.acting(BOSS) as ctx:
        channel_settings.save(ctx, None, "应用", "wecom_app", {"base": outside.url, **CONFIG["wecom_app"]})
        assert "hush-hush" not in repr(channel_settings.channels(ctx))
        accounts.set_preference(ctx, BUYER.account, "addresses", {"wecom": "wang"})
        accounts.set_preference(ctx, CHIEF.account, "addresses", {"wecom": "13800001111"})  # only names him in groups
        for user in (BUYER, CHIEF):
            accounts.set_preference(ctx, user.account, "channel", "wecom_app")
        one = letter()
        people = frozenset({BUYER.account, CHIEF.account})
        outbox.post(ctx, Outgoing(kind="preferred", key="k", title=one.title, text=one.text, accounts=people))
        assert [(r["account"], r["address"], r["state"]) for r in outbox.rows_of(ctx, "k")] == [
            (BUYER.account, "wang", "waiting"),
            (CHIEF.account, "", "dead"),
        ]
    (told,) = deliver(works.app, FixedClock(NOON), 5.0)
    assert (told.state, told.error) == ("held", "60020 ip ••••")
    with works.acting(BOSS) as ctx:
        assert "hush-hush" not in repr(messages(ctx))
