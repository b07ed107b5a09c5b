"""F3: what the law wants kept cannot be deleted before its day, whichever way somebody tries."""

from __future__ import annotations

from runtime.importing import import_file
from runtime.importing_kept import note_import
from runtime.importing_undo import undo_import
from tests.scenarios.clients import Row, code, told
from tests.scenarios.larder import Larder

ZH = "批次 L1 不能删除：这条记录要保存到 2026-12-30；不再用就停用或改正它，2026-12-30 起才能删除"
EN = (
    "Lot L1 cannot be deleted: this record is kept until 2026-12-30; switch it off or correct it instead, "
    "it may be deleted from 2026-12-30 on"
)


def kept(larder: Larder) -> Row:
    """A lot that nothing refers to; its shelf life ends on 30 June."""
    larder.works.day("2026-01-05")
    return larder.admin.new("lot", code="L1", item=code("JUICE"), production_date="2026-01-01")


def test_f3_a_lot_goes_by_no_program_before_its_day_and_on_it(larder_both: Larder) -> None:
    works, admin = larder_both.works, larder_both.admin
    lot = kept(larder_both)
    works.day("2026-12-29")
    (fault,) = admin.refused(409, "DELETE", f"/lot/{lot['id']}")
    assert (fault["code"], fault["message"]) == ("retained", ZH)
    assert admin.call("DELETE", f"/lot/{lot['id']}", lang="en").get_json()["errors"][0]["message"] == EN
    assert [row["code"] for row in admin.items("/lot")] == ["L1"]
    works.day("2026-12-30")
    assert admin.status("DELETE", f"/lot/{lot['id']}") == 204
    assert admin.items("/lot") == []


def test_f3_a_kept_lot_goes_neither_by_page_nor_in_bulk(larder: Larder) -> None:
    lot = kept(larder)
    boss = larder.works.web("admin")
    assert ZH in told(boss.post(f"/e/lot/{lot['id']}/delete"))
    boss.post("/e/lot/bulk", action="delete", id=lot["id"])
    assert ZH in boss.get("/e/lot").get_data(as_text=True)
    assert [row["code"] for row in larder.admin.items("/lot")] == ["L1"]


def test_f3_taking_an_import_back_leaves_what_must_be_kept(larder_both: Larder) -> None:
    works = larder_both.works
    works.day("2026-01-05")
    sheet = "编号,物料,生产日期\nL1,JUICE,2026-01-01\n"
    with works.acting() as ctx:
        number = note_import(ctx, "lot", "lots.csv", import_file(ctx, "lot", sheet.encode(), "lots.csv"))
        undone = undo_import(ctx, number)
    assert ([stay.reason for stay in undone.stays], undone.written) == ([ZH], False)
    assert [row["code"] for row in larder_both.admin.items("/lot")] == ["L1"]


def test_f3_readings_and_samples_stay_as_long_as_they_must(larder: Larder) -> None:
    works, admin = larder.works, larder.admin
    works.day("2026-01-05")
    reading = admin.new("temp_log", warehouse=code("W"), celsius="3")
    lot = admin.new("lot", code="L1", item=code("JUICE"), production_date="2026-01-01")
    sample = admin.new("sample", lot={"id": lot["id"]}, weight="200")
    until = sample["keep_until"]
    for entity, made in (("temp_log", reading), ("sample", sample)):
        assert [f["code"] for f in admin.refused(409, "DELETE", f"/{entity}/{made['id']}")] == ["retained"]
    works.day(until)
    assert admin.status("DELETE", f"/sample/{sample['id']}") == 409
    works.day("2028-01-05")
    assert admin.status("DELETE", f"/temp_log/{reading['id']}") == 204
    assert admin.status("DELETE", f"/sample/{sample['id']}") == 204
