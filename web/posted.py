"""What the form of a record posted, as values for the write door, and what the form itself refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import request

from engine.model import Entity
from runtime.context import RunContext
from runtime.errors import Fault, Invalid
from runtime.messages import fault
from runtime.permissions import rights
from web.forms import MOST_LINES, RecordForm, without_blank_lines
from web.texts import translator
from web.whole import is_whole


def form_values(ctx: RunContext, entity: Entity) -> tuple[dict[str, object], list[Fault]]:
    """What was posted, and what the form itself refuses."""
    lines = [f.id for f in entity.fields.values() if f.lines]
    given, wrong = _form(ctx, entity).read(request.form)
    values = without_blank_lines(given, lines)
    if any(len(values.get(name) or ()) >= MOST_LINES for name in lines):  # type: ignore[arg-type]
        raise Invalid(fault(ctx, "too_many_records", most=MOST_LINES, given=MOST_LINES))
    return values, _faults(wrong, lines, values)


def _form(ctx: RunContext, entity: Entity) -> RecordForm:
    """An entity's form, made once for the same rights and words."""

    def made() -> RecordForm:
        allowed = {entity.id: rights(ctx, entity.id)}
        allowed.update({f.lines: rights(ctx, f.lines) for f in entity.fields.values() if f.lines})
        return RecordForm(ctx.app.model, entity, allowed, translator(ctx.language)("请填写", "Needed"))

    return ctx.app.programs.keep(("form", entity.id, ctx.language, ctx.user.roles), made)


def _faults(wrong: Sequence[tuple[str, str]], lines: Sequence[str], values: Mapping[str, object]) -> list[Fault]:
    """Faults of the form; those in lines that were left empty are none."""
    kept = {name: len(values.get(name) or ()) for name in lines}  # type: ignore[arg-type]
    found = []
    for path, said in wrong:
        head, _, rest = path.partition(".")
        index = rest.partition(".")[0]
        if head in kept and is_whole(index) and int(index) > kept[head]:
            continue
        found.append(Fault(code="required", field=path, message=said))
    return found
