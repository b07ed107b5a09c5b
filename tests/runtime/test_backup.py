"""One file holds an app whole, and makes it again on either database."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from runtime.app_source import pin
from runtime.apps import AppHome, RunningApp
from runtime.backup import backup, restore
from runtime.errors import Invalid, UserError

BOX = """\
app: boxes
title: 箱 | Boxes
entities:
  box:
    kind: master
    label: 箱 | Box
    fields:
      size: {type: decimal, label: 尺寸 | Size}
      day: {type: date, label: 日期 | Day}
      seen: {type: moment, label: 时刻 | Seen}
      open: {type: yes_no, label: 打开 | Open}
      extra: {type: json, label: 其他 | Extra}
      inner: {type: reference, to: box, label: 内箱 | Inner}
      weight: {type: decimal, label: 重量 | Weight}
      parts: {type: lines, label: 部件 | Parts, fields: {qty: {type: quantity, label: 数量 | Quantity}}}
"""
LIGHTER = "\n".join(line for line in BOX.splitlines() if "weight" not in line) + "\n"


@pytest.fixture
def make_home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], AppHome]]:
    made: list[AppHome] = []

    def make(dialect: str) -> AppHome:
        url = "" if dialect == "sqlite" else request.getfixturevalue("postgres_url")
        made.append(AppHome(tmp_path / uuid.uuid4().hex, url))
        return made[-1]

    yield make
    for home in made:
        for app, _ in list(home._open.values()):
            app.database.drop_schema()
        home.close()


def fill(app: RunningApp) -> None:
    tables = app.tables
    box = tables.entity["box"]
    values: dict[str, Any] = {
        "code": "甲", "size": Decimal("1.25"), "day": date(2026, 3, 1), "seen": datetime(2026, 3, 1, 8, tzinfo=UTC),
        "open": True, "extra": {"a": [1]}, "inner": 2, "weight": Decimal(7),
    }  # fmt: skip
    with app.database.write() as connection:
        connection.execute(insert(box).values(id=2, code="乙"))
        connection.execute(insert(box).values(id=1, **values))
        connection.execute(insert(tables.entity["box.parts"]).values(parent=1, qty=Decimal("0.000001")))
        file = insert(tables.system.file).values(name="a.png", size=3, created_at=datetime(2026, 1, 1, tzinfo=UTC))
        key = connection.execute(file.returning(tables.system.file.c.id)).scalar_one()
        connection.execute(insert(tables.system.file_content).values(file=key, content=b"\x00\xffx"))


def everything(app: RunningApp) -> dict[str, list[Any]]:
    with app.database.read() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for name, table in app.tables.metadata.tables.items()
        }


WAYS = [("sqlite", "sqlite"), ("sqlite", "postgresql"), ("postgresql", "sqlite"), ("postgresql", "postgresql")]


@pytest.mark.parametrize(("there", "here"), WAYS)
def test_an_app_comes_back_whole_on_either_database(
    make_home: Callable[[str], AppHome], tmp_path: Path, there: str, here: str
) -> None:
    one, two = make_home(there), make_home(here)
    name = f"boxes_{uuid.uuid4().hex[:8]}"
    app = one.create(name, pin(BOX), language="en")
    fill(app)
    one.publish(name, pin(LIGHTER), allow_loss=True)
    counts = backup(one.get(name), tmp_path / "backup.zip")
    assert (counts["box"], counts["box__parts"], counts["dg_app_version"]) == (2, 1, 2)
    again = f"again_{uuid.uuid4().hex[:8]}"
    assert restore(two, tmp_path / "backup.zip", again) == counts
    restored = two.get(again)
    assert (restored.version, restored.language) == (2, "en")
    assert everything(restored) == everything(one.get(name))
    two.rollback(again, 1)
    box = two.get(again).tables.entity["box"]
    with two.get(again).database.write() as connection:
        assert connection.execute(select(box.c.weight).order_by(box.c.id)).scalars().all() == [Decimal(7), None]
        assert connection.execute(insert(box).values(code="丙").returning(box.c.id)).scalar_one() == 3


def test_what_is_no_backup_is_refused_and_leaves_nothing(make_home: Callable[[str], AppHome], tmp_path: Path) -> None:
    home = make_home("sqlite")
    (tmp_path / "bad.zip").write_bytes(b"not a zip")
    with pytest.raises(Invalid, match="not a whole backup"):
        restore(home, tmp_path / "bad.zip", "boxes")
    assert home.names() == []


def test_a_backup_never_overwrites_an_app(make_home: Callable[[str], AppHome], tmp_path: Path) -> None:
    home = make_home("sqlite")
    backup(home.create("boxes", pin(BOX)), tmp_path / "backup.zip")
    with pytest.raises(UserError, match="there is an app of this name"):
        restore(home, tmp_path / "backup.zip", "boxes")
    assert home.names() == ["boxes"]


def test_a_backup_cut_short_leaves_no_file(make_home: Callable[[str], AppHome], tmp_path: Path) -> None:
    app = make_home("sqlite").create("boxes", pin(BOX))

    def stop(_name: str, _done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(app, tmp_path / "backup.zip", stop)
    assert not (tmp_path / "backup.zip").exists()
