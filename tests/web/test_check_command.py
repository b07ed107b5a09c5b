"""``dougong check`` from the command line: what is wrong, where, what to do, and mending it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from runtime.app_source import pin
from runtime.apps import AppHome
from runtime.records import create
from web.cli import cli

SHOP = """\
app: shop
title: 小店 | Shop
roles: {admin: {can: {all: [all]}}}
entities:
  item:
    kind: master
    label: 物料 | Item
    fields:
      size: {type: decimal, label: 尺寸 | Size}
      double: {type: decimal, formula: size * 2, label: 两倍 | Double}
"""


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--lang", "en", *arguments], prog_name="dougong", catch_exceptions=False)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app with one record whose computed figure was changed behind its back."""
    monkeypatch.chdir(tmp_path)
    with closing(AppHome("var")) as home:
        app = home.create("shop", pin(SHOP))
        with app.database.write() as connection:
            create(app.context(connection), "item", {"code": "BOLT", "name": "Bolt", "size": "1.5"})
        with app.database.write() as connection:
            connection.execute(text("UPDATE item SET double = double + 1000000"))


@pytest.mark.usefixtures("shop")
def test_what_is_kept_beside_its_formula_is_told_and_made_anew() -> None:
    assert call("check", "shop").stdout == "the ledgers hold\n"
    found = call("check", "--deep")
    assert (found.exit_code, found.stderr.splitlines()) == (
        1,
        [
            "item Item BOLT: double: 4.000000 is kept, the records say 3.000000 [formula_differs]",
            "  → made anew from moves and records: dougong check --mend",
        ],
    )
    (told,) = json.loads(call("check", "--deep", "--json").stdout)
    assert (told["code"], told["ledger"], told["key"], told["record"]) == ("formula_differs", "item", "1", "Item BOLT")
    mended = call("check", "--deep", "--mend")
    assert (mended.exit_code, mended.stdout, mended.stderr) == (0, "the ledgers hold\n", "1 made anew\n")
    assert call("check", "--deep").exit_code == 0
