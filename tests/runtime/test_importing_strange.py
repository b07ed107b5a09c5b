"""Sheets as people keep them: titles above, totals below, names for codes, units beside numbers, rows twice; undone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from runtime import records, workflow
from runtime.context import RunContext
from runtime.errors import NotFound
from runtime.importing import ImportOptions, Report, import_file, sheet_of
from runtime.importing_kept import imports, note_import, standing
from runtime.importing_mapping import Cell, FileMapping, read_mapping
from runtime.importing_table import table_of
from runtime.importing_undo import Undone, undo_import
from runtime.importing_words import Recognised, recognise
from tests.runtime.shop import SELLER

D = Decimal
THINGS = """物品资料表,,,,,
制表人：王,,2026-03-01,,,
,,,,,
货号,物品名称,归口,单位,售价（元）,来源
X-1,螺母,甲,个,"¥1,200.50",自有
X-2,垫圈,甲,箱,3 元,自有
X-2,弹垫,乙,个,4,自有
X-1,螺母,甲,个,"¥1,200.50",自有
X-3,六角螺栓,甲,ＫＧ,2,自 有
合计,,,,9,
"""


def looked(ctx: RunContext, entity: str, text: str) -> Recognised:
    described = ctx.app.model.entities[entity]
    return recognise(ctx, described, table_of(sheet_of(ctx, described, text.encode(), "f.csv")))


def bring(ctx: RunContext, entity: str, text: str, mapping: FileMapping | None = None, **options: bool) -> Report:
    used = mapping or looked(ctx, entity, text).mapping
    return import_file(ctx, entity, text.encode(), "f.csv", used, ImportOptions(**options))


def taken(ctx: RunContext, entity: str, text: str, mapping: FileMapping | None = None) -> int:
    report = bring(ctx, entity, text, mapping)
    assert report.faults == []
    return note_import(ctx, entity, "f.csv", report)


def test_columns_are_told_by_heading_in_either_language_and_by_what_stands_under_them(ctx: RunContext) -> None:
    found = looked(ctx, "thing", THINGS)
    assert {path: cell.column for path, cell in found.mapping.cells.items()} == {
        "code": "货号",
        "name": "物品名称",
        "group": "归口",
        "unit": "单位",
        "price": "售价（元）",
        "kind": "来源",
    }
    assert found.by_content == {"归口", "来源"}
    english = looked(ctx, "thing", "Item No.,Thing name,Price (EUR),Whatever\nZ,z,1,???\n")
    assert {p: c.column for p, c in english.mapping.cells.items()} == {"name": "Thing name", "price": "Price (EUR)"}
    assert english.unknown == ("Item No.", "Whatever")


def test_titles_totals_and_twins_are_no_records_and_words_are_understood(ctx: RunContext) -> None:
    report = bring(ctx, "thing", THINGS, partial=True)
    assert [(f.line, f.code) for f in report.left_out] == [(10, "import_total_row"), (8, "import_same_row")]
    assert [(f.line, f.code, f.message) for f in report.faults] == [
        (7, "import_same_key", "编号 X-2 与第 6 行重复，请只留一行")
    ]
    assert [(f.line, f.code) for f in report.warnings] == [(9, "import_alike")]
    first, second, third = (records.load(ctx, "thing", one.record) for one in report.taken)
    assert (first["code"], first["price"], first["kind"]) == ("X-1", D("1200.50"), "own")
    assert (second["price"], second["unit"]) == (D(3), 2)
    assert (third["name"], third["unit"], third["kind"]) == ("六角螺栓", 3, "own")


def test_amounts_with_a_unit_bring_their_unit_along(ctx: RunContext) -> None:
    text = "place,date,lines.item,lines.qty\n北店,2026-03-01,六角螺栓,3 箱\n北店,2026-03-01,B-0001,2 公斤\n"
    report = bring(ctx, "order", text)
    assert report.faults == []
    made = records.load(ctx, "order", report.ids[0])
    assert [(line["qty"], line["unit"]) for line in made["lines"]] == [(D(75), 2), (D(2), 3)]


def test_an_amount_in_another_unit_than_its_row_is_refused(ctx: RunContext) -> None:
    text = "place,date,lines.item,lines.unit,lines.qty\nN,2026-03-01,B-0001,克,500 kg\nN,2026-03-02,B-0001,克,5 g\n"
    report = bring(ctx, "order", text, partial=True)
    assert [(f.line, f.code) for f in report.faults] == [(2, "import_other_unit")]
    assert "500 kg" in report.faults[0].message
    assert report.created == 1


def test_what_is_named_and_not_there_is_made_if_asked_for(ctx: RunContext) -> None:
    text = "编号,名称,类别,单位\nN-1,a,新类,千克\nN-2,b,新类,吨\n"
    refused = bring(ctx, "thing", text, dry_run=True)
    assert [f.code for f in refused.faults] == ["no_such_record", "no_such_record", "no_such_record"]
    mapping = looked(ctx, "thing", text).mapping
    cells = {p: replace(c, create=True) if p in ("group", "unit") else c for p, c in mapping.cells.items()}
    report = bring(ctx, "thing", text, replace(mapping, cells=cells))
    assert [entity for entity, _ in report.made] == ["group", "unit"]
    tonne = records.load(ctx, "unit", report.made[1][1])
    assert (tonne["code"], tonne["measures"], tonne["ratio"]) == ("吨", "mass", 1000)
    number = note_import(ctx, "thing", "f.csv", report)
    assert (undo_import(ctx, number).removed, imports(ctx)[0].undone_at is not None) == (4, True)


NESTED = "{entity: group, match: code, fields: {code: C, name: N, above: {column: U, create: true}}}"


def test_rows_that_name_each_other_are_remembered_once_and_undone_whole(ctx: RunContext) -> None:
    report = bring(ctx, "group", "C,N,U\nP,Parent,\nK,Child,P\n", read_mapping(ctx, NESTED))
    (parent,) = [record for _, record in report.made]
    assert (report.faults, report.created, report.updated) == ([], 1, 1)
    assert [one.record for one in report.taken if not one.fresh] == [parent]
    number = note_import(ctx, "group", "f.csv", report)
    kept = [(one.entity, one.before, one.came) for one in standing(ctx, number)]
    assert kept == [("group", 0, 1), ("group", 0, 2)]
    assert undo_import(ctx, number).removed == 2
    assert gone(ctx, "group", parent)


def test_a_name_written_three_ways_makes_one_record(ctx: RunContext) -> None:
    text = "N,U,M\na,Steel,个\nb,STEEL,个\nc,ＳＴＥＥＬ,个\nd,Iron,个\n"
    fields = "{name: N, group: {column: U, create: true}, unit: M}"
    report = bring(ctx, "thing", text, read_mapping(ctx, f"{{entity: thing, recognise: true, fields: {fields}}}"))
    groups = [record for _, record in report.made]
    assert [records.load(ctx, "group", record)["name"] for record in groups] == ["Steel", "Iron"]
    came = [records.load(ctx, "thing", one.record)["group"] for one in report.taken]
    assert came == [groups[0], groups[0], groups[0], groups[1]]


def test_undoing_takes_only_the_records_that_came_whatever_others_have_the_same_number(ctx: RunContext) -> None:
    records.create_many(ctx, "unit", [{"code": f"other {n}", "name": "x"} for n in range(20)])
    units = ctx.app.tables.entity["unit"].c
    alive = select(units.id).where(units.deleted_at.is_(None)).order_by(units.id)
    before = ctx.connection.execute(alive).scalars().all()
    text = "品名,类,单位\na,新一,新单位\nb,新二,新单位\n"
    cells = "{name: 品名, group: {column: 类, create: true}, unit: {column: 单位, create: true}}"
    report = bring(ctx, "thing", text, read_mapping(ctx, f"{{entity: thing, recognise: true, fields: {cells}}}"))
    groups = [record for entity, record in report.made if entity == "group"]
    assert (len(report.made), len(groups), set(groups) <= set(before)) == (3, 2, True)
    assert undo_import(ctx, note_import(ctx, "thing", "f.csv", report)).removed == 5
    assert [gone(ctx, "group", number) for number in groups] == [True, True]
    assert ctx.connection.execute(alive).scalars().all() == before


def test_what_refused_rows_named_is_not_made(ctx: RunContext) -> None:
    mapping = read_mapping(ctx, "{entity: thing, fields: {name: N, group: {column: U, create: true}, price: P}}")
    report = bring(ctx, "thing", "N,U,P\na,Nobody,oops\n", mapping, partial=True)
    group = ctx.app.tables.entity["group"].c
    query = select(group.id).where(group.code == "Nobody")
    assert (report.written, ctx.connection.execute(query).all()) == (False, [])


def test_a_mapping_kept_from_a_strange_sheet_says_what_it_understands(ctx: RunContext) -> None:
    mapping = read_mapping(
        ctx, "{entity: thing, recognise: true, fields: {name: 品名, group: {column: 类, create: true}, unit: 单位}}"
    )
    assert (mapping.recognise, mapping.cells["group"]) == (True, Cell(column="类", create=True))
    report = bring(ctx, "thing", "标题,,\n品名,类,单位\nk,甲,个\n", mapping)
    assert (report.created, report.faults) == (1, [])


# --- undone ----------------------------------------------------------------------------------------------------


def plain(undone: Undone) -> tuple[int, int, int, list[Any]]:
    return undone.removed, undone.restored, undone.countered, [(s.record, s.reason) for s in undone.stays]


def gone(ctx: RunContext, entity: str, record: int) -> bool:
    return records.load(ctx, entity, record)["deleted_at"] is not None


def test_new_records_go_and_changed_ones_get_their_values_back(ctx: RunContext) -> None:
    mapping = read_mapping(ctx, "{entity: place, match: code, fields: {code: C, name: N, note: R}}")
    number = taken(ctx, "place", "C,N,R\nN,North,x\nK,New,\n", mapping)
    assert records.load(ctx, "place", 1)["name"] == "North"
    looked_at = undo_import(ctx, number, dry_run=True)
    assert (plain(looked_at), looked_at.written) == ((1, 1, 0, []), False)
    assert records.load(ctx, "place", 1)["name"] == "North"
    assert plain(undo_import(ctx, number)) == (1, 1, 0, [])
    back = records.load(ctx, "place", 1)
    assert (back["name"], back["note"]) == ("北店", None)
    query = select(ctx.app.tables.entity["place"].c.id).where(ctx.app.tables.entity["place"].c.code == "K")
    assert gone(ctx, "place", ctx.connection.execute(query).scalar_one())


def test_what_others_built_on_stays_and_says_why(ctx: RunContext) -> None:
    number = taken(ctx, "place", "编号,名称\nQ1,一\nQ2,二\nQ3,三\n")
    place = ctx.app.tables.entity["place"].c
    query = select(place.code, place.id).where(place.code.like("Q_"))
    ids = {row.code: row.id for row in ctx.connection.execute(query)}
    line = {"item": {"code": "A-0001"}, "qty": "1"}
    records.create(ctx, "order", {"place": {"code": "Q1"}, "lines": [line]})
    records.update(ctx, "place", ids["Q2"], {"name": "改了"})
    tried = undo_import(ctx, number)
    assert (tried.written, gone(ctx, "place", ids["Q3"])) == (False, False)
    assert plain(tried)[3] == [
        (ids["Q2"], "导入后被 – 改过（2026-03-02）"),
        (ids["Q1"], "地点 Q1 一 不能删除：1 条订单还在使用它"),
    ]
    partly = undo_import(ctx, number, partial=True)
    assert (partly.written, partly.removed, gone(ctx, "place", ids["Q3"])) == (True, 1, True)
    assert imports(ctx)[0].undone_at is None


def test_lines_and_amounts_come_back_as_they_were(ctx: RunContext) -> None:
    lines = [{"item": "A-0001", "unit": "box", "qty": "2"}, {"item": "B-0001", "qty": "3"}]
    saved = records.create(ctx, "order", {"place": {"code": "N"}, "date": "2026-03-01", "lines": lines})
    before = records.load(ctx, "order", saved.id)
    mapping = read_mapping(
        ctx, "{entity: order, group: [C], match: code, fields: {code: C, lines.item: I, lines.qty: Q, lines.unit: U}}"
    )
    number = taken(ctx, "order", f"C,I,Q,U\n{saved.code},B-0001,9,g\n", mapping)
    assert records.load(ctx, "order", saved.id)["total"] != before["total"]
    assert undo_import(ctx, number).restored == 1
    after = records.load(ctx, "order", saved.id)
    kept = ("item", "unit", "qty", "qty__entered", "price", "amount")
    assert [[x[n] for n in kept] for x in after["lines"]] == [[x[n] for n in kept] for x in before["lines"]]
    assert after["total"] == before["total"]


def test_records_of_one_file_that_build_on_each_other_go_together(ctx: RunContext) -> None:
    first = taken(ctx, "place", "编号,名称\nZ1,z\n")
    number = taken(ctx, "order", "place,date,lines.item,lines.qty\nZ1,2026-03-01,A-0001,1\n")
    assert undo_import(ctx, first).stays != []
    assert undo_import(ctx, number).removed == 1
    assert undo_import(ctx, first).removed == 1


def test_a_document_under_way_without_a_way_back_stays(ctx: RunContext) -> None:
    number = taken(ctx, "order", "place,date,lines.item,lines.qty\nN,2026-03-01,A-0001,1\n")
    order = max(ctx.connection.execute(select(ctx.app.tables.entity["order"].c.id)).scalars())
    workflow.take(ctx, "order", order, "start")
    assert [s.record for s in undo_import(ctx, number).stays] == [order]
    assert not gone(ctx, "order", order)


def test_only_who_imported_or_an_administrator_may_undo(ctx: RunContext, boss: RunContext) -> None:
    number = taken(boss, "place", "编号,名称\nW1,w\n")
    seller = replace(ctx, user=SELLER)
    assert (imports(seller), [one.id for one in imports(boss)]) == ([], [number])
    with pytest.raises(NotFound):
        undo_import(seller, number)
    assert undo_import(boss, number).removed == 1
