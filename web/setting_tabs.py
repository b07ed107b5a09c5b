"""The tabs of the settings pages: what everybody may look at, and what is for administrators."""

from __future__ import annotations

from typing import Any

from flask import url_for

from runtime.context import RunContext
from runtime.permissions import is_admin
from web.texts import translator


def setting_tabs(ctx: RunContext, here: str) -> list[dict[str, Any]]:
    """The tabs the reader may open; ``here``: the page that is shown."""
    t = translator(ctx.language)
    admin = is_admin(ctx)
    every = [
        ("settings", t("常规", "General"), True),
        ("people", t("人员", "People"), admin),
        ("periods", t("期间", "Periods"), admin),
        ("numbering", t("编号", "Numbering"), admin),
        ("workflows", t("流程", "Workflows"), True),
        ("rules", t("规则", "Rules"), admin),
        ("channels", t("通道", "Channels"), admin),
        ("outbox", t("发件箱", "Outbox"), admin),
        ("plugins", t("插件", "Plug-ins"), admin),
        ("working_days", t("工作日历", "Working days"), admin),
        ("versions", t("版本", "Versions"), admin),
        ("not_taken_in", t("离线未入账", "Not taken in"), True),
    ]
    return [
        {"label": label, "url": url_for(f"pages.{name}"), "current": name == here} for name, label, may in every if may
    ]
