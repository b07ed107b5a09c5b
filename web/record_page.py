"""A record's page: one page to read, fill in and act on, made from the entity's form and the reader's rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import request, url_for
from markupsafe import escape

from engine.expressions.tree import Expr
from engine.model import Entity
from runtime.context import RunContext
from runtime.errors import Fault
from runtime.files import describe
from runtime.permissions import rights
from runtime.record_inputs import Workspace
from runtime.record_locks import locked_fields
from runtime.record_reading import file_numbers, references_of, titles
from runtime.record_texts import full_title
from web import formulas, record_flow
from web.forms import header_links
from web.record_actions import dialog_bodies
from web.record_fields import FieldScene, file_view
from web.record_grid import texts_beside
from web.record_html import RecordHtml
from web.record_outline import Look
from web.record_sections import sections
from web.record_warnings import line_notes
from web.texts import translator

Row = dict[str, Any]
View = dict[str, Any]


def scene_of(
    ctx: RunContext,
    entity: Entity,
    row: Row,
    *,
    faults: Sequence[Fault] = (),
    warnings: Sequence[Fault] = (),
    posted: Mapping[str, str] | None = None,
) -> FieldScene:
    """What is the same for all fields of the page."""
    new = row.get("id") is None
    allowed = rights(ctx, entity.id)
    editable = (allowed.may("create") if new else allowed.may("change")) and row.get("deleted_at") is None
    numbers = sorted(set(file_numbers(ctx, entity, [row])))
    described = describe(ctx, numbers) if numbers else {}
    return FieldScene(
        ctx=ctx,
        names=titles(ctx, references_of(ctx, entity, [row]), texts_beside(ctx, entity)),
        files={
            n: {"id": f.id, "name": f.name, "media_type": f.media_type, "size": f.size} for n, f in described.items()
        },
        errors={f.field: f.message for f in faults if f.field},
        warnings={f.field: f.message for f in warnings if f.field},
        locked=locked_fields(ctx, entity.id, None if new else row),
        editable=editable,
        posted=posted,
        conditions=_conditions(ctx, entity, row),
        notes={f.id: line_notes(warnings, f.id) for f in entity.fields.values() if f.lines},
    )


def _conditions(ctx: RunContext, entity: Entity, row: Row) -> dict[tuple[str, str], bool]:
    at = Workspace(ctx)
    found: dict[tuple[str, str], bool] = {}
    for one in entity.fields.values():
        for what, given in (("required", one.required), ("visible", one.visible)):
            if isinstance(given, Expr):
                found[one.id, what] = bool(at.evaluate(given, [row], None, entity.id)[0])
    return found


def record_view(ctx: RunContext, entity: Entity, row: Row, scene: FieldScene) -> View:
    """What a page shows of a record that is looked at on the way to something else."""
    return {
        "title": full_title(Workspace(ctx), entity.id, row),
        "label": entity.label.get(ctx.language),
        "url": url_for("pages.record", entity=entity.id, id=row["id"]),
        "chips": record_flow.chips(ctx, entity, row),
        "sections": [{**each.part._asdict(), "html": each.html} for each in sections(scene, entity, row)],
        "flow": record_flow.flow(ctx, entity, row),
        "given": record_flow.given(ctx, entity, row["id"]),
    }


class Sheet(NamedTuple):
    """The page of a record: what steers it, and the words (safe as HTML) that are filled in."""

    look: Look
    words: dict[str, str]


def sheet(ctx: RunContext, entity: Entity, row: Row, scene: FieldScene, told: Sequence[Fault]) -> Sheet:
    """The whole page; ``told``: what may be saved and should still be looked at."""
    record = row.get("id")
    html = RecordHtml(ctx)
    made = sections(scene, entity, row)
    version, module = row.get("version", ""), formulas.module_url(ctx, entity)
    words: dict[str, str] = {
        "id": str(record or ""),
        "title": str(escape(_title(ctx, entity, row))),
        "version": str(version),
        "module": str(escape(module)),
        "marks": html.marks(record_flow.chips(ctx, entity, row)),
        "links": "" if record else html.links(links_of(entity, row)),
        "notices": html.notices([fault.message for fault in told if not fault.field]),
    }
    words.update((f"part{i}", each.html) for i, each in enumerate(made))
    look = Look(
        entity=entity.id,
        roles=ctx.user.roles,
        system=ctx.user.is_system,
        root=request.script_root,
        new=not record,
        versioned=version != "",
        deleted=row.get("deleted_at") is not None,
        editable=scene.editable and _something_editable(entity, scene),
        scripted=bool(module),
        parts=tuple([each.part for each in made]),
    )
    return Sheet(look, words) if not record else _standing(ctx, entity, row, scene, Sheet(look, words), html)


def _standing(ctx: RunContext, entity: Entity, row: Row, scene: FieldScene, sheet: Sheet, html: RecordHtml) -> Sheet:
    """What a record has that is not new: documents around it, steps to take, a flow and a past, files."""
    words = sheet.words
    chain, alone = record_flow.chain(ctx, entity, row)
    flow = record_flow.flow(ctx, entity, row)
    given = record_flow.given(ctx, entity, row["id"])
    history, more = record_flow.history(ctx, entity, row["id"], whole=request.args.get("history") == "all")
    moves = record_flow.moves(ctx, entity, row)
    mine = record_flow.mine_to_take_back(ctx, entity, row)
    files = [file_view(scene.files[number]) for number in sorted(scene.files)]
    told = html.entries(history)
    words.update(
        chain=html.chain(chain) if chain else "",
        flow=html.flow(flow) if flow else "",
        given=html.given(given) if given else "",
        take_back=str(escape(mine)),
        recent=html.history(told[:5]),
        history=html.history(told),
        history_count=f"{len(history)}{'+' if more else ''}",
        files=html.files(files) if files else "",
        files_count=str(len(files)),
    )
    bodies = dialog_bodies(ctx, entity, row, moves, scene, html, alone=alone)
    for move, action in moves:
        words[f"refused-{move.id}"] = str(escape(action.refused_because))
        words[f"body-{move.id}"] = bodies.get(move.id, "")
    look = sheet.look._replace(
        chained=bool(chain),
        flowing=bool(flow),
        given=bool(given),
        taken=bool(mine),
        filed=bool(files),
        more_history=more,
        moves=tuple([move for move, _ in moves]),
        draws=record_flow.draws(ctx, entity, row),
    )
    return Sheet(look, words)


def _title(ctx: RunContext, entity: Entity, row: Row) -> str:
    if row.get("id"):
        return full_title(Workspace(ctx), entity.id, row)
    return translator(ctx.language)(f"新建{entity.label.zh}", f"New {entity.label.en.lower()}")


def links_of(entity: Entity, row: Row) -> list[tuple[str, object]]:
    """What a new document was drawn from, as it is posted beside what the page shows."""
    shown = {name for s in (entity.form.sections if entity.form else ()) for name in s.fields if s.kind != "grid"}
    values = [(name, row.get(name)) for name in header_links(entity) if name not in shown]
    return [(name, v) for name, value in values for v in (value if isinstance(value, tuple) else (value,)) if v]


def _something_editable(entity: Entity, scene: FieldScene) -> bool:
    return any(f.id not in scene.locked and f.formula is None for f in entity.fields.values())
