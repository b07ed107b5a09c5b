"""What the pages say of a rule that started a plug-in: before it is done, when it is, and in a trial."""

from __future__ import annotations

from tests.runtime.plugins.conftest import Works
from web.rule_deeds import Deeds


def view(works: Works, language: str = "zh") -> dict[str, object]:
    with works.app.database.read() as connection:
        ctx = works.context(connection, language)
        (action,) = works.looks("wish")[-1].actions
        return Deeds(ctx).view("item", action)


def test_a_rule_run_tells_what_was_started_and_what_came_of_it(works: Works) -> None:
    works.change(wish="请看")
    waiting = view(works)
    assert (waiting["head"], waiting["text"], waiting["changes"]) == (
        "启动插件：探针 · 做note", "物料 A 螺栓，words 请看，factor 0.5；还没有做完", [],
    )  # fmt: skip
    works.work_off()
    done = view(works, "en")
    assert done["head"] == "Started the plug-in: Probe · Do note"
    assert done["text"] == "Item A 螺栓, words 请看, factor 0.5; done; Noted on A"
    assert done["changes"] == [{"name": "A 螺栓 Note", "old": "–", "new": "你好 A 请看"}]
