"""F: what was made is entered where it is made: the main product stands there, more lines may be added."""

from __future__ import annotations

import re
from decimal import Decimal

from tests.scenarios.clients import code
from tests.scenarios.larder import Larder

STATION = "/stations/processing"


def test_f_outputs_are_entered_at_the_station(larder: Larder) -> None:
    admin, works = larder.admin, larder.works
    works.day("2026-03-02")
    admin.new("item", code="TRIM", name="边角肉", unit=code("KG"), category=code("RM"), tracked=True, shelf_life_days=5)
    larder.received("CHICKEN", "10", "C1", "2026-03-01")
    job = admin.new("processing", product=code("MARINADE"), qty="10", warehouse=code("W"))
    admin.take("processing", job["id"], "submit")
    admin.take("processing", job["id"], "start")
    worker, press = works.web("production"), f"{STATION}/making/{job['id']}/post"
    asked = worker.get(f"{STATION}?queue=making&doc={job['id']}&act=post").get_data(as_text=True)
    assert re.search(r'value="MARINADE"[^>]*name="outputs-0-item"', asked)
    assert re.search(r'value="10"[^>]*name="outputs-0-qty"', asked)
    assert 'name="outputs__added" value="1"' in asked
    first = {"outputs-0-item": "MARINADE", "outputs-0-qty": "9.5", "outputs-0-lot": "M1"}
    more = worker.post(press, outputs__added="1", more="outputs", **first).get_data(as_text=True)
    assert re.search(r'value="9.5"[^>]*name="outputs-0-qty"', more)
    assert 'name="outputs-1-item"' in more
    assert 'name="outputs__added" value="2"' in more
    assert admin.read("processing", job["id"])["outputs"] == []
    refused = worker.post(press, outputs__added="1", **{**first, "outputs-0-lot": ""})
    assert (refused.status_code, 'value="9.5"' in refused.get_data(as_text=True)) == (422, True)
    second = {"outputs-1-item": "TRIM", "outputs-1-qty": "0.5", "outputs-1-lot": "T1"}
    done = worker.post(press, outputs__added="3", **first, **second, **{"outputs-2-item": "", "outputs-2-qty": ""})
    assert done.status_code == 303, done.get_data(as_text=True)[:2000]
    made = admin.read("processing", job["id"])
    rows = [(row["item"]["code"], row["lot"]["code"], Decimal(row["qty"])) for row in made["outputs"]]
    assert rows == [("MARINADE", "M1", Decimal("9.5")), ("TRIM", "T1", Decimal("0.5"))]
    assert (made["status"], Decimal(made["yield_rate"])) == ("posted", Decimal(1))
    assert [larder.lot(lot)["expiry_date"] for lot in ("M1", "T1")] == ["2026-03-12", "2026-03-07"]
