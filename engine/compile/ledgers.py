"""Ledgers: dimensions, resources, totals, valuation, allocations, measures and guards."""

from __future__ import annotations

from dataclasses import replace

from engine.compile.bench import Bench
from engine.compile.constants import after_equals, value_or_expression
from engine.compile.fields import options_of
from engine.compile.infer import targets_of
from engine.compile.messages import message, plain_message
from engine.compile.part import Part, Word, bilingual
from engine.compile.paths import walk_path
from engine.compile.scope import AppScope, parse, parse_condition
from engine.expressions.scope import FieldInfo, LedgerInfo
from engine.expressions.tree import Expr
from engine.expressions.types import DATE, DURATION, INTEGER, NUMBER, QUANTITY, TEXT, Type, choice, money, reference
from engine.frozen import Frozen
from engine.model import Allocation, Dimension, Guard, Ledger, Measure, Resource, Text, Valuation
from engine.problems import did_you_mean, got

METHODS = ("average", "fifo", "lot", "standard", "none")
_RESOURCE_TYPES = {"quantity": QUANTITY, "decimal": NUMBER, "integer": INTEGER, "duration": DURATION}


def declare_ledgers(bench: Bench) -> None:
    """What expressions may know about ledgers, before any of them is read."""
    for id, part in bench.root.parts("ledgers"):
        if not part.has("dimensions") or not part.has("resources"):
            what = (
                f"there is no ledger {id} to extend" if not part.has("resources") else f"ledger {id} has no dimensions"
            )
            part.problem(
                "D302" if not part.has("resources") else "D707", "", what, "declare it with dimensions and resources"
            )
            bench.problems.silence(part.path)
        dimensions = {name: _dimension_type(bench, each) for name, each in part.parts("dimensions")}
        figures = {name: _resource_info(bench, each) for name, each in part.parts("resources")}
        kinds = tuple(name for name, _ in part.entries("kinds"))
        bench.rows[f"ledger.{id}"] = {**{n: FieldInfo(type=t) for n, t in dimensions.items()}, **figures}
        bench.ledgers[id] = LedgerInfo(
            dimensions=dimensions, figures={**figures, **_measures(bench, part)}, kinds=kinds
        )


def _measures(bench: Bench, part: Part) -> dict[str, FieldInfo]:
    """Types of measures are guessed from how they are written; their formulas are read later."""
    done = {}
    for name, each in part.parts("measures"):
        tag = each.text("secrecy")
        text = each.text("formula")
        type = _measure_type(bench, part, text)
        done[name] = FieldInfo(type=type, secrecy=frozenset({tag} if tag else ()), live=True)
    return done


def _measure_type(bench: Bench, part: Part, text: str) -> Type:
    """Value by quantity is a price; else the type of the first resource named."""
    kinds = {name: each.text("type") for name, each in part.parts("resources")}
    named = [name for name in kinds if name in text]
    values = [name for name in named if kinds[name] == "money"]
    quantities = [name for name in named if kinds[name] == "quantity"]
    if values and quantities and "/" in text:
        return replace(money(6), per_unit=True)
    first = values[0] if values else named[0] if named else ""
    return _resource_type(bench, kinds.get(first, "quantity"))


def _dimension_type(bench: Bench, part: Part) -> Type:
    if part.has("to"):
        return reference(*targets_of(bench, part))
    kinds = {"date": DATE, "text": TEXT, "integer": INTEGER}
    if part.text("type") == "choice":
        return choice(*(id for id, _ in part.entries("options")))
    return kinds.get(part.text("type"), TEXT)


def _resource_type(bench: Bench, kind: str) -> Type:
    return money(bench.money_scale) if kind == "money" else _RESOURCE_TYPES.get(kind, NUMBER)


def _resource_info(bench: Bench, part: Part) -> FieldInfo:
    tag = part.text("secrecy")
    type = _resource_type(bench, part.text("type", "quantity"))
    return FieldInfo(type=type, secrecy=frozenset({tag} if tag else ()), of_field=part.text("of"))


def compile_ledgers(bench: Bench) -> Frozen[str, Ledger]:
    """All ledgers."""
    return Frozen({id: _ledger(bench, id, part) for id, part in bench.root.parts("ledgers")})


def _ledger(bench: Bench, id: str, part: Part) -> Ledger:
    row = ledger_scope(bench, id)
    totals = part.part("totals")
    return Ledger(
        id=id,
        label=part.label("label", id),
        dimensions=Frozen({n: _dimension(bench, row, n, each) for n, each in part.parts("dimensions")}),
        resources=Frozen({n: _resource(bench, id, n, each) for n, each in part.parts("resources")}),
        kinds=Frozen({n: bilingual(word.text, n) for n, word in part.pairs("kinds")}),
        totals=Frozen({n: _dimensions(bench, id, totals.words(n)) for n in totals.block.entries} if totals else {}),
        allocations=Frozen({n: _allocation(bench, id, n, each) for n, each in part.parts("allocations")}),
        measures=Frozen({n: _measure(bench, id, part, n, each) for n, each in part.parts("measures")}),
        guards=tuple(_guard(bench, id, part, n, each) for n, each in part.parts("guards")),
        valuation=_valuation(bench, id, part.part("valuation")),
        origin=part.origin,
    )


def ledger_scope(bench: Bench, id: str, names: dict[str, Type] | None = None, given: str = "") -> AppScope:
    """Expressions over a row of a ledger: its dimensions and resources."""
    entity = f"ledger.{id}"
    return AppScope(bench=bench, root_entity=entity, this_entity=entity, given=given, names=names or {})


def _dimension(bench: Bench, scope: AppScope, id: str, part: Part) -> Dimension:
    type = bench.rows[scope.root_entity][id].type
    word = part.word("optional")
    optional: bool | Expr = word is not None and word.text == "true"
    if word is not None and word.text.startswith("="):
        optional = parse_condition(after_equals(word), scope) or False
    if not part.has("to") and not part.has("type"):
        part.problem("D707", "", "a dimension needs to or type", "write to: entity, or type: date")
    return Dimension(
        id=id,
        label=_dimension_label(bench, id, part, type),
        value=type,
        targets=type.targets,
        options=options_of(part, "options"),
        optional=optional,
    )


def _dimension_label(bench: Bench, id: str, part: Part, type: Type) -> Text:
    if part.has("label") or not type.targets:
        return part.label("label", id)
    return bench.entities[type.targets[0]].part.label("label", id)


def _resource(bench: Bench, ledger: str, id: str, part: Part) -> Resource:
    info = bench.rows[f"ledger.{ledger}"][id]
    for key in ("of", "unit"):
        word = part.word(key)
        if word is not None:
            walk_path(bench, f"ledger.{ledger}", word)
    return Resource(
        id=id,
        label=part.label("label", id),
        value=info.type,
        optional=part.flag("optional"),
        secrecy=info.secrecy,
        unit=part.text("unit"),
    )


def _dimensions(bench: Bench, ledger: str, words: list[Word]) -> tuple[str, ...]:
    """Those of the names that are dimensions."""
    known = bench.ledgers[ledger].dimensions
    done = []
    for word in words:
        if word.text in known:
            done.append(word.text)
        else:
            what = f"ledger {ledger} has no dimension {got(word.text)}"
            bench.problems.add("D707", word.place, word.path, what, did_you_mean(word.text, known))
    return tuple(done)


def _resource_named(bench: Bench, ledger: str, part: Part, key: str) -> str:
    word = part.word(key)
    resources = {n: i for n, i in bench.rows[f"ledger.{ledger}"].items() if n not in bench.ledgers[ledger].dimensions}
    if word is None:
        return ""
    if word.text not in resources:
        what = f"ledger {ledger} has no resource {got(word.text)}"
        bench.problems.add("D707", word.place, word.path, what, did_you_mean(word.text, resources))
        return ""
    return word.text


def _allocation(bench: Bench, ledger: str, id: str, part: Part) -> Allocation:
    scope = ledger_scope(bench, ledger)
    order: list[tuple[Expr | str, bool]] = []
    for word in part.words("order"):
        down = word.text.startswith("-")
        path = Word(word.text[1:].strip() if down else word.text, word.place, word.path)
        if path.text == "first_in":
            order.append(("first_in", down))
        elif (expr := parse(path, scope)) is not None:
            order.append((expr, down))
    label, where = part.label("label", id), parse_condition(part.word("where"), scope)
    which = f"：{where.text}" if where else "", f": {where.text}" if where else ""
    return Allocation(
        id=id,
        label=label,
        over=_dimensions(bench, ledger, part.words("over")),
        where=where,
        order=tuple(order),
        say=message(part.word("say"), scope)
        or plain_message(
            f"指定的不符合「{label.zh}」的条件{which[0]}；换一个，或者留空自动分配",
            f"What is named does not fit {label.en}{which[1]}; name another or leave it empty",
        ),
        none=message(part.word("none"), scope)
        or plain_message(
            f"没有可以按「{label.zh}」取用的结存{which[0]}", f"There is nothing to take by {label.en}{which[1]}"
        ),
        share=_resource_named(bench, ledger, part, "share"),
    )


def _others(bench: Bench, except_for: str = "") -> dict[str, Type]:
    """``ledger.resource`` of all ledgers, for measures and guards that read several."""
    return {
        f"{id}.{name}": info.type
        for id, ledger in bench.ledgers.items()
        for name, info in ledger.figures.items()
        if id != except_for
    }


def _measure(bench: Bench, ledger: str, owner: Part, id: str, part: Part) -> Measure:
    per = part.word("per")
    totals = owner.part("totals")
    known = totals.block.entries if totals else {}
    if per is None:
        part.problem("D204", "", "key per is missing", f"name a total: {', '.join(known)}")
    elif per.text not in known:
        what = f"ledger {ledger} has no total {got(per.text)}"
        bench.problems.add("D707", per.place, per.path, what, did_you_mean(per.text, known))
    scope = ledger_scope(bench, ledger, _others(bench), given=f"ledger.{ledger}")
    word = part.word("formula") or Word("0", part.place, part.path)
    formula = parse(word, scope) or _zero(scope, word)
    info = bench.ledgers[ledger].figures[id]
    return Measure(
        id=id,
        label=part.label("label", id),
        per=per.text if per else "",
        formula=formula,
        secrecy=info.secrecy | formula.secrecy,
    )


def _zero(scope: AppScope, word: Word) -> Expr:
    """Stands in where an expression could not be read (a problem was noted)."""
    expr = parse(Word("0", word.place, word.path), scope)
    assert expr is not None
    return expr


def _guard(bench: Bench, ledger: str, owner: Part, id: str, part: Part) -> Guard:
    per = part.word("per")
    totals = owner.part("totals")
    known = totals.block.entries if totals else {}
    if per is not None and per.text not in known:
        what = f"ledger {ledger} has no total {got(per.text)}"
        bench.problems.add("D707", per.place, per.path, what, did_you_mean(per.text, known))
    scope = ledger_scope(bench, ledger, _around(bench, ledger))
    return _guard_of(scope, id, part, ledger, per.text if per else "", ())


def _around(bench: Bench, ledger: str) -> dict[str, Type]:
    """``before.x`` and ``wanted.x`` of every resource."""
    dimensions = bench.ledgers[ledger].dimensions
    resources = {n: i.type for n, i in bench.rows[f"ledger.{ledger}"].items() if n not in dimensions}
    return {f"{root}.{name}": type for root in ("before", "wanted") for name, type in resources.items()}


def _guard_of(scope: AppScope, id: str, part: Part, ledger: str, per: str, ledgers: tuple[str, ...]) -> Guard:
    word = part.word("that")
    if word is None:
        part.problem("D204", "", "key that is missing", "write that: and a condition")
        word = Word("true", part.place, part.path)
    that = parse_condition(word, scope) or _true(scope, word)
    unless = parse_condition(part.word("unless"), scope)
    say = message(part.word("say"), scope) or plain_message(f"不允许：{that.text}", f"Not allowed: {that.text}")
    return Guard(id=id, ledger=ledger, per=per, that=that, unless=unless, say=say, ledgers=ledgers)


def _true(scope: AppScope, word: Word) -> Expr:
    expr = parse(Word("true", word.place, word.path), scope)
    assert expr is not None
    return expr


def compile_shared_guards(bench: Bench) -> tuple[Guard, ...]:
    """Guards across ledgers at a total they share."""
    done = []
    for id, part in bench.root.parts("guards"):
        grain = part.part("per")
        ledger = grain.text("ledger") if grain else ""
        if grain is None or ledger not in bench.ledgers:
            what = f"unknown ledger {got(ledger)}" if grain else "key per is missing"
            (grain or part).problem("D304" if grain else "D204", "ledger", what, did_you_mean(ledger, bench.ledgers))
            continue
        total = grain.text("total")
        scope = ledger_scope(bench, ledger, {**_around(bench, ledger), **_others(bench)})
        text = f"{part.text('that')} {part.text('unless')}"
        named = tuple(other for other in bench.ledgers if f"{other}." in text)
        _check_grain(bench, part, named, total)
        done.append(_guard_of(scope, id, part, ledger, total, named))
    return tuple(done)


def _check_grain(bench: Bench, part: Part, ledgers: tuple[str, ...], total: str) -> None:
    """All ledgers of the guard keep the total, over the same dimensions."""
    known = bench.root.part("ledgers")
    for ledger in ledgers:
        owner = known.part(ledger) if known else None
        totals = owner.part("totals") if owner else None
        if totals is None or not totals.has(total):
            part.problem("D706", "per", f"ledger {ledger} keeps no total {got(total)}", "declare the total there too")


def _valuation(bench: Bench, ledger: str, part: Part | None) -> Valuation | None:
    if part is None:
        return None
    row = ledger_scope(bench, ledger)
    pools_part = part.part("pools")
    pools = {n: _dimensions(bench, ledger, pools_part.words(n)) for n in pools_part.block.entries} if pools_part else {}
    method = value_or_expression(part.word("method") or Word("average", part.place, part.path), choice(*METHODS), row)
    first = next(iter(pools), "")
    pool = value_or_expression(part.word("pool") or Word(first, part.place, part.path), choice(*pools), row)
    standard = part.word("standard")
    if method is None or pool is None:
        return None
    return Valuation(
        quantity=_resource_named(bench, ledger, part, "quantity"),
        value=_resource_named(bench, ledger, part, "value"),
        method=method,
        pool=pool,
        pools=Frozen(pools),
        standard=parse(standard, row) if standard else None,
    )
