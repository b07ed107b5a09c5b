"""The functions of the language as the databases compute them. One row each; what is missing is done in Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Double,
    Integer,
    Numeric,
    Text,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    text,
    type_coerce,
)

from engine.expressions.tree import Call, Literal, Node, Path
from engine.expressions.types import Kind
from runtime.columns import Moment
from runtime.sql_numbers import Value, whole
from runtime.sql_scope import NotInSql, Sql, again
from runtime.working_days import after_workdays_sql

if TYPE_CHECKING:
    from runtime.sql import Compiler

Maker = Callable[["Compiler", Call], Value]
_BLANKS = " \t\r\n"
_PATTERN = r"^[+-]?[0-9]{1,12}(\.[0-9]{1,30})?$"


def _abs(at: Compiler, node: Call) -> Value:
    return at.numbers.size(at.value(node.arguments[0]))


def _round(at: Compiler, node: Call) -> Value:
    return at.numbers.rescale(at.value(node.arguments[0]), node.type.scale)


def _stepped(at: Compiler, node: Call) -> Value:
    step = at.value(node.arguments[1]) if len(node.arguments) > 1 else whole(1)
    return at.numbers.stepped(at.value(node.arguments[0]), step, node.type.scale, up=node.function == "round_up")


def _extreme(at: Compiler, node: Call) -> Value:
    found = [at.scaled(a, node.type.scale) for a in node.arguments]
    return Value(sql=at.numbers.extreme(node.function, found), scale=node.type.scale, wide=any(v.wide for v in found))


def _coalesce(at: Compiler, node: Call) -> Value:
    found = [at.scaled(a, node.type.scale) for a in node.arguments]
    made = func.coalesce(*(v.sql for v in found))
    if at.sqlite is False and any(v.wide for v in found):
        made = func.coalesce(*(cast(v.sql, Numeric()) for v in found), type_=Numeric())
    return Value(sql=made, scale=node.type.scale, wide=any(v.wide for v in found))


def _empty(at: Compiler, node: Call) -> Value:
    argument = node.arguments[0]
    if argument.type.many and isinstance(argument, Path):
        return Value(sql=~_has_links(at, argument), never_empty=True)
    found = at.value(argument).sql
    made: Sql = found.is_(None)
    if argument.type.kind is Kind.TEXT:
        made = or_(made, found == "")
    return Value(sql=made, never_empty=True)


def _has_links(at: Compiler, path: Path) -> Sql:
    from_entity = path.entity
    if len(path.steps) != 1:
        raise NotInSql("empty() of a set further away")
    owner = at.path(Path(root=path.root, entity=path.entity, steps=(), type=path.type))
    link = again(at.scope.tables.links[from_entity, path.steps[0]])
    return exists().where(link.c.owner == owner.sql).correlate_except(link)


def _span(seconds: int) -> Maker:
    def span(at: Compiler, node: Call) -> Value:
        return at.numbers.arithmetic("*", at.value(node.arguments[0]), whole(seconds), 0)

    return span


def _whole(at: Compiler, node: Node) -> Value:
    return at.numbers.rescale(at.value(node), 0)


def _add_days(at: Compiler, node: Call) -> Value:
    day, count = at.value(node.arguments[0]).sql, _whole(at, node.arguments[1]).sql
    if at.sqlite:
        return Value(sql=func.dg_add_days(day, count, type_=Date()))
    return Value(sql=type_coerce(cast(day, Date()).op("+")(cast(count, Integer())), Date()))


def _add_months(at: Compiler, node: Call) -> Value:
    day, count = at.value(node.arguments[0]).sql, _whole(at, node.arguments[1]).sql
    if at.sqlite:
        return Value(sql=func.dg_add_months(day, count, type_=Date()))
    length = func.make_interval(literal_column("0"), cast(count, Integer()))
    return Value(sql=cast(cast(day, Date()).op("+")(length), Date()))


def _add_workdays(at: Compiler, node: Call) -> Value:
    day, count = at.value(node.arguments[0]).sql, _whole(at, node.arguments[1]).sql
    calendar = at.value(node.arguments[2]).sql
    if at.sqlite:
        return Value(sql=func.dg_add_workdays(day, count, calendar, type_=Date()))
    return Value(sql=after_workdays_sql(cast(day, Date()), cast(count, Integer()), calendar))


def _add_seconds(at: Compiler, node: Call) -> Value:
    moment, count = at.value(node.arguments[0]).sql, _whole(at, node.arguments[1]).sql
    if at.sqlite:
        return Value(sql=func.dg_add_seconds(moment, count, type_=Moment()))
    none: list[Sql] = [literal_column("0")] * 6
    return Value(sql=type_coerce(moment.op("+")(func.make_interval(*none, cast(count, Double()))), Moment()))


def _days_between(at: Compiler, node: Call) -> Value:
    one, two = (at.value(a).sql for a in node.arguments)
    if at.sqlite:
        return Value(sql=func.dg_days_between(one, two, type_=BigInteger()))
    return Value(sql=type_coerce(cast(one, Date()).op("-")(cast(two, Date())), BigInteger()))


def _seconds_between(at: Compiler, node: Call) -> Value:
    one, two = (at.value(a).sql for a in node.arguments)
    if at.sqlite:
        return Value(sql=func.dg_seconds_between(one, two, type_=BigInteger()))
    made = [func.floor(func.extract("epoch", x), type_=Numeric()) for x in (one, two)]
    return Value(sql=cast(made[0] - made[1], BigInteger()))


_LENGTHS = {"day": "1 day", "week": "7 days", "month": "1 month", "quarter": "3 months", "year": "1 year"}


def _edge(at: Compiler, node: Call) -> Value:
    day, unit = at.value(node.arguments[0]).sql, node.arguments[1]
    assert isinstance(unit, Literal)
    name = str(unit.value)
    if at.sqlite:
        return Value(sql=getattr(func, f"dg_{node.function}")(day, literal(name, Text()), type_=Date()))
    start: Sql = func.date_trunc(literal_column(f"'{name}'"), cast(day, Date()))
    if node.function == "end_of":
        start = start.op("+")(text(f"INTERVAL '{_LENGTHS[name]}'")).op("-")(text("INTERVAL '1 day'"))
    return Value(sql=cast(start, Date()))


def _part(name: str) -> Maker:
    def part(at: Compiler, node: Call) -> Value:
        day = at.value(node.arguments[0]).sql
        if at.sqlite:
            return Value(sql=getattr(func, f"dg_{node.function}")(day, type_=BigInteger()))
        return Value(sql=cast(func.extract(name, cast(day, Date())), BigInteger()))

    return part


def _text(at: Compiler, node: Call) -> Value:
    argument = node.arguments[0]
    found = at.value(argument)
    if argument.type.kind in (Kind.TEXT, Kind.CHOICE):
        return Value(sql=type_coerce(found.sql, Text()))
    if argument.type.kind is Kind.DATE:
        return Value(sql=type_coerce(found.sql, Text()) if at.sqlite else func.to_char(found.sql, "YYYY-MM-DD"))
    if at.sqlite:
        return Value(sql=func.dg_text(found.sql, found.scale, type_=Text()))
    digits = "1" if found.scale == 0 else "0." + "0" * (found.scale - 1) + "1"
    number = cast(found.sql, Numeric()) * literal_column(digits, Numeric())
    return Value(sql=cast(func.trim_scale(number), Text()))


def _letters(at: Compiler, node: Call) -> Value:
    found = at.value(node.arguments[0]).sql
    name = f"dg_{node.function}" if at.sqlite else node.function
    return Value(sql=getattr(func, name)(found, type_=Text()))


def _trim(at: Compiler, node: Call) -> Value:
    found = at.value(node.arguments[0]).sql
    if at.sqlite:
        return Value(sql=func.dg_trim(found, type_=Text()))
    return Value(sql=func.nullif(func.btrim(found, _BLANKS), "", type_=Text()))


def _len(at: Compiler, node: Call) -> Value:
    found = at.value(node.arguments[0]).sql
    return Value(sql=(func.length if at.sqlite else func.char_length)(found, type_=BigInteger()))


def _contains(at: Compiler, node: Call) -> Value:
    one, part = (at.value(a).sql for a in node.arguments)
    made = (func.instr if at.sqlite else func.strpos)(one, part, type_=BigInteger()) > 0
    return Value(sql=func.coalesce(made, false(), type_=Boolean()), never_empty=True)


def _starts_with(at: Compiler, node: Call) -> Value:
    one, part = (at.value(a).sql for a in node.arguments)
    if at.sqlite:
        made: Sql = func.substr(one, 1, func.length(part)) == part
    else:
        made = func.starts_with(one, part, type_=Boolean())
    return Value(sql=func.coalesce(made, false(), type_=Boolean()), never_empty=True)


def _number(at: Compiler, node: Call) -> Value:
    found = at.value(node.arguments[0]).sql
    scale = node.type.scale
    if at.sqlite:
        return Value(sql=func.dg_number(found, scale, type_=BigInteger()), scale=scale)
    plain = func.btrim(found, _BLANKS, type_=Text())
    made = cast(cast(plain, Numeric()) * literal_column("1" + "0" * scale, Numeric()), Numeric(38, 0))
    return Value(sql=case((plain.op("~")(_PATTERN), made)), scale=scale, wide=True)


def _no(at: Compiler, node: Call) -> Value:
    raise NotInSql(f"{node.function}() is not computed in a database")


_MAKERS: Sequence[tuple[str, Maker]] = (
    ("abs", _abs),
    ("min", _extreme),
    ("max", _extreme),
    ("round", _round),
    ("round_up", _stepped),
    ("round_down", _stepped),
    ("days", _span(86400)),
    ("weeks", _span(7 * 86400)),
    ("hours", _span(3600)),
    ("add_days", _add_days),
    ("add_months", _add_months),
    ("add_workdays", _add_workdays),
    ("add_seconds", _add_seconds),
    ("days_between", _days_between),
    ("seconds_between", _seconds_between),
    ("start_of", _edge),
    ("end_of", _edge),
    ("year", _part("year")),
    ("month", _part("month")),
    ("day", _part("day")),
    ("weekday", _part("isodow")),
    ("coalesce", _coalesce),
    ("empty", _empty),
    ("text", _text),
    ("words", _no),
    ("lower", _letters),
    ("upper", _letters),
    ("trim", _trim),
    ("len", _len),
    ("contains", _contains),
    ("starts_with", _starts_with),
    ("number", _number),
)
CALLS: Mapping[str, Maker] = MappingProxyType(dict(_MAKERS))
