"""Pushing to the browsers of a person: the app's key, the browser's place, and the script that shows messages."""

from __future__ import annotations

from importlib.resources import files

from flask import Blueprint, Response, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import push_places
from web.access import writing
from web.render import tell
from web.texts import translator


def push_key() -> Response:
    """The key by which browsers know this app."""
    with writing() as ctx:
        return jsonify({"key": push_places.keys(ctx)["public"]})


def push_here() -> Response:
    """Push to this browser from now on."""
    form = request.form
    with writing() as ctx:
        device = request.headers.get("User-Agent", "")
        push_places.subscribe(ctx, form.get("endpoint", ""), form.get("p256dh", ""), form.get("auth", ""), device)
    return Response(status=204)


def end_push(id: int) -> AnyResponse:
    """No more to that browser."""
    with writing() as ctx:
        push_places.unsubscribe(ctx, id)
        tell("done", translator(ctx.language)("不再推送到那个浏览器", "No more is pushed to that browser"))
    return redirect(url_for("pages.my_account"), code=303)


def push_worker() -> Response:
    """The script that shows what is pushed, for the whole site; it does nothing else."""
    text = (files("web") / "static" / "push-worker.js").read_text(encoding="utf-8")
    response = Response(text, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/push-worker.js", "push_worker", push_worker)
    pages.add_url_rule("/account/push/key", "push_key", push_key, methods=["POST"])
    pages.add_url_rule("/account/push", "push_here", push_here, methods=["POST"])
    pages.add_url_rule("/account/push/<int:id>/end", "end_push", end_push, methods=["POST"])
