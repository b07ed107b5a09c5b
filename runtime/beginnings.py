"""The first day of a firm: what templates there are, and an app made of one of them while somebody waits."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import select

import engine
from engine.cache import read_own, write_own
from engine.compile.layers import CATALOGUE
from engine.model import AppModel, EntityKind
from runtime.accounts import account_named, add_account, is_empty, name_fits, set_password
from runtime.app_setup import DEMO_PASSWORD, demo_accounts, fill_demo, set_up
from runtime.app_source import start_from
from runtime.apps import AppHome
from runtime.context import Clock, RunContext
from runtime.errors import UserError
from runtime.logs import logger
from runtime.messages import both
from runtime.records import update
from runtime.start_code import end_code

CURRENCIES = ("CNY", "HKD", "TWD", "USD", "EUR", "GBP", "JPY", "KRW", "SGD", "MYR", "THB", "VND", "IDR", "INR")
STEPS = 8
FIGURES = 6
ENTRIES = 4
TOKEN = re.compile(r"[A-Za-z0-9_-]{20,60}")
KEPT = 86_400
BEAT = 5
"""Seconds between two signs of life of a making."""
SILENT = 60
"""Seconds without one after which its server has been stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pane:
    """A block of the first dashboard, as the picture shows it. ``heads``: the columns of a list; none: a chart."""

    title: str
    heads: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A template as one looks at it before choosing.

    ``flow``: documents in the order of work, with who makes them and their icons. ``menu``, ``figures``, ``panes``:
    what the picture of its first page shows. ``posts``: roles that a colleague may be given, by id. ``people``: the
    log-in names of its demo, with whether they administer it.
    """

    id: str
    version: str
    title: str
    description: str
    icon: str
    flow: Sequence[tuple[str, str, str]]
    menu: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    figures: Sequence[str]
    panes: Sequence[Pane]
    posts: Sequence[tuple[str, str]]
    people: Mapping[str, bool]
    counts: Mapping[str, int]
    documents: Sequence[str]
    masters: Sequence[str]
    roles: Sequence[str]
    rules: Sequence[str]
    cards: Sequence[str]
    reports: Sequence[str]
    prints: Sequence[str]


@lru_cache(maxsize=8)
def offers(language: str) -> tuple[Offer, ...]:
    """The catalogue, each template with what it contains."""
    return tuple(_offer(engine.load_app(path), language) for path in sorted(CATALOGUE.glob("*.yaml")))


def _offer(model: AppModel, language: str) -> Offer:
    documents = [e for e in model.entities.values() if e.kind is EntityKind.DOCUMENT]
    masters = [e for e in model.entities.values() if e.kind is EntityKind.MASTER]
    in_order = [link for group in model.menu for link in group.entries if link in {e.id for e in documents}]
    flow = [model.entities[name] for name in dict.fromkeys(in_order)][:STEPS]
    alerts = [each.label.get(language) for kind in (model.rules, model.alerts) for each in kind.values()]
    return Offer(
        id=model.id,
        version=model.version,
        title=model.title.get(language),
        description=model.description.get(language) if model.description else "",
        icon=model.icon or next((e.icon for e in flow if e.icon), "apps"),
        flow=tuple((e.label.get(language), _makers(model, e.id, language), e.icon or "file-text") for e in flow),
        menu=tuple(_menu(model, language)),
        figures=tuple(model.cards[name].label.get(language) for name in _shown(model, "card"))[:FIGURES],
        panes=tuple(_panes(model, language)),
        posts=tuple((role.id, role.label.get(language)) for role in model.roles.values()),
        people={p.name: bool(p.password and {*_admins(model)} & {*p.roles}) for p in demo_accounts(model)},
        counts={
            "documents": len(documents),
            "roles": len(model.roles),
            "flows": sum(e.workflow is not None for e in documents),
            "rules": len(alerts),
            "figures": len(model.cards) + len(model.reports),
            "prints": len(model.prints),
        },
        documents=tuple(e.label.get(language) for e in documents),
        masters=tuple(e.label.get(language) for e in masters),
        roles=tuple(role.label.get(language) for role in model.roles.values()),
        rules=tuple(alerts),
        cards=tuple(card.label.get(language) for card in model.cards.values()),
        reports=tuple(report.label.get(language) for report in model.reports.values()),
        prints=tuple(each.label.get(language) for each in model.prints.values()),
    )


def _admins(model: AppModel) -> list[str]:
    """The roles that may do everything."""
    return [role.id for role in model.roles.values() if "all" in role.can.get("all", ())]


def _shown(model: AppModel, kind: str) -> list[str]:
    """What the first dashboard shows of a kind."""
    board = next(iter(model.dashboards.values()), None)
    return [name for each, name in (board.blocks if board else ()) if each == kind]


def _menu(model: AppModel, language: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The menu's groups with their first entries."""
    for group in model.menu:
        entries = [model.entities[name] for name in group.entries if name in model.entities]
        if entries:
            shown = [(e.label.get(language), e.icon or "file-text") for e in entries[:ENTRIES]]
            yield group.label.get(language), shown


def _panes(model: AppModel, language: str) -> Iterator[Pane]:
    """The lists and charts of the first dashboard."""
    for name in _shown(model, "view")[:1]:
        entity, _, view = name.partition(".")
        described = model.entities[entity]
        columns = described.views[view].columns
        heads = [described.fields[path].label.get(language) for path in columns if path in described.fields]
        yield Pane(title=described.label.get(language), heads=tuple(heads[:5]))
    for name in _shown(model, "report")[:1]:
        yield Pane(title=model.reports[name].label.get(language))


def _makers(model: AppModel, entity: str, language: str) -> str:
    """Who makes a document: the first role that may, the all-mighty ones aside."""
    for role in model.roles.values():
        allowed = role.can.get(entity)
        if allowed is not None and {"create", "all"} & set(allowed):
            return role.label.get(language)
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the firm asks for. ``admin``: the name its first administrator logs in with.

    ``colleagues``: who else may log in, with the id of their role; their first passwords are made.
    """

    template: str
    firm: str
    language: str
    currency: str
    admin: str
    password: str
    demo: bool
    colleagues: Sequence[tuple[str, str]] = ()


@dataclass(slots=True)
class Progress:
    """How far the making is: ``state`` is ``making``, ``done`` or ``failed``."""

    state: str = "making"
    app: str = ""
    language: str = "zh"
    step: str = ""
    done: int = 0
    total: int = 0
    error: str = ""
    log_ins: list[dict[str, str]] = field(default_factory=list)


def unfit_names(wish: Wish) -> list[str]:
    """What is wrong with the log-in names: told before anything is made, not after all of it."""
    people = next(each.people for each in offers(wish.language) if each.id == wish.template) if wish.demo else {}
    colleagues = [name for name, _ in wish.colleagues]
    names = [wish.admin, *colleagues]
    twice = [name for n, name in enumerate(names) if name in names[:n]]
    of_demo = [name for name in names if name in people and (name in colleagues or not people[name])]
    told = [
        *(both("account_name") for name in names if not name_fits(name)),
        *(both("account_taken", name=name) for name in twice),
        *(both("account_of_demo", name=name) for name in of_demo),
    ]
    return list(dict.fromkeys(each.get(wish.language) for each in told))


def begin(home: AppHome, wish: Wish, clock: Clock) -> str:
    """Start making the app beside the request; the token by which its progress is asked for."""
    token = secrets.token_urlsafe(24)
    _clear(home.folder / "cache")
    _write(home, token, Progress(app=_free_name(home, wish.template), language=wish.language))
    Thread(target=_make, args=(home, wish, clock, token), name="beginning", daemon=True).start()
    return token


def progress_of(home: AppHome, token: str) -> Progress | None:
    """How far a making is; ``None``: there is none of this token."""
    if not TOKEN.fullmatch(token):
        return None
    kept = read_own(_path(home, token))
    progress = None if kept is None else Progress(**json.loads(kept))
    return _ended(home, token) if progress is not None and _broken_off(home, token, progress) else progress


def end_broken(home: AppHome) -> bool:
    """Away with what servers that were stopped left half made; whether there was any."""
    told = [note.stem.removeprefix("beginning-") for note in (home.folder / "cache").glob("beginning-*.json")]
    before = home.names() if told else []
    for token in told:
        progress_of(home, token)
    return bool(told) and home.names() != before


def _broken_off(home: AppHome, token: str, progress: Progress) -> bool:
    """Whether an app is being made of which nobody has heard for long: its server was stopped."""
    with suppress(FileNotFoundError):
        return progress.state == "making" and time.time() - _path(home, token).stat().st_mtime > SILENT
    return False


def _ended(home: AppHome, token: str) -> Progress | None:
    """A making that broke off has failed; of several who notice one tidies up."""
    with suppress(FileNotFoundError):
        claimed = _path(home, token).rename(home.folder / "cache" / f"ended-{token}.json")
        progress = Progress(**json.loads(claimed.read_bytes()))
        progress.state, progress.error = "failed", both("making_broken_off").get(progress.language)
        if progress.app in home.names():
            home.discard(progress.app)
        _write(home, token, progress)
        claimed.unlink()
    kept = read_own(_path(home, token))
    return None if kept is None else Progress(**json.loads(kept))


def _path(home: AppHome, token: str) -> Path:
    return home.folder / "cache" / f"beginning-{token}.json"


def _write(home: AppHome, token: str, progress: Progress) -> None:
    write_own(_path(home, token), json.dumps(asdict(progress), ensure_ascii=False).encode())


def _clear(folder: Path) -> None:
    """What was made more than a day ago is told no more."""
    for old in folder.glob("beginning-*"):
        with suppress(FileNotFoundError):  # another request clears away at the same time
            if time.time() - old.stat().st_mtime > KEPT:
                old.unlink()


def _free_name(home: AppHome, template: str) -> str:
    taken = set(home.names())
    return next(name for name in (template, *(f"{template}_{n}" for n in range(2, 1000))) if name not in taken)


def _make(home: AppHome, wish: Wish, clock: Clock, token: str) -> None:
    progress = progress_of(home, token) or Progress()

    def tell(step: str, done: int, total: int) -> None:
        progress.step, progress.done, progress.total = step, done, total
        _write(home, token, progress)

    over = Event()
    Thread(target=_alive, args=(_path(home, token), over), name="alive", daemon=True).start()
    try:
        progress.log_ins = make(home, progress.app, wish, clock, tell)
        progress.state = "done"
        end_code(home)
    except Exception as error:  # an edge like that of a request: who waits at the page must hear of every end
        logger("beginning").error("making failed", app=progress.app, exc_info=error)
        told = isinstance(error, UserError)
        progress.state, progress.error = "failed", str(error) if told else both("work_failed").get(wish.language)
        if progress.app in home.names():
            home.discard(progress.app)
    finally:
        over.set()
    _write(home, token, progress)


def _alive(path: Path, over: Event) -> None:
    while not over.wait(BEAT):
        with suppress(OSError):
            os.utime(path)


def make(
    home: AppHome, name: str, wish: Wish, clock: Clock, tell: Callable[[str, int, int], None]
) -> list[dict[str, str]]:
    """The app, its firm, its first administrator, its demo data; who may log in."""
    definition = start_from(name, wish.template)
    model = engine.load_app(wish.template)
    if wish.currency != model.currency:
        definition = replace(definition, text=f"{definition.text}currency: {wish.currency}\n")
    app = home.create(name, definition, language=wish.language)
    set_up(app, clock)
    people = fill_demo(app, tell, clock) if wish.demo else []
    with app.database.write() as connection:
        ctx = app.context(connection, clock)
        _name_firm(ctx, wish.firm)
        known = {person.name for person in people}
        if wish.admin in known:
            set_password(ctx, account_named(ctx, wish.admin), wish.password)
        else:
            add_account(ctx, wish.admin, wish.password, _admins(app.model)[:1])
        invited = [_invite(ctx, name, role) for name, role in wish.colleagues]
        if is_empty(ctx):
            raise ValueError("nobody can log in")
    others = [{"name": p.name, "password": p.password} for p in people if p.name != wish.admin]
    return [*invited, *(one for one in others if one["password"] == DEMO_PASSWORD)]


def _invite(ctx: RunContext, name: str, role: str) -> dict[str, str]:
    """A colleague's account, with a password to hand over."""
    password = secrets.token_urlsafe(9)
    add_account(ctx, name, password, [role])
    return {"name": name, "password": password}


def hand_over(home: AppHome, token: str) -> list[dict[str, str]]:
    """Names and first passwords of the colleagues, once: then they are forgotten."""
    progress = progress_of(home, token)
    if progress is None or progress.state != "done":
        return []
    people = [one for one in progress.log_ins if one["password"] != DEMO_PASSWORD]
    progress.log_ins = [one for one in progress.log_ins if one["password"] == DEMO_PASSWORD]
    _write(home, token, progress)
    return people


def _name_firm(ctx: RunContext, firm: str) -> None:
    """The firm's name, where the app keeps it: the setting with a name."""
    for entity in ctx.app.model.entities.values():
        if firm and entity.kind is EntityKind.SETTING and "name" in entity.fields:
            table = ctx.app.tables.entity[entity.id]
            record = ctx.connection.execute(select(table.c.id)).scalar()
            if record is not None:
                update(ctx, entity.id, record, {"name": firm})
            return
