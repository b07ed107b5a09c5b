"""Group robots, to the letter of their protocols: signatures, bodies, and success told by the code in the body."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.model import Text
from runtime.channels import CHANNELS, Answer, Letter, Verdict, Wire, dingtalk, feishu
from runtime.channels.letters import cut, digest, masked
from tests.runtime.outside import Outside, listening

NOW = datetime.fromtimestamp(1_700_000_000, UTC)
OK = Answer(verdict=Verdict.SENT)
FEISHU_OK = {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success", "Extra": None}


@pytest.fixture
def outside() -> Iterator[Outside]:
    with listening() as found:
        yield found


def letter(**changes) -> Letter:
    given = {
        "key": "k|1", "title": Text(zh="库存告急", en="Low stock"), "text": Text(zh="螺栓 190", en="bolts 190"),
        "language": "zh", "body": {}, "made_at": NOW,
    }  # fmt: skip
    return Letter(**{**given, **changes})


def send(kind: str, config: dict[str, str], outside: Outside, one: Letter | None = None, timeout: float = 5) -> Answer:
    wire = Wire(now=NOW, timeout=timeout)
    (answer,) = CHANNELS[kind].send({"base": outside.url, **config}, [one or letter()], wire)
    return answer


def test_the_signatures_are_those_of_the_vectors() -> None:
    assert dingtalk.signature(1_700_000_000_000, "SECdemo") == "lOvVf9TQCVugV68mGbSZCg0gzOl1SVjxWi1MyVZCUuA="
    assert feishu.signature(1_700_000_000, "demo") == "8oT2n3SMKFfEnDoiwer8BUM/SjKLwe9SqoEIHlhDTKo="


def test_wecom_is_told_with_its_key_and_names_people(outside: Outside) -> None:
    assert send("wecom", {"key": "K1"}, outside, letter(mentions=("13800001111", "wang"))) == OK
    (heard,) = outside.heard
    assert heard.path == "/cgi-bin/webhook/send?key=K1"
    text = {"content": "库存告急\n螺栓 190", "mentioned_list": ["wang"], "mentioned_mobile_list": ["13800001111"]}
    assert heard.body == {"msgtype": "text", "text": text}


def test_dingtalk_signs_in_the_address(outside: Outside) -> None:
    assert send("dingtalk", {"token": "T", "secret": "SECdemo"}, outside, letter(mentions=("13800001111",))) == OK
    (heard,) = outside.heard
    asked = parse_qs(urlsplit(heard.path).query)
    assert urlsplit(heard.path).path == "/robot/send"
    assert asked == {
        "access_token": ["T"],
        "timestamp": ["1700000000000"],
        "sign": ["lOvVf9TQCVugV68mGbSZCg0gzOl1SVjxWi1MyVZCUuA="],
    }
    assert heard.body["text"] == {"content": "库存告急\n螺栓 190 @13800001111"}
    assert heard.body["at"] == {"atMobiles": ["13800001111"], "atUserIds": [], "isAtAll": False}


def test_without_a_secret_nothing_is_signed(outside: Outside) -> None:
    send("dingtalk", {"token": "T"}, outside)
    outside.answer = (200, FEISHU_OK)
    send("feishu", {"token": "T"}, outside)
    assert [h.path for h in outside.heard] == ["/robot/send?access_token=T", "/open-apis/bot/v2/hook/T"]
    assert set(outside.heard[1].body) == {"msg_type", "content"}


def test_feishu_signs_in_the_body(outside: Outside) -> None:
    outside.answer = (200, FEISHU_OK)
    assert send("feishu", {"token": "T", "secret": "demo"}, outside, letter(mentions=("ou_x",))) == OK
    (heard,) = outside.heard
    assert heard.path == "/open-apis/bot/v2/hook/T"
    assert heard.body == {
        "timestamp": "1700000000",
        "sign": "8oT2n3SMKFfEnDoiwer8BUM/SjKLwe9SqoEIHlhDTKo=",
        "msg_type": "text",
        "content": {"text": '<at user_id="ou_x"></at> 库存告急\n螺栓 190'},
    }


def test_a_text_of_ours_calls_nobody(outside: Outside) -> None:
    outside.answer = (200, FEISHU_OK)
    send("feishu", {"token": "T"}, outside, letter(text=Text(zh='<at user_id="all"></at>', en="")))
    assert "<at" not in outside.heard[0].body["content"]["text"]


ANSWERS = [
    ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url, hint: [1]"}, Verdict.SWITCH_OFF, 0),
    ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}, Verdict.AGAIN, 60),
    ("wecom", {"errcode": 40008, "errmsg": "bad msgtype"}, Verdict.GIVE_UP, 0),
    ("wecom", {"errcode": -1, "errmsg": "busy"}, Verdict.AGAIN, 5),
    ("dingtalk", {"errcode": 310000, "errmsg": "sign not match, more: [x]"}, Verdict.SWITCH_OFF, 0),
    ("dingtalk", {"errcode": 300005, "errmsg": "token is not exist"}, Verdict.SWITCH_OFF, 0),
    ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, Verdict.AGAIN, 600),
    ("dingtalk", {"errcode": 660026, "errmsg": "throttled"}, Verdict.AGAIN, 600),
    ("feishu", {"code": 19001, "msg": "param invalid"}, Verdict.SWITCH_OFF, 0),
    ("feishu", {"code": 19021, "msg": "sign match fail"}, Verdict.SWITCH_OFF, 0),
    ("feishu", {"code": 19022, "msg": "Ip Not Allowed"}, Verdict.SWITCH_OFF, 0),
    ("feishu", {"code": 19024, "msg": "Key Words Not Found"}, Verdict.SWITCH_OFF, 0),
    ("feishu", {"code": 11232, "msg": "rate"}, Verdict.AGAIN, 60),
    ("feishu", {"code": 9499, "msg": "Bad Request"}, Verdict.GIVE_UP, 0),
    ("feishu", {"code": 777, "msg": "never heard of"}, Verdict.AGAIN, 0),
]


@pytest.mark.parametrize(("kind", "body", "verdict", "wait"), ANSWERS)
def test_the_code_decides_though_the_status_says_success(outside: Outside, kind, body, verdict, wait) -> None:
    outside.answer = (200, body)
    answer = send(kind, {"key": "K", "token": "T"}, outside)
    assert (answer.verdict, answer.wait) == (verdict, wait)
    assert answer.error == " ".join(str(v) for v in body.values())


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, []), (200, {"errcode": "0"}), (502, b""), (500, {"errcode": 0})]
)
def test_garbage_and_faults_of_the_server_are_tried_again(outside: Outside, status, body) -> None:
    outside.answer = (status, body)
    assert send("wecom", {"key": "K"}, outside).verdict is Verdict.AGAIN


def test_who_hangs_is_left_in_time(outside: Outside) -> None:
    outside.answer = lambda _heard: (outside.let_go.wait(20), (200, {"errcode": 0}))[1]
    answer = send("wecom", {"key": "K"}, outside, timeout=0.2)
    assert (answer.verdict, answer.error) == (Verdict.AGAIN, "no answer within 0.2 s")


def test_who_drips_is_left_in_time_too(outside: Outside) -> None:
    with dripping() as url:
        (answer,) = CHANNELS["wecom"].send({"base": url, "key": "K"}, [letter()], Wire(now=NOW, timeout=0.5))
    assert (answer.verdict, answer.error) == (Verdict.AGAIN, "no answer within 0.5 s")


@contextmanager
def dripping() -> Iterator[str]:
    """A server that sends one byte every little while, for ever: no single read of it takes long."""
    over = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not over.wait(0.05):
                connection.sendall(b" ")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        over.set()
        thread.join()
        server.close()


def test_nobody_there_is_tried_again() -> None:
    with listening() as gone:
        pass
    assert send("wecom", {"key": "K"}, gone).verdict is Verdict.AGAIN


def test_texts_are_cut_by_bytes_and_never_inside_a_letter(outside: Outside) -> None:
    send("wecom", {"key": "K"}, outside, letter(text=Text(zh="库" * 3000, en="")))
    content = outside.heard[0].body["text"]["content"]
    assert len(content.encode()) <= 2048
    assert content.endswith("库…")
    assert cut("abc", 3) == "abc"


def test_what_is_too_much_becomes_one_letter() -> None:
    one = digest([letter(mentions=("a",)), letter(title=Text(zh="二", en="two"), mentions=("a", "b"))])
    assert (one.title.zh, one.mentions) == ("2 条消息", ("a", "b"))
    assert one.text.zh == "库存告急\n螺栓 190\n\n二\n螺栓 190"
    assert digest([letter()]) == letter()


def test_secrets_are_masked_wherever_they_stand() -> None:
    assert masked("refused: key=abcdef, abcdefgh", ["abcdef", "abcdefgh", "key"]) == "refused: key=••••, ••••"
