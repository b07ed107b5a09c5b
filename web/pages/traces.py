"""Where a record came from and where it went: the drawing, the tables behind it, and what can be done about it."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from runtime import records, trace, workflow
from runtime.context import RunContext
from runtime.errors import UserError
from web import trace_about, trace_view
from web.access import reading, writing
from web.display import number
from web.pages.records import entity_of
from web.render import render, tell
from web.texts import translator
from web.trace_layout import drawing
from web.whole import is_whole

Part = dict[str, Any]
ZOOMS = (50, 75, 100, 150)


def traced(entity: str, id: int) -> AnyResponse:
    """The genealogy of a record."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        direction = request.args.get("direction", "forward")
        direction = direction if direction in trace.DIRECTIONS else "forward"
        began = perf_counter()
        graph = trace.trace(ctx, found.id, id, direction)
        seconds = perf_counter() - began
        there = trace_view.remaining(ctx, graph)
        opened = request.args.getlist("open")
        drawn = drawing(graph, opened)
        t = translator(ctx.language)
        root = next(node for node in graph.nodes if node.key == graph.root)
        tables = trace_view.tables(ctx, graph, there)
        about = trace_about.about(ctx, entity, id)
        return render(
            ctx,
            "pages/trace.html",
            title=f"{root.title}",
            crumb={"label": root.label, "url": url_for("pages.record", entity=entity, id=id)},
            ways=_ways(ctx, entity, id, direction),
            zooms=_zooms(entity, id, direction, opened),
            zoom=_zoom(),
            drawn=drawn,
            boxes=trace_view.boxes(ctx, graph, drawn, there, _base(entity, id, direction, opened)),
            facts=_facts(ctx, graph, drawn.columns, there),
            tables=tables,
            about=about,
            tabs=_tabs(about, tables),
            acts=trace_view.acts(ctx, entity),
            act_url=url_for("pages.act_on_trace", entity=entity, id=id),
            took=t(f"用时 {seconds:.2f} 秒", f"{seconds:.2f} s"),
            cut=graph.cut,
            whole=url_for("pages.traced", entity=entity, id=id, direction=direction) if opened else "",
        )


def _base(entity: str, id: int, direction: str, opened: list[str]) -> str:
    return url_for("pages.traced", entity=entity, id=id, direction=direction, zoom=_zoom(), open=opened or None)


def _zoom() -> int:
    given = request.args.get("zoom", "100")
    return int(given) if given in {str(z) for z in ZOOMS} else 100


def _ways(ctx: RunContext, entity: str, id: int, direction: str) -> list[Part]:
    t = translator(ctx.language)
    words = {
        "forward": t("正向：去了哪里", "Forward: where it went"),
        "backward": t("反向：从哪来", "Backward: where it came from"),
        "both": t("双向", "Both ways"),
    }
    url = {way: url_for("pages.traced", entity=entity, id=id, direction=way) for way in words}
    return [{"label": label, "url": url[way], "current": way == direction} for way, label in words.items()]


def _zooms(entity: str, id: int, direction: str, opened: list[str]) -> list[Part]:
    return [
        {
            "label": f"{zoom}%",
            "url": url_for("pages.traced", entity=entity, id=id, direction=direction, zoom=zoom, open=opened or None),
            "current": zoom == _zoom(),
        }
        for zoom in ZOOMS
    ]


def _tabs(about: list[Part], tables: list[Part]) -> list[Part]:
    """What stands below the drawing: the documents about the record, then a table for each kind that was met."""
    made = [
        {
            "key": one["key"],
            "label": f"{one['label']} {one['code']}",
            "count": sum(g["count"] for g in one["grids"][:1]),
        }
        for one in about
    ]
    return [*made, *({"key": one["id"], "label": one["label"], "count": one["count"]} for one in tables)]


def _facts(ctx: RunContext, graph: trace.Graph, columns: int, there: dict[str, Any]) -> list[Part]:
    t = translator(ctx.language)
    _, went = trace_view.amounts(graph, there)
    kinds: dict[str, tuple[str, int]] = {}
    for node in graph.nodes:
        if node.key != graph.root:
            kinds[node.entity] = (node.label, kinds.get(node.entity, ("", 0))[1] + 1)
    facts = [
        {"label": t("层", "Levels"), "text": str(columns)},
        {"label": t("节点", "Records"), "text": number(len(graph.nodes))},
        *({"label": label, "text": number(count)} for label, count in list(kinds.values())[:4]),
    ]
    left = sum(there.values())
    if left:
        facts.append({"label": t("在库", "On hand"), "text": number(left), "tone": "amber"})
    out, here = went.get(graph.root), there.get(graph.root)
    if out is not None and here is not None:
        told = t(f"{number(out)} 已出 + {number(here)} 在库", f"{number(out)} out + {number(here)} on hand")
        facts.append({"label": t("本批", "This record"), "text": told})
    return facts


def act_on_trace(entity: str, id: int) -> AnyResponse:
    """Make the chosen document about a record, or move one on; where the person may, it takes effect at once."""
    with writing() as ctx:
        found = entity_of(ctx, entity)
        if "take" in request.form:
            return _moved_on(ctx, found.id, id, request.form["take"])
        chosen = next((a for a in trace_view.acts(ctx, found.id) if a["entity"] == request.form.get("act")), None)
        if chosen is None:
            abort(404)
        made, at_once = trace_view.act(ctx, chosen["entity"], chosen["start"], id, chosen["step"])
        t = translator(ctx.language)
        if at_once:
            try:
                workflow.take(ctx, chosen["entity"], made, chosen["step"])
                tell("done", t(f"{chosen['title']}：{chosen['label']}", f"{chosen['title']}: {chosen['label']}"))
            except UserError as error:
                tell("failed", "；".join(f.message for f in error.faults))
        else:
            tell("info", t("填好后再提交", "Fill it in and submit it"))
        return redirect(url_for("pages.record", entity=chosen["entity"], id=made), 303)


def _moved_on(ctx: RunContext, entity: str, id: int, wanted: str) -> AnyResponse:
    """Take the chosen transition of a document about the record as it was shown, and come back."""
    offered = {
        act["value"]: f"{one['label']} {one['code']}：{act['label']}"
        for one in trace_about.about(ctx, entity, id)
        for act in one["acts"]
    }
    if wanted not in offered:
        abort(404)
    document, number_, step = wanted.split(":")
    seen = request.form.get("version", "")
    try:
        row = records.load_visible(ctx, document, int(number_), lock=True)
        records.check_version(ctx, document, row, int(seen) if is_whole(seen) else None)
        workflow.take(ctx, document, int(number_), step)
        tell("done", offered[wanted])
    except UserError as error:
        tell("failed", "；".join(f.message for f in error.faults))
    return redirect(url_for("pages.traced", entity=entity, id=id), 303)


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/trace/<entity>/<int:id>", "traced", traced)
    pages.add_url_rule("/trace/<entity>/<int:id>/acts", "act_on_trace", act_on_trace, methods=["POST"])
