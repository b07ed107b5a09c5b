"""A plug-in of somebody else: it does what it should, and much that it should not."""

from threading import Event as Bell

from runtime.plugins import Access, Act, Argument, Event, Plugin, Text
from runtime.plugins.hooks import hookimpl

NEVER = Bell()
ITEM = {"item": Argument(kind="record", of="item", label=Text("物料", "Item"), required=True)}


def act(id, **more):
    return Act(id=id, label=Text(f"做{id}", f"Do {id}"), **more)


PLUGIN = Plugin(
    id="probe",
    label=Text("探针", "Probe"),
    help=Text("测试用", "For tests"),
    settings={
        "type": "object",
        "required": ["greeting"],
        "properties": {
            "greeting": {"type": "string", "maxLength": 20, "default": "你好", "title": "问候 | Greeting"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 10, "title": "上限 | Limit"},
            "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "title": "比例 | Share"},
            "loud": {"type": "boolean", "title": "大声 | Loud"},
            "mood": {"enum": ["calm", "angry"], "title": "心情 | Mood"},
            "words": {"type": "array", "items": {"type": "string"}, "title": "词 | Words"},
            "ledger": {"type": "string", "format": "ledger", "title": "台账 | Ledger"},
            "token": {"type": "string", "writeOnly": True, "title": "令牌 | Token"},
        },
    },
    access=Access(
        reads=("item", "ledger.shelf"), writes={"item": ("note", "times")}, makes={"remark": ("name", "about")}
    ),
    acts=(
        act("note", arguments={**ITEM, "words": Argument(), "factor": Argument(kind="number")}),
        act("remark", arguments=ITEM),
        act("report", arguments={**ITEM, "level": Argument(kind="number", required=True)}),
        act("peek"),
        act("peer"),
        act("reach", arguments=ITEM),
        act("sly"),
        act("weigh"),
        act("rename", arguments=ITEM),
        act("burst"),
        act("hang", arguments=ITEM, seconds=0.05),
        act("half", arguments=ITEM),
        act("odd", arguments=ITEM),
    ),
    events=(
        Event(id="noticed", label=Text("发现", "Noticed"), of="item", gives={"level": Argument(kind="number")}),
    ),
)  # fmt: skip


@hookimpl
def dougong_plugin():
    return PLUGIN


@hookimpl
def dougong_run(act, given, at):
    DOES[act](given, at)


def note(given, at):
    (item,) = at.find("item", f"id == {given['item']}", ["code", "note"])
    at.change(
        "item", item["id"], {"note": f"{at.settings['greeting']} {item['code']} {given.get('words', '')}".strip()}
    )
    at.say(f"给 {item['code']} 写了备注", f"Noted on {item['code']}")


def remark(given, at):
    at.create("remark", {"name": "来自插件", "about": given["item"]})


def report(given, at):
    at.raise_event("noticed", given["item"], {"level": given["level"]})


def peek(given, at):
    at.find("person")


def peer(given, at):
    at.say(str([sorted(row) for row in at.find("item", fields=["code", "cost"])]))


def sly(given, at):
    at.find("item", "cost > 1")


def weigh(given, at):
    at.daily("shelf", "worth", "item", kinds=["use"], since=at.today(), until=at.today())


def reach(given, at):
    at.change("item", given["item"], {"cost": "1"})


def rename(given, at):
    at.change("item", given["item"], {"name": "新名"})


def burst(given, at):
    raise RuntimeError(f"no luck with {at.settings.get('token')}")


def hang(given, at):
    at.change("item", given["item"], {"note": "too late"})
    NEVER.wait(20)


def half(given, at):
    at.change("item", given["item"], {"note": "half"})
    at.change("item", given["item"] + 10_000, {"note": "nobody"})


def odd(given, at):
    at.change("item", given["item"], {"note": object()})


DOES = {
    each.__name__: each
    for each in (note, remark, report, peek, peer, sly, weigh, reach, rename, burst, hang, half, odd)
}
