"""Where a person wants to be told: the preferred channels and the addresses, as a form and from a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any

from runtime import accounts, push_places
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.messages import fault
from runtime.outbox_hours import DAILY, QUIET
from runtime.outbox_people import ADDRESSES, PREFERS, contacts
from web.display import moment
from web.texts import translator

PREFERRED: Mapping[str, tuple[str, str]] = {
    "email": ("邮件", "E-mail"),
    "wecom": ("企业微信群里 @我", "WeCom, naming me"),
    "dingtalk": ("钉钉群里 @我", "DingTalk, naming me"),
    "feishu": ("飞书群里 @我", "Feishu, naming me"),
    "wecom_app": ("企业微信，发给我本人", "WeCom, to myself"),
    "dingtalk_app": ("钉钉，发给我本人", "DingTalk, to myself"),
    "feishu_app": ("飞书，发给我本人", "Feishu, to myself"),
    "push": ("我的浏览器", "my browsers"),
}
ADDRESS: Mapping[str, tuple[str, str, str, str, str]] = {
    "email": ("邮箱", "E-mail", "email", "", ""),
    "wecom": (
        "企业微信",
        "WeCom",
        "text",
        "成员账号；只在群里 @ 也可填手机号",
        "user id; a mobile number is enough to be named in groups",
    ),
    "dingtalk": (
        "钉钉",
        "DingTalk",
        "text",
        "用户编号；只在群里 @ 也可填手机号",
        "user id; a mobile number is enough to be named in groups",
    ),
    "feishu": ("飞书", "Feishu", "text", "用户的 open_id", "the user's open_id"),
}
LONGEST = 120


def contact_view(ctx: RunContext) -> dict[str, Any]:
    """The form: what was chosen, and what stands in from the person's own record where nothing was."""
    t = translator(ctx.language)
    me = contacts(ctx, [ctx.user.account]).get(ctx.user.account)
    kept = dict(accounts.preferences(ctx, ctx.user.account).get(ADDRESSES) or {})
    addresses = [
        {
            "id": kind,
            "label": t(chinese, english),
            "type": type,
            "value": kept.get(kind, ""),
            "placeholder": me.addresses.get(kind, "") if me is not None else "",
            "hint": t(hint, english_hint) if hint else "",
        }
        for kind, (chinese, english, type, hint, english_hint) in ADDRESS.items()
    ]
    browsers = [{**one, "since": moment(one["made_at"], ctx)} for one in push_places.mine(ctx)]
    chosen = me.prefers if me is not None else ()
    options = [{"id": id, "label": t(*label), "on": id in chosen} for id, label in PREFERRED.items()]
    given = accounts.preferences(ctx, ctx.user.account)
    quiet = given.get(QUIET) or ["", ""]
    return {
        "quiet": {"from": quiet[0], "to": quiet[1]},
        "daily": given.get(DAILY) or "",
        "channels": list(chosen),
        "options": options,
        "addresses": addresses,
        "browsers": browsers,
    }


def keep_contact(ctx: RunContext, given: Mapping[str, str], channels: Sequence[str]) -> None:
    """Keep what a person said; ``channels`` are those beside the inbox."""
    chosen = list(dict.fromkeys(each for each in channels if each))
    addresses = {kind: given.get(kind, "").strip() for kind in ADDRESS}
    for channel in chosen:
        if channel not in PREFERRED:
            raise Invalid(fault(ctx, "no_such_page", "channel", given=channel[:40]))
    for kind, address in addresses.items():
        if len(address) > LONGEST or not address.isprintable() or (kind == "email" and address and "@" not in address):
            label = translator(ctx.language)(*ADDRESS[kind][:2])
            raise Invalid(fault(ctx, "not_an_email", kind, label=label, given=address[:60]))
    quiet = [_hour(ctx, given, key) for key in ("quiet_from", "quiet_to")]
    if bool(quiet[0]) != bool(quiet[1]):
        raise Invalid(fault(ctx, "hours_both", "quiet_from" if quiet[1] else "quiet_to"))
    accounts.set_preference(ctx, ctx.user.account, QUIET, quiet if all(quiet) else None)
    accounts.set_preference(ctx, ctx.user.account, DAILY, _hour(ctx, given, "daily"))
    accounts.set_preference(ctx, ctx.user.account, PREFERS, chosen)
    accounts.set_preference(ctx, ctx.user.account, ADDRESSES, {k: v for k, v in addresses.items() if v})


def _hour(ctx: RunContext, given: Mapping[str, str], key: str) -> str:
    """An hour of the day as it is kept ("" = none)."""
    text = given.get(key, "").strip()
    try:
        return time.fromisoformat(text).strftime("%H:%M") if text else ""
    except ValueError:
        raise Invalid(fault(ctx, "not_an_hour", key, given=text[:20])) from None
