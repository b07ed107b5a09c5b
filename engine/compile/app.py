"""The whole model from the merged tree: every pass in order, all problems at once."""

from __future__ import annotations

from collections.abc import Mapping

from engine.checks.postings import check_posting_sets
from engine.checks.workflows import check_workflow
from engine.compile.alerts import compile_alerts
from engine.compile.bench import Bench
from engine.compile.declare import declare, finish_names
from engine.compile.desugar import Drawing, desugar
from engine.compile.entities import compile_entity
from engine.compile.figures import compile_cards, compile_dashboards, compile_reports
from engine.compile.infer import infer
from engine.compile.layers import Merged
from engine.compile.ledgers import compile_ledgers, compile_shared_guards, declare_ledgers
from engine.compile.pages import compile_first_steps, compile_menu, compile_openings, compile_prints
from engine.compile.part import Part, Word, bilingual
from engine.compile.planning import compile_plans, compile_structures, declare_plans
from engine.compile.plugins import compile_plugins
from engine.compile.roles import compile_roles
from engine.compile.rules import compile_rules
from engine.compile.stations import compile_stations
from engine.compile.workflow import compile_workflow
from engine.dependencies import build_graph
from engine.frozen import Frozen
from engine.model import AppModel, Entity, Workflow
from engine.problems import Problems, did_you_mean, got
from engine.yaml_source import Block

SCALES = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "JOD": 3, "OMR": 3, "TND": 3}
"""Currencies whose decimals are not two."""


def compile_app(merged: Merged, problems: Problems) -> AppModel | None:
    """The frozen model, or ``None`` when there is nothing to build it from; problems are collected either way."""
    root = merged.root
    if not root.has("app"):
        if not problems:
            root.problem("D313", "", "key app is missing", "start the file with app: and an id")
        return None
    bench = _bench(merged, problems)
    drawings = _declare_all(bench)
    entities = {id: compile_entity(bench, draft, drawings) for id, draft in bench.entities.items()}
    _check_entities(bench, entities)
    return AppModel(
        id=root.text("app"),
        version=root.text("version", "1.0.0"),
        title=root.label("title", root.text("app")),
        description=root.label("description", "") if root.has("description") else None,
        icon=root.text("icon"),
        currency=root.text("currency", "CNY"),
        currency_scale=bench.money_scale,
        timezone=root.text("timezone", "Asia/Shanghai"),
        members=bench.members,
        departments=bench.departments,
        secrecy=Frozen({id: bilingual(word.text, id) for id, word in root.pairs("secrecy")}),
        entities=Frozen(entities),
        ledgers=compile_ledgers(bench),
        guards=compile_shared_guards(bench),
        structures=compile_structures(bench),
        plans=compile_plans(bench),
        roles=compile_roles(bench),
        rules=compile_rules(bench),
        alerts=compile_alerts(bench),
        stations=compile_stations(bench),
        cards=compile_cards(bench),
        reports=compile_reports(bench),
        dashboards=compile_dashboards(bench),
        prints=compile_prints(bench),
        menu=compile_menu(bench),
        openings=compile_openings(bench),
        first_steps=compile_first_steps(bench),
        plugins=compile_plugins(bench),
        demo=Frozen({key: word.text for key, word in root.pairs("demo")}),
        order=build_graph(entities).order,
        hash=merged.hash,
    )


def _declare_all(bench: Bench) -> Mapping[tuple[str, str], Drawing]:
    """Every name there is, with its type."""
    declare(bench)
    _check_named(bench, bench.root, "members")
    _check_named(bench, bench.root, "departments")
    declare_ledgers(bench)
    drawings = desugar(bench)
    finish_names(bench)
    for draft in bench.entities.values():
        for field in draft.fields.values():
            bench.ask(field)
    declare_plans(bench)
    return drawings


def compile_flow(merged: Merged, entity: str, written: Block, problems: Problems) -> Workflow | None:
    """A workflow that ``entity`` had in another version, over the fields, roles and ledgers of this one.

    Names of states may be those of either version. ``merged`` is taken apart for it.
    """
    own = _block(merged.root.block, "entities", entity)
    now, then = _block(own, "workflow", "states"), _block(written, "states")
    states = Block(then.place, {**now.entries, **then.entries}, {**now.keys, **then.keys}, then.layer)
    own.entries["workflow"] = Block(written.place, {**written.entries, "states": states}, written.keys, written.layer)
    bench = _bench(merged, Problems())
    _declare_all(bench)
    bench.problems = problems
    part = Part(written, f"entities.{entity}.workflow", problems)
    return compile_workflow(bench, entity, part)


def _block(inside: Block, *keys: str) -> Block:
    for key in keys:
        node = inside.entries.get(key)
        inside = node if isinstance(node, Block) else Block(inside.place)
    return inside


def _check_entities(bench: Bench, entities: Mapping[str, Entity]) -> None:
    """Checks that need the finished entity."""
    for id, entity in entities.items():
        part = bench.entities[id].part
        written = part.part("workflow")
        if entity.workflow is not None and written is not None:
            check_workflow(entity, entity.workflow, written)
        check_posting_sets(entity, part)


def _bench(merged: Merged, problems: Problems) -> Bench:
    root = merged.root
    return Bench(
        root=root,
        problems=problems,
        aliases=merged.aliases,
        infer=infer,
        money_scale=SCALES.get(root.text("currency", "CNY"), 2),
        members=root.text("members"),
        departments=root.text("departments"),
    )


def _check_named(bench: Bench, root: Part, key: str) -> None:
    word: Word | None = root.word(key)
    if word is not None and word.text not in bench.entities:
        remedy = did_you_mean(word.text, bench.entities)
        bench.problems.add("D304", word.place, word.path, f"unknown entity {got(word.text)}", remedy)
        if key == "members":
            bench.members = ""
        else:
            bench.departments = ""
