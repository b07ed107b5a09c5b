"""The edge: whatever goes wrong in a request ends here as a page or a problem document, never as a traceback."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flask import Flask, Response, redirect, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, DBAPIError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from engine.expressions.problems import ExpressionOverflow
from engine.problems import MetadataError
from runtime.database import RETRIED, Busy
from runtime.errors import Fault, UserError
from runtime.logs import logger
from web.access import LogInNeeded
from web.api.errors import http_problem, is_api, problem, status_of, user_problem
from web.templating import html
from web.texts import language, translator

BROKEN, UNAVAILABLE = 500, 503


def refused(error: UserError) -> AnyResponse:
    """A refusal: the faults as a problem document or as a page."""
    if is_api():
        return user_problem(error)
    if any(found.code == "no_app" for found in error.faults):
        return redirect(url_for("pages.start"))
    return page(int(status_of(error)), [f.message for f in error.faults])


def log_in_needed(error: LogInNeeded) -> AnyResponse:
    """Send a page to the log-in, tell a program 401."""
    if is_api():
        response = problem(401, "Unauthorized", [error.reason])
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": url_for("pages.log_in")})
    target = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return redirect(url_for("pages.log_in", next=target))


def too_large(error: Exception) -> AnyResponse:
    """A figure that no column holds."""
    t = translator(language())
    fault = Fault(
        code="too_large", message=t("数字太大，算不出来；请改小数量或价格", "A figure is too large to compute")
    )
    return problem(422, "Unprocessable Entity", [fault]) if is_api() else page(422, [fault.message])


def busy(error: Exception) -> AnyResponse:
    """The database is busy: nothing was written, the same request may be sent again."""
    t = translator(language())
    fault = Fault(
        code="busy", message=t("系统正忙，什么也没有写入；请再试一次", "Busy; nothing was written. Please try again")
    )
    response = problem(UNAVAILABLE, "Busy", [fault]) if is_api() else page(UNAVAILABLE, [fault.message])
    response.headers["Retry-After"] = "2"
    return response


def csrf_missing(error: CSRFError) -> AnyResponse:
    """A form that was open for too long, or that is not ours."""
    t = translator(language())
    message = t("页面放得太久了，请刷新后再提交", "This page was open for too long; reload it and send again")
    return problem(400, "Bad Request", [Fault(code="csrf", message=message)]) if is_api() else page(400, [message])


def broken(error: Exception) -> AnyResponse:
    """A fault of ours: told in the log with everything, to the user without anything.

    A transaction that the database broke off for another's sake is none: it may simply be sent again.
    """
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") in RETRIED:
        return busy(error)
    logger("dougong").error("request failed", path=request.path, method=request.method, exc_info=error)
    t = translator(language())
    message = t(
        "系统出错了，已记入日志；什么也没有写入", "Something broke on our side; it is in the log. Nothing was written"
    )
    return (
        problem(500, "Internal Server Error", [Fault(code="broken", message=message)])
        if is_api()
        else page(500, [message])
    )


TITLES = {
    400: ("请求有误", "Bad request"),
    403: ("没有权限", "No right"),
    404: ("找不到", "Not found"),
    405: ("不能这样请求", "Not allowed"),
    409: ("现在不能这样做", "Not possible now"),
    412: ("有人先保存了", "Somebody saved first"),
    413: ("太大了", "Too large"),
    422: ("有的值不对", "Some values are wrong"),
    503: ("正忙", "Busy"),
}


def page(status: int, messages: list[str]) -> AnyResponse:
    """A page that says what is wrong and leads back."""
    zh, en = TITLES.get(status, ("出错了", "Something went wrong"))
    lang = language()
    return Response(html(lang, "pages/error.html", title=translator(lang)(zh, en), messages=messages), status=status)


UNREACHED: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        404: ("没有这个页面", "There is no such page"),
        405: ("这个地址不接受这样的请求", "This address does not take such a request"),
        413: ("文件或表单太大了", "The file or form is too large"),
    }
)
"""What a page says of a request that never reached one of ours, by status."""


def not_reached(error: HTTPException) -> AnyResponse:
    """An unknown address, a wrong method, a body beyond all measure: in the shape of whoever asked."""
    if is_api():
        return http_problem(error)
    code = error.code or BROKEN
    if code not in UNREACHED:
        return error.get_response()
    response = page(code, [translator(language())(*UNREACHED[code])])
    response.headers.extend((n, v) for n, v in error.get_headers() if n.lower() == "allow")
    return response


def bad_definition(error: MetadataError) -> AnyResponse:
    """A definition that does not hold (an old version under a newer base): every place that is wrong, with its line."""
    faults = [Fault(code=p.code, field=p.path, message=str(p)) for p in error.problems]
    return problem(422, "Unprocessable Entity", faults) if is_api() else page(422, [f.message for f in faults])


def register(app: Flask) -> None:
    """Attach all handlers."""
    app.register_error_handler(UserError, refused)
    app.register_error_handler(LogInNeeded, log_in_needed)
    app.register_error_handler(ExpressionOverflow, too_large)
    app.register_error_handler(DataError, too_large)
    app.register_error_handler(Busy, busy)
    app.register_error_handler(OverflowError, too_large)
    app.register_error_handler(MetadataError, bad_definition)
    app.register_error_handler(HTTPException, not_reached)
    app.register_error_handler(CSRFError, csrf_missing)
    if not app.testing:
        app.register_error_handler(DBAPIError, broken)
        app.register_error_handler(Exception, broken)
