"""The import page as its template takes it: where a file is brought, what its columns are, what each row comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import url_for
from sqlalchemy import select

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.app_source import Definition
from runtime.apps import AppHome
from runtime.context import RunContext
from runtime.importing_fields import KINDS, propose
from runtime.importing_kept import imports
from runtime.importing_mapping import importable, kept_mappings
from runtime.importing_outcome import Outcome
from runtime.importing_table import Table, cell_text
from runtime.permissions import is_admin
from runtime.row_rules import row_condition
from web.display import moment, number
from web.import_choice import NEW, Choice, examples, makes, matches, missing_words, needed
from web.texts import translator

Part = dict[str, Any]
SHOWN_ROWS = 100
SHOWN_COLUMNS = 12
SHOWN_TOLD = 200
MOST_PICKS = 200
TYPE_WORDS: Mapping[str, tuple[str, str]] = {
    "text": ("文字", "Text"),
    "long_text": ("长文字", "Long text"),
    "integer": ("整数", "Whole number"),
    "decimal": ("小数", "Number"),
    "money": ("金额", "Money"),
    "percent": ("百分比", "Percentage"),
    "date": ("日期", "Date"),
    "yes_no": ("是或否", "Yes or no"),
    "choice": ("选项", "Choice"),
    "phone": ("电话", "Phone"),
    "email": ("邮箱", "E-mail"),
    "link": ("网址", "Link"),
    "barcode": ("条码", "Bar code"),
}


def bring_view(ctx: RunContext, entity: Entity, problems: tuple[str, ...] = ()) -> Part:
    """Before there is a file."""
    return {
        **_common(ctx, entity, problems),
        "brought": None,
        "kept": kept_mappings(ctx, entity.id),
        "fields": [label for _, label in choices(ctx, entity)][:40],
        "past": [_past(ctx, one) for one in imports(ctx, entity.id, 5)],
    }


def _common(ctx: RunContext, entity: Entity, problems: Sequence[str] = ()) -> Part:
    t = translator(ctx.language)
    return {
        "title": t(f"导入{entity.label.zh}", f"Import {entity.label.en.lower()}"),
        "entity": entity.id,
        "crumb": {"label": entity.label.get(ctx.language), "url": url_for("pages.records", entity=entity.id)},
        "problems": [{"label": "", "message": p} for p in problems],
    }


def _past(ctx: RunContext, one: Any) -> Part:
    t = translator(ctx.language)
    return {
        "url": url_for("pages.import_record", number=one.id),
        "file": one.file,
        "when": moment(one.at, ctx),
        "by": one.by,
        "count": t(f"{number(one.created + one.updated)} 条", number(one.created + one.updated)),
        "undone": one.undone_at is not None,
    }


def choices(ctx: RunContext, entity: Entity) -> list[tuple[str, str]]:
    """Every field a column can go to, with its name."""
    found = []
    for path, field in importable(ctx, entity):
        first, _, rest = path.partition(".")
        label = field.label.get(ctx.language)
        found.append((path, f"{entity.fields[first].label.get(ctx.language)} · {label}" if rest else label))
    return found


def judged_view(
    ctx: RunContext,
    entity: Entity,
    table: Table,
    choice: Choice,
    outcome: Outcome | None,
    form: Mapping[str, str],
    *,
    work: str,
    show: str,
    added: Part | None,
    problems: Sequence[str],
) -> Part:
    """What the file is, and what would come of it. ``added``: what new fields would change."""
    columns = _columns(ctx, entity, table, choice)
    return {
        **_common(ctx, entity, problems),
        "brought": {"name": form["name"], "token": form["token"]},
        "columns": columns,
        "paths": choices(ctx, entity),
        "may_add": is_admin(ctx),
        "new": NEW,
        "types": [(kind, translator(ctx.language)(*TYPE_WORDS[kind])) for kind in KINDS],
        "by_hand": choice.by_hand,
        "gone": choice.gone,
        "from_kept": choice.kept if not any(n.startswith("keep") and form[n] for n in form) else "",
        "keep": form.get("keep", ""),
        "match": choice.mapping.match,
        "matches": [(p, entity.fields[p].label.get(ctx.language)) for p in matches(entity, choice.mapping.cells)],
        "needed": [_needed(ctx, path, spec, choice) for path, spec in needed(ctx, entity, choice.mapping)],
        "added": added,
        "verdict": _verdict(ctx, outcome, entity.id, work, show),
        "heads": list(table.columns)[:SHOWN_COLUMNS],
        "rows": _rows(ctx, table, outcome, show),
        "told": _told(ctx, entity, outcome),
    }


def _columns(ctx: RunContext, entity: Entity, table: Table, choice: Choice) -> list[Part]:
    places = {cell.column: (path, cell) for path, cell in choice.mapping.cells.items() if cell.column}
    fresh = {each.column: each for each in choice.fresh}
    specs = dict(importable(ctx, entity))
    ids = [each.id for each in choice.fresh]
    found = []
    for index, heading in enumerate(table.columns):
        if not heading:
            continue
        path, cell = places.get(heading, ("", None))
        spec = specs.get(path)
        target = makes(ctx, spec) if spec is not None else ""
        missing = missing_words(ctx, spec, table, heading) if spec is not None and target and cell else []
        proposed = fresh.get(heading) or (propose(entity, heading, table.columns[heading], ids) if not path else None)
        found.append(
            {
                "index": index,
                "heading": heading,
                "examples": examples(table, heading),
                "path": NEW if heading in fresh else path,
                "by_content": heading in choice.by_content,
                "missing": missing[:6],
                "missing_count": len(missing),
                "create": bool(cell and cell.create),
                "label": proposed.label if proposed else "",
                "type": proposed.type if proposed else "text",
            }
        )
    return found


def _needed(ctx: RunContext, path: str, spec: Field, choice: Choice) -> Part:
    """A field that must be given and that the file does not have: one value for all rows."""
    cell = choice.mapping.cells.get(path)
    picks: list[tuple[str, str]] = []
    if spec.options:
        picks = [(o.id, o.label.get(ctx.language)) for o in spec.options if not o.retired]
    elif spec.value.kind is Kind.REFERENCE and len(spec.targets) == 1:
        picks = _records(ctx, spec.targets[0])
    return {
        "path": path,
        "label": spec.label.get(ctx.language),
        "picks": picks,
        "value": str(cell.constant) if cell is not None and cell.constant is not None else "",
        "makes": bool(makes(ctx, spec)),
    }


def _records(ctx: RunContext, entity: str) -> list[tuple[str, str]]:
    described, table = ctx.app.model.entities[entity], ctx.app.tables.entity[entity]
    names = [name for name in ("code", "name") if name in described.fields]
    if not names:
        return []
    condition = row_condition(ctx, entity)
    query = select(*(table.c[n] for n in names)).where(table.c.deleted_at.is_(None)).order_by(table.c[names[0]])
    rows = ctx.connection.execute((query if condition is None else query.where(condition)).limit(MOST_PICKS))
    return [(str(row[0]), " ".join(dict.fromkeys(str(cell) for cell in row if cell))) for row in rows]


def new_fields_view(app: str, language: str, home: AppHome, definition: Definition, count: int) -> Part:
    """What adding fields would change, as by any change of the definition. Called outside any transaction."""
    change = home.preview(app, definition)
    return {
        "count": count,
        "differences": [(path, new) for path, _old, new in change.differences],
        "steps": [step.describe(language) for step in change.steps],
    }


def _verdict(ctx: RunContext, outcome: Outcome | None, entity: str, work: str, show: str) -> Part | None:
    """The counts, each a way to its rows."""
    if outcome is None:
        return None
    t = translator(ctx.language)
    url = url_for("pages.import_work", entity=entity, token=work)
    lines = list(outcome["lines"].values())
    shown = [
        ("", t("全部", "All"), outcome["rows"], ""),
        ("new", t("新建", "New"), lines.count("new"), "green"),
        ("changed", t("更新", "Changed"), lines.count("changed"), "green"),
        ("wrong", t("有错", "Wrong"), lines.count("wrong"), "red"),
        ("look", t("留意", "To look at"), outcome["look"], "amber"),
        ("left", t("略过", "Left out"), lines.count("left"), ""),
    ]
    return {
        "good": outcome["created"] + outcome["updated"],
        "bad": outcome["wrong"],
        "said": _said(ctx, outcome),
        "filters": [
            {
                "label": label,
                "count": number(count),
                "url": f"{url}?show={name}" if name else url,
                "current": name == show,
                "hot": name == "wrong" and count > 0,
            }
            for name, label, count, _tone in shown
            if count or not name
        ],
    }


def _said(ctx: RunContext, outcome: Outcome) -> str:
    """What would come of it, in one line."""
    rows, made, new, changed, bad = (number(outcome[n]) for n in ("rows", "records", "created", "updated", "wrong"))
    chinese = f"{rows} 行，{made} 条：新建 {new}，更新 {changed}，有错 {bad}"
    english = f"{rows} rows, {made} records: {new} new, {changed} changed, {bad} wrong"
    extra = number(outcome["made"])
    if outcome["made"]:
        chinese, english = f"{chinese}；另建 {extra} 条被引用的资料", f"{english}; {extra} others made on the way"
    return translator(ctx.language)(chinese, english)


def _rows(ctx: RunContext, table: Table, outcome: Outcome | None, show: str) -> list[Part]:
    said: dict[int, list[tuple[str, str]]] = {}
    for line, _field, message, level, _code in outcome["told"] if outcome else ():
        said.setdefault(line, []).append((level, message))
    lines = outcome["lines"] if outcome else {}
    found: list[Part] = []
    columns = list(table.columns.values())[:SHOWN_COLUMNS]
    for at, line in enumerate(table.lines):
        state = lines.get(str(line), "")
        levels = {level for level, _ in said.get(line, ())}
        if show and show != state and not (show == "look" and "warn" in levels):
            continue
        words = [message for _, message in said.get(line, ())]
        cells = [cell_text(column[at])[:40] for column in columns]
        found.append({"line": line, "cells": cells, "state": state, "warn": "warn" in levels, "words": words})
        if len(found) == SHOWN_ROWS:
            break
    return found


def _told(ctx: RunContext, entity: Entity, outcome: Outcome | None) -> list[Part]:
    if outcome is None:
        return []
    labels = dict(choices(ctx, entity))
    every = [one for one in outcome["told"] if one[3] in ("error", "warn")][:SHOWN_TOLD]
    return [
        {"line": line, "field": labels.get(field, field), "message": message, "level": level}
        for line, field, message, level, _code in every
    ]
