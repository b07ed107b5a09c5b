"""What several rules set on a record in one save is one write, and comes to what it would have come to one by one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from runtime import records, rules, rules_traces
from runtime.database import Database
from tests.runtime.rules.firm import Firm, context, firm_model, open_firm

RULES = """
app: firm
entities:
  partner:
    fields:
      a: {type: integer}
      b: {type: integer, min: 0}
      c: {type: integer}
      d: {type: integer}
      e: {type: integer}
      twice: {formula: a * 2}
rules:
  sets_a: {when: {created: partner}, then: {put: {set: {a: 1}}}}
  sets_bad: {when: {created: partner}, if: name == "bad", then: {put: {set: {b: -1}}}}
  says: {when: {created: partner}, then: {tell: {send: inbox, to: [boss], say: <name>}}}
  sets_b: {when: {created: partner}, if: name != "bad", then: {put: {set: {b: 2}}}}
  again_a: {when: {created: partner}, if: code == "TWO", then: {put: {set: {a: 4}}}}
  reads_a: {when: {created: partner}, if: a >= 1, then: {put: {set: {c: = a + 6}}}}
  up: {when: {created: partner}, if: name == "away", then: {put: {set: {e: 9}}}}
  worse: {when: {created: partner}, if: name == "away", then: {put: {set: {b: -1}}}}
  back: {when: {created: partner}, if: name == "away", then: {put: {set: {e: 5}}}}
  reads_formula: {when: {created: partner}, if: twice >= 2, then: {put: {set: {d: = twice}}}}
"""
NAMES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def connections(module_database: Database) -> Database:
    """The firm with rules that set fields."""
    module_database.app = open_firm(module_database, firm_model(RULES))  # type: ignore[attr-defined]
    return module_database


@pytest.fixture
def firm(connections: Database) -> Iterator[Firm]:
    """In a transaction that leaves nothing behind."""
    with connections.engine.execution_options(dougong_begin="write").connect() as connection:
        transaction = connection.begin()
        yield Firm(context(connections.app, connection))  # type: ignore[attr-defined]
        transaction.rollback()


def trail(firm: Firm, record: int) -> list[str]:
    """What the trail says rules changed of a partner, oldest first."""
    audit = firm.ctx.app.tables.system.audit
    query = select(audit.c.changes).where(audit.c.entity == "partner", audit.c.record == record)
    return [text for (text,) in firm.ctx.connection.execute(query.where(audit.c.source == "rule").order_by(audit.c.id))]


def run_of(firm: Firm, rule: str, record: int) -> rules_traces.Run:
    """The one run of a rule on a record."""
    (run,) = rules_traces.runs(firm.ctx, rule, record=record)
    return run


def test_what_rules_set_is_written_together_until_one_reads_what_was_set(firm: Firm) -> None:
    made = records.create(firm.ctx, "partner", {"code": "ONE", "name": "one"}).id
    row = records.load(firm.ctx, "partner", made)
    assert [row[name] for name in NAMES] == [1, 2, 7, 2]
    assert trail(firm, made) == ['{"a":[null,1],"b":[null,2],"twice":[null,2]}', '{"c":[null,7]}', '{"d":[null,2]}']
    assert row["version"] == 4
    for rule in ("sets_a", "says", "sets_b", "reads_a", "reads_formula"):
        assert run_of(firm, rule, made).result == "fired", rule
    assert run_of(firm, "sets_b", made).actions == [{"id": "put", "kind": "set", "set": {"b": [None, "2"]}}]


def test_of_two_rules_that_set_a_field_the_later_one_counts(firm: Firm) -> None:
    made = records.create(firm.ctx, "partner", {"code": "TWO", "name": "two"}).id
    row = records.load(firm.ctx, "partner", made)
    assert [row[name] for name in NAMES] == [4, 2, 10, 8]
    earlier, later = (run_of(firm, rule, made).actions for rule in ("sets_a", "again_a"))
    assert earlier == [{"id": "put", "kind": "set", "set": {"a": [None, "1"]}, "overruled_by": {"a": "again_a"}}]
    assert later == [{"id": "put", "kind": "set", "set": {"a": ["1", "4"]}, "overrules": {"a": "sets_a"}}]
    assert trail(firm, made)[0] == '{"a":[null,4],"b":[null,2],"twice":[null,8]}'


def test_a_rule_that_sets_what_may_not_be_fails_alone(firm: Firm) -> None:
    made = records.create(firm.ctx, "partner", {"code": "BAD", "name": "bad"}).id
    row = records.load(firm.ctx, "partner", made)
    assert [row[name] for name in NAMES] == [1, None, 7, 2]
    came_to = [run_of(firm, rule, made).result for rule in ("sets_a", "sets_bad", "sets_b")]
    assert came_to == ["fired", "failed", "refused"]
    assert run_of(firm, "sets_bad", made).error == "B不能小于 0"


def test_where_rules_write_one_by_one_each_sees_what_those_before_it_have_set(firm: Firm) -> None:
    made = records.create(firm.ctx, "partner", {"code": "AWAY", "name": "away", "e": 5}).id
    row = records.load(firm.ctx, "partner", made)
    assert [row[name] for name in (*NAMES, "e")] == [1, 2, 7, 2, 5]
    came_to = {rule: run_of(firm, rule, made) for rule in ("up", "worse", "back")}
    assert {rule: run.result for rule, run in came_to.items()} == {"up": "fired", "worse": "failed", "back": "fired"}
    assert [came_to[rule].actions[0]["set"] for rule in ("up", "back")] == [
        {"e": [5, "9"]},
        {"e": [9, "5"]},
    ]


def test_how_long_a_rule_took_counts_its_writing(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(rules.time, "perf_counter", lambda: next(clock) * 1.0)
    made = records.create(firm.ctx, "partner", {"code": "ONE", "name": "one"}).id
    took = [run_of(firm, rule, made).micros for rule in ("sets_a", "says", "sets_b")]
    alone = took[1]
    assert [each - alone for each in took] == [500_000, 0, 500_000]  # one second of writing for the two that wrote
