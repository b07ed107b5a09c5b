"""Log in and out, one's own password, tokens and preferences."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, redirect, request, session, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from runtime import accounts
from runtime.beginnings import end_broken
from runtime.errors import Invalid, UserError
from runtime.messages import fault
from web.access import forget, home, nobody, reading, remember, running_app, served, writing
from web.contact_view import contact_view, keep_contact
from web.first_view import HIDDEN, SEEN
from web.render import bare, render, tell
from web.shell import CLOSED, firm_name
from web.texts import LANGUAGES, translator

THEMES = ("auto", "light", "dark")
DENSITIES = ("", "comfortable", "compact")
MOST_PREFERENCE = 4000


def log_in() -> AnyResponse:
    """The log-in page; the language can be chosen before anybody is known."""
    given = request.args.get("lang", "")
    if given in LANGUAGES:
        session["language"] = given
    if end_broken(home()):
        served().forget()
        return redirect(url_for("pages.start"))
    with nobody() as ctx:
        return bare(
            "pages/log_in.html",
            ctx.language,
            title=translator(ctx.language)("登录", "Log in"),
            firm=firm_name(ctx),
            kind=ctx.app.model.title.get(ctx.language),
            apps=served().names(),
            app=ctx.app.name,
            next=safe_next(request.args.get("next", "")),
            name="",
            problem="",
        )


def safe_next(target: str) -> str:
    """Only addresses of this server: anything else leads home."""
    parts = urlsplit(target)
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return target if inside else "/"


def try_log_in() -> AnyResponse:
    """Check name and password."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    problem = ""
    with nobody(write=True) as ctx:
        language = ctx.language
        try:
            account = accounts.sign_in(ctx, name, password)
        except UserError as error:
            account, problem = None, error.faults[0].message
        person = accounts.person_of(ctx, account) if account else None
        problem = problem or fault(ctx, "password_wrong").message
    if person is None:
        with nobody() as ctx:
            return bare(
                "pages/log_in.html",
                language,
                status=401,
                title=translator(language)("登录", "Log in"),
                firm=firm_name(ctx),
                kind=ctx.app.model.title.get(language),
                apps=served().names(),
                app=ctx.app.name,
                next=safe_next(request.form.get("next", "")),
                name=name[:60],
                problem=problem,
            )
    remember(person, running_app().name)
    return redirect(safe_next(request.form.get("next", "")), code=303)


def log_out() -> AnyResponse:
    """End the session."""
    forget()
    return redirect(url_for("pages.log_in"), code=303)


def switch_app(app: str) -> AnyResponse:
    """Another app of this server; one logs in there."""
    if app in served().names():
        session["app"] = app
    return redirect("/", code=303)


def my_account() -> AnyResponse:
    """Password and tokens."""
    with reading() as ctx:
        table = ctx.app.tables.system.token
        query = (
            select(table).where(table.c.account == ctx.user.account, table.c.revoked.is_(False)).order_by(table.c.id)
        )
        tokens = [dict(row) for row in ctx.connection.execute(query).mappings()]
        t = translator(ctx.language)
        fresh = session.pop("fresh_token", "")
        return render(
            ctx,
            "pages/account.html",
            title=t("我的账号", "My account"),
            tokens=tokens,
            fresh=fresh,
            account=ctx.user,
            contact=contact_view(ctx),
        )


def change_password() -> AnyResponse:
    """A new password, with the old one."""
    with writing() as ctx:
        if not accounts.password_is(ctx, ctx.user.account, request.form.get("old", "")):
            raise Invalid(fault(ctx, "password_wrong", "old"))
        accounts.set_password(ctx, ctx.user.account, request.form.get("new", ""))
        person = accounts.person_of(ctx, ctx.user.account)
        tell("done", translator(ctx.language)("密码已改", "Password changed"))
    if person is not None:
        remember(person, running_app().name)
    return redirect(url_for("pages.my_account"), code=303)


def change_contact() -> AnyResponse:
    """Where I want to be told, and my addresses."""
    with writing() as ctx:
        keep_contact(ctx, request.form, request.form.getlist("channel"))
        tell("done", translator(ctx.language)("已保存", "Saved"))
    return redirect(url_for("pages.my_account"), code=303)


def make_token() -> AnyResponse:
    """A token for the API; its text is shown once, on the next page."""
    with writing() as ctx:
        name = request.form.get("name", "").strip()[:60] or "API"
        session["fresh_token"] = accounts.create_token(ctx, ctx.user.account, name)
    return redirect(url_for("pages.my_account"), code=303)


def end_token(token: int) -> AnyResponse:
    """End a token."""
    with writing() as ctx:
        accounts.revoke_token(ctx, ctx.user.account, token)
        tell("done", translator(ctx.language)("令牌已停用", "The token has ended"))
    return redirect(url_for("pages.my_account"), code=303)


def preference() -> AnyResponse:
    """Keep a choice: theme, density, language, columns of a list."""
    key, value = request.form.get("key", ""), request.form.get("value", "")
    allowed = {"theme": THEMES, "density": DENSITIES, "language": LANGUAGES}
    with writing() as ctx:
        if len(value) > MOST_PREFERENCE or (key in allowed and value not in allowed[key]):
            raise Invalid(fault(ctx, "no_such_page", given=value[:40]))
        if key in allowed:
            accounts.set_preference(ctx, g.person.user.account, key, value)
        elif key in (HIDDEN, SEEN):
            accounts.set_preference(ctx, g.person.user.account, key, value[:10])
        elif key == CLOSED or (key.startswith("columns:") and key.removeprefix("columns:") in ctx.app.model.entities):
            accounts.set_preference(ctx, g.person.user.account, key, _names(value))
        else:
            raise Invalid(fault(ctx, "no_such_page", given=key[:40]))
    return Response(status=204)


def _names(value: str) -> list[str]:
    try:
        found = json.loads(value) if value else []
    except ValueError:
        return []
    return [str(name)[:80] for name in found][:200] if isinstance(found, list) else []


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/login", "log_in", log_in)
    pages.add_url_rule("/login", "try_log_in", try_log_in, methods=["POST"])
    pages.add_url_rule("/logout", "log_out", log_out, methods=["POST"])
    pages.add_url_rule("/apps/<app>", "switch_app", switch_app)
    pages.add_url_rule("/account", "my_account", my_account)
    pages.add_url_rule("/account/password", "change_password", change_password, methods=["POST"])
    pages.add_url_rule("/account/contact", "change_contact", change_contact, methods=["POST"])
    pages.add_url_rule("/account/tokens", "make_token", make_token, methods=["POST"])
    pages.add_url_rule("/account/tokens/<int:token>/end", "end_token", end_token, methods=["POST"])
    pages.add_url_rule("/preferences", "preference", preference, methods=["POST"])
