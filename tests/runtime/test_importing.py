"""Files in and out: headings, mappings, bad rows with their lines, all or nothing, and what Excel would run."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from runtime import records
from runtime.context import RunContext
from runtime.errors import Forbidden, Invalid
from runtime.exporting import dump, export_list, template
from runtime.importing import ImportOptions, Report, import_file
from runtime.importing_mapping import keep_mapping, kept_mapping, kept_mappings, read_mapping
from runtime.queries import ListQuery
from runtime.spreadsheets import read_sheet, write_xlsx

D = Decimal
PLACES = "编号,名称\nP1,东店\nP2,西店\n"


def bring(ctx: RunContext, entity: str, text: str, **options: bool) -> Report:
    return import_file(ctx, entity, text.encode(), "file.csv", None, ImportOptions(**options))


def count(ctx: RunContext, entity: str) -> int:
    return int(ctx.connection.execute(select(func.count()).select_from(ctx.app.tables.entity[entity])).scalar_one())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_headings_in_either_language_and_every_usual_encoding(ctx: RunContext, encoding: str) -> None:
    report = import_file(ctx, "place", PLACES.encode(encoding), "f.csv")
    assert (report.rows, report.created, report.written, report.faults) == (2, 2, True, [])
    assert [records.load(ctx, "place", i)["name"] for i in report.ids] == ["东店", "西店"]
    english = import_file(ctx, "place", b"Code;Name;active\nP3;x;\xe5\x90\xa6\n", "f.csv")
    assert records.load(ctx, "place", english.ids[0])["active"] is False


def test_a_workbook_brings_numbers_dates_and_codes(ctx: RunContext) -> None:
    rows: list[list[Any]] = [["A-0001", 2.0, "箱", "2026/3/1"], ["B-0001", 0.5, "", ""]]
    units = {"箱": "box"}
    mapping = read_mapping(
        ctx,
        """
entity: order
fields:
  place: {constant: N}
  date: {column: Day}
  lines.item: Item
  lines.qty: Qty
  lines.unit: {column: Unit, values: {箱: box}}
""",
    )
    assert mapping.cells["lines.unit"].values == units
    content = write_xlsx("x", ["Item", "Qty", "Unit", "Day"], rows)
    report = import_file(ctx, "order", content, "f.xlsx", mapping)
    assert (report.created, report.faults) == (2, [])
    made = records.load(ctx, "order", report.ids[0])
    assert (made["date"], made["lines"][0]["qty"], made["total"]) == (date(2026, 3, 1), D(50), D(110))


def test_rows_of_one_document_are_grouped(ctx: RunContext) -> None:
    text = "code,place,lines.item,lines.qty\nX1,N,A-0001,1\nX1,,B-0001,2\nX2,S,A-0001,3\n"
    report = bring(ctx, "order", text)
    assert (report.rows, report.created) == (3, 2)
    first, second = (records.load(ctx, "order", i) for i in report.ids)
    assert [line["qty"] for line in first["lines"]] == [D(1), D(2)]
    assert (second["code"], second["place"]) == ("X2", 2)


def test_every_bad_row_is_told_and_nothing_is_kept(ctx: RunContext) -> None:
    before = count(ctx, "order")
    text = "code,place,lines.item,lines.qty\nX1,N,A-0001,1\nX2,Q,A-0001,2\nX3,N,A-0001,1\nX3,,Z-1,x\n"
    report = bring(ctx, "order", text)
    assert not report.written
    assert [(f.line, f.field, f.code) for f in report.faults] == [
        (3, "place", "no_such_record"),
        (5, "lines.item", "no_such_record"),
        (5, "lines.qty", "not_a_number"),
        (5, "lines.unit", "required"),
    ]
    assert count(ctx, "order") == before
    partly = bring(ctx, "order", text, partial=True)
    assert (partly.created, partly.written, len(partly.faults)) == (1, True, 4)
    assert count(ctx, "order") == before + 1


def test_a_dry_run_judges_and_keeps_nothing(ctx: RunContext) -> None:
    before = count(ctx, "place")
    report = bring(ctx, "place", PLACES, dry_run=True)
    assert (report.created, report.written, count(ctx, "place")) == (2, False, before)


def test_unknown_headings_are_named(ctx: RunContext) -> None:
    with pytest.raises(Invalid) as error:
        bring(ctx, "place", "code,nane\nA,B\n")
    assert [f.message for f in error.value.faults] == ["文件没有列 nane，是否为 name？"] or "name" in str(error.value)
    with pytest.raises(Invalid):
        bring(ctx, "place", "")
    with pytest.raises(Invalid):
        import_file(ctx, "place", b"PK\x03\x04rubbish", "f.xlsx")


def test_records_matched_by_code_are_changed(ctx: RunContext) -> None:
    mapping = read_mapping(ctx, "{entity: place, match: code, fields: {code: Code, name: Name}}")
    report = import_file(ctx, "place", b"Code,Name\nN,North\nK,New\n", "f.csv", mapping)
    assert (report.created, report.updated) == (1, 1)
    assert records.load(ctx, "place", 1)["name"] == "North"


def test_a_mapping_scales_prefixes_skips_and_says_what_is_wrong_with_it(ctx: RunContext) -> None:
    mapping = read_mapping(
        ctx,
        """
entity: order
group: Nr
skip: {Item: [""]}
fields:
  code: {column: Nr, prefix: H-}
  place: {constant: N}
  lines.item: {column: Item, prefix: A-}
  lines.qty: {column: Dozens, times: 12}
""",
    )
    report = import_file(ctx, "order", b"Nr,Item,Dozens\n7,0001,2\n7,,1\n", "f.csv", mapping)
    assert (report.created, report.skipped) == (1, 1)
    made = records.load(ctx, "order", report.ids[0])
    assert (made["code"], [line["qty"] for line in made["lines"]]) == ("H-7", [D(24)])
    with pytest.raises(Invalid) as error:
        read_mapping(ctx, "{entity: order, fields: {plase: X, date: {colum: Y}}, x: 1}")
    assert len(error.value.faults) == 3


def test_mappings_are_kept_by_name(ctx: RunContext) -> None:
    keep_mapping(ctx, "place", "mine", "{entity: place, fields: {code: C}}")
    keep_mapping(ctx, "place", "mine", "{entity: place, fields: {code: D}}")
    assert kept_mappings(ctx, "place") == ["mine"]
    kept = kept_mapping(ctx, "place", "mine")
    assert kept is not None
    assert kept.cells["code"].column == "D"


def test_history_comes_in_its_final_state_and_only_by_an_admin(ctx: RunContext, seller: RunContext) -> None:
    text = "code,place,date,due,status,lines.item,lines.qty\nOLD,N,2020-05-01,2020-04-01,done,A-0001,1\n"
    report = bring(ctx, "order", text, as_history=True)
    made = records.load(ctx, "order", report.ids[0])
    assert (made["status"], made["code"]) == ("done", "OLD")
    assert [(w.line, w.code) for w in report.warnings] == [(2, "later")]
    with pytest.raises(Forbidden):
        bring(seller, "order", text, as_history=True)


def test_what_was_dumped_can_be_read_in_again(ctx: RunContext) -> None:
    lines = [{"item": "A-0001", "qty": "2", "unit": "box"}, {"item": "B-0001", "qty": "1.5"}]
    saved = records.create(ctx, "order", {"place": "N", "note": "=1+1", "lines": lines})
    before = records.load(ctx, "order", saved.id)
    content = dump(ctx, "order")
    assert b"'=1+1" in content
    ctx.connection.execute(ctx.app.tables.entity["order.lines"].delete())
    ctx.connection.execute(ctx.app.tables.entity["order"].delete())
    report = import_file(ctx, "order", content, "f.csv", None, ImportOptions(as_history=True))
    assert report.faults == []
    after = records.load(ctx, "order", report.ids[0])
    same = ("code", "date", "due", "place", "note", "total", "status")
    assert [after[n] for n in same] == [before[n] for n in same]
    assert [line["qty"] for line in after["lines"]] == [D(50), D("1.5")]


def test_a_list_is_exported_as_it_is_seen(ctx: RunContext, boss: RunContext, seller: RunContext) -> None:
    records.update(ctx, "place", 1, {"name": "@SUM(A1)"})
    content = export_list(boss, "place", ListQuery(fields=("code", "name", "active"), sort=(("code", False),)), "csv")
    assert content.decode("utf-8-sig").splitlines()[:2] == ["Code,Name,Active", "N,'@SUM(A1),yes"]
    sheet = read_sheet(export_list(boss, "thing", ListQuery(fields=("code", "price", "kind"))), "x.xlsx")
    assert sheet.header == ("Code", "Price", "Kind")
    assert sorted(tuple(row) for row in sheet.rows) == [("A-0001", 2.0, "Own"), ("B-0001", 8.5, "Own")]
    with pytest.raises(Forbidden):
        export_list(seller, "thing", ListQuery())


def test_the_template_has_a_heading_for_all_one_may_bring(boss: RunContext) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(template(boss, "order")))
    header = book.get_sheet_by_index(0).to_python()[0]
    assert header[:4] == ["Code", "Date", "Place", "Due"]
    assert "Lines.Thing" in header
    assert not {"Total", "Status", "Lines.Amount"} & set(header)
