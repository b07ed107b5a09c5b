"""Apps: where they live, opening them, their versions. A running app is one version, with all that was made of it."""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock, RLock

from sqlalchemy import Connection, MetaData, Row, insert, inspect, make_url, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from engine import AppModel
from runtime.app_source import Definition, compile_definition, definition_of, differences, pin, renames
from runtime.context import SYSTEM, Clock, RunContext, SystemClock
from runtime.database import Database, open_database
from runtime.errors import Conflict, Fault, NotFound, UserError
from runtime.flow_keeping import Published, plan_flows, version_rows, walked_flows, walked_versions
from runtime.flow_versions import Flows, gone_states, with_older
from runtime.happenings import Journal
from runtime.ledgers import rebuild, to_rebuild
from runtime.messages import both
from runtime.migrate import Step, apply_steps, in_step, plan, to_recompute
from runtime.programs import Programs
from runtime.recompute import recompute
from runtime.rules import follow
from runtime.rules_clock import begin
from runtime.system_tables import SystemTables, system_tables
from runtime.tables import Tables, build_tables

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
SCHEMA = "app_"
FLOW = re.compile(r"entities\.[^.]+\.workflow\.(?!.*\.(label|color)$).*")
"""A key path by which documents may go another way than before."""
LOOK_AGAIN = 1.0
"""Seconds for which an open app does not ask whether another process has published a version."""


MOST_BUILT = 3
"""How many definitions a process keeps as built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningApp:
    """One version of an app, open. ``language``: that of people without a preference. ``version``: its number.

    ``follow``: what looks at everything that was written, before the transaction ends. ``flows``: those of earlier
    versions that documents still walk, ``gone`` the states that only these know; ``newest``: the app itself, where
    this is how such a document knows it.
    """

    name: str
    model: AppModel
    tables: Tables
    database: Database
    language: str = "zh"
    version: int = 1
    definition: Definition | None = field(default=None, compare=False, repr=False)
    programs: Programs = field(default_factory=Programs, compare=False, repr=False)
    flows: Flows = field(default_factory=dict, compare=False, repr=False)
    gone: Mapping[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)
    newest: RunningApp | None = field(default=None, compare=False, repr=False)
    follow: Callable[[RunContext, Journal], None] = field(default=follow, compare=False, repr=False)

    def context(self, connection: Connection, clock: Clock | None = None, source: str = "system") -> RunContext:
        """A context of the system itself: set-up, demo data, the command line."""
        return RunContext(
            app=self, connection=connection, user=SYSTEM, clock=clock or SystemClock(), language=self.language,
            source=source,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What publishing does or did: differences of the definition, steps in the database, the version made (0: none)."""

    differences: Sequence[tuple[str, str, str]]
    steps: Sequence[Step]
    version: int = 0


_kept_built: OrderedDict[str, tuple[AppModel, Tables]] = OrderedDict()
_building = Lock()


def _built(definition: Definition, cache: Path) -> tuple[AppModel, Tables]:
    """What a definition is made into: apps of the same definition in one process share it, it never changes."""
    key = definition.hash
    with _building:
        found = _kept_built.pop(key, None)
    if found is None:
        model = compile_definition(definition, cache_in=cache)
        found = model, build_tables(model)
    with _building:
        _kept_built[key] = found
        while len(_kept_built) > MOST_BUILT:
            _kept_built.popitem(last=False)
    return found


class _OnlyLooking(Exception):
    """Unwinds a transaction that was opened to try something out."""


class AppHome:
    """The apps of one place: SQLite files in ``folder``/apps, or schemas of the PostgreSQL database at ``url``.

    Keeps open apps; share one object a process. The clock is for versions and set-up only.
    """

    def __init__(self, folder: Path | str = "var", url: str = "", clock: Clock | None = None) -> None:
        self.folder = Path(folder)
        self.url = url
        self.clock = clock or SystemClock()
        self._lock = RLock()
        self._open: dict[str, tuple[RunningApp, float]] = {}

    # where

    def names(self) -> list[str]:
        """All apps, in order of name."""
        if self.url and not _is_sqlite(self.url):
            return sorted(self._schemas())
        files = self.folder / "apps"
        return sorted({path.stem for ending in ("*.db", "*.json") for path in files.glob(ending)})

    def _schemas(self) -> Iterator[str]:
        server = open_database(self.url)
        try:
            for schema in inspect(server.engine).get_schema_names():
                if schema.startswith(SCHEMA):
                    yield schema.removeprefix(SCHEMA)
        finally:
            server.close()

    def default(self) -> str:
        """The only app there is, or the first by name where ``run`` serves several."""
        names = self.names()
        if not names:
            raise NotFound(Fault(code="no_app", message="还没有应用：先运行 dougong new | no app yet: run dougong new"))
        return names[0]

    def _database(self, name: str) -> Database:
        pointer = self.folder / "apps" / f"{name}.json"
        url = self.url or (json.loads(pointer.read_text(encoding="utf-8"))["url"] if pointer.is_file() else "")
        if url and not _is_sqlite(url):
            return open_database(url, SCHEMA + name)
        return open_database(url or f"sqlite:///{self.folder / 'apps' / name}.db")

    # making and opening

    def create(self, name: str, definition: Definition, *, language: str = "zh", url: str = "") -> RunningApp:
        """A new, empty app. ``url``: its own database where it shall not live in this home's."""
        model = compile_definition(definition, cache_in=self._cache)
        with self._lock:
            with self.new_database(name, url) as database, database.change_schema() as connection:
                steps = plan(None, model, connection)
                apply_steps(connection, steps, version=1, now=self.clock.now())
                system = system_tables(MetaData())
                self._note_version(connection, system, 1, definition, "", 0, steps)
                connection.execute(insert(system.app_state).values(key="language", value=language))
            return self.get(name)

    def _refuse_name(self, name: str) -> None:
        if not NAME.fullmatch(name):
            raise UserError(
                Fault(
                    code="bad_app_name",
                    message=f"{name}: 应用名用小写字母、数字和下划线 | use lower case letters, digits and _",
                )
            )
        if name in self.names():
            raise UserError(Fault(code="app_exists", message=f"{name}: 已有同名应用 | there is an app of this name"))

    @contextmanager
    def new_database(self, name: str, url: str = "") -> Iterator[Database]:
        """An empty database for an app that does not exist yet; gone again if the block fails."""
        self._refuse_name(name)
        apps = self.folder / "apps"
        apps.mkdir(parents=True, exist_ok=True)
        pointer = apps / f"{name}.json"
        if url and url != self.url:
            pointer.write_text(json.dumps({"url": url}), encoding="utf-8")
        database = self._database(name)
        database.create_schema()
        done = False
        try:
            yield database
            done = True
        finally:
            database.close()
            if not done:
                self._discard(name, database)

    def discard(self, name: str) -> None:
        """Away with an app whose making failed half way, and all it held."""
        with self._lock:
            app = self._open.pop(name, None)
            database = app[0].database if app else self._database(name)
            database.close()
            self._discard(name, database)

    def _discard(self, name: str, database: Database) -> None:
        apps = self.folder / "apps"
        database.drop_schema()
        for path in (apps / f"{name}.json", *apps.glob(f"{name}.db*")):
            path.unlink(missing_ok=True)

    @property
    def _cache(self) -> Path:
        return self.folder / "cache"

    def get(self, name: str) -> RunningApp:
        """The app in its newest version; asks the database at most once a second whether there is one."""
        now = time.monotonic()
        known = self._open.get(name)
        if known is not None and now - known[1] < LOOK_AGAIN:
            return known[0]
        with self._lock:
            known = self._open.get(name)
            app = self._renew(known[0]) if known else self._first(name)
            self._open[name] = (app, now)
            return app

    def _first(self, name: str) -> RunningApp:
        if name not in self.names():
            known = ", ".join(self.names()) or "—"
            raise NotFound(
                Fault(code="unknown_app", message=f"没有应用 {name}，现有：{known} | there is no app {name}")
            )
        database = self._database(name)
        with database.read() as connection:
            row = newest(connection)
            state = system_tables(MetaData()).app_state
            language = connection.execute(select(state.c.value).where(state.c.key == "language")).scalar_one_or_none()
            app = self._running(connection, name, database, row, language or "zh")
        self._catch_up(app)
        return app

    def _catch_up(self, app: RunningApp) -> None:
        """A newer product may keep more than the one that made the tables."""
        with app.database.read() as connection:
            ready = in_step(app.tables, connection)
        if not ready:
            with app.database.change_schema() as connection:
                steps = plan(app.model, app.model, connection, tables=app.tables)
                apply_steps(connection, steps, version=app.version, now=self.clock.now())

    def _running(
        self, connection: Connection, name: str, database: Database, row: Row[tuple[object, ...]], language: str
    ) -> RunningApp:
        definition = definition_of(row)
        newest, tables = _built(definition, self._cache)
        flows = walked_flows(connection, definition, newest, self._cache)
        model = with_older(newest, flows)
        return RunningApp(
            name=name, model=model, tables=tables if model is newest else build_tables(model), database=database,
            language=language, version=int(row.number), definition=definition, flows=flows,
            gone=gone_states(newest, flows),
        )  # fmt: skip

    def _renew(self, app: RunningApp) -> RunningApp:
        version = app.tables.system.app_version
        with app.database.read() as connection:
            number = connection.execute(
                select(version.c.number).order_by(version.c.number.desc()).limit(1)
            ).scalar_one()
            if number == app.version:
                return app
            return self._running(connection, app.name, app.database, newest(connection), app.language)

    def rest(self) -> None:
        """Close every connection; the apps stay open and connect again when they are used, in whatever process."""
        with self._lock:
            for app, _ in self._open.values():
                app.database.close()

    def close(self) -> None:
        """Close every open app."""
        with self._lock:
            for app, _ in self._open.values():
                app.database.close()
            self._open.clear()

    # versions

    def preview(self, name: str, definition: Definition) -> Change:
        """What publishing ``definition`` would do. Nothing is changed."""
        return self._publish(self.get(name), definition, note="", account=0, allow_loss=True, dry_run=True)

    def publish(
        self, name: str, definition: Definition, *, note: str = "", account: int = 0, allow_loss: bool = False,
        expected: int = 0,
    ) -> Change:  # fmt: skip
        """Make ``definition`` the app's newest version, its tables and data included; all of it or nothing.

        ``expected``: the version it was made from; ``Conflict`` where somebody published a newer one meanwhile.
        """
        app = self.get(name)
        return self._publish(app, definition, note=note, account=account, allow_loss=allow_loss, expected=expected)

    def rollback(self, name: str, number: int, *, account: int = 0, language: str = "zh") -> Change:
        """An earlier version again, as a new one. What it does not know stays restorable."""
        app = self.get(name)
        version = app.tables.system.app_version
        with app.database.read() as connection:
            row = connection.execute(select(version).where(version.c.number == number)).one_or_none()
        if row is None:
            english = language == "en"
            message = f"there is no version {number}" if english else f"没有版本 {number}"
            raise NotFound(Fault(code="unknown_version", message=message))
        return self._publish(app, definition_of(row), note=f"rollback {number}", account=account, allow_loss=True)

    def _publish(
        self,
        app: RunningApp,
        definition: Definition,
        *,
        note: str,
        account: int,
        allow_loss: bool,
        expected: int = 0,
        dry_run: bool = False,
    ) -> Change:
        model = compile_definition(definition, cache_in=self._cache)
        tables = build_tables(model)
        done: list[Change] = []
        with self._lock, _tried():
            with app.database.change_schema() as connection:
                _lock_versions(connection)
                row = newest(connection)
                _refuse_overtaken(expected, int(row.number))
                old = definition_of(row)
                before = compile_definition(old, cache_in=self._cache)
                number = int(row.number) + 1
                told = differences(old, definition)
                steps = plan(
                    before, model, connection, renames=_fresh_renames(before, definition), tables=tables,
                    old_tables=app.tables if app.version == row.number else None,
                )  # fmt: skip
                was = Published(number=int(row.number), definition=old, model=before)
                steps += self._flows(connection, was, replace(was, definition=definition, model=model), told)
                done.append(Change(differences=told, steps=steps))
                if dry_run:
                    raise _OnlyLooking
                if old.text != definition.text or old.files != definition.files:
                    now = self.clock.now()
                    apply_steps(
                        connection, steps, version=number, now=now, allow_loss=allow_loss, language=app.language
                    )
                    self._note_version(connection, app.tables.system, number, definition, note, account, steps)
                    fresh = replace(app, model=model, tables=tables, version=number, programs=Programs())
                    ctx = fresh.context(connection, self.clock)
                    recompute(ctx, to_recompute(before, model))
                    for ledger in to_rebuild(before, model):
                        rebuild(ctx, ledger)
                    begin(ctx)
                    done.append(replace(done[0], version=number))
            self._open.pop(app.name, None)
            self._open[app.name] = (self._renew(app), time.monotonic())
        return done[-1]

    def _flows(
        self, connection: Connection, before: Published, after: Published, told: Sequence[tuple[str, str, str]]
    ) -> list[Step]:
        """What becomes of documents under way where a flow is written differently."""
        definitions = version_rows(connection, walked_versions(connection))
        earlier = [
            Published(number=number, definition=each, model=compile_definition(each, cache_in=self._cache))
            for number, each in definitions.items()
        ]
        changed = sorted({path.split(".")[1] for path, _, _ in told if FLOW.fullmatch(path)})
        return list(plan_flows(connection, before, after, changed, self._cache, earlier))

    def _note_version(
        self, connection: Connection, system: SystemTables, number: int, definition: Definition, note: str,
        account: int, steps: Sequence[Step],
    ) -> None:  # fmt: skip
        values = {
            "number": number, "at": self.clock.now(), "account": account or None, "note": note,
            "base": definition.base, "base_version": definition.base_version, "layer": definition.text,
            "files": definition.packed_files(), "hash": definition.hash,
            "steps": json.dumps([step.describe("zh") for step in steps], ensure_ascii=False),
        }  # fmt: skip
        connection.execute(insert(system.app_version).values(values))


@contextmanager
def _tried() -> Iterator[None]:
    try:
        yield
    except _OnlyLooking:
        return


def _is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def _lock_versions(connection: Connection) -> None:
    """Two people who publish at once do so one after the other."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE dg_app_version IN EXCLUSIVE MODE"))


def _refuse_overtaken(expected: int, number: int) -> None:
    if expected and expected != number:
        said = both("version_overtaken", now=number, seen=expected)
        raise Conflict(Fault(code="version_overtaken", message=f"{said.zh} | {said.en}"))


def _fresh_renames(before: AppModel, definition: Definition) -> list[tuple[str, str]]:
    """A layer keeps its renames for ever; only those the app has not taken yet are to be done."""
    return [
        (old, new)
        for old, new in renames(definition)
        if (entity := before.entities.get(old.rpartition(".")[0])) and old.rpartition(".")[2] in entity.fields
    ]


def newest(connection: Connection) -> Row[tuple[object, ...]]:
    """The row of the newest version."""
    version = system_tables(MetaData()).app_version
    try:
        return connection.execute(select(version).order_by(version.c.number.desc()).limit(1)).one()
    except (OperationalError, ProgrammingError):
        raise NotFound(
            Fault(code="no_app", message="这个数据库里没有应用 | there is no app in this database")
        ) from None


def definition_from(path: Path, app: RunningApp) -> Definition:
    """A file as the next definition of ``app``, on the base that the app stands on."""
    return pin(path.read_text(encoding="utf-8-sig"), kept=app.definition, name=path.name)


def versions(app: RunningApp, connection: Connection) -> Sequence[Row[tuple[object, ...]]]:
    """All versions, newest first, without their texts."""
    version = app.tables.system.app_version
    shown = [c for c in version.c if c.name not in ("layer", "files")]
    return connection.execute(select(*shown).order_by(version.c.number.desc())).all()
