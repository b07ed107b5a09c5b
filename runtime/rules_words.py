"""Rules and alerts as sentences one can read aloud, in the reader's language."""

from __future__ import annotations

from engine.expressions.tree import Expr
from engine.model import Action, Alert, Message, Receiver, Rule, Trigger
from runtime.context import RunContext
from runtime.expression_words import Speaker, in_words
from runtime.plugins.finding import label_of
from runtime.rules_look import parts_of

WEEKDAYS = (("周一", "Monday"), ("周二", "Tuesday"), ("周三", "Wednesday"), ("周四", "Thursday"),
            ("周五", "Friday"), ("周六", "Saturday"), ("周日", "Sunday"))  # fmt: skip
CHANNELS = {
    "inbox": ("站内消息", "inbox"),
    "own": ("常用渠道", "preferred channel"),
    "email": ("邮件", "e-mail"),
    "wecom": ("企业微信", "WeCom"),
    "dingtalk": ("钉钉", "DingTalk"),
    "feishu": ("飞书", "Feishu"),
    "wecom_app": ("企业微信应用消息", "WeCom app message"),
    "dingtalk_app": ("钉钉工作通知", "DingTalk work notice"),
    "feishu_app": ("飞书应用消息", "Feishu app message"),
    "push": ("手机推送", "push"),
    "webhook": ("网络回调", "webhook"),
}
UNITS = {"days": ("天", "days"), "workdays": ("个工作日", "working days"), "hours": ("小时", "hours"),
         "work_hours": ("个工作小时", "working hours")}  # fmt: skip


class Sentences:
    """Says rules and alerts in one language."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self.model = ctx.app.model
        self.zh = ctx.language != "en"

    def t(self, zh: str, en: str) -> str:
        """The wording in the reader's language."""
        return zh if self.zh else en

    def rule(self, rule: Rule) -> str:
        """When, if, then."""
        when, does = self.trigger(rule.trigger), self.actions(rule)
        condition = self.words(rule.condition) if rule.condition is not None else ""
        if self.zh:
            asked = f"，如果 {condition}" if condition else ""
            return f"{when}{asked}，就{does}。"
        asked = f", if {condition}" if condition else ""
        return f"{when}{asked}, {does}."

    def label(self, entity: str) -> str:
        """What people call an entity."""
        found = self.model.entities[entity]
        own = found.label.get(self.ctx.language)
        if not found.parent:
            return own if self.zh else own.lower()
        owner = self.model.entities[found.parent].label.get(self.ctx.language)
        return f"{owner}{own}" if self.zh else f"{own.lower()} of the {owner.lower()}"

    def trigger(self, trigger: Trigger) -> str:
        """What is waited for."""
        return _TRIGGERS[trigger.kind](self, trigger)

    def words(self, expr: Expr) -> str:
        """An expression in the words of the app; the parts of a condition follow one another."""
        parts = list(parts_of(expr.tree))
        if len(parts) == 1:
            return in_words(self.ctx, expr)
        return self.t("，且 ", " and ").join(Speaker(self.ctx).say(part) for part in parts)

    def actions(self, rule: Rule) -> str:
        """What is done, in order."""
        said = [_ACTIONS[action.kind](self, rule, action) for action in rule.actions]
        return "；".join(said) if self.zh else "; then ".join(said)

    def people(self, to: tuple[Receiver, ...]) -> str:
        """Who is told."""
        names = []
        for each in to:
            if each.kind == "role":
                names.append(self.model.roles[each.role].label.get(self.ctx.language))
            elif each.expr is not None:
                names.append(self.words(each.expr))
        return ("、" if self.zh else ", ").join(names)

    def message(self, message: Message | None) -> str:
        """A text with its insertions in words."""
        if message is None:
            return ""
        pieces = message.get(self.ctx.language)
        return "".join(piece if isinstance(piece, str) else f"〔{self.words(piece)}〕" for piece in pieces)

    def channel(self, name: str) -> str:
        """What people call a channel."""
        return self.t(*CHANNELS.get(name, (name, name)))

    def span(self, amount: int, unit: str) -> str:
        """A length of time."""
        zh, en = UNITS.get(unit, (unit, unit))
        return f"{amount} {zh}" if self.zh else f"{amount} {en}"

    def alert(self, alert: Alert) -> str:
        """While, who, until."""
        label, condition = self.label(alert.entity), self.words(alert.condition)
        whom = self.people(alert.to) or self.people(tuple(r for level in alert.levels for r in level.to))
        ends = self.words(alert.until) if alert.until is not None else ""
        if alert.plan:
            plan = self.model.plans[alert.plan].label.get(self.ctx.language)
            label = self.t(f"{plan}里的{label}", f"{label} of the {plan}")
        if self.zh:
            until = f"，到 {ends} 时" if ends else "，不再如此时"
            return f"只要{label}的 {condition}，就一直预警并告诉 {whom}{until}自己关闭。"
        until = f"once {ends}" if ends else "as soon as that ends"
        return f"While {condition} holds for {_article(label)}, warn and tell {whom}; it closes by itself {until}."


def _article(label: str) -> str:
    return f"an {label}" if label[:1] in "aeiou" else f"a {label}"


def _created(s: Sentences, trigger: Trigger) -> str:
    label = s.label(trigger.entity)
    return s.t(f"当新建{label}时", f"When {_article(label)} is made")


def _changed(s: Sentences, trigger: Trigger) -> str:
    label, fields = s.label(trigger.entity), s.model.entities[trigger.entity].fields
    names = [fields[name].label.get(s.ctx.language) for name in trigger.fields if name in fields]
    if not names:
        return s.t(f"当{label}被修改时", f"When {_article(label)} is changed")
    return s.t(f"当{label}的{'、'.join(names)}改变时", f"When {', '.join(names).lower()} of {_article(label)} changes")


def _transition(s: Sentences, trigger: Trigger) -> str:
    label, workflow = s.label(trigger.entity), s.model.entities[trigger.entity].workflow
    name = workflow.transitions[trigger.transition].label.get(s.ctx.language) if workflow else trigger.transition
    return s.t(f"当{label}“{name}”时", f"When {_article(label)} takes “{name}”")


def _becomes(s: Sentences, trigger: Trigger) -> str:
    assert trigger.that is not None
    label, that = s.label(trigger.entity), s.words(trigger.that)
    once = s.t("（每张只一次）", " (once each)") if trigger.once else ""
    again = ""
    if trigger.rearm is not None:
        again = s.t(f"（{s.words(trigger.rearm)} 后可再次触发）", f" (again after {s.words(trigger.rearm)})")
    return s.t(f"当{label}变为 {that} 时{once}{again}", f"When {that} comes to hold for {_article(label)}{once}{again}")


def _date(s: Sentences, trigger: Trigger) -> str:
    assert trigger.date is not None
    label, date = s.label(trigger.entity), s.words(trigger.date)
    hour = f"{trigger.at:%H:%M}"
    amount = s.span(abs(trigger.offset), trigger.unit)
    if not trigger.offset:
        return s.t(f"在{label}的{date}当天 {hour}", f"At {hour} on the {date} of {_article(label)}")
    side = s.t("前", "before") if trigger.offset < 0 else s.t("后", "after")
    return s.t(
        f"在{label}的{date}{side} {amount} {hour}", f"At {hour}, {amount} {side} the {date} of {_article(label)}"
    )


def _every(s: Sentences, trigger: Trigger) -> str:
    label, hour = s.label(trigger.entity), f"{trigger.at:%H:%M}"
    day = trigger.day or 1
    turns = {
        "hour": ("每小时", "Every hour"),
        "day": (f"每天 {hour}", f"Every day at {hour}"),
        "week": (f"每{WEEKDAYS[(day - 1) % 7][0]} {hour}", f"Every {WEEKDAYS[(day - 1) % 7][1]} at {hour}"),
        "month": (f"每月 {day} 日 {hour}", f"On day {day} of every month at {hour}"),
    }
    zh, en = turns[trigger.period]
    return s.t(f"{zh}，对每个{label}", f"{en}, for each {label}")


def _event(s: Sentences, trigger: Trigger) -> str:
    plugin, _, name = trigger.event.partition(".")
    label, who, what = s.label(trigger.entity), label_of(plugin), label_of(plugin, name)
    zh = f"当插件“{who.zh}”对{label}报告“{what.zh}”时"
    return s.t(zh, f"When the plug-in {who.en} reports “{what.en}” about {_article(label)}")


_TRIGGERS = {
    "created": _created,
    "changed": _changed,
    "transition": _transition,
    "becomes": _becomes,
    "date": _date,
    "every": _every,
    "event": _event,
}


def _send(s: Sentences, rule: Rule, action: Action) -> str:
    whom, channel = s.people(action.to), s.channel(action.channel)
    text = s.message(action.text)
    more = "".join(f"、{s.channel(name)}" if s.zh else f", {s.channel(name)}" for name in action.more)
    said = s.t(f"：“{text}”", f": “{text}”") if text else ""
    if action.channel == "webhook" and not whom:
        return s.t(f"调用{channel}{said}", f"call a {channel}{said}")
    return s.t(f"用{channel}{more}告诉 {whom}{said}", f"tell {whom} by {channel}{more}{said}")


def _fills(s: Sentences, entity: str, action: Action) -> str:
    fields = s.model.entities[entity].fields
    pairs = [(fields[n].label.get(s.ctx.language), s.words(e)) for n, e in action.fill.items() if n in fields]
    if s.zh:
        return "、".join(f"{name} = {value or '空'}" for name, value in pairs)
    return ", ".join(f"{name.lower()} = {value or 'empty'}" for name, value in pairs)


def _set(s: Sentences, rule: Rule, action: Action) -> str:
    fills = _fills(s, rule.trigger.entity, action)
    return s.t(f"设置 {fills}", f"set {fills}")


def _create(s: Sentences, rule: Rule, action: Action) -> str:
    label, fills = s.label(action.entity), _fills(s, action.entity, action)
    return s.t(f"新建{label}（{fills}）", f"make {_article(label)} ({fills})")


def _draw(s: Sentences, rule: Rule, action: Action) -> str:
    label = s.label(action.entity)
    return s.t(f"由它生成{label}", f"draw {_article(label)} from it")


def _take(s: Sentences, rule: Rule, action: Action) -> str:
    workflow = s.model.entities[rule.trigger.entity].workflow
    name = workflow.transitions[action.transition].label.get(s.ctx.language) if workflow else action.transition
    return s.t(f"执行“{name}”", f"take “{name}”")


def _start(s: Sentences, rule: Rule, action: Action) -> str:
    who, what = label_of(action.plugin), label_of(action.plugin, action.act)
    given = ("、" if s.zh else ", ").join(f"{n} = {s.words(e)}" for n, e in action.fill.items())
    told = s.t(f"（{given}）", f" ({given})") if given else ""
    return s.t(f"启动插件“{who.zh}”的“{what.zh}”{told}", f"start “{what.en}” of the plug-in {who.en}{told}")


_ACTIONS = {"send": _send, "set": _set, "create": _create, "draw": _draw, "take": _take, "start": _start}


def say_rule(ctx: RunContext, rule: Rule) -> str:
    """A rule as a sentence."""
    return Sentences(ctx).rule(rule)


def say_alert(ctx: RunContext, alert: Alert) -> str:
    """An alert as a sentence."""
    return Sentences(ctx).alert(alert)
