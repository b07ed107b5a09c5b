"""Keeping the flow of documents under way when a new version of an app is published: planned, done, and read again.

Which documents those are is settled once, by one statement, in the transaction of the new version. Where an earlier
flow cannot be walked over the new definition (a field it asks for is gone), its documents take the newest flow, which
somebody has to agree to; documents in a state that only the earlier flow has stand in the way of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, Row, Select, delete, func, insert, inspect, literal, select, table
from sqlalchemy.sql import column

import engine
from engine import AppModel
from engine.cache import engine_mark, read_kept, write_kept
from engine.model import Text, Workflow
from engine.problems import MetadataError, Problems
from engine.yaml_source import Block
from runtime.app_source import Definition, definition_of, merged_tree
from runtime.flow_versions import Flows, resting
from runtime.migrate_steps import Failure, Site, Step, own_tables
from runtime.tables import table_name

SHOWN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A version with its number, definition and model."""

    number: int
    definition: Definition
    model: AppModel


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepFlow(Step):
    """Documents under way go on by the flow of the version they started with. ``rest``: states in which none is."""

    entity: str
    label: Text
    flow: int
    rest: tuple[str, ...]

    def names(self) -> Mapping[str, object]:
        """The kind of document and the version."""
        return {"label": self.label, "flow": self.flow}

    def forward(self, site: Site) -> None:
        """Note them."""
        found = under_way(self.entity, self.rest, literal(self.entity), literal(self.flow))
        site.connection.execute(insert(site.system.flow).from_select(["record", "entity", "version"], found))

    def backward(self, site: Site) -> None:
        """They walk the only flow there is."""
        flow = site.system.flow
        site.connection.execute(delete(flow).where(flow.c.entity == self.entity, flow.c.version == self.flow))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveFlow(Step):
    """Documents under way take the newest flow: theirs cannot be walked any more, ``why`` says."""

    entity: str
    label: Text
    flow: int
    why: str

    @property
    def loses(self) -> bool:
        """Somebody has to agree that they go another way than they began."""
        return True

    @property
    def blocked(self) -> bool:
        """Documents in states that the newest flow does not know cannot go anywhere."""
        return self.failed > 0

    def names(self) -> Mapping[str, object]:
        """The kind of document, the version and the reason; ``table`` is where the fault is told."""
        return {"label": self.label, "flow": self.flow, "why": self.why, "table": self.entity}

    def forward(self, site: Site) -> None:
        """Forget what they walked."""
        flow = site.system.flow
        site.connection.execute(delete(flow).where(flow.c.entity == self.entity, flow.c.version == self.flow))


def under_way(entity: str, rest: Sequence[str], *more: object) -> Select[tuple[int]]:
    """Documents that are neither at rest nor at the beginning, and walk no earlier flow yet."""
    here = table(table_name(entity), column("id"), column("status"), column("deleted_at"))
    flow = own_tables().flow
    walked = select(flow.c.record).where(flow.c.entity == entity)
    return select(here.c.id, *more).where(
        here.c.deleted_at.is_(None), here.c.status.not_in(rest), here.c.id.not_in(walked)
    )


def plan_flows(
    connection: Connection,
    before: Published,
    after: Published,
    changed: Sequence[str],
    cache_in: Path | None,
    published: Sequence[Published] = (),
) -> Iterator[Step]:
    """What becomes of documents under way. ``changed``: entities whose flow is written differently now.

    ``published``: the earlier versions that documents still walk.
    """
    earlier = {each.number: each for each in published}
    for entity, walked in sorted(_walked(connection).items()):
        for number, count in sorted(walked.items()):
            if _flow(after.model, entity) is not None and number in earlier:
                step = _step(connection, earlier[number], after, entity, count, cache_in)
                yield from [step] if isinstance(step, LeaveFlow) else []
    for entity in changed:
        then, now = _flow(before.model, entity), _flow(after.model, entity)
        if then is not None and now is not None:
            found = under_way(entity, sorted(resting(then, now)))
            count = connection.execute(select(func.count()).select_from(found.subquery())).scalar_one()
            if count:
                yield _step(connection, before, after, entity, count, cache_in)


def _walked(connection: Connection) -> dict[str, dict[int, int]]:
    """Entity → earlier version → how many documents walk its flow."""
    flow = own_tables().flow
    if not inspect(connection).has_table(flow.name):
        return {}
    found: dict[str, dict[int, int]] = {}
    query = select(flow.c.entity, flow.c.version, func.count()).group_by(flow.c.entity, flow.c.version)
    for entity, version, count in connection.execute(query):
        found.setdefault(entity, {})[version] = count
    return found


def _step(
    connection: Connection, then: Published, after: Published, entity: str, count: int, cache_in: Path | None
) -> KeepFlow | LeaveFlow:
    was, now = _flow(then.model, entity), _flow(after.model, entity)
    assert was is not None, "documents of an entity without flow walk none"
    assert now is not None, "an entity that lost its flow has no documents under way"
    label = after.model.entities[entity].label
    why = _why_not(then, after, entity, was, cache_in)
    if not why:
        rest = tuple(sorted(resting(was, now)))
        return KeepFlow(entity=entity, label=label, flow=then.number, rest=rest, rows=count)
    here = table(table_name(entity), column("id"), column("status"))
    lost = select(here.c.id, here.c.status).where(
        here.c.status.in_(sorted(set(was.states) - set(now.states))), here.c.status.is_not(None)
    )
    stuck = connection.execute(lost.order_by(here.c.id)).all()
    failures = tuple(Failure(record=id, value=status) for id, status in stuck[:SHOWN])
    return LeaveFlow(
        entity=entity, label=label, flow=then.number, why=why, rows=count, failed=len(stuck), failures=failures
    )


def _why_not(then: Published, after: Published, entity: str, was: Workflow, cache_in: Path | None) -> str:
    """Why the flow cannot be walked over the new definition ("" = it can)."""
    before, now = then.model.entities[entity].postings, after.model.entities[entity].postings
    gone = sorted({t.posts for t in was.transitions.values() if t.posts in before and t.posts not in now})
    if gone:
        return f"postings {', '.join(gone)}"
    try:
        earlier_flow(after.definition, then.definition, entity, cache_in)
    except MetadataError as error:
        return "; ".join(f"{problem.path}: {problem.what}" for problem in error.problems)
    return ""


def _flow(model: AppModel, entity: str) -> Workflow | None:
    found = model.entities.get(entity)
    return found.workflow if found is not None else None


def earlier_flow(now: Definition, then: Definition, entity: str, cache_in: Path | None) -> Workflow:
    """The flow which ``then`` gave an entity, over the fields and roles of ``now``; kept like compiled models."""
    mark = sha256(f"{now.hash} {then.hash} {entity}".encode()).hexdigest()[:32]
    kept = cache_in / f"{mark}-{engine_mark()}.flow" if cache_in else None
    if kept is not None:
        found = read_kept(kept)
        if isinstance(found, Workflow):
            return found
    flow = _compiled(now, then, entity)
    if kept is not None:
        write_kept(kept, flow)
    return flow


def _compiled(now: Definition, then: Definition, entity: str) -> Workflow:
    written: object = merged_tree(then).root.block
    for key in ("entities", entity, "workflow"):
        written = written.entries.get(key) if isinstance(written, Block) else None
    assert isinstance(written, Block), "documents walk flows that were written"
    problems = Problems()
    flow = engine.compile_flow(merged_tree(now), entity, written, problems)
    problems.raise_if_any()
    assert flow is not None, "no flow and no problem"
    return flow


def walked_flows(connection: Connection, now: Definition, model: AppModel, cache_in: Path | None) -> Flows:
    """The flows of earlier versions that documents walk, as they are now: entity → version → flow."""
    walked = {entity: each for entity, each in _walked(connection).items() if _flow(model, entity) is not None}
    rows = version_rows(connection, {number for each in walked.values() for number in each})
    return {
        entity: {number: earlier_flow(now, rows[number], entity, cache_in) for number in sorted(each)}
        for entity, each in walked.items()
    }


def walked_versions(connection: Connection) -> set[int]:
    """The numbers of earlier versions that documents walk."""
    return {number for each in _walked(connection).values() for number in each}


def version_rows(connection: Connection, numbers: set[int]) -> dict[int, Definition]:
    """The definitions of some versions."""
    if not numbers:
        return {}
    version = own_tables().app_version
    rows: Sequence[Row[tuple[object, ...]]] = connection.execute(
        select(version).where(version.c.number.in_(sorted(numbers)))
    ).all()
    return {int(row.number): definition_of(row) for row in rows}
