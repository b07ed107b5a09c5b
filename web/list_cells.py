"""Cells of list pages, compiled once per list, role and language: one piece of template for each column.

The source of a page's rows is written out with everything constant in it (labels, marks, addresses); what is left at
run time is one expression a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from engine.expressions.types import Kind
from engine.model import Entity, Field
from runtime.context import RunContext
from runtime.query_columns import ListColumn
from web import display
from web.record_flow import approval_tone
from web.templating import environment
from web.texts import translator

NOTHING = Markup('<span class="t3">–</span>')
AXES = "{%- from 'components/states.html' import axis -%}{{ axis(a) }}"
EMPTY: Mapping[int, str] = MappingProxyType({})
TONES: Mapping[str, str] = MappingProxyType({"yellow": "amber"})
"""The page's word for a colour of the metadata."""
FLAGS = "{%- from 'components/icon.html' import icon -%}{{ icon('check', label=word, cls='icon-s') }}"


@dataclass(slots=True)
class CellKit:
    """Functions the compiled rows call; made for one request because days and hours depend on now."""

    ctx: RunContext
    entity: Entity
    today: date
    marks: dict[tuple[str, object], Markup] = field(default_factory=dict)

    def money(self, value: object) -> object:
        """An amount of money."""
        return NOTHING if value is None else display.number(value, self.ctx.app.model.currency_scale)  # type: ignore[arg-type]

    def price(self, value: object) -> object:
        """A price."""
        return NOTHING if value is None else display.price(value, self.ctx.app.model.currency_scale)  # type: ignore[arg-type]

    def figure(self, value: object) -> object:
        """A number or quantity."""
        return NOTHING if value is None else display.number(value)  # type: ignore[arg-type]

    def percent(self, value: object) -> object:
        """A share."""
        return NOTHING if value is None else display.percent(value)  # type: ignore[arg-type]

    def day(self, value: date | None, due: bool) -> object:
        """A date, with its distance where something is still due on it."""
        if value is None:
            return NOTHING
        key = ("due" if due else "day", value)
        if key not in self.marks:
            self.marks[key] = self._day(value, due)
        return self.marks[key]

    def _day(self, value: date, due: bool) -> Markup:
        text = display.day(value, self.today, self.ctx.language)
        words, tone = display.age(value, self.today, self.ctx.language, due=due)
        after = Markup('<span class="age">{}</span>').format(words) if words else ""
        return Markup('<span class="due{}"><span class="date">{}</span>{}</span>').format(
            f" {tone}" if tone else "", text, after
        )

    def moment(self, value: datetime | None) -> object:
        """A moment."""
        return NOTHING if value is None else display.moment(value, self.ctx)

    def state(self, value: object) -> Markup:
        """The mark of the approval axis."""
        return self._mark("status", value, self._state)

    def _state(self, value: object) -> Markup:
        workflow = self.entity.workflow
        state = workflow.states.get(str(value)) if workflow else None
        if state is None:
            return NOTHING
        return _axis(
            {"axis": "approval", "state": approval_tone(state), "label": state.label.get(self.ctx.language)}, self.ctx
        )

    def axis(self, name: str, value: object, share: object, status: object) -> Markup:
        """The mark of a derived axis; none before the document has left its first state."""
        workflow = self.entity.workflow
        if value is None or (workflow is not None and status == workflow.start.id):
            return self._mark(name, None, lambda _: _axis({"axis": "execution", "share": None, "label": ""}, self.ctx))
        part = int(share * 100) if isinstance(share, Decimal) else 0
        return self._mark(name, (value, part), lambda key: self._axis(name, *key))

    def _axis(self, name: str, value: object, part: int) -> Markup:
        one = self.entity.fields[name]
        label = display.option_label(one, value, self.ctx.language)
        kind = "execution" if name == next(iter(self.entity.progress)) else "settlement"
        text = f"{label} {part}%" if value == "partial" else label
        return _axis({"axis": kind, "share": part, "label": text, "closed": value == "closed"}, self.ctx)

    def _mark(self, name: str, value: object, make: Callable[[Any], Markup]) -> Markup:
        key = (name, value)
        if key not in self.marks:
            self.marks[key] = make(value)
        return self.marks[key]

    def flag(self, value: object) -> Markup:
        """A check mark for yes."""
        return self._mark("flag", bool(value), self._flag)

    def _flag(self, value: bool) -> Markup:
        if not value:
            return NOTHING
        return rendered(self.ctx, FLAGS, word=translator(self.ctx.language)("是", "yes"))

    def other(self, one: Field, value: object) -> object:
        """Anything rarer."""
        return display.text_of(self.ctx, one, value) or NOTHING

    def many(self, one: Field, values: Sequence[object]) -> object:
        """Several values in one cell."""
        return display.text_of(self.ctx, one, values) or NOTHING


def _axis(view: Mapping[str, object], ctx: RunContext) -> Markup:
    return rendered(ctx, AXES, a=view)


def rendered(ctx: RunContext, source: str, **content: object) -> Markup:
    """A small piece of template, compiled once."""
    key = ("piece", source, ctx.language)
    template = ctx.app.programs.keep(key, lambda: environment(ctx.language).from_string(source))
    return Markup(template.render(**content))


# --- the compiled source ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CellSource:
    """Template source of one cell and whether it is a figure."""

    inner: str
    num: bool = False


def cell_source(entity: Entity, column: ListColumn, index: int, places: Mapping[str, int]) -> CellSource:
    """The piece of template that shows ``column``; ``r`` is the row, ``k`` the kit, ``f`` the fields by column."""
    one = column.field
    value = f"r[{index}]"
    own = "." not in column.path
    if own and one.id == "status" and entity.workflow is not None:
        return CellSource(f"{{{{ k.state({value}) }}}}")
    if own and one.id in entity.progress:
        share, status = places.get(f"{one.id}_share"), places.get("status")
        return CellSource(f"{{{{ k.axis('{one.id}', {value}, {_at(share)}, {_at(status)}) }}}}")
    if one.many or one.value.many:
        return CellSource(f"{{{{ k.many(f[{index - 1}], {value}) }}}}")
    if column.target:
        return CellSource(
            f"{{% if {value} %}}{{{{ {value}.name or {value}.code or {value}.id }}}}{{% else %}}{NOTHING}{{% endif %}}"
        )
    if one.value.kind is Kind.DATE and own:
        return _day(entity, one, value, _open_test(entity, places))
    if one.value.kind in BY_KIND:
        return BY_KIND[one.value.kind](entity, one, value)
    return CellSource(f"{{{{ k.other(f[{index - 1}], {value}) }}}}")


def _at(place: int | None) -> str:
    return "none" if place is None else f"r[{place}]"


def _number(_entity: Entity, one: Field, value: str) -> CellSource:
    if one.type == "ratio":
        return CellSource(f"{{{{ {value} if {value} is not none else '–' }}}}", num=True)
    return CellSource(f"{{{{ k.{'percent' if one.type == 'percent' else 'figure'}({value}) }}}}", num=True)


def _money(_entity: Entity, one: Field, value: str) -> CellSource:
    return CellSource(f"{{{{ k.{'price' if one.value.per_unit else 'money'}({value}) }}}}", num=True)


def _choice(_entity: Entity, one: Field, value: str) -> CellSource:
    return CellSource(f"{{{{ o['{one.id}'].get({value}, '–') }}}}")


def _text(_entity: Entity, _one: Field, value: str) -> CellSource:
    return CellSource(f"{{{{ {value} if {value} is not none else '–' }}}}")


def _day(entity: Entity, one: Field, value: str, still_open: str = "false") -> CellSource:
    """Lateness is told of days that something is due on, while something is left."""
    due = still_open if is_due(one) else "false"
    return CellSource(f"{{{{ k.day({value}, {due}) }}}}")


def is_due(one: Field) -> bool:
    """Whether something is due on a date: its name says so."""
    return one.value.kind is Kind.DATE and bool({"due", "expected"} & set(one.id.split("_")))


def _open_test(entity: Entity, places: Mapping[str, int]) -> str:
    """The piece of template that says whether a row is under way: left its first state and not done."""
    axis = next(iter(entity.progress), "")
    place, status = places.get(axis), places.get("status")
    if place is None:
        return "false"
    left = f"r[{place}] not in ('done', 'closed')"
    if status is None or entity.workflow is None:
        return left
    ended = [s.id for s in entity.workflow.states.values() if s.end]
    return f"({left} and r[{status}] not in {tuple(ended)!r})" if ended else left


BY_KIND: Mapping[Kind, Callable[[Entity, Field, str], CellSource]] = {
    Kind.NUMBER: _number,
    Kind.MONEY: _money,
    Kind.QUANTITY: _number,
    Kind.CHOICE: _choice,
    Kind.TEXT: _text,
    Kind.DATE: _day,
    Kind.MOMENT: lambda _e, _f, value: CellSource(f"{{{{ k.moment({value}) }}}}"),
    Kind.YES_NO: lambda _e, _f, value: CellSource(f"{{{{ k.flag({value}) }}}}"),
}


def slots(columns: Sequence[ListColumn], entity: Entity) -> list[str]:
    """Where each column stands on a phone's card: title, lead, figure, axes, the second line."""
    found: list[str] = []
    due = next((c.path for c in columns if is_due(c.field)), "")
    taken = {"second"} if due else set()
    for index, column in enumerate(columns):
        found.append("second" if column.path == due else _slot(column, entity, index, taken))
        taken.add(found[-1])
    return found


def _slot(column: ListColumn, entity: Entity, index: int, taken: set[str]) -> str:
    one = column.field
    if index == 0:
        return "title"
    if one.id == "status" or one.id in entity.progress:
        return "axis"
    if one.value.kind is Kind.MONEY and "figure" not in taken:
        return "figure"
    if "lead" not in taken and (column.target or one.value.kind is Kind.TEXT):
        return "lead"
    return "second" if "second" not in taken else ""


def _summed(columns: Sequence[ListColumn]) -> int:
    """The place of the amount that the bulk bar adds up; 0 where a list has none."""
    amounts = (i for i, c in enumerate(columns) if c.field.type == "money" and not c.field.value.per_unit)
    return next(amounts, -1) + 1


def summed_label(columns: Sequence[ListColumn]) -> str:
    """What the bulk bar adds up, in words."""
    place = _summed(columns)
    return columns[place - 1].label if place else ""


def rows_source(
    entity: Entity, columns: Sequence[ListColumn], places: Mapping[str, int], base: str, *, pick: bool
) -> str:
    """The template source of all rows of a list."""
    marked = slots(columns, entity)
    cells = []
    for index, column in enumerate(columns):
        source = cell_source(entity, column, index + 1, places)
        slot = f' data-slot="{marked[index]}"' if marked[index] else ""
        if index == 0:
            inner = f'<a href="{base}/{{{{ r[0] }}}}">{source.inner}</a>'
            cells.append(f'<th scope="row" class="frozen"{slot}>{inner}</th>')
        else:
            cells.append(f"<td{' class=num' if source.num else ''}{slot}>{source.inner}</td>")
    box = (
        '<td class="pick"><input class="check" type="checkbox" name="id" value="{{ r[0] }}"'
        ' aria-label="{{ select }} {{ r[1] }}"></td>'
    )
    first = box if pick else ""
    summed = _summed(columns)
    amount = f' data-amount="{{{{ r[{summed}] if r[{summed}] is not none }}}}"' if pick and summed else ""
    mark = '{% if r[0] in m %} class="{{ m[r[0]] }}"{% endif %}'
    row = f'<tr data-id="{{{{ r[0] }}}}"{amount}{mark}>{first}{"".join(cells)}</tr>'
    return f"{{% for r in rows %}}{row}\n{{% endfor %}}"


def option_labels(columns: Sequence[ListColumn], language: str) -> dict[str, dict[object, str]]:
    """Labels of choices by field and option."""
    return {
        c.field.id: {o.id: o.label.get(language) for o in c.field.options}
        for c in columns
        if c.field.value.kind is Kind.CHOICE
    }


def render_rows(
    ctx: RunContext,
    entity: Entity,
    columns: Sequence[ListColumn],
    rows: Sequence[Sequence[Any]],
    base: str,
    shown: int,
    *,
    pick: bool = True,
    marks: Mapping[int, str] = EMPTY,
) -> Markup:
    """The rows as HTML; columns after the first ``shown`` were fetched only for the marks of the axes.

    ``marks``: colours of rows by id.
    """
    places = {c.path: i + 1 for i, c in enumerate(columns)}
    seen = columns[:shown]
    key = ("list", entity.id, tuple(c.path for c in columns), shown, ctx.language, base, pick)
    template = ctx.app.programs.keep(
        key, lambda: environment(ctx.language).from_string(rows_source(entity, seen, places, base, pick=pick))
    )
    kit = CellKit(ctx, entity, ctx.today())
    labels = ctx.app.programs.keep((*key, "options"), lambda: option_labels(seen, ctx.language))
    select = translator(ctx.language)("选中", "Select")
    tones = {id: TONES.get(color, color) for id, color in marks.items()}
    return Markup(template.render(rows=rows, k=kit, o=labels, f=[c.field for c in seen], select=select, m=tones))


def hidden_helper(column: ListColumn, entity: Entity) -> bool:
    """Shares of axes that were fetched only for their mark."""
    return column.path.removesuffix("_share") in entity.progress and column.path.endswith("_share")
