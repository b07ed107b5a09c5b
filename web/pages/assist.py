"""What scripts ask while a person types: records to pick, things to jump to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy import literal

from engine.model import Entity, Field
from runtime import accounts
from runtime.context import RunContext
from runtime.paths import path_end, path_values
from runtime.permissions import demand, rights
from runtime.queries import ListQuery, list_records, search_everywhere
from runtime.query_columns import ListColumn, Named
from runtime.record_inputs import Workspace
from runtime.record_preview import preview
from runtime.record_reading import title_fields, with_live
from runtime.search_keys import search_key
from runtime.sql_scope import MemoryRow, NotInSql
from runtime.values import ENTERED, Refusal, parse_raw
from web.access import reading
from web.api.shapes import answer
from web.display import text_of
from web.forms import percent_typed
from web.pages.records import entity_of
from web.record_fields import FieldScene, posted_value, reference_text
from web.texts import translator
from web.whole import is_whole

MOST_ITEMS = 8
MOST_FACTS = 3
LINE = "in.line."
HEAD = "in."
Part = dict[str, Any]


def pick(entity: str) -> Response:
    """Records that a field may point at, with what picking one would fill in."""
    with reading() as ctx:
        found = ctx.app.model.entities.get(entity)
        if found is None or not found.parent:
            found = entity_of(ctx, entity)
        demand(ctx, found.id, "read")
        owner, field = _field(ctx, request.args.get("for", ""))
        page, facts = _page(ctx, found, owner, field)
        items = [_item(ctx, row, facts) for row in page]
        if field is not None and owner is not None and request.args.get("fill", "1") == "1":
            for item in items:
                item.update(_fills(ctx, owner, field, item["id"]))
        return answer({"items": items, "note": ""})


def _field(ctx: RunContext, path: str) -> tuple[Entity | None, Field | None]:
    entity, _, name = path.rpartition(".")
    owner = ctx.app.model.entities.get(entity)
    field = owner.fields.get(name) if owner else None
    return (owner, field) if field is not None and owner and rights(ctx, owner.id).sees(name) else (None, None)


def _page(
    ctx: RunContext, entity: Entity, owner: Entity | None, field: Field | None
) -> tuple[Sequence[tuple[Any, ...]], Sequence[ListColumn]]:
    paths = _paths(ctx, entity)
    query = ListQuery(q=request.args.get("q", "")[:100], fields=tuple(paths), page_size=MOST_ITEMS)
    where = field.where if field is not None else None
    if where is not None and owner is not None:
        narrowed = ListQuery(
            q=query.q, fields=query.fields, page_size=MOST_ITEMS, where=(where,), this=_at_hand(ctx, owner)
        )
        try:
            page = list_records(ctx, entity.id, narrowed)
        except NotInSql:  # reads something the form has not said yet: the write door judges it
            page = list_records(ctx, entity.id, query)
    else:
        page = list_records(ctx, entity.id, query)
    return page.rows, page.columns


def _paths(ctx: RunContext, entity: Entity) -> list[str]:
    """Code, name and a few facts: what the view ``pick`` shows, else the first columns of the first view."""
    names = title_fields(ctx, entity, rights(ctx, entity.id))
    view = entity.views.get("pick") or next(iter(entity.views.values()), None)
    hidden = rights(ctx, entity.id).hidden
    others = [p for p in (view.columns if view else ()) if p in entity.fields and p not in names and p not in hidden]
    plain = [p for p in others if p not in ("status", "active") and p not in entity.progress]
    return [*names, *plain[:MOST_FACTS]]


def _at_hand(ctx: RunContext, owner: Entity) -> MemoryRow:
    """The form being filled in, as the record that a condition may read."""
    columns: dict[str, Any] = {}
    outer = ctx.app.model.entities[owner.parent] if owner.parent else owner
    for name, raw in request.args.items():
        if name.startswith(LINE):
            _take(ctx, owner, name.removeprefix(LINE), raw, "", columns)
        elif name.startswith(HEAD):
            _take(ctx, outer, name.removeprefix(HEAD), raw, "parent." if owner.parent else "", columns)
    return MemoryRow(owner.id, columns, (outer.id,) if owner.parent else ())


def _take(ctx: RunContext, entity: Entity, name: str, raw: str, prefix: str, columns: dict[str, Any]) -> None:
    field = entity.fields.get(name)
    if field is None or field.many or field.lines or name not in ctx.app.tables.entity[entity.id].c:
        return
    kind = ctx.app.tables.entity[entity.id].c[name].type
    try:
        value = int(raw) if field.targets and is_whole(raw) else parse_raw(ctx, field, raw) if raw else None
    except Refusal:
        return
    columns[prefix + name] = literal(value, kind)


def _item(ctx: RunContext, row: Sequence[Any], columns: Sequence[ListColumn]) -> Part:
    shown = dict(zip((c.path for c in columns), row[1:], strict=True))
    told = [_fact(ctx, c, shown[c.path]) for c in columns if c.path not in ("code", "name")]
    name, facts = shown.get("name") or shown.get("code"), [f for f in told if f]
    if not name and facts:  # a line has no name of its own: what it is about names it
        name, *facts = facts
    return {"id": row[0], "code": shown.get("code") or "", "name": name or f"#{row[0]}", "facts": facts}


def _fact(ctx: RunContext, column: ListColumn, value: object) -> str:
    if isinstance(value, Named):
        return value.name or value.code or ""
    text = text_of(ctx, column.field, value)
    return (
        f"{column.label} {text}" if text and column.field.value.kind.value in ("quantity", "money", "number") else text
    )


def _fills(ctx: RunContext, owner: Entity, field: Field, record: int) -> Part:
    """What else the form would say with this record picked."""
    head = {n.removeprefix(HEAD): v for n, v in request.args.items() if n.startswith(HEAD) and not n.startswith(LINE)}
    line = {n.removeprefix(LINE): v for n, v in request.args.items() if n.startswith(LINE)}
    if owner.parent:
        outer = ctx.app.model.entities[owner.parent]
        values: dict[str, Any] = {
            **_known(outer, head),
            owner.parent_field: [{**_known(owner, line, field), field.id: record}],
        }
        made = preview(ctx, outer.id, values)[0]
        rows = made.get(owner.parent_field) or [{}]
        found = _filled(ctx, owner, field, rows[0], {name for name, typed in line.items() if typed})
        for name, text in _told(ctx, outer, owner, made, rows[0]).items():
            found["fills"].setdefault(name, text)
            found["fill_texts"].setdefault(name, text)
        return found
    made = preview(ctx, owner.id, {**_known(owner, head, field), field.id: record})[0]
    return _filled(ctx, owner, field, made, {name for name, typed in head.items() if typed})


def _told(
    ctx: RunContext, outer: Entity, owner: Entity, made: dict[str, Any], row: Mapping[str, Any]
) -> dict[str, str]:
    """What the columns of the grid that nobody types say of the picked record: its facts and live figures."""
    section = next((s for s in (outer.form.sections if outer.form else ()) if s.lines == owner.parent_field), None)
    if section is None or not row:
        return {}
    with_live(Workspace(ctx), outer, [made])
    told: dict[str, str] = {}
    for path in section.fields:
        end = path_end(ctx, owner.id, path)
        if end is None or ("." not in path and end.field.formula is None) or end.field.targets:
            continue
        value = path_values(ctx, owner.id, [row], path)[0]  # type: ignore[list-item]
        told[path.replace(".", "__")] = text_of(ctx, end.field, value)
    return told


def _known(entity: Entity, values: Mapping[str, str], picked: Field | None = None) -> dict[str, object]:
    """The typed values that picking does not change: fields that follow others are left to follow."""
    kept: dict[str, object] = {}
    for name, raw in values.items():
        one = entity.fields.get(name)
        if one is None or one.formula is not None or one.lines or raw == "" or (picked and one.fill is not None):
            continue
        typed = percent_typed(raw) if one.type == "percent" else raw
        kept[name] = int(raw) if one.targets and is_whole(raw) else typed
    return kept


def _filled(ctx: RunContext, entity: Entity, picked: Field, row: Mapping[str, Any], typed: set[str]) -> Part:
    """What follows the picked record, and defaults of what nobody has typed yet."""
    names = {
        (target, value): _named(ctx, target, value)
        for one in entity.fields.values()
        if (one.fill is not None or one.default is not None)
        and isinstance(value := row.get(one.id), int)
        and not isinstance(value, bool)
        for target in (one.targets or one.value.targets)[:1]
    }
    scene = FieldScene(ctx=ctx, names=names)
    fills: Part = {}
    texts: Part = {}
    hidden = rights(ctx, entity.id).hidden
    for one in entity.fields.values():
        follows = one.fill is not None or (one.default is not None and one.id not in typed)
        if not follows or one.id == picked.id or row.get(one.id) is None or one.id in hidden or one.many:
            continue
        fills[one.id] = posted_value(scene, one, row)
        words = (
            reference_text(scene, one, row[one.id])
            if one.targets
            else text_of(ctx, one, row.get(one.id + ENTERED, row[one.id]))
        )
        texts[one.id] = words
    return {"fills": fills, "fill_texts": texts}


def _named(ctx: RunContext, entity: str, record: int) -> Part:
    """Code and name of a record the person may know of."""
    if not rights(ctx, entity).may("read"):
        return {"id": record}
    known = ctx.app.model.entities[entity]
    names = title_fields(ctx, known, rights(ctx, entity))
    table = ctx.app.tables.entity[entity]
    row = ctx.connection.execute(table.select().where(table.c.id == record)).mappings().first()
    return {"id": record, **{n: row[n] for n in names}} if row else {"id": record}


def colleagues() -> Response:
    """People one may mention in a remark: those who can log in, by name, its pinyin or the name they log in with."""
    words = request.args.get("q", "")[:40].lower()
    with reading() as ctx:
        known = [one for one in accounts.accounts(ctx) if one["active"]]
        names = accounts.account_names(ctx, [one["id"] for one in known])
    people = [{"id": one["id"], "name": names[one["id"]], "code": one["name"]} for one in known]
    fitting = [one for one in people if words in search_key((one["name"], one["code"]))]
    return answer({"items": fitting[:MOST_ITEMS]})


def search() -> Response:
    """Records and pages to jump to."""
    words = request.args.get("q", "")[:100]
    with reading() as ctx:
        t = translator(ctx.language)
        items: list[Part] = []
        for entity, named in search_everywhere(ctx, words, 4):
            found = ctx.app.model.entities[entity]
            items.append(
                {
                    "label": " ".join(x for x in (named.name, named.code) if x) or f"#{named.id}",
                    "note": found.label.get(ctx.language),
                    "url": url_for("pages.record", entity=entity, id=named.id),
                    "icon": found.icon or "file-text",
                }
            )
        items += _places(ctx, words, t("新建", "New"))
        return answer({"items": items[:20]})


def _places(ctx: RunContext, words: str, new: str) -> list[Part]:
    """Lists whose name has the words, and making a new one."""
    typed = words.strip().lower()
    found: list[Part] = []
    for entity in ctx.app.model.entities.values():
        label = entity.label.get(ctx.language)
        allowed = rights(ctx, entity.id)
        if entity.parent or entity.kind.value in ("system", "setting") or not allowed.may("read"):
            continue
        if typed and typed not in label.lower() and typed not in entity.label.en.lower():
            continue
        icon = entity.icon or "file-text"
        found.append({"label": label, "note": "", "url": url_for("pages.records", entity=entity.id), "icon": icon})
        if allowed.may("create"):
            url = url_for("pages.new_record", entity=entity.id)
            found.append({"label": f"{new} {label}", "note": "", "url": url, "icon": "plus"})
    return found


def register(pages: Blueprint) -> None:
    """Attach the addresses."""
    pages.add_url_rule("/pick/<entity>", "pick", pick)
    pages.add_url_rule("/search", "search", search)
    pages.add_url_rule("/colleagues", "colleagues", colleagues)
