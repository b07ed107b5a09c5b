"""The costing method changes at the start of a period only; the value of the stock stays what it was."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from runtime.administration import close
from runtime.proof import prove
from tests.scenarios.works import Works


def worth(works: Works) -> Decimal:
    return works.stock("COPPER", resource="value")


def test_the_method_changes_with_the_new_period_and_keeps_the_value(works: Works) -> None:
    admin = works.api("admin")
    works.bought("COPPER", "100", "10")
    works.bought("COPPER", "50", "13")
    setting = f"/costing/{works.scalar('SELECT id FROM costing')}"
    assert [e["code"] for e in admin.refused(422, "PATCH", setting, {"method": "fifo"})] == ["method_needs_closing"]
    record = int(setting.rpartition("/")[2])
    for through, method, pool, key in (
        (date(2026, 1, 31), "fifo", "warehouse", "warehouse|{item}|{place}"),
        (date(2026, 2, 28), "average", "firm", "firm|{item}"),
    ):
        works.day((through + timedelta(days=1)).isoformat())
        with works.acting() as ctx:
            close(ctx, "", through)
        before = worth(works)
        assert admin.change("costing", record, method=method, pool=pool)["method"] == method
        assert worth(works) == before == Decimal(1650)
        named = key.format(item=works.id("item", "COPPER"), place=works.id("warehouse", "W"))
        assert works.scalar("SELECT key FROM pool_stock") == named
        with works.app.database.read() as connection:
            assert prove(works.app.context(connection, works.clock), deep=True) == []
    works.bought("COPPER", "1", "10")
    (refused,) = admin.refused(422, "PATCH", setting, {"pool": "warehouse"})
    assert (refused["field"], refused["code"]) == ("pool", "method_has_moves")
