"""The first page of all: look at the templates, choose one, name the firm, and be in a working app within a minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from flask import Blueprint, Response, redirect, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import accounts, beginnings
from runtime.accounts import LONGEST_NAME, LONGEST_PASSWORD, SHORTEST_PASSWORD
from runtime.beginnings import CURRENCIES, Wish, offers, unfit_names
from runtime.errors import Fault, NotFound
from runtime.start_code import code_fits
from web.access import clock, home, nobody, remember, served
from web.first_view import TOUR
from web.render import bare
from web.texts import LANGUAGES, language, translator

LONGEST = 80
MOST_COLLEAGUES = 3
COLLEAGUES = tuple(f"{name}.{n}" for n in range(MOST_COLLEAGUES) for name in ("who", "role"))
LOCAL = frozenset(("127.0.0.1", "::1"))
NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
PASSED_ON = ("forwarded", "x-forwarded", "x-real-ip", "x-client-ip", "x-original", "true-client-ip", "cf-", "via")
"""How the headers begin by which servers between say that they are there."""
OLD = frozenset(("HTTP/1.0", "HTTP/1"))
"""What nginx speaks to servers behind it, where nobody told it otherwise; the second is Granian's word for it."""
KNOWN = "knows_code"
KEY = "beginning"
"""What the session keeps while an app is made: the token, and who becomes its administrator."""


def _only_first() -> None:
    """The page is for the first run: whoever has an app makes more of them by the command line."""
    if KEY not in session and beginnings.end_broken(home()):
        served().forget()
    if served().names() and KEY not in session:
        t = translator(language())
        message = t("已有应用；新建请用 dougong new", "There is an app already; make more with dougong new")
        raise NotFound(Fault(code="started", message=message))


def _stranger() -> bool:
    """Whether the request may come from anybody: not from this machine, or by way of another server."""
    host = request.host
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    near = request.remote_addr in LOCAL and name in NAMES and not _passed_on()
    return not near and not session.get(KNOWN)


def _passed_on() -> bool:
    """Whether another server hands the request on: it says so, or speaks as no browser does.

    One that hides it and speaks as a browser cannot be told from one: such a server has to be told to say so.
    """
    told = any(name.lower().startswith(PASSED_ON) for name, _ in request.headers)
    return told or request.environ.get("SERVER_PROTOCOL") in OLD


def _gate(problem: str = "", status: int = 200) -> AnyResponse:
    """The code on the console, before anything else."""
    lang = language()
    title = translator(lang)("请输入口令", "Enter the code")
    return bare("pages/start_code.html", lang, title=title, status=status, problem=problem)


def start_code() -> AnyResponse:
    """Somebody says the code."""
    _only_first()
    if not code_fits(home(), request.form.get("code", "")[:40]):
        return _gate(translator(language())("口令不对", "This is not the code"), 403)
    session[KNOWN] = True
    return redirect(url_for("pages.start"), code=303)


def start() -> AnyResponse:
    """The templates and what each brings."""
    _only_first()
    if _stranger():
        return _gate()
    return _page({}, [])


def _page(given: dict[str, str], problems: list[str], status: int = 200) -> AnyResponse:
    lang = language()
    chosen = given.get("template") or request.args.get("template", "")
    catalogue = offers(lang)
    offer = next((each for each in catalogue if each.id == chosen), catalogue[0])
    return bare(
        "pages/start.html",
        lang,
        title=translator(lang)("选一个行业，马上能用", "Choose your trade and start"),
        status=status,
        offers=[asdict(each) for each in catalogue],
        offer=asdict(offer),
        currencies=CURRENCIES,
        given={"firm": "", "currency": "CNY", "admin": "admin", "demo": "1", **dict.fromkeys(COLLEAGUES, ""), **given},
        colleagues=range(MOST_COLLEAGUES),
        invites=any(given.get(f"who.{n}") for n in range(MOST_COLLEAGUES)),
        longest=LONGEST_NAME,
        problems=problems,
    )


def begin() -> AnyResponse:
    """Start making what was chosen."""
    _only_first()
    if _stranger():
        return _gate(status=403)
    form, lang = request.form, language()
    problems = _missing(form, translator(lang))
    wish = None if problems else _wish(form, lang)
    problems += unfit_names(wish) if wish else []
    if wish is None or problems:
        kept = {name: form.get(name, "") for name in ("template", "firm", "currency", "admin", "demo", *COLLEAGUES)}
        return _page(kept, problems, 422)
    session[KEY] = {"token": beginnings.begin(home(), wish, clock()), "admin": wish.admin}
    return redirect(url_for("pages.start_wait"), code=303)


def _missing(form: Mapping[str, str], t: Callable[[str, str], str]) -> list[str]:
    """What the page does not say, or says as it cannot be."""
    least, most = SHORTEST_PASSWORD, LONGEST_PASSWORD
    length = len(form.get("password", ""))
    wrong = (
        (form.get("template") not in {each.id for each in offers("zh")}, "请选择一个模板", "Choose a template"),
        (not form.get("firm", "").strip(), "请填写公司简称", "Say what the firm is called"),
        (form.get("currency") not in CURRENCIES, "请选择本位币", "Choose a currency"),
        (not form.get("admin", "").strip(), "请填写管理员登录名", "Say the administrator's log-in name"),
        (length < least, f"密码至少 {least} 位", f"The password needs at least {least} characters"),
        (length > most, f"密码至多 {most} 位", f"The password may have {most} characters at most"),
    )
    return [t(chinese, english) for is_wrong, chinese, english in wrong if is_wrong]


def _wish(form: Mapping[str, str], lang: str) -> Wish:
    return Wish(
        template=form["template"],
        firm=form["firm"].strip()[:LONGEST],
        language=lang,
        currency=form["currency"],
        admin=form["admin"].strip(),
        password=form["password"],
        demo=bool(form.get("demo")),
        colleagues=_colleagues(form),
    )


def _colleagues(form: Mapping[str, str]) -> list[tuple[str, str]]:
    """Who else may log in, with a role of the template."""
    posts = {role for each in offers("zh") if each.id == form["template"] for role, _ in each.posts}
    named = [(form.get(f"who.{n}", "").strip(), form.get(f"role.{n}", "")) for n in range(MOST_COLLEAGUES)]
    return [(name, role) for name, role in named if name and role in posts]


def start_wait() -> AnyResponse:
    """How far it is; once it is done, its administrator is logged in and stands in the app."""
    kept = session.get(KEY) or {}
    progress = beginnings.progress_of(home(), str(kept.get("token", "")))
    lang = language()
    t = translator(lang)
    if progress is None and "account" in session:  # asked once more by the page that was left
        return Response(status=204) if request.headers.get("HX-Request") else redirect("/", code=303)
    if progress is None:
        return redirect(url_for("pages.start"), code=303)
    if progress.state == "failed":
        session.pop(KEY, None)
        served().forget()
        return _page({}, [t("没有建成：", "It was not made: ") + progress.error], 500)
    if progress.state == "done":
        if request.headers.get("HX-Request"):
            return Response(status=204, headers={"HX-Redirect": url_for("pages.start_wait")})
        people = beginnings.hand_over(home(), str(kept.get("token", "")))
        if people:
            title = t("把登录名和密码告诉同事", "Hand these over to your colleagues")
            return bare("pages/start_people.html", lang, title=title, people=people)
        return _enter(progress.app, str(kept.get("admin", "")))
    share = round(100 * progress.done / progress.total) if progress.total else 3
    words = progress.step if progress.total else t("建表、建账、准备第一天", "Making tables and books")
    return bare(
        "pages/start_wait.html",
        lang,
        title=t("马上就好", "Nearly there"),
        share=share,
        words=words,
    )


def _enter(app: str, admin: str) -> AnyResponse:
    lang = session.get("language")
    session["app"] = app
    served().forget()
    with nobody() as ctx:
        account = accounts.account_named(ctx, admin)
        person = accounts.person_of(ctx, account)
    if person is None:
        return redirect(url_for("pages.log_in"), code=303)
    remember(person, app)
    if lang in LANGUAGES:
        session["language"] = lang
    session[TOUR] = True
    return redirect("/", code=303)


def start_language() -> AnyResponse:
    """The other language, on the same template."""
    given = request.args.get("lang", "")
    if given in LANGUAGES:
        session["language"] = given
    return redirect(url_for("pages.start", template=request.args.get("template") or None))


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/start", "start", start)
    pages.add_url_rule("/start", "begin", begin, methods=["POST"])
    pages.add_url_rule("/start/code", "start_code", start_code, methods=["POST"])
    pages.add_url_rule("/start/wait", "start_wait", start_wait)
    pages.add_url_rule("/start/language", "start_language", start_language)
