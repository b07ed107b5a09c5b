"""What the three group robots share: one address, JSON both ways, and success told by a code in the body alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import orjson

from engine.model import Text
from runtime.channels.http_post import BadAddress, Reply, Unreachable, post_json
from runtime.channels.letters import OK, Answer, Config, Letter, Setting, Verdict, Wire

BUSY = (408, 425, 429, 500, 502, 503, 504)


def base_setting(default: str) -> Setting:
    """Where the service is: a firm may stand behind a proxy of its own."""
    return Setting(id="base", label=Text(zh="服务地址", en="Address of the service"), default=default)


Codes = Mapping[int, tuple[Verdict, float]]
"""What codes mean: the verdict, and the seconds to wait."""


def talk(url: str, body: object, wire: Wire, code_name: str, text_name: str, codes: Codes) -> Answer:
    """POST ``body`` and judge by the code: never by the text (it carries hints), never by the status alone."""
    try:
        reply = post_json(url, body, wire.timeout)
    except BadAddress as error:
        return Answer(verdict=Verdict.SWITCH_OFF, error=str(error))
    except Unreachable as error:
        return Answer(verdict=Verdict.AGAIN, error=str(error))
    return judged(reply, code_name, text_name, codes)


def judged(
    reply: Reply, code_name: str, text_name: str, codes: Codes, unknown: tuple[Verdict, float] | None = None
) -> Answer:
    """What an answer means, by its code; ``unknown``: what one means that is not among ``codes`` (else: try again)."""
    said = said_in(reply)
    code = said.get(code_name)
    if not isinstance(code, int) or isinstance(code, bool):
        return Answer(verdict=Verdict.AGAIN, error=f"HTTP {reply.status}, no {code_name}", wait=reply.retry_after)
    if code == 0 and reply.status == 200:
        return OK
    busy = (Verdict.AGAIN, reply.retry_after)
    verdict, wait = busy if reply.status in BUSY else codes.get(code, unknown or busy)
    return Answer(verdict=verdict, error=f"{code} {said.get(text_name, '')}"[:300], wait=wait)


def said_in(reply: Reply) -> Mapping[str, object]:
    """The answer's JSON; nothing where it is none."""
    try:
        said = orjson.loads(reply.text)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def one_by_one(
    send: Callable[[Config, Letter, Wire], Answer],
) -> Callable[[Config, Sequence[Letter], Wire], list[Answer]]:
    """A kind that takes one letter at a time, as one that takes several."""
    return lambda config, letters, wire: [send(config, letter, wire) for letter in letters]
