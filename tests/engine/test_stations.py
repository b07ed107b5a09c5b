"""Stations: what is declared is resolved, what does not exist is named."""

from __future__ import annotations

from tests.engine.apps import SHOP, problems, shop

DESK = """
stations:
  desk:
    label: 收货台 | Desk
    for: [buyer]
    place: place
    starts: [order]
    queues:
      due:
        of: order
        where: status == approved
        place: place
        facts: [place.name, total]
        lines: lines
        columns: [item.code, qty]
        scan: [code, lines.item.code]
        acts:
          close:   {do: close}
          receive: {draw: receipt.order, ask: [lines.qty], adds: {lines: {item: = first(lines.item)}}, then: post}
          other:   {label: 开单 | Fill in, create: receipt, set: {place: = place}}
"""


def test_a_station_is_compiled_with_its_queue_and_keys() -> None:
    station = shop(DESK).stations["desk"]
    (queue,) = station.queues
    close, receive, other = queue.acts
    assert (station.place, station.roles, station.starts, station.icon) == ("place", ("buyer",), ("order",), "scan")
    assert (queue.scan, queue.columns, queue.place) == (("code", "lines.item.code"), ("item.code", "qty"), "place")
    assert (close.transition, close.entity) == ("close", "")
    assert (receive.entity, receive.source, receive.then, receive.ask) == ("receipt", "order", "post", ("lines.qty",))
    assert {lines: list(fill) for lines, fill in receive.adds.items()} == {"lines": ["item"]}
    assert (other.entity, other.source, list(other.fill)) == ("receipt", "", ["place"])


def test_what_a_station_names_must_exist() -> None:
    wrong = DESK
    for old, new in (
        ("for: [buyer]", "for: [byer]"),
        ("place: place\n    starts", "place: plaice\n    starts"),
        ("columns: [item.code, qty]", "columns: [item.cod, qty]"),
        ("{do: close}", "{do: clos}"),
        ("draw: receipt.order", "draw: receipt.ordr"),
        ("adds: {lines: {item: = first(lines.item)}}", "adds: {liens: {item: = first(lines.item)}}"),
        ("set: {place: = place}", "set: {palce: = place}"),
    ):
        wrong = wrong.replace(old, new)
    told = [problem.partition(": ")[2] for problem in problems(SHOP + wrong)]
    assert [line for line in told if not line.startswith("stations.desk")] == []
    assert [line.rpartition("[")[2] for line in told] == ["D304]"] * 2 + ["D305]"] + ["D304]"] * 2 + ["D305]"]
    assert any("did you mean 'close'" in line or "close" in line.partition(";")[2] for line in told)


def test_an_act_does_something() -> None:
    told = problems(SHOP + DESK.replace("{do: close}", "{label: 无 | None}"))
    assert [line.partition(": ")[2] for line in told] == [
        "stations.desk.queues.due.acts.close: neither do, draw nor create;"
        " name a transition of the document or what is made from it [D204]"
    ]
