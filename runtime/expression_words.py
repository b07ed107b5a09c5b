"""Expressions in the words of the app: ``total > firm.limit`` becomes ``价税合计 > 公司设置的审批线``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from engine.expressions.tree import (
    Aggregate,
    Balance,
    Binary,
    Call,
    Clock,
    Conditional,
    Convert,
    Expr,
    Literal,
    Node,
    Path,
    Several,
    Unary,
    UnitRatio,
)
from engine.expressions.types import Kind
from engine.model import AppModel
from runtime.context import RunContext
from runtime.values import decimal_text

SIGNS = {"*": "×", "/": "÷", "-": "−", "<=": "≤", ">=": "≥", "==": "=", "!=": "≠"}
WORDS: Mapping[str, tuple[str, str]] = {
    "and": ("且", "and"),
    "or": ("或", "or"),
    "not": ("不是", "not"),
    "in": ("属于", "in"),
    "today": ("今天", "today"),
    "now": ("现在", "now"),
    "sum": ("合计", "sum of"),
    "count": ("个数", "number of"),
    "min": ("最小", "smallest"),
    "max": ("最大", "largest"),
    "avg": ("平均", "average of"),
    "any": ("任一", "any"),
    "first": ("首个", "first"),
    "join": ("", ""),
    "balance": ("余额", "balance of"),
    "inflow": ("流入", "inflow of"),
    "outflow": ("流出", "outflow of"),
    "mean_balance": ("平均余额", "mean balance of"),
    "abs": ("绝对值", "size of"),
    "empty": ("为空", "is empty"),
    "round": ("取整", "rounded"),
    "coalesce": ("首个有值", "first known of"),
}

STAMPS: Mapping[str, tuple[str, str]] = {
    "created_at": ("新建时间", "Made at"),
    "changed_at": ("修改时间", "Changed at"),
}
SPANS: Mapping[str, tuple[str, str]] = {
    "days": ("天", "days"),
    "weeks": ("周", "weeks"),
    "months": ("个月", "months"),
    "workdays": ("个工作日", "working days"),
    "hours": ("小时", "hours"),
}
SHIFTS = frozenset(("add_days", "add_months", "add_workdays", "add_seconds"))
ROOTS = frozenset(("record", "this", "user", "settings"))
GIVEN: Mapping[str, tuple[str, str]] = {
    "period.start": ("期初", "start of the period"),
    "period.end": ("期末", "end of the period"),
    "period.days": ("期间天数", "days of the period"),
    "need": ("需用量", "need"),
    "plan.qty": ("建议数量", "suggested quantity"),
    "plan.short_qty": ("缺量", "missing quantity"),
    "plan.need_date": ("需求日", "day of need"),
    "plan.order_date": ("最晚下单日", "latest order date"),
    "plan.place": ("地点", "place"),
    "plan.late": ("已来不及", "too late"),
    "plan.late_days": ("晚的天数", "days late"),
    "value": ("数值", "value"),
}


class Speaker:
    """Says trees in one language."""

    def __init__(self, ctx: RunContext, names: Mapping[str, str] | None = None) -> None:
        self.names = names or {}
        self.model: AppModel = ctx.app.model
        self.language = ctx.language

    def t(self, zh: str, en: str) -> str:
        """The wording in the reader's language."""
        return en if self.language == "en" else zh

    def say(self, node: Node) -> str:
        """A tree in words."""
        return SPEAKERS[type(node)](self, node)

    def word(self, name: str) -> str:
        """A function or operator in words."""
        zh, en = WORDS.get(name, (name, name))
        return self.t(zh, en)

    def label(self, entity: str, field: str) -> str:
        """What a field is called."""
        described = self.model.entities.get(entity)
        found = described.fields.get(field) if described else None
        return found.label.get(self.language) if found else self.t(*STAMPS.get(field, (field, field)))

    def path(self, node: Path) -> str:
        """The labels along a path; the owner of a line is not named."""
        entity = node.entity
        words: list[str] = []
        for step in node.steps:
            if node.root == "settings" and not words and step in self.model.entities:
                entity = step
                words.append(self.model.entities[step].label.get(self.language))
                continue
            if step == "parent":
                entity = self.model.entities[entity].parent if entity in self.model.entities else ""
                continue
            words.append(self.label(entity, step))
            described = self.model.entities.get(entity)
            found = described.fields.get(step) if described else None
            targets = (found.targets or found.value.targets) if found else ()
            entity = targets[0] if targets else ""
        if not words and node.root not in ROOTS:
            return self._given(node.root)
        if not words:
            return self.t("当前用户", "the user") if node.root == "user" else self.t("本单", "this")
        return self.t("的", " ").join(words) if self.language == "zh" else " ".join(words)

    def _given(self, root: str) -> str:
        """A name the caller supplied: a part of a card, a period."""
        return self.names.get(root) or (self.t(*GIVEN[root]) if root in GIVEN else root)

    def literal(self, node: Literal, beside: Node | None = None) -> str:
        """A constant; an option by its label where a field tells which."""
        value = node.value
        if isinstance(value, Decimal):
            return decimal_text(value)
        if isinstance(value, bool):
            return self.t("是", "yes") if value else self.t("否", "no")
        if node.type.kind is Kind.CHOICE and isinstance(beside, Path) and beside.steps:
            return self._option(beside, value)
        return "" if value is None else str(value)

    def _option(self, path: Path, value: object) -> str:
        entity = self.model.entities.get(path.entity)
        for step in path.steps[:-1]:
            found = entity.fields.get(step) if entity else None
            target = (
                entity.parent if entity and step == "parent" else (found.targets[0] if found and found.targets else "")
            )
            entity = self.model.entities.get(target)
        found = entity.fields.get(path.steps[-1]) if entity else None
        labels = {o.id: o.label.get(self.language) for o in found.options} if found else {}
        return labels.get(str(value), str(value))

    def binary(self, node: Binary) -> str:
        """Both sides with the sign between."""
        left = self._side(node.left, node.right, node)
        right = self._side(node.right, node.left, node)
        sign = SIGNS.get(node.operator) or self.word(node.operator)
        return f"{left} {sign} {right}"

    def _side(self, node: Node, other: Node, above: Binary) -> str:
        if isinstance(node, Literal):
            return self.literal(node, other)
        said = self.say(node)
        loose = (
            isinstance(node, Binary) and node.operator != above.operator and above.operator in ("*", "/", "and", "-")
        )
        return f"({said})" if loose or isinstance(node, Conditional) else said

    def aggregate(self, node: Aggregate) -> str:
        """``明细的金额合计``."""
        rows = self.model.entities.get(node.rows.entity)
        of = rows.label.get(self.language) if rows else ""
        what = self.say(node.value) if node.value is not None else of
        where = f"({self.say(node.where)})" if node.where is not None else ""
        if self.language == "zh":
            return f"{what}{where}{self.word(node.function)}"
        return f"{self.word(node.function)} {what}{' where ' + where if where else ''}"

    def balance(self, node: Balance) -> str:
        """``应收账款余额``."""
        ledger = self.model.ledgers.get(node.ledger)
        name = ledger.label.get(self.language) if ledger else node.ledger
        measure = ""
        if ledger is not None:
            found = ledger.resources.get(node.measure) or ledger.measures.get(node.measure)
            measure = found.label.get(self.language) if found else node.measure
        return f"{name}{measure}" if self.language == "zh" else f"{name} {measure}"


def _call(speaker: Speaker, node: Call) -> str:
    inside = ", ".join(speaker.say(a) for a in node.arguments)
    if node.function in SPANS:
        return f"{inside} {speaker.t(*SPANS[node.function])}"
    if node.function in SHIFTS:
        start, length, *_ = node.arguments
        back = isinstance(length, Unary)
        said = speaker.say(length.operand if isinstance(length, Unary) else length)
        return f"{speaker.say(start)} {'−' if back else '+'} {said}"
    if node.function in ("coalesce",):
        return speaker.t(" 或 ", " or ").join(speaker.say(a) for a in node.arguments)
    return f"{speaker.word(node.function)}({inside})"


def _unary(speaker: Speaker, node: Unary) -> str:
    inner = speaker.say(node.operand)
    if isinstance(node.operand, Call) and node.operand.function == "empty" and node.operator == "not":
        return speaker.t(
            f"{speaker.say(node.operand.arguments[0])}已填写", f"{speaker.say(node.operand.arguments[0])} is filled"
        )
    return f"−{inner}" if node.operator == "-" else f"{speaker.word('not')} {inner}"


def _conditional(speaker: Speaker, node: Conditional) -> str:
    test, then, other = speaker.say(node.test), speaker.say(node.then), speaker.say(node.otherwise)
    return speaker.t(f"{test} 时 {then}，否则 {other}", f"{then} if {test}, else {other}")


SPEAKERS: Mapping[type, Callable[[Speaker, Node], str]] = {
    Literal: lambda s, n: s.literal(n),  # type: ignore[arg-type]
    Path: lambda s, n: s.path(n),  # type: ignore[arg-type]
    Clock: lambda s, n: s.word(n.name),  # type: ignore[union-attr]
    Unary: _unary,  # type: ignore[dict-item]
    Binary: lambda s, n: s.binary(n),  # type: ignore[arg-type]
    Conditional: _conditional,  # type: ignore[dict-item]
    Call: _call,  # type: ignore[dict-item]
    Several: lambda s, n: "、".join(s.say(i) for i in n.items),  # type: ignore[union-attr]
    Convert: lambda s, n: s.say(n.operand),  # type: ignore[union-attr]
    UnitRatio: lambda s, n: s.t("换算率", "unit ratio"),
    Aggregate: lambda s, n: s.aggregate(n),  # type: ignore[arg-type]
    Balance: lambda s, n: s.balance(n),  # type: ignore[arg-type]
}


def in_words(ctx: RunContext, expr: Expr, names: Mapping[str, str] | None = None) -> str:
    """An expression of the model in the reader's words; ``names``: labels of names the caller supplies."""
    key = ("words", id(expr), ctx.language)
    return ctx.app.programs.keep(key, lambda: Speaker(ctx, names).say(expr.tree))
