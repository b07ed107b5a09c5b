"""The command line as CONTRACT promises it: status, one fault a line on the error stream, JSON for programs."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.model import Text
from runtime.accounts import person_of_token, sign_in
from runtime.app_source import pin
from runtime.apps import AppHome
from runtime.outbox import Outgoing, post
from tests.runtime.outside import listening
from web.cli import COMMANDS, cli

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
"""
LARGER = SHOP + "      weight: {type: decimal, label: 重量 | Weight}\n"


@dataclass
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``dougong`` in an empty folder, in English."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(SHOP, encoding="utf-8")
    (tmp_path / "larger.yaml").write_text(LARGER, encoding="utf-8")

    def call(*arguments: str, stdin: str = "") -> Ran:
        result = CliRunner().invoke(cli, ["--lang", "en", *arguments], input=stdin, prog_name="dougong")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def shop(run: Run) -> Run:
    """A folder in which there is one app, ``shop``."""
    home = AppHome("var")
    definition = pin(SHOP)
    home.create("shop", definition)
    home.close()
    return run


def test_help_names_every_command_without_importing_it(run: Run) -> None:
    found = run("--help")
    assert found.code == 0
    assert all(f"  {name} " in found.out for name in COMMANDS)


@pytest.mark.parametrize("name", ["studio", "upgrade"])
def test_commands_of_later_are_unknown(run: Run, name: str) -> None:
    found = run(name)
    assert found.code == 2
    assert f"No such command '{name}'" in found.err


def test_a_port_that_another_server_has_is_refused_before_anything_is_made(run: Run, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as servers do whose workers share their port
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = run("run", "--port", str(other.getsockname()[1]), "--ensure", "generic")
    assert found.code == 1
    assert "cannot be used (Address already in use)" in found.err
    assert not (tmp_path / "var").exists()


def test_validate_is_silent_about_good_files_and_exact_about_bad_ones(run: Run, tmp_path: Path) -> None:
    assert run("validate", "shop.yaml", "larger.yaml") == Ran(0, "2 files, no problems\n", "")
    (tmp_path / "bad.yaml").write_text(SHOP.replace("decimal", "decimel"), encoding="utf-8")
    found = run("validate", "shop.yaml", "bad.yaml")
    assert (found.code, found.out, found.err.count("\n")) == (1, "", 1)
    assert found.err.startswith("bad.yaml:9:")
    assert "decimel" in found.err
    (problem,) = json.loads(run("validate", "--json", "bad.yaml").out)
    assert (problem["file"], problem["line"], problem["path"]) == ("bad.yaml", 9, "entities.item.fields.size.type")


def test_validate_without_files_is_wrong_usage(run: Run) -> None:
    assert run("validate").code == 2


def test_the_catalogue_lists_and_shows_templates(run: Run) -> None:
    assert "discrete" in [each["id"] for each in json.loads(run("templates", "list", "--json").out)]
    shown = json.loads(run("templates", "show", "discrete", "--json").out)
    assert shown["entities"]["item"] == "Item"
    unknown = run("templates", "show", "discreet")
    assert unknown.code == 1
    assert "discrete" in unknown.err


def test_new_makes_an_app_with_its_settings(run: Run) -> None:
    assert run("new", "mine", "--template", "discrete") == Ran(0, "app mine is ready\n", "")
    assert run("export", "mine").out == "app: mine\nextends: discrete 1.0.0\n"
    assert run("new", "mine", "--template", "discrete").code == 1
    assert run("check") == Ran(0, "the ledgers hold\n", "")
    assert run("tick", "--now", "2026-02-01T08:00:00+08:00") == Ran(0, "nothing is due\n", "")
    assert run("tick", "--now", "2026-02-01T08:00:00").code == 2


def test_a_worker_does_what_is_due_and_ends_when_asked_to(shop: Run) -> None:
    assert shop("worker", "--once") == Ran(0, "", "")


def test_new_on_an_unknown_template_makes_nothing(run: Run) -> None:
    found = run("new", "mine", "--template", "nonsense")
    assert (found.code, AppHome("var").names()) == (1, [])


def test_a_user_logs_in_and_a_token_stands_for_it(shop: Run) -> None:
    assert shop("user", "add", "anna", "--role", "admin", "--password-stdin", stdin="long enough\n").code == 0
    token = json.loads(shop("token", "anna", "--json").out)["token"]
    home = AppHome("var")
    app = home.get("shop")
    with app.database.write() as connection:
        ctx = app.context(connection)
        assert sign_in(ctx, "anna", "long enough") == 1
        assert person_of_token(ctx, token).user.roles == {"admin"}  # type: ignore[union-attr]
    home.close()
    assert json.loads(shop("user", "list", "--json").out)[0]["roles"] == ["admin"]


def test_a_user_with_an_unknown_role_is_refused(shop: Run) -> None:
    found = shop("user", "add", "anna", "--role", "boss", "--password-stdin", stdin="long enough\n")
    assert (found.code, found.out) == (1, "")
    assert "boss" in found.err


def test_diff_apply_versions_rollback(shop: Run, tmp_path: Path) -> None:
    expected = (
        "+ entities.item.fields.weight.type: decimal\n"
        "+ entities.item.fields.weight.label: 重量 | Weight\n"
        "* add item.weight\n"
    )
    assert shop("diff", "shop", "larger.yaml").out == expected
    assert shop("apply", "shop", "larger.yaml", "--dry-run").out == expected
    assert shop("apply", "shop", "larger.yaml", "--note", "heavier").out == expected + "version 2 published\n"
    assert shop("diff", "shop", "larger.yaml").out == "no differences\n"
    history = json.loads(shop("versions", "--json").out)
    assert [(v["number"], v["note"]) for v in history] == [(2, "heavier"), (1, "")]
    assert shop("rollback", "shop", "1").code == 0
    assert "weight" not in shop("export", "--flat").out
    assert shop("export", "shop", "-o", "out.yaml").code == 0
    assert (tmp_path / "out.yaml").read_text(encoding="utf-8") == SHOP


def test_a_loss_is_refused_unless_agreed_to(shop: Run) -> None:
    shop("apply", "shop", "larger.yaml")
    home = AppHome("var")
    app = home.get("shop")
    with app.database.write() as connection:
        connection.execute(app.tables.entity["item"].insert().values(code="A", weight=3))
    home.close()
    refused = shop("apply", "shop", "shop.yaml")
    line = "item.weight: 删除字段 item.weight（1 条有值，保留可恢复）; 需要 --allow-loss [destructive]\n"
    assert refused == Ran(1, "", line)
    looked = shop("apply", "shop", "shop.yaml", "--dry-run")
    assert (looked.code, looked.err.count("\n")) == (1, 1)
    assert shop("apply", "shop", "shop.yaml", "--allow-loss").code == 0


def test_a_file_that_does_not_load_changes_nothing(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(SHOP.replace("kind: master", "kind: mastr"), encoding="utf-8")
    found = shop("apply", "shop", "bad.yaml")
    assert found.code == 1
    assert found.err.startswith("bad.yaml:6:")
    assert len(json.loads(shop("versions", "--json").out)) == 1


def test_backup_and_restore(shop: Run) -> None:
    assert shop("backup", "shop", "shop.zip").code == 0
    rows = json.loads(shop("restore", "shop.zip", "again", "--json").out)["rows"]
    assert rows["dg_app_version"] == 1
    assert shop("restore", "shop.zip", "again").code == 1
    several = shop("check")
    assert (several.code, "again, shop" in several.err) == (2, True)
    assert shop("check", "again").code == 0


def test_an_unknown_app_is_named_with_those_there_are(shop: Run) -> None:
    found = shop("versions", "shp")
    assert (found.code, "shop" in found.err) == (1, True)


def test_settings_come_from_flags_then_environment_then_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dougong.toml").write_text('home = "from_file"\n', encoding="utf-8")
    home = AppHome("from_file")
    home.create("one", pin(SHOP))
    home.close()
    assert run("versions").code == 0
    monkeypatch.setenv("DOUGONG_HOME", "from_environment")
    assert run("versions").code == 1
    assert run("--home", "from_file", "versions").code == 0
    (tmp_path / "dougong.toml").write_text("port = many\n", encoding="utf-8")
    assert run("versions").code == 2


def test_records_come_in_and_go_out(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("code,name,size\nA,螺栓,1.5\nB,螺母,\n", encoding="gb18030")
    looked = shop("import", "shop", "item", "items.csv", "--dry-run")
    assert looked == Ran(0, "2 rows: 2 created, 0 updated, 0 skipped, 0 faults\nnothing was written\n", "")
    taken = shop("import", "shop", "item", "items.csv")
    assert taken.out == "2 rows: 2 created, 0 updated, 0 skipped, 0 faults\n"
    assert taken.err == "import 1: it can be undone on the import page\n"
    dumped = shop("dump", "shop", "item").out
    assert ("螺栓" in dumped, "1.5" in dumped, dumped.count("\n")) == (True, True, 3)


def test_a_bad_row_is_told_with_its_line_and_nothing_is_written(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("code,name,size\nA,a,1.5\nB,b,big\n", encoding="utf-8")
    found = shop("import", "shop", "item", "items.csv")
    assert (found.code, found.err.startswith("items.csv:3: size: "), "nothing was written" in found.out) == (
        1,
        True,
        True,
    )
    assert shop("dump", "shop", "item").out.count("\n") == 1
    assert shop("import", "shop", "item", "items.csv", "--partial").code == 0
    assert shop("dump", "shop", "item").out.count("\n") == 2


def test_channels_are_made_listed_and_tried_without_showing_a_secret(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("hush-hush\n", encoding="utf-8")
    with listening() as outside:
        outside.answer = (200, {"errcode": 0})
        made = shop("channels", "shop", "--set", "群", "wecom", "key=@key.txt", f"base={outside.url}")
        assert (made.code, "群" in made.out, "hush" in made.out) == (0, True, False)
        assert shop("channels", "shop", "--test", "群").out == "sent\n"
        assert outside.heard[0].path.endswith("key=hush-hush")
        outside.answer = (200, {"errcode": 93000, "errmsg": "invalid hush-hush"})
        assert shop("channels", "shop", "--test", "群") == Ran(1, "", "93000 invalid ••••\n")
    shop("channels", "shop", "--off", "群")
    (row,) = json.loads(shop("channels", "shop", "--json").out)
    assert row == {"name": "群", "kind": "wecom", "active": False, "off_reason": "", "secrets": "key"}
    assert "key, base" in shop("channels", "shop", "--set", "x", "wecom", "token=1").err
    assert shop("channels", "shop", "--on", "nobody").code == 1


def test_plug_ins_are_listed_set_switched_and_run(shop: Run) -> None:
    id = "replenishment_advice"
    (row,) = json.loads(shop("plugins", "list", "--json").out)
    assert (row["id"], row["on"], row["label"]) == (id, False, "Replenishment advice")
    refused = shop("plugins", "enable", id)
    assert refused.code == 1
    assert "ledger: Ledger is required [required]" in refused.err
    wrong = shop("plugins", "configure", id, "ledger=shelf", "days=three")
    assert "days: Days looked at cannot be three [setting_type]" in wrong.err
    assert "nothing=1" not in shop("plugins", "list").out
    assert shop("plugins", "enable", "replenishment_advise").err == (
        f"plugin: No plug-in replenishment_advise is installed; did you mean {id}? [plugin_unknown]\n"
    )
    off = shop("plugins", "run", id, "advise")
    assert off.code == 1
    assert off.err.startswith("The plug-in Replenishment advice is switched off; an administrator can switch it on")
    assert shop("plugins", "configure", id, "days").err == "days: 写成 名称=值 | write name=value [not_a_pair]\n"


def test_validate_doubts_a_plug_in_that_is_not_installed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text(SHOP + "plugins: {replenishment: {enabled: true}}\n", encoding="utf-8")
    found = run("validate", "odd.yaml")
    assert found.code == 0
    assert found.err.endswith(
        "plugins.replenishment: no plug-in replenishment is installed; did you mean replenishment_advice? [W901]\n"
    )


def test_tick_sends_what_waits_and_says_so(shop: Run) -> None:
    with listening() as outside:
        home = AppHome("var")
        app = home.get("shop")
        with app.database.write() as connection:
            text = Text(zh="到货", en="Here")
            told = Outgoing(kind="webhook", key="k", title=text, text=text, addresses=(outside.url,))
            post(app.context(connection), told)
        home.close()
        assert "message webhook 1 sent" in shop("tick", "shop").out
        assert shop("tick", "shop").out == "nothing is due\n"
        assert len(outside.heard) == 1
