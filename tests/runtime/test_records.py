"""The write door: what is given, what follows from it, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import func, select

from runtime import records
from runtime.context import RunContext
from runtime.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from runtime.record_reading import as_json
from tests.runtime.shop import counting

D = Decimal


def order(**changes: Any) -> dict[str, Any]:
    return {"place": "N", "lines": [{"item": "A-0001", "qty": "2", "unit": "box"}], **changes}


def faults(error: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(f.field, f.code) for f in error.value.faults]


def rows(ctx: RunContext, entity: str) -> int:
    return int(ctx.connection.execute(select(func.count()).select_from(ctx.app.tables.entity[entity])).scalar_one())


def test_defaults_fills_units_and_formulas_follow_from_little(ctx: RunContext) -> None:
    saved = records.create(ctx, "order", order())
    made = records.load(ctx, "order", saved.id)
    assert (made["code"], made["status"], made["version"]) == ("DD202603-0001", "draft", 1)
    assert (made["date"], made["due"]) == (date(2026, 3, 2), date(2026, 3, 9))
    line = made["lines"][0]
    assert (line["qty"], line["qty__entered"]) == (D(50), D(2))
    assert line["price"] == D(50)  # 2 a piece, 25 pieces a box
    assert (line["amount"], line["charge"], made["total"]) == (D(100), D(10), D(110))


def test_a_fill_follows_its_inputs_until_somebody_types(ctx: RunContext) -> None:
    saved = records.create(ctx, "order", order())
    records.update(ctx, "order", saved.id, {"date": "2026-03-05"})
    assert records.load(ctx, "order", saved.id)["due"] == date(2026, 3, 12)
    records.update(ctx, "order", saved.id, {"due": "2026-03-20"})
    records.update(ctx, "order", saved.id, {"date": "2026-03-06"})
    assert records.load(ctx, "order", saved.id)["due"] == date(2026, 3, 20)


def test_units_of_one_dimension_convert_by_their_ratios(ctx: RunContext) -> None:
    saved = records.create(ctx, "order", order(lines=[{"item": "B-0001", "qty": "500", "unit": "g"}]))
    line = records.load(ctx, "order", saved.id)["lines"][0]
    assert (line["qty"], line["qty__entered"], line["price"]) == (D("0.5"), D(500), D("0.0085"))
    assert line["amount"] == D("4.25")


def test_a_unit_that_does_not_convert_is_refused(ctx: RunContext) -> None:
    with pytest.raises(Invalid) as error:
        records.create(ctx, "order", order(lines=[{"item": "A-0001", "qty": "2", "unit": "kg"}]))
    assert ("lines.1.unit", "unit_unknown") in faults(error)


def test_all_faults_are_told_at_once_and_nothing_is_written(ctx: RunContext) -> None:
    before = rows(ctx, "order")
    with pytest.raises(Invalid) as error:
        records.create(
            ctx,
            "order",
            {
                "plase": "N",
                "due": "tomorrow",
                "total": "5",
                "lines": [{"item": "X-9", "qty": "many"}, {"qty": "-1", "item": "A-0001"}, 7],
            },
        )
    assert set(faults(error)) == {
        ("plase", "unknown_field"),
        ("due", "not_a_date"),
        ("total", "field_computed"),
        ("place", "required"),
        ("lines.1.item", "no_such_record"),
        ("lines.1.qty", "not_a_number"),
        ("lines.1.unit", "required"),
        ("lines.2.qty", "below_minimum"),
        ("lines.3", "not_an_object"),
    }
    assert "是否为 place" in next(f.message for f in error.value.faults if f.field == "plase")
    assert rows(ctx, "order") == before


def test_checks_refuse_or_only_warn(ctx: RunContext) -> None:
    with pytest.raises(Invalid) as error:
        records.create(ctx, "order", order(due="2026-03-01"))
    assert [f.message for f in error.value.faults] == ["交期 2026-03-01 早于 2026-03-02"]
    with pytest.raises(Invalid) as error:
        records.create(ctx, "order", order(lines=[]))
    assert faults(error) == [("", "some")]
    saved = records.create(ctx, "thing", {"group": "A", "name": "垫圈", "unit": "pc"})
    assert [w.message for w in saved.warnings] == ["A-0002 没有售价"] or [w.code for w in saved.warnings] == ["priced"]


def test_required_holds_only_where_the_field_is_shown(ctx: RunContext) -> None:
    values = {"group": "A", "name": "x", "unit": "pc", "price": "1"}
    records.create(ctx, "thing", values)
    with pytest.raises(Invalid) as error:
        records.create(ctx, "thing", {**values, "kind": "foreign"})
    assert faults(error) == [("origin", "required")]


def test_references_are_found_by_code_or_key_and_made_where_declared(ctx: RunContext) -> None:
    line = {"item": {"code": "A-0001"}, "qty": 1, "batch": "L1"}
    first = records.create(ctx, "order", order(lines=[line]))
    second = records.create(ctx, "order", order(lines=[line, {**line, "item": "B-0001"}]))
    made = records.load(ctx, "order", first.id)["lines"][0]["batch"]
    again = [one["batch"] for one in records.load(ctx, "order", second.id)["lines"]]
    assert again[0] == made
    assert again[1] != made  # the same code for another thing is another batch
    assert rows(ctx, "batch") == 2
    found = records.create(ctx, "order", order(lines=[{**line, "batch": {"item": {"code": "A-0001"}, "code": "L1"}}]))
    assert records.load(ctx, "order", found.id)["lines"][0]["batch"] == made


def test_retired_records_cannot_be_picked(ctx: RunContext) -> None:
    place = records.create(ctx, "place", {"code": "X", "name": "旧", "active": False})
    with pytest.raises(Invalid) as error:
        records.create(ctx, "order", order(place=place.id))
    assert faults(error) == [("place", "not_allowed_here")]
    with pytest.raises(Invalid) as error:
        records.create(ctx, "order", order(place=99999))
    assert faults(error) == [("place", "no_such_record")]


def test_unique_keys_hold_within_a_batch_and_against_the_table(ctx: RunContext) -> None:
    with pytest.raises(Invalid) as error:
        records.create_many(ctx, "place", [{"code": "P", "name": "a"}, {"code": "P", "name": "b"}])
    assert faults(error) == [("2.code", "not_unique")]
    with pytest.raises(Invalid) as error:
        records.create(ctx, "place", {"code": "N", "name": "a"})
    assert faults(error) == [("code", "not_unique")]
    units = [{"unit": "box", "ratio": 2}, {"unit": "box", "ratio": 3}]
    with pytest.raises(Invalid) as error:
        records.create(ctx, "thing", {"group": "A", "name": "x", "unit": "pc", "units": units})
    assert faults(error) == [("units.2.unit", "not_unique")]


def test_lines_are_changed_added_and_removed_by_their_ids(ctx: RunContext) -> None:
    both = [{"item": "A-0001", "qty": 1}, {"item": "B-0001", "qty": 2}]
    saved = records.create(ctx, "order", order(lines=both))
    first, second = records.load(ctx, "order", saved.id)["lines"]
    records.update(ctx, "order", saved.id, {"lines": [{"item": "A-0001", "qty": 9}, {"id": first["id"], "qty": "4"}]})
    after = records.load(ctx, "order", saved.id)
    assert [(line["qty"], line["position"]) for line in after["lines"]] == [(D(9), 1), (D(4), 2)]
    assert after["lines"][1]["id"] == first["id"]
    assert second["id"] not in [line["id"] for line in after["lines"]] or rows(ctx, "order.lines") == 2
    assert after["total"] == D("28.60")


def test_a_line_of_another_record_cannot_be_taken_over(ctx: RunContext) -> None:
    one = records.create(ctx, "order", order())
    other = records.create(ctx, "order", order())
    foreign = records.load(ctx, "order", one.id)["lines"][0]["id"]
    with pytest.raises(Invalid) as error:
        records.update(ctx, "order", other.id, {"lines": [{"id": foreign, "qty": 1}]})
    assert faults(error)[0] == ("lines.1.id", "no_such_record")


def test_only_the_named_fields_change(ctx: RunContext) -> None:
    saved = records.create(ctx, "order", order(note="first"))
    before = records.load(ctx, "order", saved.id)
    after_saved = records.update(ctx, "order", saved.id, {"note": "second"})
    after = records.load(ctx, "order", saved.id)
    assert after_saved.version == 2
    assert {n for n in after if after[n] != before[n]} == {"note", "version"}


def test_a_stale_version_is_refused(ctx: RunContext) -> None:
    saved = records.create(ctx, "order", order())
    records.update(ctx, "order", saved.id, {"note": "a"}, version=1)
    with pytest.raises(Stale) as error:
        records.update(ctx, "order", saved.id, {"note": "b"}, version=1)
    assert error.value.faults[0].message.startswith("订单 DD202603-0001 已被他人修改（版本 2，您的是 1）")
    assert records.load(ctx, "order", saved.id)["note"] == "a"


def test_deleting_only_marks_and_is_refused_while_others_refer(ctx: RunContext) -> None:
    saved = records.create(ctx, "order", order())
    with pytest.raises(Conflict) as error:
        records.delete(ctx, "place", records.load(ctx, "order", saved.id)["place"])
    assert [f.code for f in error.value.faults] == ["still_referred"] * len(error.value.faults)
    thing = records.load(ctx, "order", saved.id)["lines"][0]["item"]
    assert records.load(ctx, "thing", thing)["ordered"] == D(50)
    records.delete(ctx, "order", saved.id)
    assert records.load(ctx, "thing", thing)["ordered"] == D(0)
    with pytest.raises(NotFound):
        records.update(ctx, "order", saved.id, {"note": "x"})
    records.restore(ctx, "order", saved.id)
    assert records.load(ctx, "thing", thing)["ordered"] == D(50)
    assert records.load(ctx, "order", saved.id)["deleted_at"] is None


def test_a_record_cannot_come_back_when_its_code_was_given_away(ctx: RunContext) -> None:
    saved = records.create(ctx, "place", {"code": "Z", "name": "a"})
    records.delete(ctx, "place", saved.id)
    records.create(ctx, "place", {"code": "Z", "name": "b"})
    with pytest.raises(Invalid) as error:
        records.restore(ctx, "place", saved.id)
    assert faults(error) == [("code", "not_unique")]


def test_a_document_under_way_is_locked_but_for_what_its_state_frees(ctx: RunContext, boss: RunContext) -> None:
    saved = records.create(ctx, "order", order())
    line = records.load(ctx, "order", saved.id)["lines"][0]["id"]
    records.apply_system(ctx, "order", {saved.id: {"status": "open"}}, transition="start")
    records.update(boss, "order", saved.id, {"due": "2026-04-01"})
    with pytest.raises(Invalid) as error:
        records.update(boss, "order", saved.id, {"note": "x", "lines": [{"id": line, "qty": 9}]})
    assert set(faults(error)) == {("note", "field_locked"), ("lines.1.qty", "field_locked")}
    with pytest.raises(Invalid) as error:
        records.update(boss, "order", saved.id, {"lines": []})
    assert ("lines", "field_locked") in faults(error)
    with pytest.raises(Invalid) as error:
        records.update(boss, "order", saved.id, {"status": "done"})
    assert faults(error) == [("status", "status_by_transition")]
    with pytest.raises(Conflict):
        records.delete(boss, "order", saved.id)


def test_reading_gives_live_formulas_and_names(boss: RunContext) -> None:
    saved = records.create(boss, "order", order(date="2026-02-01"))
    shown = as_json(boss, "order", [records.read(boss, "order", saved.id)])[0]
    assert shown["late"] is True
    assert shown["place"] == {"id": 1, "code": "N", "name": "北店"}
    assert (shown["total"], shown["date"], shown["due"]) == ("110.00", "2026-02-01", "2026-02-08")
    assert (shown["lines"][0]["qty"], shown["lines"][0]["qty__base"]) == ("2", "50")


def test_ratios_are_exact_fractions(ctx: RunContext) -> None:
    units = [{"unit": "box", "ratio": "1/3"}]
    thing = records.create(ctx, "thing", {"group": "A", "name": "x", "unit": "pc", "price": 3, "units": units})
    assert records.load(ctx, "thing", thing.id)["units"][0]["ratio"] == Fraction(1, 3)
    saved = records.create(ctx, "order", order(lines=[{"item": thing.id, "qty": 3, "unit": "box"}]))
    line = records.load(ctx, "order", saved.id)["lines"][0]
    assert (line["qty"], line["price"]) == (D(1), D(1))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("1e30", "too_large"),
        ("NaN", "not_a_number"),
        ("1_0", "not_a_number"),
        (True, "not_a_number"),
        ({}, "not_a_number"),
        ("1,2", "not_a_number"),
        ("9" * 61, "not_a_number"),
        ("1000000000000", "too_large"),
    ],
)
def test_odd_numbers_are_refused(ctx: RunContext, raw: object, code: str) -> None:
    with pytest.raises(Invalid) as error:
        records.create(ctx, "order", order(lines=[{"item": "A-0001", "qty": raw}]))
    assert faults(error)[0] == ("lines.1.qty", code)


def test_a_result_too_large_to_keep_is_refused(ctx: RunContext) -> None:
    with pytest.raises(Invalid) as error:
        records.create(ctx, "order", order(lines=[{"item": "A-0001", "qty": "99999999999", "price": "99999999999"}]))
    assert "overflow" in [f.code for f in error.value.faults]


def test_an_order_takes_few_statements_however_many_lines(ctx: RunContext) -> None:
    records.create(ctx, "order", order())
    few = [{"item": 1, "qty": 1, "unit": 2}]
    with counting(ctx.connection) as one:
        records.create(ctx, "order", {"place": 1, "lines": few})
    with counting(ctx.connection) as many:
        records.create(ctx, "order", {"place": 1, "lines": few * 40})
    assert len(many) == len(one)
    assert len(one) <= 12


def test_a_batch_is_the_same_as_one_by_one(ctx: RunContext) -> None:
    values = [order(lines=[{"item": "A-0001", "qty": n}]) for n in (1, 2, 3)]
    single = [records.load(ctx, "order", records.create(ctx, "order", v).id) for v in values]
    together = [records.load(ctx, "order", s.id) for s in records.create_many(ctx, "order", values)]

    def bare(row: dict[str, Any]) -> dict[str, Any]:
        lines = [{n: v for n, v in line.items() if n not in ("id", "parent")} for line in row["lines"]]
        return {n: v for n, v in row.items() if n not in ("id", "code", "lines")} | {"lines": lines}

    assert [bare(r) for r in single] == [bare(r) for r in together]


def test_a_setting_is_one_record_with_its_defaults(ctx: RunContext, boss: RunContext, seller: RunContext) -> None:
    assert records.setting_id(ctx, "rules") is None
    first = records.save_setting(boss, "rules", {})
    assert records.load(ctx, "rules", first.id)["most"] == D(500)
    again = records.save_setting(boss, "rules", {"most": "7"}, version=1)
    assert (again.id, records.load(ctx, "rules", first.id)["most"]) == (first.id, D(7))
    with pytest.raises(Forbidden):
        records.save_setting(seller, "rules", {"most": "8"})


def test_a_value_taken_a_moment_ago_is_a_conflict_not_a_crash(ctx: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.record_checks._taken", lambda *_: set())
    savepoint = ctx.connection.begin_nested()
    with pytest.raises(Conflict) as error:
        records.create(ctx, "place", {"code": "N", "name": "x"})
    savepoint.rollback()
    assert error.value.faults[0].code == "taken_meanwhile"
