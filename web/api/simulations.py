"""Rules over the past through the API: at once, or beside the request (``Prefer: respond-async``), to be asked again.

Nothing is written or sent either way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import date
from typing import Any

import orjson
from flask import Blueprint, Response, request

from engine import MetadataError
from engine.model import Rule
from runtime import long_work
from runtime.alerts_past import ALERT, as_rule, replayed
from runtime.app_source import compile_with
from runtime.context import RunContext
from runtime.errors import Fault, Invalid, NotFound, TooMany
from runtime.long_work import Result, Tell
from runtime.messages import fault
from runtime.permissions import demand_admin
from runtime.rules_simulate import Simulated
from runtime.rules_trial import Trial, tried
from web.access import home, reading
from web.api.bodies import body_object
from web.api.shapes import answer, dump

ASYNC = "respond-async"
"""What a caller prefers who does not want to wait (RFC 7240)."""
OF_ONE, OF_ALL = 2, 6
"""Simulations that go on beside requests: of one person, and of all people of an app."""
KEPT = 20
"""Results kept of each person, for a day."""


def simulated(rule: str) -> Response:
    """Run a rule over ``since`` … ``until``; ``draft``: YAML with the rule as it might be."""
    if ASYNC in {each.strip() for each in request.headers.get("Prefer", "").split(",")}:
        return _beside(rule)
    with reading() as ctx:
        return answer(_simulated(tried(ctx, *_asked(ctx, rule))))


def _beside(rule: str) -> Response:
    with reading() as ctx:
        chosen, since, until = _asked(ctx, rule)

        def work(tell: Tell) -> Result:
            trial = Trial(ctx, chosen, since, until)
            with closing(trial.shares()) as shares:
                for share in shares:
                    tell(int(share * 100), 100)
            assert trial.result is not None, "work that ends has come to something"
            found: Result = orjson.loads(dump(_simulated(trial.result)))
            return found

        said = chosen.label.get(ctx.language)
        token = _begun(ctx, said, work)
        made = answer(_told(long_work.Work(account=ctx.user.account), token), 202)
    made.headers["Location"] = f"{request.path}/{token}"
    made.headers["Preference-Applied"] = ASYNC
    return made


def _begun(ctx: RunContext, said: str, work: Callable[[Tell], Result]) -> str:
    room = long_work.Room(name=f"simulations of {ctx.app.name}", of_one=OF_ONE, of_all=OF_ALL, kept=KEPT)
    try:
        return long_work.begin(home().folder, ctx.user.account, said, work, language=ctx.language, room=room)
    except long_work.Crowded:
        raise TooMany(fault(ctx, "too_many_simulations", of_one=OF_ONE, of_all=OF_ALL)) from None


def simulation(rule: str, token: str) -> Response:
    """How far it is, and what came of it."""
    with reading() as ctx:
        return answer(_told(_work_of(ctx, token), token))


def stop(rule: str, token: str) -> Response:
    """Let it be; it ends at the next step."""
    with reading() as ctx:
        _work_of(ctx, token)
        long_work.stop(home().folder, ctx.user.account, token)
        return Response(status=204)


def _work_of(ctx: RunContext, token: str) -> long_work.Work:
    work = long_work.work_of(home().folder, ctx.user.account, token)
    if work is None:
        raise NotFound(fault(ctx, "no_such_page", given=token[:60]))
    return work


def _told(work: long_work.Work, token: str) -> dict[str, Any]:
    share = work.done / work.total if work.total else 0.0
    return {
        "id": token,
        "state": work.state,
        "progress": 1.0 if work.state == "done" else round(share, 2),
        "errors": work.errors,
        "result": work.result or None,
    }


def _asked(ctx: RunContext, rule: str) -> tuple[Rule, date, date]:
    asked = body_object(ctx)
    since, until = (_day(ctx, asked, key) for key in ("since", "until"))
    chosen = draft(ctx, rule, asked["draft"]) if asked.get("draft") else replayed(ctx, rule)
    return chosen, since, until


def _day(ctx: RunContext, asked: Mapping[str, Any], key: str) -> date:
    given = asked.get(key)
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise Invalid(fault(ctx, "not_a_date", key, label=key, given=str(given)[:40])) from None


def draft(ctx: RunContext, rule: str, text: object) -> Rule:
    """A rule as it might be: a layer over the app, compiled and thrown away."""
    demand_admin(ctx)
    definition = ctx.app.definition
    if not isinstance(text, str) or definition is None:
        raise Invalid(fault(ctx, "not_a_text", "draft", label="draft", given=str(text)[:40]))
    try:
        model = compile_with(definition, f"app: {ctx.app.model.id}\n{text}\n")
    except MetadataError as error:
        raise Invalid(*(Fault(code=p.code, message=str(p), field="draft") for p in error.problems)) from None
    alert = model.alerts.get(rule.removeprefix(ALERT)) if rule.startswith(ALERT) else None
    found = as_rule(alert) if alert is not None else model.rules.get(rule)
    if found is None:
        raise NotFound(fault(ctx, "no_such_rule", given=rule[:60]))
    return found


def _simulated(found: Simulated) -> dict[str, Any]:
    hits = [{**asdict(hit), "parts": [part.kept() for part in hit.parts]} for hit in found.hits]
    return {
        "rule": found.rule,
        "since": found.since,
        "until": found.until,
        "looked": found.looked,
        "fired": found.fired,
        "records": len(found.records),
        "items": hits,
        "notes": found.notes,
    }


def register(api: Blueprint) -> None:
    """Attach the addresses."""
    api.add_url_rule("/rules/<rule>/simulate", "rule_simulate", simulated, methods=["POST"])
    api.add_url_rule("/rules/<rule>/simulate/<token>", "rule_simulation", simulation)
    api.add_url_rule("/rules/<rule>/simulate/<token>", "rule_simulation_stop", stop, methods=["DELETE"])
