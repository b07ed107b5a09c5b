"""How columns of a file become fields: a mapping, guessed from the headings or written down, kept and reused.

Written as YAML:

    entity: order
    group: [Number]              # rows with the same value are one record, the rest its lines
    match: code                  # records with this code are changed instead of made
    fields:
      date: OrderDate            # a column
      status: {constant: done}
      partner: {column: Vendor, lookup: code, prefix: V-}
      lines.unit: {column: Unit, values: {EA: pc, CTN: box}, else: pc}
      lines.qty: {column: Qty, times: 1/12}
      lines.worth: {column: Qty, times: Price}             # another column is a factor, too
      lines.bin: {text: "<Room>-<Shelf>"}                  # several columns in one text
      lines.name: goods.Name                               # a column of a joined file
      lines.size: {column: Size, take: number}             # of "12 kg" the 12 (or the word)
      kind: {column: Kind, create: true}                   # what is named and not there is made
    join:
      goods: {file: Goods.csv, on: {Product: Id}}          # or on: [Id] where both call it so
    skip:                        # rows left out; each is told with the reason
      - {when: {Product: [""]}, say: 没有物料 | no product}
    tell:                        # rows taken with a remark
      - {when: {Price: ["0"]}, unless: {Kind: [free]}, say: 没有价格 | no price}
      - {when: {Due: {before: Ordered}}, say: 交期早于下单 | due before it was ordered}
    recognise: true              # words are understood as people write them: names for codes, other cases
    periods: {from: Start, to: End}   # rows of a group that hold from day to day: a record for each stretch
    then: [post]                 # transitions to be taken on what was made
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

import yaml
from sqlalchemy import delete, insert, select

from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.importing_rules import Join, Periods, Rule, joins_of, periods_of, rules_of
from runtime.messages import fault, say
from runtime.permissions import rights


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Where the value of one field comes from. ``values``: translations ("" = empty); ``otherwise``: for the rest.

    ``text``: several columns in one text. ``by``: a column the amount is multiplied with. ``take``: of ``12 kg`` the
    ``number`` or the ``word``. ``create``: a record that is named and not there is made.
    """

    column: str = ""
    text: str = ""
    by: str = ""
    constant: object = None
    default: object = None
    values: Mapping[str, object] | None = None
    otherwise: object = None
    lookup: str = ""
    prefix: str = ""
    times: Fraction | None = None
    take: str = ""
    create: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """A whole mapping. ``cells``: field path → where from. ``then``: transitions to take on what was made.

    ``recognise``: words of the file are understood as people write them (names for codes, ``12 kg``, other cases).
    """

    entity: str
    cells: Mapping[str, Cell]
    group: tuple[str, ...] = ()
    match: str = ""
    sheet: str = ""
    joins: tuple[Join, ...] = ()
    skip: tuple[Rule, ...] = ()
    tell: tuple[Rule, ...] = ()
    periods: Periods | None = None
    then: tuple[str, ...] = ()
    recognise: bool = False


CELL_KEYS = frozenset(
    {"column", "text", "constant", "default", "values", "else", "lookup", "prefix", "times", "take", "create"}
)
MAPPING_KEYS = frozenset(
    {"entity", "name", "fields", "group", "match", "sheet", "join", "skip", "tell", "periods", "then", "recognise"}
)
TAKES = ("", "number", "word")
AMOUNT = re.compile(r"-?\d+(\.\d+)?(/\d+)?$")


def read_mapping(ctx: RunContext, text: str) -> FileMapping:
    """The mapping a YAML text describes; ``Invalid`` with everything that is wrong with it."""
    return mapping_of(ctx, _plain(ctx, text))


def _plain(ctx: RunContext, text: str) -> dict[str, Any]:
    try:
        data = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise Invalid(fault(ctx, "import_mapping", reason=str(error)[:200])) from None
    if not isinstance(data, dict) or not isinstance(data.get("fields"), dict):
        raise Invalid(fault(ctx, "import_mapping", reason="entity, fields"))
    return data


def mapping_of(ctx: RunContext, data: Mapping[str, Any]) -> FileMapping:
    """A mapping from plain data, checked against the entity."""
    entity = ctx.app.model.entities.get(str(data.get("entity")))
    wrong = [f"{key}?" for key in data if key not in MAPPING_KEYS]
    if entity is None:
        wrong.append(f"entity: {data.get('entity')}")
        raise Invalid(fault(ctx, "import_mapping", reason="; ".join(wrong)))
    cells: dict[str, Cell] = {}
    for path, given in data["fields"].items():
        if field_at(ctx, entity, path) is None:
            wrong.append(f"fields.{path}{_hint(ctx, path, [p for p, _ in importable(ctx, entity)])}")
        try:
            cells[path] = _cell(given)
        except (ValueError, ZeroDivisionError) as error:
            wrong.append(f"fields.{path}: {error}")
    then = _names(data.get("then"))
    known = entity.workflow.transitions if entity.workflow is not None else {}
    wrong.extend(f"then: {each}{_hint(ctx, each, known)}" for each in then if each not in known)
    rules = _rules(data, wrong)
    group = _names(data.get("group"))
    if rules.periods is not None and not group:
        wrong.append("periods: group?")
    if wrong:
        raise Invalid(*(fault(ctx, "import_mapping", reason=each) for each in wrong))
    return replace(
        rules,
        entity=entity.id,
        cells=cells,
        group=group,
        match=str(data.get("match") or ""),
        sheet=str(data.get("sheet") or ""),
        then=then,
        recognise=_flag(data.get("recognise")),
    )


def _flag(given: object) -> bool:
    return str(given).lower() in ("true", "yes", "on", "1")


def _rules(data: Mapping[str, Any], wrong: list[str]) -> FileMapping:
    """What is said about whole rows; what is wrong with it is noted."""
    made: dict[str, Any] = {}
    for name, read in ROW_RULES.items():
        try:
            made[name] = read(data)
        except (ValueError, TypeError) as error:
            wrong.append(str(error))
    return FileMapping(entity="", cells={}, **made)


ROW_RULES: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "joins": lambda data: joins_of(data.get("join")),
    "skip": lambda data: rules_of("skip", data.get("skip")),
    "tell": lambda data: rules_of("tell", data.get("tell")),
    "periods": lambda data: periods_of(data.get("periods")),
}


def _names(given: object) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(str(one) for one in given)  # type: ignore[attr-defined]


def _cell(given: object) -> Cell:
    if isinstance(given, str):
        return Cell(column=given)
    if not isinstance(given, Mapping) or set(given) - CELL_KEYS:
        extra = ", ".join(sorted(set(given) - CELL_KEYS)) if isinstance(given, Mapping) else str(given)
        raise ValueError(extra)
    times = str(given.get("times", ""))
    amount = bool(AMOUNT.match(times))
    take = str(given.get("take", ""))
    if take not in TAKES:
        raise ValueError(f"take: {take}")
    return Cell(
        column=str(given.get("column", "")),
        text=str(given.get("text", "")),
        by="" if amount else times,
        constant=given.get("constant"),
        default=given.get("default"),
        values=given.get("values"),
        otherwise=given.get("else"),
        lookup=str(given.get("lookup", "")),
        prefix=str(given.get("prefix", "")),
        times=Fraction(times) if amount else None,
        take=take,
        create=_flag(given.get("create")),
    )


def field_at(ctx: RunContext, entity: Entity, path: str) -> Field | None:
    """The field of the record or of its lines (``lines.qty``)."""
    first, _, rest = path.partition(".")
    found = entity.fields.get(first)
    if found is None or not rest:
        return found if found is None or not found.lines else None
    return ctx.app.model.entities[found.lines].fields.get(rest) if found.lines else None


def importable(ctx: RunContext, entity: Entity) -> Iterator[tuple[str, Field]]:
    """Paths of all fields that a file may bring, in order of display; those the person may not write left out."""
    allowed = rights(ctx, entity.id)
    for each in entity.fields.values():
        if each.lines:
            inner = rights(ctx, each.lines)
            for one in ctx.app.model.entities[each.lines].fields.values():
                if _writable(one) and one.id not in inner.hidden | inner.readonly:
                    yield f"{each.id}.{one.id}", one
        elif each.id == "status" and entity.workflow is not None:
            continue
        elif _writable(each) and each.id not in allowed.hidden | allowed.readonly:
            yield each.id, each


def _writable(each: Field) -> bool:
    return (
        each.formula is None and not each.lines and not each.retired and each.type not in ("file", "photo", "signature")
    )


def guess_mapping(ctx: RunContext, entity: Entity, header: Sequence[str], *, history: bool = False) -> FileMapping:
    """By headings: field ids or labels in either language; a heading that means nothing is a fault."""
    words: dict[str, str] = {}
    for path, each in importable(ctx, entity):
        for word in _words(ctx, entity, path, each):
            words.setdefault(word, path)
    if history and "status" in entity.fields:
        words.update({"status": "status", str(entity.fields["status"].label): "status"})
    cells: dict[str, Cell] = {}
    faults: list[Fault] = []
    for heading in header:
        found = words.get(heading.strip().lower())
        if found is not None:
            cells.setdefault(found, Cell(column=heading))
        elif heading.strip() and heading.strip().lower() not in IGNORED:
            faults.append(
                fault(ctx, "import_column", heading[:60], given=heading[:60], hint=_hint(ctx, heading, words))
            )
    if faults:
        raise Invalid(*faults)
    has_lines = any("." in path for path in cells)
    group = tuple(cells[p].column for p in ("code",) if p in cells) if has_lines else ()
    return FileMapping(entity=entity.id, cells=cells, group=group)


IGNORED = frozenset({"id", "version", "created_at", "changed_at"})


def _words(ctx: RunContext, entity: Entity, path: str, each: Field) -> Iterator[str]:
    yield path.lower()
    if "." not in path:
        yield from (each.label.zh.lower(), each.label.en.lower())
        return
    owner = entity.fields[path.partition(".")[0]]
    for language in ("zh", "en"):
        label = each.label.get(language).lower()
        yield f"{owner.label.get(language).lower()}.{label}"
        yield label


def _hint(ctx: RunContext, given: str, known: Any) -> str:
    near = get_close_matches(given.strip().lower()[:60], list(known), 1)
    return say(ctx, "did_you_mean", near=near[0]) if near else ""


def keep_mapping(ctx: RunContext, entity: str, name: str, text: str) -> None:
    """Keep a mapping under a name, after it was found right."""
    read_mapping(ctx, text)
    table = ctx.app.tables.system.mapping
    ctx.connection.execute(delete(table).where(table.c.entity == entity, table.c.name == name))
    ctx.connection.execute(insert(table).values(entity=entity, name=name, definition=text))


def kept_mapping(ctx: RunContext, entity: str, name: str) -> FileMapping | None:
    """The mapping kept under a name; ``Invalid`` where a field it names has gone since."""
    found, gone = still_fitting(ctx, entity, name)
    if gone:
        raise Invalid(fault(ctx, "import_field_gone", name=name, fields=", ".join(gone)))
    return found


def still_fitting(ctx: RunContext, entity: str, name: str) -> tuple[FileMapping | None, tuple[str, ...]]:
    """The mapping kept under a name without the fields that have gone since, by a rollback say; and these."""
    table = ctx.app.tables.system.mapping
    text = ctx.connection.execute(
        select(table.c.definition).where(table.c.entity == entity, table.c.name == name)
    ).scalar()
    if text is None:
        return None, ()
    data = _plain(ctx, text)
    here = ctx.app.model.entities[entity]
    gone = tuple(path for path in data["fields"] if field_at(ctx, here, path) is None)
    fields = {path: given for path, given in data["fields"].items() if path not in gone}
    return mapping_of(ctx, {**data, "fields": fields}), gone


def kept_mappings(ctx: RunContext, entity: str) -> list[str]:
    """Names of the mappings kept for an entity."""
    table = ctx.app.tables.system.mapping
    return list(
        ctx.connection.execute(select(table.c.name).where(table.c.entity == entity).order_by(table.c.name)).scalars()
    )
