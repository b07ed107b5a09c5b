"""The published reference of the template language, generated from the tables of the code.

``python -m engine.reference`` writes ``docs/reference.md`` and ``engine/schema.json``; a test fails when one is stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine import schema_keys
from engine.expressions.functions import AGGREGATES, BALANCE_OPTIONS, BALANCES, CLOCKS, FUNCTIONS, STEPS
from engine.field_types import COMMON_KEYS, FIELD_TYPES
from engine.problem_codes import CODES
from engine.schema import BLOCKS, SCHEMA_FILE, schema_text

REFERENCE_FILE = Path(__file__).resolve().parents[1] / "docs" / "reference.md"

_INTRODUCTION = """# Reference of the template language

Generated from the code by `python -m engine.reference`. The JSON Schema is `engine/schema.json`; editors with
yaml-language-server use it when a file begins with `# yaml-language-server: $schema=…/engine/schema.json`.

A definition is one YAML file. Every field, state, transition, step, posting, card … is an entry with a stable id
(`[a-z][a-z0-9_]*`); lists hold only names. Order of keys is order of display; `after: neighbour` moves an entry.
Texts are `中文 | English`. Some keys are always expressions (`if where formula fill that …`); where a plain value is
more usual (`default required visible min …`) a leading `=` makes it one. `<expression>` inserts a value in a text.

```yaml
app: bookshop
title: 书店 | Bookshop
members: person
entities:
  person: {kind: master, label: 人员 | Person}
  book:
    kind: master
    label: 图书 | Book
    number: {pattern: B-<serial:4>}
    fields:
      price: {type: money, label: 售价 | Price, min: 0}
      copies:
        label: 现存 | Copies
        formula: balance(shelf.qty, book=this)
  sale:
    kind: document
    label: 销售单 | Sale
    number: {pattern: S<yyyyMM>-<serial:4>, reset: month}
    fields:
      lines:
        type: lines
        label: 明细 | Lines
        fields:
          book:   {type: reference, to: book, where: active, label: 图书 | Book, required: true}
          qty:    {type: decimal, label: 数量 | Quantity, default: 1, min: 0}
          price:  {type: money, fill: book.price, label: 单价 | Price}
          amount: {formula: qty * price, label: 金额 | Amount}
      total: {formula: sum(lines.amount), label: 合计 | Total}
    checks:
      has_lines: {that: count(lines) > 0, say: 至少一行 | At least one line}
    workflow:
      states: {draft: {label: 草稿 | Draft, start: true}, posted: {label: 已过账 | Posted}}
      transitions: {post: {from: draft, to: posted, by: [seller], label: 过账 | Post}}
    postings:
      post: {sold: {take: shelf, each: lines, qty: qty}}
ledgers:
  shelf:
    label: 书架 | Shelf
    dimensions: {book: {to: book}}
    resources: {qty: {type: decimal, label: 数量 | Quantity}}
    guards: {enough: {that: qty >= 0, say: <book.name> 只剩 <before.qty> | Only <before.qty> of <book.name> left}}
roles: {seller: {label: 店员 | Seller, can: {all: [all]}}}
```

An own layer is the same language, sparse: a block with `kind` (a field with `type` or `formula`) declares, one without
extends. `[+name after other, -third]` changes a list of names, `retired: true` takes something off every screen,
`rename: {entity.field: new_id}` carries references along.

```yaml
app: mine
entities:
  thing:
    kind: master
    fields:
      colour: {type: choice, options: {red: 红 | Red, blue: 蓝 | Blue}, default: red}
      width:  {type: decimal, min: 0, required: = colour == red}
```

## What the compiler adds

* kind `master`: `code name` … `active note`; with `tree: true` the reference `parent_<entity>`.
* kind `document`: `code date` … `owner` (where the app has `members`), `department` (where it has `departments`),
  `note`, `attachments`.
* `workflow`: the choice `status` of its states (masters and documents). A state that no transition leaves is an end.
* `progress: {axis: …}`: the choice `axis` (none, partial, done, closed) and the percent `axis_share`.
* `sources: {id: …}`: on the header the reference `id` (or the field named by `into`; `references` with `many`); on the
  drawn line `source_line` (for further sources over the same lines `<id>_line`), which the line drawn from sees as
  `<entity>_<id>`; on the line drawn from the computed `left` and `done`; `over_drawn` on drawn line and header, and
  `over_drawn_value` where the line has an `amount`.
* `form`, `views.all` and `menu` are made when they are not written.
* a posting: dimensions not in `at` bind to the line's field of the same name, else to the header's; amounts bind to the
  line's field; `each` is that of the posting named by `from`, and dimensions of its ledger are carried on.

`trace: {from: lot, direction: forward, to: lot, upon: start, fill: {lot: this}}` on a lines field fills it with the
records found by the genealogy of the record that the document's field names: what it went into or what it came out of.
`fill` knows `this`, `traced` (how much reached it) and `traced_from` (what that came out of). `allot: {posting:
post.shipped, into: lot, upon: [start, post]}` splits lines over the balances which that posting would take, so that a
line names one lot each; lines that name one already stay.

`copy: {from: routing.lines, upon: submit, fill: {…}}` on a lines field fills it, when that transition is taken and
it is still empty, with one line for each line of the record that the document names.

`upto` bounds what a posting adds: rows with the same dimensions share it in their order. With `later` nobody has to ask
again: whenever a balance that `upto` reads grows, the rows that still meet `while` are given what became free, by
`order`. That is how back-orders reserve arriving goods, the oldest due date first.

```
held:
  add: reserved
  each: lines
  qty: open_qty - coalesce(balance(reserved.qty, demand=this), 0)
  upto: balance(stock.available, item=item, place=parent.place)
  later: {while: parent.status == approved and open_qty > 0, order: parent.due_date}
```
"""


def build_reference() -> str:
    """The text of the reference."""
    parts = [_INTRODUCTION, *_field_types(), *_functions(), *_keys(), *_codes()]
    return "\n".join(parts).rstrip() + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield "| " + " | ".join(names) + " |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def _field_types() -> Iterator[str]:
    yield "## Field types\n"
    yield f"All know: {', '.join(f'`{key}`' for key in sorted(COMMON_KEYS))}.\n"
    rows = (
        (f"`{each.id}`", str(each.label), each.label.en, " ".join(f"`{key}`" for key in sorted(each.keys)))
        for each in FIELD_TYPES.values()
    )
    yield from _table(("type", "中文", "English", "further keys"), rows)


def _functions() -> Iterator[str]:
    yield "## Functions\n"
    yield f"Over sets (`where=`, `order=`): {', '.join(f'`{name}`' for name in sorted(AGGREGATES))}.\n"
    options = ", ".join(f"`{name}=`" for name in BALANCE_OPTIONS)
    yield f"Over ledgers (dimensions by name, {options}, `where=`): {', '.join(f'`{n}`' for n in sorted(BALANCES))}.\n"
    yield f"Clock: {', '.join(f'`{name}()`' for name in CLOCKS)}.\n"
    yield f"Lengths of time: {', '.join(f'`{name}(n)`' for name in sorted(STEPS))}.\n"
    rows = ((f"`{name}`", _arguments(each.least, each.most), each.help) for name, each in sorted(FUNCTIONS.items()))
    yield from _table(("function", "arguments", "gives"), rows)


def _arguments(least: int, most: int) -> str:
    if most >= 50:
        return f"{least} or more"
    return str(least) if least == most else f"{least} to {most}"


def _keys() -> Iterator[str]:
    yield "## Keys\n"
    blocks: Mapping[str, schema_keys.Keys] = {"app": schema_keys.APP, **BLOCKS}
    for name, keys in blocks.items():
        yield f"### {name.replace('_', ' ')}\n"
        rows = ((f"`{key}`", _shape(shape), about) for key, (shape, about) in keys.items())
        yield from _table(("key", "value", "meaning"), rows)


def _shape(shape: Mapping[str, Any]) -> str:
    """A few words for a shape."""
    if "$ref" in shape:
        return f"block *{shape['$ref'].rsplit('/', 1)[1].replace('_', ' ')}*"
    if "enum" in shape:
        return " ".join(f"`{word}`" for word in shape["enum"]) if len(shape["enum"]) < 9 else "a word"
    if shape.get("maxLength"):
        return "expression"
    if "then" in shape:
        return f"text or block *{shape['then']['$ref'].rsplit('/', 1)[1].replace('_', ' ')}*"
    if shape.get("pattern") == "^=":
        return "true, false or `= condition`"
    kinds = shape.get("type", "string")
    if kinds == "object":
        inner = shape.get("additionalProperties", {})
        return f"ids → {_shape(inner)}"
    if kinds == "array":
        return f"list of {_shape(shape.get('items', {}))}"
    return _WORDS.get(str(kinds), "value")


_WORDS = {
    "string": "name",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "['string', 'array']": "name or list of names",
    "['string', 'number', 'boolean']": "text",
    "['boolean', 'integer']": "true or a number",
    "['string', 'object']": "word or block",
    "['integer', 'array']": "number or list of names",
    "['boolean', 'object']": "true, or groups of fields",
    "['array', 'object']": "names, or name → condition",
    "['number', 'string']": "number",
}


def _codes() -> Iterator[str]:
    yield "## Problems\n"
    yield "Each is told as `file:line:column: key.path: what is wrong; what would be right [CODE]`.\n"
    yield from _table(("code", "title", "explanation"), ((f"`{c}`", t, text) for c, (t, text) in sorted(CODES.items())))


if __name__ == "__main__":
    REFERENCE_FILE.write_text(build_reference(), encoding="utf-8")
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
