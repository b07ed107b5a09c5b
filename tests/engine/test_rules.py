"""Rules and alerts compile to what they say, and mistakes are told where they stand."""

from __future__ import annotations

from datetime import time

import pytest

from engine import MetadataError
from engine.compiler import load_text
from engine.model import AppModel
from engine.watching import watched

SHOP = """
app: shop
members: person
entities:
  person: {kind: master, label: 人员}
  firm: {kind: setting, fields: {ready: {type: percent, default: 90 %}}}
  item:
    kind: master
    fields:
      safety: {type: decimal}
      on_hand:
        formula: balance(shelf.qty, item=this)
  order:
    kind: document
    fields:
      due: {type: date}
      lines:
        type: lines
        fields:
          item: {type: reference, to: item}
          qty: {type: decimal}
          made: {type: decimal}
          ratio: {type: percent, formula: made / qty}
    workflow:
      states: {draft: {start: true}, done: {}}
      transitions: {post: {from: draft, to: done, by: [boss]}}
    postings: {post: {sold: {add: shelf, each: lines, qty: qty}}}
ledgers: {shelf: {dimensions: {item: {to: item}}, resources: {qty: {type: decimal}}}}
roles: {boss: {can: {all: [all]}}}
"""


def shop(more: str) -> AppModel:
    return load_text(SHOP + more)


def problems(more: str) -> list[str]:
    with pytest.raises(MetadataError) as caught:
        shop(more)
    return [f"{problem.path} {problem.code}" for problem in caught.value.problems]


def test_a_crossing_is_a_condition_with_a_band() -> None:
    crossing = "{of: order.lines, value: ratio, reaches: = settings.firm.ready, rearms_below: 80 %, once: true}"
    more = (
        f"rules:\n  made:\n    when: {{crosses: {crossing}}}\n    then: {{tell: {{send: inbox, to: [boss], say: x}}}}\n"
    )
    trigger = shop(more).rules["made"].trigger
    assert (trigger.kind, trigger.entity, trigger.once) == ("becomes", "order.lines", True)
    assert trigger.that is not None
    assert trigger.rearm is not None
    assert (trigger.that.text, trigger.rearm.text) == ("(ratio) >= (settings.firm.ready)", "(ratio) < (80 / 100)")


def test_a_date_keeps_its_offset_and_hour() -> None:
    when = "{date: order.due, offset: -3 workdays, at: 08:30, missed: merge}"
    more = f"rules: {{soon: {{when: {when}, then: {{a: {{set: {{note: x}}}}}}}}}}"
    trigger = shop(more).rules["soon"].trigger
    assert (trigger.offset, trigger.unit, trigger.at, trigger.missed) == (-3, "workdays", time(8, 30), "merge")


def test_where_and_if_are_one_condition() -> None:
    asked = "where: status == draft, if: not empty(due)"
    more = f"rules: {{old: {{of: order, when: {{every: day}}, {asked}, then: {{a: {{take: post}}}}}}}}"
    condition = shop(more).rules["old"].condition
    assert condition is not None
    assert condition.text == "(status == draft) and (not empty(due))"


def test_what_an_alert_reads_is_followed_to_ledgers_and_the_clock() -> None:
    more = "alerts: {low: {of: item, while: on_hand < safety and today() > today(), to: [boss], say: x}}"
    model = shop(more)
    found = watched(model, "item", (model.alerts["low"].condition,))
    assert [(each.ledger, each.pairs) for each in found.ledgers] == [("shelf", (("item", ()),))]
    assert (("item", "safety") in found.cells, found.clock) == (True, True)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{when: {created: order}, then: {a: {send: inbox, to: [bos], say: x}}}", ["rules.r.then.a.to D304"]),
        ("{when: {created: ordr}, then: {a: {set: {note: x}}}}", ["rules.r.when.created D304"]),
        ("{when: {transition: order.pst}, then: {a: {set: {note: x}}}}", ["rules.r.when.transition D304"]),
        ("{when: {changed: order, fields: [du]}, then: {a: {set: {note: x}}}}", ["rules.r.when.fields D305"]),
        ("{when: {date: order.code}, then: {a: {set: {note: x}}}}", ["rules.r.when.date D404"]),
        ("{when: {date: order.due, offset: soon}, then: {a: {set: {note: x}}}}", ["rules.r.when.offset D207"]),
        ("{when: {created: order}, then: {a: {set: {ratio: 1}}}}", ["rules.r.then.a.set.ratio D305"]),
        ("{when: {created: order}, then: {a: {take: pst}}}", ["rules.r.then.a.take D304"]),
        ("{when: {created: order}, then: {a: {draw: order.x}}}", ["rules.r.then.a.draw D304"]),
        ("{when: {created: order}}", ["rules.r D204"]),
    ],
)
def test_a_mistake_is_told_where_it_stands(rule: str, told: list[str]) -> None:
    assert problems(f"rules: {{r: {rule}}}") == told
