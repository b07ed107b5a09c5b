"""The trail: who changed what, from what, to what, in one insert."""

from __future__ import annotations

from runtime import audit, records
from runtime.context import RunContext
from tests.runtime.shop import counting

LINES = [{"item": "A-0001", "qty": 1}]


def test_every_change_is_told_with_old_and_new(boss: RunContext) -> None:
    saved = records.create(boss, "order", {"place": "N", "lines": LINES, "note": "a"})
    line = records.load(boss, "order", saved.id)["lines"][0]["id"]
    records.update(
        boss, "order", saved.id, {"note": "b", "lines": [{"id": line, "qty": 3}, {"item": "B-0001", "qty": 1}]}
    )
    records.delete(boss, "order", saved.id)
    records.restore(boss, "order", saved.id)
    trail = audit.history(boss, "order", saved.id)
    assert [(e["kind"], e["version"], e["account"], e["source"]) for e in trail] == [
        ("restore", 4, 2, "api"), ("delete", 3, 2, "api"), ("update", 2, 2, "api"), ("create", 1, 2, "api"),
    ]  # fmt: skip
    changes = trail[2]["changes"]
    assert changes["note"] == ["a", "b"]
    assert changes[f"lines.{line}.qty"] == ["1", "3"]
    added = next(v for n, v in changes.items() if n.count(".") == 1)
    assert (added[0], added[1]["qty"]) == (None, "1")


def test_a_change_of_nothing_leaves_no_trace(ctx: RunContext) -> None:
    saved = records.create(ctx, "order", {"place": "N", "lines": LINES, "note": "a"})
    records.update(ctx, "order", saved.id, {"note": "a"})
    assert len(audit.history(ctx, "order", saved.id)) == 1


def test_a_batch_is_one_insert(ctx: RunContext) -> None:
    with counting(ctx.connection) as counter:
        records.create_many(ctx, "place", [{"code": f"Q{n}", "name": "x"} for n in range(30)])
    assert sum("INSERT INTO dg_audit" in s for s in counter.statements) == 1


def test_transitions_keep_their_name_and_note(ctx: RunContext) -> None:
    ids = [records.create(ctx, "order", {"place": "N", "lines": LINES}).id for _ in range(2)]
    changes = {i: {"status": "open"} for i in ids}
    records.apply_system(ctx, "order", changes, transition="start", notes={ids[1]: "now"})
    told = [audit.history(ctx, "order", i)[0] for i in ids]
    assert [(e["transition"], e["note"], e["changes"]) for e in told] == [
        ("start", "", {"status": ["draft", "open"]}),
        ("start", "now", {"status": ["draft", "open"]}),
    ]
