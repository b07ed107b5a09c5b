"""A record's printed form as a file that goes with a message: one HTML page that needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from runtime.accounts import person_of
from runtime.channels.letters import Attached, Enclosure
from runtime.context import RunContext
from runtime.errors import NotFound, UserError
from runtime.messages import fault
from runtime.permissions import demand
from runtime.record_inputs import Workspace
from runtime.record_texts import full_title
from web.pages.records import visible_row
from web.print_view import Form, paper
from web.texts import LANGUAGES, translator

TEMPLATES = Path(__file__).parent / "templates"
UNFIT = re.compile(r'[\\/:*?"<>|\s]+')


class PrintedForms:
    """Makes them, outside of any request: messages are carried by threads of their own."""

    def __init__(self) -> None:
        self._environments: Mapping[str, Environment] = {language: _environment(language) for language in LANGUAGES}

    def __call__(self, ctx: RunContext, wanted: Enclosure) -> Attached | None:
        """The form of a record for a person (with his rights), or for an address the rule names (with all rights).

        Nothing where there is no such form or record any more, or the person may not print it.
        """
        try:
            return self._made(_reader(ctx, wanted.account), wanted.print, wanted.record)
        except UserError:
            return None

    def _made(self, ctx: RunContext, print: str, record: int) -> Attached:
        form = ctx.app.model.prints.get(print)
        if form is None:
            raise NotFound(fault(ctx, "no_such_page", given=print[:60]))
        demand(ctx, form.entity, "print")
        row = visible_row(ctx, ctx.app.model.entities[form.entity], record)
        title = f"{form.label.get(ctx.language)} {full_title(Workspace(ctx), form.entity, row)}"
        page = self._environments[ctx.language].get_template("pages/print_mail.html")
        text = page.render(
            title=title, name=form.label.get(ctx.language), sheets=Form(ctx, form, row).sheets(), label=form.label_size,
            times=None, **paper(form),
        )  # fmt: skip
        return Attached(name=f"{UNFIT.sub(' ', title).strip()}.html", media_type="text/html", content=text.encode())


def _reader(ctx: RunContext, account: int) -> RunContext:
    if not account:
        return ctx.as_system()
    person = person_of(ctx, account)
    if person is None:
        raise NotFound(fault(ctx, "person_unknown"))
    return replace(ctx, user=person.user)


def _environment(language: str) -> Environment:
    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    made.globals.update(t=translator(language), lang=language)
    return made
