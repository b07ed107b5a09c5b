"""What mappings do with whole rows: joined files, rows left out and remarked on, periods, transitions."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal

import pytest

from runtime import records
from runtime.context import RunContext
from runtime.errors import Invalid
from runtime.importing import ImportOptions, Report, import_file
from runtime.importing_mapping import read_mapping
from runtime.importing_told import line_ranges, told

D = Decimal
FILES = {
    "heads.csv": b"Nr,Place,Day\n7,N,2026/3/1\n8,S,20260302\n",
    "twice.csv": b"Nr,Place\n7,N\n7,S\n",
}
ORDER = """
entity: order
group: [Nr]
join:
  head: {file: heads.csv, on: [Nr]}
fields:
  code: {text: "<Nr>/<head.Place>"}
  place: head.Place
  date: head.Day
  lines.item: {column: Item, values: {x: A-0001, y: B-0001}}
  lines.qty: {column: Dozens, times: Factor}
"""
LINES = "Nr,Item,Dozens,Factor\n7,x,2,12\n8,x,1,12\n7,y,0.5,3\n"


def bring(ctx: RunContext, mapping: str, text: str, **options: bool) -> Report:
    used = read_mapping(ctx, mapping)
    return import_file(
        ctx, used.entity, text.encode(), "file.csv", used, ImportOptions(**options), files=FILES.__getitem__
    )


def test_rows_of_another_file_stand_beside_each_row(ctx: RunContext) -> None:
    report = bring(ctx, ORDER, LINES)
    assert (report.rows, report.created, report.faults, report.warnings) == (3, 2, [], [])
    first, second = (records.load(ctx, "order", i) for i in report.ids)
    assert (first["code"], first["date"], second["code"]) == ("7/N", date(2026, 3, 1), "8/S")
    assert [line["qty"] for line in first["lines"]] == [D(24), D("1.5")]


def test_a_row_without_a_partner_is_told_with_its_line(ctx: RunContext) -> None:
    report = bring(ctx, ORDER, LINES + "9,x,1,1\n", partial=True)
    assert [(f.line, f.code) for f in report.faults] == [(5, "import_no_partner")]
    assert report.created == 2
    assert not bring(ctx, ORDER.replace("<Nr>/", "<Nr>-"), LINES + "9,x,1,1\n").written


def test_a_joined_file_must_be_there_and_have_each_key_once(ctx: RunContext) -> None:
    with pytest.raises(Invalid) as error:
        bring(ctx, ORDER.replace("heads.csv", "twice.csv"), LINES)
    assert [(f.code, "3" in f.message) for f in error.value.faults] == [("import_join_twice", True)]
    used = read_mapping(ctx, ORDER)
    with pytest.raises(Invalid) as error:
        import_file(ctx, "order", LINES.encode(), "file.csv", used)
    assert [f.code for f in error.value.faults] == ["import_join_file"]
    with pytest.raises(Invalid) as error:
        read_mapping(ctx, ORDER.replace("heads.csv", "../heads.csv"))
    assert [f.code for f in error.value.faults] == ["import_mapping"]


def test_rows_of_one_record_that_differ_are_told_and_the_first_holds(ctx: RunContext) -> None:
    mapping = """
{entity: order, group: Nr, fields: {code: Nr, place: Place, lines.item: Item, lines.qty: Qty}}
"""
    report = bring(ctx, mapping, "Nr,Place,Item,Qty\nQ1,N,A-0001,1\nQ1,S,A-0001,2\n")
    assert [(w.line, w.field, w.code) for w in report.warnings] == [(3, "place", "import_differs")]
    made = records.load(ctx, "order", report.ids[0])
    assert (made["place"], len(made["lines"])) == (1, 2)


def test_rules_leave_rows_out_and_remark_on_others(ctx: RunContext) -> None:
    mapping = """
entity: place
fields: {code: Code, name: Name}
skip:
  - {when: {Name: [""]}, say: 没有名称 | no name}
  - {when: {Opened: {after: Closed}}, say: 日期颠倒 | closed before it opened}
tell:
  - {when: {Size: ["0"]}, unless: {Code: [K4]}, say: 没有面积 | no size}
"""
    text = (
        "Code,Name,Size,Opened,Closed\nK1,a,0,,\nK2,,1,,\nK3,c,1,2020-02-01,2020-01-01\nK4,d,0,2020-01-01,\nK5,e,0,,\n"
    )
    report = bring(ctx, mapping, text)
    assert (report.rows, report.created, report.skipped) == (5, 3, 2)
    assert [(one.message, one.where, one.level) for one in told(report.left_out)] == [
        ("没有名称", "3", "skip"),
        ("日期颠倒", "4", "skip"),
    ]
    assert [(one.message, one.where) for one in told(report.warnings)] == [("没有面积", "2, 6")]


def test_the_validity_of_rows_is_cut_into_stretches_in_which_the_same_rows_hold(ctx: RunContext) -> None:
    mapping = """
entity: order
group: [Nr]
periods: {from: From, to: To}
fields:
  code: {text: "<Nr>@<period.from>"}
  place: {constant: N}
  date: period.from
  due: {column: period.to, default: 2030-12-31}
  lines.item: Item
  lines.qty: {constant: 1}
"""
    text = (
        "Nr,Item,From,To\n"
        "Z,A-0001,2026-01-01,2026-03-31\n"
        "Z,B-0001,2026-02-01,\n"
        "Z,A-0001,2026-05-01,2026-05-31\n"
        "Z,A-0001,nonsense,\n"
    )
    report = bring(ctx, mapping, text, partial=True)
    assert [(f.line, f.code) for f in report.faults] == [(5, "not_a_date")]
    made = [records.load(ctx, "order", i) for i in report.ids]
    assert [(m["date"], m["due"], [line["item"] for line in m["lines"]]) for m in made] == [
        (date(2026, 1, 1), date(2026, 1, 31), [1]),
        (date(2026, 2, 1), date(2026, 3, 31), [1, 2]),
        (date(2026, 4, 1), date(2026, 4, 30), [2]),
        (date(2026, 5, 1), date(2026, 5, 31), [2, 1]),
        (date(2026, 6, 1), date(2030, 12, 31), [2]),
    ]


def test_everything_wrong_with_a_mapping_is_said_at_once(ctx: RunContext) -> None:
    with pytest.raises(Invalid) as error:
        read_mapping(
            ctx,
            """
entity: order
fields: {plase: X}
join: {head: {file: heads.csv, with: [Nr]}}
skip: [{when: {A: [""]}}]
periods: {from: A, to: B}
then: [pots]
""",
        )
    assert len(error.value.faults) == 5


def test_packed_files_are_read_and_broken_ones_refused(ctx: RunContext) -> None:
    packed = gzip.compress(b"code,name\nGZ,zipped\n")
    assert import_file(ctx, "place", packed, "places.csv.gz").created == 1
    with pytest.raises(Invalid) as error:
        import_file(ctx, "place", packed[:20], "places.csv.gz")
    assert [f.code for f in error.value.faults] == ["import_unreadable"]


def test_line_numbers_are_told_as_ranges() -> None:
    assert line_ranges((2, 3, 4, 9, 11, 12)) == "2-4, 9, 11-12"
