"""D8: the figures of the dashboard against hand-written SQL over the same data, each opening its records."""

from __future__ import annotations

from decimal import Decimal

from tests.scenarios.test_d5_issue import issue, started
from tests.scenarios.test_k2_service import deliver, order
from tests.scenarios.works import Works


def lived(works: Works) -> None:
    """Some weeks of work."""
    works.bought("COPPER", "1000", "11")
    works.bought("SCREW", "5000", "0.1")
    works.day("2026-01-06")
    job = started(works)
    made = issue(works, job, "60")
    works.api("keeper").take("material_issue", made["id"], "post")
    one, two = order(works, "100", "2026-01-08"), order(works, "200", "2026-01-09")
    order(works, "9000", "2026-01-20")
    works.day("2026-01-08")
    deliver(works, one, "100")
    works.day("2026-01-12")
    deliver(works, two, "50")


def test_d8_each_card_is_what_sql_says(works: Works) -> None:
    lived(works)

    def card(name: str) -> Decimal:
        return Decimal(str(works.api("manager").explain(name)["value"]))

    scale = Decimal(100)
    assert card("stock_value") == Decimal(works.scalar("select sum(value) from ledger_stock")) / scale
    assert card("stock_value") == Decimal("10825.00")  # 940 × 11 + 4,850 × 0.10
    assert card("wip_value") == Decimal("660.00")
    assert card("overdue_orders") == 1
    late = "select count(*) from sales_order where status = 'approved' and due_date < :day and deleted_at is null"
    done = " and id not in (select l.parent from sales_order__lines l group by l.parent having sum(l.open_qty) <= 0)"
    assert card("overdue_orders") == works.scalar(late + done, day="2026-01-12")
    assert card("on_time") == Decimal("0.5")
    assert card("running_orders") == works.scalar(
        "select count(*) from work_order where status in ('approved', 'started') and deleted_at is null"
    )
    assert card("shortages") == 1  # screws: 9,150 still wanted, 4,850 there


def test_d8_cards_open_the_records_behind_them(works: Works) -> None:
    lived(works)
    manager, web = works.api("manager"), works.web("manager")
    late = manager.items("/sales_order", view="late", fields="code")
    assert len(late) == int(Decimal(manager.explain("overdue_orders")["value"]))
    home = web.open("/")
    assert "当前库存总额" in home.text
    assert "10,825" in home.text
    cards = [link for link in home.links if link.startswith(("/e/", "/reports/", "/plans/", "/cards/"))]
    for link in sorted(set(cards))[:40]:
        assert web.get(link).status_code == 200, link


def test_d8_thresholds_colour_the_cards(works: Works) -> None:
    lived(works)
    manager = works.api("manager")
    assert manager.explain("overdue_orders")["color"] == "yellow"
    assert manager.explain("on_time")["color"] == "red"
    works.api().change("selling", works.api().items("/selling")[0]["id"], otd_target="0.55")
    assert manager.explain("on_time")["color"] == "yellow"


def test_d8_the_share_of_work_orders_with_all_material_falls_with_one_that_has_not(works: Works) -> None:
    lived(works)
    manager = works.api("manager")
    assert manager.explain("kit_share")["parts"][0]["value"] == "1"
    assert Decimal(manager.explain("kit_share")["value"]) == 1
    started(works, qty="10000")
    told = manager.explain("kit_share")
    assert (Decimal(told["value"]), told["color"]) == (Decimal("0.5"), "red")
    assert [part["value"] for part in told["parts"]] == ["1", "2"]
    shown = {
        row["id"]: row["short_lines"] for row in manager.items("/work_order", view="running", fields="short_lines")
    }
    assert sorted(shown.values()) == [0, 1]


def test_d8_a_salesperson_sees_no_cost(works: Works) -> None:
    lived(works)
    assert works.api("sales").status("GET", "/cards/stock_value") in (403, 404)
    assert works.api("keeper").status("GET", "/cards/wip_value") in (403, 404)
