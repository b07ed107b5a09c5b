"""Settings: the firm's own choices, people and roles, periods, numbering, versions, what this is."""

from __future__ import annotations

import platform
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from engine.model import Entity, EntityKind, Numbering, Segment
from runtime import accounts, administration, records
from runtime.app_source import flat_text
from runtime.apps import versions
from runtime.context import RunContext
from runtime.errors import Forbidden, Invalid, NotFound, UserError
from runtime.messages import fault
from runtime.permissions import demand, rights
from web.access import home, reading, writing
from web.display import moment, number
from web.render import render, tell
from web.setting_tabs import setting_tabs
from web.texts import translator
from web.whole import is_whole

Part = dict[str, Any]


def setting_entities(ctx: RunContext) -> list[Entity]:
    """The settings the reader may look at."""
    every = ctx.app.model.entities.values()
    return [e for e in every if e.kind is EntityKind.SETTING and rights(ctx, e.id).may("read")]


def settings() -> AnyResponse:
    """What can be set, and what this is."""
    with reading() as ctx:
        found = setting_entities(ctx)
        admin = administration.is_admin(ctx)
        if not found and not admin:
            raise Forbidden(fault(ctx, "admin_only"))
        t = translator(ctx.language)
        entries = [
            {
                "label": e.label.get(ctx.language),
                "note": t("、", ", ").join(
                    f.label.get(ctx.language) for f in list(e.fields.values())[:6] if not f.standard
                ),
                "url": url_for("pages.setting", entity=e.id),
                "icon": e.icon or "settings",
            }
            for e in found
        ]
        return render(
            ctx,
            "pages/settings.html",
            title=t("设置", "Settings"),
            tabs=setting_tabs(ctx, "settings"),
            entries=entries,
            openings=bool(ctx.app.model.openings) and admin,
            about=_about(ctx),
        )


def _about(ctx: RunContext) -> list[Part]:
    t = translator(ctx.language)
    model = ctx.app.model
    counts = [(e.label.get(ctx.language), e) for e in model.entities.values() if e.kind is EntityKind.DOCUMENT]
    kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[ctx.connection.dialect.name]
    return [
        {"label": t("应用", "App"), "text": f"{model.title.get(ctx.language)} · {model.id} {model.version}"},
        {"label": t("版本", "Version"), "text": str(ctx.app.version)},
        {"label": t("币种", "Currency"), "text": model.currency},
        {"label": t("时区", "Time zone"), "text": model.timezone},
        {"label": t("数据库", "Database"), "text": kind},
        {"label": "Python", "text": platform.python_version()},
        {"label": t("单据种类", "Kinds of documents"), "text": number(len(counts))},
        {"label": t("数据", "Kept"), "text": t("在您自己的机器上", "on your own machine")},
    ]


def setting(entity: str) -> AnyResponse:
    """A setting's form: the page of its one record, made from its defaults where there is none yet."""
    with reading() as ctx:
        found = ctx.app.model.entities.get(entity)
        if found is None or found.kind is not EntityKind.SETTING:
            raise NotFound(fault(ctx, "no_such_page", given=entity[:60]))
        demand(ctx, entity, "read")
        record = records.setting_id(ctx, entity)
    if record is None:
        with writing() as ctx:
            record = records.save_setting(ctx, entity, {}).id
    return redirect(url_for("pages.record", entity=entity, id=record))


# --- people ----------------------------------------------------------------------------------------------------


def people() -> AnyResponse:
    """Who may log in, with which roles; tokens of the API."""
    with reading() as ctx:
        return _people(ctx)


def _people(ctx: RunContext, problems: tuple[str, ...] = (), status: int = 200) -> Response:
    administration.demand_admin(ctx)
    model, language = ctx.app.model, ctx.language
    found = accounts.accounts(ctx)
    members = accounts.member_names(ctx, [a["member"] for a in found])
    names = {a["id"]: a["name"] for a in found}
    t = translator(language)
    return render(
        ctx,
        "pages/people.html",
        title=t("设置", "Settings"),
        status=status,
        tabs=setting_tabs(ctx, "people"),
        problems=[{"label": "", "message": p} for p in problems],
        people=[
            {
                **a,
                "member_name": members.get(a["member"] or 0, ""),
                "role_names": t("、", ", ").join(
                    model.roles[r].label.get(language) for r in a["roles"] if r in model.roles
                ),
            }
            for a in sorted(found, key=lambda a: (not a["active"], a["name"]))
        ],
        roles=[
            {"id": r.id, "label": r.label.get(language), "note": _role_note(ctx, r.id)} for r in model.roles.values()
        ],
        tokens=[
            {**k, "owner": names.get(k["account"], ""), "since": moment(k["created_at"], ctx)}
            for k in administration.tokens(ctx)
        ],
        me=ctx.user.account,
        members={
            "label": model.entities[model.members].label.get(language),
            "picker": url_for("pages.pick", entity=model.members),
        }
        if model.members in model.entities
        else None,
    )


def _role_note(ctx: RunContext, role: str) -> str:
    """What a role sees and may do, in a few words."""
    t = translator(ctx.language)
    found = ctx.app.model.roles[role]
    secrets = [ctx.app.model.secrecy[s].get(ctx.language) for s in sorted(found.sees) if s in ctx.app.model.secrecy]
    writes = [e for e, can in found.can.items() if can & {"all", "create", "change"}]
    if "all" in writes:
        said = t("什么都能做", "may do everything")
    else:
        said = t(f"能写 {len(writes)} 种单据和资料", f"writes {len(writes)} kinds of documents and records")
    return said + (t("；看得到", "; sees ") + t("、", ", ").join(secrets) if secrets else "")


def add_person() -> AnyResponse:
    """A new account."""
    form = request.form
    member = form.get("member", "")
    return _people_act(
        lambda ctx: _added(
            ctx,
            administration.add_person(
                ctx,
                form.get("name", ""),
                form.get("password", ""),
                form.getlist("role"),
                int(member) if is_whole(member) else None,
            ),
        )
    )


def _added(ctx: RunContext, _account: int) -> None:
    tell("done", translator(ctx.language)("已新建账号", "Account made"))


def change_person(account: int) -> AnyResponse:
    """Roles, or whether the account may log in."""
    form = request.form

    def act(ctx: RunContext) -> None:
        kept = next((a for a in accounts.accounts(ctx) if a["id"] == account), None)
        if kept is None:
            raise NotFound(fault(ctx, "account_unknown", name=account))
        roles = form.getlist("role") if form.get("action") == "roles" else kept["roles"]
        active = {"end": False, "again": True}.get(form.get("action", ""), bool(kept["active"]))
        administration.change_person(ctx, account, roles=roles, active=active)
        tell("done", translator(ctx.language)(f"已更新 {kept['name']}", f"{kept['name']} changed"))

    return _people_act(act)


def reset_password(account: int) -> AnyResponse:
    """A new password for somebody."""

    def act(ctx: RunContext) -> None:
        administration.reset_password(ctx, account, request.form.get("password", ""))
        tell(
            "done",
            translator(ctx.language)("密码已重设，原来的登录已失效", "New password set; older log-ins have ended"),
        )

    return _people_act(act)


def end_any_token(account: int, token: int) -> AnyResponse:
    """End somebody's token."""

    def act(ctx: RunContext) -> None:
        administration.end_token(ctx, account, token)
        tell("done", translator(ctx.language)("令牌已停用", "Token ended"))

    return _people_act(act)


def _people_act(act: Any) -> AnyResponse:
    try:
        with writing() as ctx:
            act(ctx)
    except (Forbidden, NotFound):
        raise
    except UserError as error:
        with reading() as ctx:
            return _people(ctx, tuple(f.message for f in error.faults), 422)
    return redirect(url_for("pages.people"), code=303)


# --- periods ---------------------------------------------------------------------------------------------------


def periods() -> AnyResponse:
    """Through which day each ledger is closed, and what still stands open."""
    with reading() as ctx:
        return _periods(ctx)


def _periods(ctx: RunContext, problems: tuple[str, ...] = (), status: int = 200) -> Response:
    administration.demand_admin(ctx)
    t = translator(ctx.language)
    through = _day(request.values.get("through", "")) or ctx.today().replace(day=1) - timedelta(days=1)
    waiting = administration.standing_open(ctx, through)
    every = administration.closed(ctx, "")
    return render(
        ctx,
        "pages/periods.html",
        title=t("设置", "Settings"),
        status=status,
        tabs=setting_tabs(ctx, "periods"),
        problems=[{"label": "", "message": p} for p in problems],
        through=through.isoformat(),
        latest=(ctx.today() - timedelta(days=1)).isoformat(),
        every=every.isoformat() if every else "",
        ledgers=[
            {"id": led.id, "label": led.label.get(ctx.language), "closed": day.isoformat() if day else ""}
            for led in ctx.app.model.ledgers.values()
            for day in (administration.closed(ctx, led.id),)
        ],
        waiting=[
            {
                "label": ctx.app.model.entities[w.entity].label.get(ctx.language),
                "count": number(w.count),
                "url": url_for("pages.records", entity=w.entity) + f"?where.date.le={through.isoformat()}",
            }
            for w in waiting
        ],
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def close_period() -> AnyResponse:
    """Close, or open again."""
    form = request.form
    try:
        with writing() as ctx:
            through, ledger = _day(form.get("through", "")), form.get("ledger", "")
            t = translator(ctx.language)
            if form.get("action") == "reopen":
                administration.reopen(ctx, ledger, through, form.get("reason", ""))
                tell("done", t("已反结账", "Opened again"))
            elif through is None:
                raise Invalid(
                    fault(ctx, "bad_date", "through", name=t("日期", "the day"), given=form.get("through", "")[:20])
                )
            else:
                administration.close(ctx, ledger, through)
                tell("done", t(f"已结账到 {through.isoformat()}", f"Closed through {through.isoformat()}"))
    except Forbidden:
        raise
    except UserError as error:
        with reading() as ctx:
            return _periods(ctx, tuple(f.message for f in error.faults), 422)
    return redirect(url_for("pages.periods"), code=303)


# --- numbering and versions ------------------------------------------------------------------------------------


def numbering() -> AnyResponse:
    """How each kind of record is numbered."""
    with reading() as ctx:
        administration.demand_admin(ctx)
        t = translator(ctx.language)
        resets = {
            "never": t("不重新开始", "never"),
            "year": t("每年", "yearly"),
            "month": t("每月", "monthly"),
            "week": t("每周", "weekly"),
            "day": t("每天", "daily"),
        }
        rows = [
            {
                "label": e.label.get(ctx.language),
                "url": url_for("pages.records", entity=e.id),
                "pattern": pattern(e.number),
                "reset": resets.get(e.number.reset, e.number.reset),
                "gapless": e.number.gapless,
                "last": _last_code(ctx, e),
            }
            for e in ctx.app.model.entities.values()
            if e.number is not None
        ]
        return render(
            ctx, "pages/numbering.html", title=t("设置", "Settings"), tabs=setting_tabs(ctx, "numbering"), rows=rows
        )


def pattern(numbering: Numbering) -> str:
    """A numbering in one line."""
    return "".join(_piece(segment) for segment in numbering.segments)


def _piece(segment: Segment) -> str:
    """A piece of a number as it reads: ``{yyyyMM}``, ``0001``, a text."""
    pieces = {
        "date": f"{{{segment.text or 'yyyyMMdd'}}}",
        "field": f"{{{segment.expr.text if segment.expr else ''}}}",
        "serial": "1".rjust(segment.length or 1, "0"),
    }
    return pieces.get(segment.kind, segment.text)


def _last_code(ctx: RunContext, entity: Entity) -> str:
    table = ctx.app.tables.entity[entity.id]
    found = ctx.connection.execute(select(table.c.code).order_by(table.c.id.desc()).limit(1)).scalar()
    return found or ""


def versions_page() -> AnyResponse:
    """The history of the definition, with the way back."""
    with reading() as ctx:
        administration.demand_admin(ctx)
        rows = versions(ctx.app, ctx.connection)
        names = accounts.account_names(ctx, [row.account for row in rows])
        t = translator(ctx.language)
        return render(
            ctx,
            "pages/versions.html",
            title=t("设置", "Settings"),
            tabs=setting_tabs(ctx, "versions"),
            rows=[
                {
                    "number": row.number,
                    "when": moment(row.at, ctx),
                    "who": names.get(row.account or 0, t("系统", "System")),
                    "note": row.note,
                    "base": f"{row.base} {row.base_version}",
                    "current": row.number == ctx.app.version,
                }
                for row in rows
            ],
        )


def export_definition() -> AnyResponse:
    """The definition as one YAML file: the firm's own layer, or (``flat=1``) the whole."""
    with reading() as ctx:
        administration.demand_admin(ctx)
        definition = ctx.app.definition
        if definition is None:
            raise NotFound(fault(ctx, "no_such_page", given="yaml"))
        text = flat_text(definition) if request.args.get("flat") == "1" else definition.text
        name = f"{ctx.app.name}-v{ctx.app.version}.yaml"
    response = Response(text, content_type="application/yaml; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def rollback() -> AnyResponse:
    """An earlier version again; the name of the app is typed to confirm."""
    given = request.form.get("number", "")
    with reading() as ctx:
        administration.demand_admin(ctx)
        if request.form.get("confirm", "").strip() != ctx.app.name:
            tell("failed", fault(ctx, "confirm_name", name=ctx.app.name).message)
            return redirect(url_for("pages.versions"), code=303)
    try:
        change = administration.rollback(ctx, home(), int(given) if is_whole(given) else 0)
        t = translator(ctx.language)
        tell(
            "done",
            t(
                f"已回到版本 {given}，现在是版本 {change.version}",
                f"Back to version {given}, which is now version {change.version}",
            ),
        )
    except Forbidden:
        raise
    except UserError as error:
        for one in error.faults[:3]:
            tell("failed", one.message)
    return redirect(url_for("pages.versions"), code=303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/settings", "settings", settings)
    pages.add_url_rule("/settings/of/<entity>", "setting", setting)
    pages.add_url_rule("/settings/people", "people", people)
    pages.add_url_rule("/settings/people", "add_person", add_person, methods=["POST"])
    pages.add_url_rule("/settings/people/<int:account>", "change_person", change_person, methods=["POST"])
    pages.add_url_rule("/settings/people/<int:account>/password", "reset_password", reset_password, methods=["POST"])
    pages.add_url_rule(
        "/settings/people/<int:account>/tokens/<int:token>/end", "end_any_token", end_any_token, methods=["POST"]
    )
    pages.add_url_rule("/settings/periods", "periods", periods)
    pages.add_url_rule("/settings/periods", "close_period", close_period, methods=["POST"])
    pages.add_url_rule("/settings/numbering", "numbering", numbering)
    pages.add_url_rule("/settings/versions", "versions", versions_page)
    pages.add_url_rule("/settings/versions/yaml", "export_definition", export_definition)
    pages.add_url_rule("/settings/versions/rollback", "rollback", rollback, methods=["POST"])
