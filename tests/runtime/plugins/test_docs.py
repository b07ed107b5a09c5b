"""The plug-in that the documentation shows is installed and run, word for word; its rules compile."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from engine.compiler import load_app
from runtime.plugins.declare import Plugin
from runtime.plugins.finding import GROUP, market
from runtime.plugins.work import Notes, Work
from tests.runtime.plugins.site import installed_here

TEXT = (Path(__file__).parents[3] / "docs" / "plugins.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


class Shelf(Work):
    """Three records and nothing else."""

    __slots__ = ()

    def __init__(self, plugin: Plugin, notes: Notes) -> None:
        super().__init__(None, plugin, {"table": "item", "least": 3}, "k", notes, lambda done, total: None)  # type: ignore[arg-type]

    def find(self, entity: str, where: str = "", fields: object = ()) -> list[dict[str, object]]:
        assert (entity, where, fields) == ("item", "", ["name"])
        return [{"id": n, "name": name} for n, name in enumerate(("螺栓 M8", "铁", None), 1)]


def test_the_plug_in_of_the_documentation_is_installed_and_does_what_it_says(tmp_path: Path) -> None:
    (module,), (project,) = blocks("python"), blocks("toml")
    points = tomllib.loads(project)["project"]["entry-points"][GROUP]
    with installed_here(tmp_path, "dougong-name-check", {"name_check": module}, points):
        found = market().plugins["name_check"]
        notes = Notes()
        found.run("look", {}, Shelf(found.plugin, notes))
    assert len([line for line in module.splitlines() if line.strip()]) <= 35
    assert [said.en for said in notes.said] == ["铁: 1 letters", "None: 0 letters"]
    assert [(each.event, each.record, dict(each.values)) for each in notes.raised] == [
        ("short", 2, {"letters": 1}),
        ("short", 3, {"letters": 0}),
    ]


def test_the_definitions_of_the_documentation_compile(tmp_path: Path) -> None:
    for number, block in enumerate(blocks("yaml")):
        layer = tmp_path / f"{number}.yaml"
        layer.write_text(f"app: mine\nextends: discrete\n{block}", encoding="utf-8")
        assert load_app(layer)
