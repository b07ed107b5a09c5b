"""Postings: what is said, what binds by name, what comes back."""

from __future__ import annotations

from engine import AppModel, load_text
from engine.model import Posting
from tests.engine.apps import problems

APP = """
app: works
entities:
  part: {kind: master}
  place: {kind: master}
  job:
    kind: document
    fields: {part: {type: reference, to: part}, first_day: {type: date}, last_day: {type: date}, hours: {type: decimal}}
    workflow: {states: {draft: {start: true}, done: {}}, transitions: {finish: {from: draft, to: done, by: [hand]}}}
    postings:
      finish:
        booked: {add: load, spread: {day: [first_day, last_day]}, at: {for: this}}
        rest: {take: cost, value: all, at: {job: this}, allocate: elements}
        settle: {revalue: stock, from: rest, of: issues.issued}
  issue:
    kind: document
    fields:
      job: {type: reference, to: job, reverse: issues}
      place: {type: reference, to: place}
      lines: {type: lines, fields: {part: {type: reference, to: part}, qty: {type: decimal}}}
    workflow: {states: {draft: {start: true}, posted: {}}, transitions: {post: {from: draft, to: posted, by: [hand]}}}
    postings:
      post:
        issued: {take: stock, each: lines}
        spent: {add: cost, from: issued, at: {job: parent.job, element: material}}
  back:
    kind: document
    fields: {lines: {type: lines, fields: {origin: {type: reference, to: issue.lines}, qty: {type: decimal}}}}
    workflow: {states: {draft: {start: true}, posted: {}}, transitions: {post: {from: draft, to: posted, by: [hand]}}}
    postings: {post: {returned: {returns: origin.spent, each: lines, qty: qty}}}
ledgers:
  stock:
    dimensions: {part: {to: part}, place: {to: place}}
    resources: {qty: {type: decimal}, value: {type: money}}
    valuation: {quantity: qty, value: value, method: average, pool: firm, pools: {firm: [part]}}
  cost:
    dimensions: {job: {to: job}, element: {type: choice, options: {material: 料, labour: 工}}}
    resources: {value: {type: money}}
    allocations: {elements: {over: [element], order: [element], share: value}}
  load: {dimensions: {for: {to: job}, day: {type: date}}, resources: {hours: {type: decimal}}}
roles: {hand: {can: {all: [all]}}}
""".replace("for: this", "job: this").replace("{for: {to: job}", "{job: {to: job}")


def posting(model: AppModel, entity: str, name: str, id: str) -> Posting:
    return next(each for each in model.entities[entity].postings[name] if each.id == id)


def test_amounts_and_dimensions_bind_by_name() -> None:
    issued = posting(load_text(APP), "issue", "post", "issued")
    assert {id: expr.text for id, expr in issued.at.items()} == {"part": "part", "place": "parent.place"}
    assert {id: expr.text if expr else "all" for id, expr in issued.amounts.items()} == {"qty": "qty"}


def test_what_carries_on_stands_on_the_same_lines() -> None:
    spent = posting(load_text(APP), "issue", "post", "spent")
    assert (spent.each, spent.source, dict(spent.amounts)) == ("lines", "issued", {})
    assert {id: expr.text for id, expr in spent.at.items()} == {"job": "parent.job", "element": "material"}


def test_a_dimension_that_an_allocation_goes_over_stays_open() -> None:
    rest = posting(load_text(APP), "job", "finish", "rest")
    assert list(rest.at) == ["job"]
    assert dict(rest.amounts) == {"value": None}
    assert rest.allocate is not None
    assert rest.allocate.text == "elements"


def test_a_spread_names_its_days_and_binds_no_dimension() -> None:
    booked = posting(load_text(APP), "job", "finish", "booked")
    assert booked.spread is not None
    assert (booked.spread[0], booked.spread[1].text, booked.spread[2].text) == ("day", "first_day", "last_day")
    assert list(booked.at) == ["job"]
    assert list(booked.amounts) == ["hours"]


def test_a_revaluation_finds_the_lines_whose_moves_it_corrects() -> None:
    settle = posting(load_text(APP), "job", "finish", "settle")
    assert settle.of_rows is not None
    assert (settle.of_rows.entity, settle.of_rows.by, settle.of_posting) == ("issue.lines", "parent.job", "issued")


def test_what_comes_back_knows_its_ledger_and_posting() -> None:
    returned = posting(load_text(APP), "back", "post", "returned")
    assert (returned.verb, returned.ledger, returned.returns_posting) == ("returns", "cost", "spent")
    assert returned.returns_line is not None
    assert returned.returns_line.text == "origin"


def test_an_unknown_posting_to_return_is_named() -> None:
    told = problems(APP.replace("origin.spent", "origin.spend"))
    assert [line.split(": ", 1)[1] for line in told] == [
        "entities.back.postings.post.returned.returns: issue has no posting spend; did you mean spent? [D708]"
    ]


def test_two_sources_over_the_same_lines_are_kept_apart() -> None:
    text = APP.replace(
        "    fields: {lines: {type: lines, fields: {origin:",
        """    sources:
      issue: {from: issue, lines: {from: lines, qty: qty, left: open_qty}}
      job: {from: job, lines: {qty: qty, whole: hours, left: open_hours}}
    fields: {lines: {type: lines, fields: {origin:""",
    )
    model = load_text(text)
    sources = model.entities["back"].sources
    assert [(each.line_field, each.lines_from) for each in sources.values()] == [
        ("source_line", "lines"),
        ("job_line", ""),
    ]
    beyond = model.entities["back.lines"].fields["over_drawn"].formula
    assert beyond is not None
    assert beyond.text == (
        "(not empty(source_line) and source_line.open_qty < 0) or (not empty(job_line) and job_line.open_hours < 0)"
    )
