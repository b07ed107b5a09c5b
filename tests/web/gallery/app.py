"""A small server that shows every component with invented data: for eyes, axe and the browser tests; never shipped."""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path

from flask import Flask, Response, abort, jsonify, render_template, request
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined

from tests.web.gallery import data

HERE = Path(__file__).parent
WEB = HERE.parents[2] / "web"
DIST = WEB / "static" / "dist"
POLICY = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; object-src 'none'"


def create_gallery() -> Flask:
    """The gallery with the same policy headers and template globals as the product."""
    app = Flask("gallery", static_folder=None)
    app.jinja_loader = ChoiceLoader([FileSystemLoader(HERE / "pages"), FileSystemLoader(WEB / "templates")])
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    names = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))
    app.jinja_env.globals["asset"] = lambda name: f"/static/dist/{names[name]}"
    app.jinja_env.globals["t"] = lambda zh, en: en if language() == "en" else zh

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-store"
        return response

    add_pages(app)
    return app


def language() -> str:
    """The language asked for in the address."""
    return "en" if request.args.get("lang") == "en" else "zh"


def add_pages(app: Flask) -> None:
    """The pages and the little endpoints that the scripts talk to."""

    @app.get("/<page>")
    def page(page: str) -> str:
        if not (HERE / "pages" / f"{page}.html").exists():
            abort(404)
        lang = language()
        return render_template(
            f"{page}.html",
            lang=lang,
            theme=request.args.get("theme", "light"),
            csrf="token",
            density="",
            title=page,
            shell=data.shell(lang, page),
            data=data,
            here=f"/{page}",
        )

    @app.get("/static/dist/<path:name>")
    def built(name: str) -> Response:
        # read whole: a page left early must not leave a file open
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response((DIST / name).read_bytes(), mimetype=kind)

    add_endpoints(app)


def add_endpoints(app: Flask) -> None:
    """What the scripts ask for and send."""

    @app.get("/pick/<entity>")
    def pick(entity: str) -> Response:
        return jsonify(items=data.picks(request.args.get("q", "")), note=data.PICK_NOTE[language()])

    @app.get("/search")
    def search() -> Response:
        return jsonify(items=data.found(request.args.get("q", "")))

    @app.get("/forms/sales.js")
    def formulas() -> Response:
        return Response(data.FORMULAS, mimetype="text/javascript")

    @app.post("/preferences")
    def preferences() -> tuple[str, int]:
        app.config.setdefault("SAVED", []).append(request.form.to_dict())
        return "", 204

    @app.post("/files")
    def files() -> Response:
        sent = request.files["file"]
        return jsonify(id=7, name=sent.filename, size="1 KB", url="/files/7")

    @app.post("/form")
    def posted() -> Response:
        return jsonify(request.form.to_dict(flat=False))

    @app.post("/draft")
    def draft() -> Response:
        return jsonify(saved="09:41")


if __name__ == "__main__":
    create_gallery().run(port=8790)
