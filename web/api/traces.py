"""The genealogy of a record by API: a graph of documents and of what carries things between them."""

from __future__ import annotations

from flask import Blueprint, Response

from runtime import trace
from runtime.errors import Malformed
from runtime.messages import fault
from runtime.record_reading import titles
from web.access import reading
from web.api import parameters
from web.api.records import entity_of
from web.api.shapes import answer


def genealogy(entity: str, id: int) -> Response:
    """Nodes and edges, backward, forward or both ways."""
    with reading() as ctx:
        found = entity_of(ctx, entity)
        direction = parameters.text("direction") or "both"
        if direction not in trace.DIRECTIONS:
            raise Malformed(fault(ctx, "bad_direction", "direction"))
        graph = trace.trace(ctx, found.id, id, direction)
        ledgers = ctx.app.model.ledgers
        items = {
            (ledgers[edge.ledger].dimensions[name].targets[0], record)
            for edge in graph.edges
            for name, record in edge.item.items()
        }
        names = titles(ctx, items)
        return answer(
            {
                "root": graph.root,
                "direction": direction,
                "nodes": [
                    {"key": n.key, "entity": n.entity, "label": n.label, "id": n.id, "title": n.title}
                    for n in graph.nodes
                ],
                "edges": [
                    {
                        "from": edge.source,
                        "to": edge.target,
                        "ledger": edge.ledger,
                        "of": next(
                            (
                                names.get((ledgers[edge.ledger].dimensions[name].targets[0], record), {"id": record})
                                for name, record in edge.item.items()
                            ),
                            None,
                        ),
                        "qty": edge.qty,
                    }
                    for edge in graph.edges
                ],
                "cut": graph.cut,
            }
        )


def register(api: Blueprint) -> None:
    """Attach the address."""
    api.add_url_rule("/trace/<entity>/<id:id>", "trace", genealogy)
