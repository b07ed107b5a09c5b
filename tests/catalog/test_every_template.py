"""One structural suite over every template of the catalogue."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from functools import cache

import pytest

from engine import AppModel, load_app
from engine.compile.layers import CATALOGUE
from engine.model import Entity, EntityKind, Text
from runtime.accounts import SHORTEST_PASSWORD
from runtime.demo_acts import ACTS
from runtime.demo_story import Story, read_story, read_table

TEMPLATES = sorted(path.stem for path in CATALOGUE.glob("*.yaml"))
CHINESE = re.compile(r"[\u4e00-\u9fff]")
TRANSITIONS = {
    "submit",
    "approve",
    "reject",
    "return",
    "withdraw",
    "post",
    "dispatch",
    "sign",
    "start",
    "finish",
    "close",
    "cancel",
    "reopen",
}
ROLES = {"admin", "manager", "sales", "buyer", "keeper", "production", "quality", "finance", "viewer"}

pytestmark = pytest.mark.parametrize("template", TEMPLATES)


@cache
def model_of(template: str) -> AppModel:
    return load_app(template)


def headers(model: AppModel) -> list[Entity]:
    return [e for e in model.entities.values() if e.kind not in (EntityKind.LINES, EntityKind.SYSTEM)]


def texts(thing: object, path: str) -> Iterator[tuple[str, Text]]:
    """Every label, help and title below a part of the model."""
    if isinstance(thing, Text):
        yield path, thing
    elif dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            yield from texts(getattr(thing, field.name), f"{path}.{field.name}")
    elif isinstance(thing, (tuple, list, frozenset)):
        for index, one in enumerate(thing):
            yield from texts(one, f"{path}.{index}")
    elif hasattr(thing, "items"):
        for key, one in thing.items():
            yield from texts(one, f"{path}.{key}")


def test_loads_without_problems(template: str) -> None:
    model = model_of(template)
    assert model.id == template
    assert model.title.zh != model.title.en


def test_every_text_is_in_both_languages(template: str) -> None:
    wrong = [
        f"{path}: {text.zh} | {text.en}"
        for path, text in texts(model_of(template), template)
        if not text.en.strip() or CHINESE.search(text.en) or not (CHINESE.search(text.zh) or text.zh == text.en)
    ]
    assert wrong == []


def test_every_message_is_in_both_languages(template: str) -> None:
    wrong = []
    for entity in headers(model_of(template)):
        says = [check.say for check in entity.checks]
        says += [t.say for t in (entity.workflow.transitions.values() if entity.workflow else ()) if t.say]
        for say in says:
            english = "".join(piece for piece in say.en if isinstance(piece, str))
            chinese = "".join(piece for piece in say.zh if isinstance(piece, str))
            if CHINESE.search(english) or not CHINESE.search(chinese):
                wrong.append(f"{entity.id}: {chinese} | {english}")
    assert wrong == []


def test_what_is_drawn_of_a_line_and_what_is_left_is_said_in_words_of_the_trade(template: str) -> None:
    fields = [(e.id, f.id, f.label.zh) for e in model_of(template).entities.values() for f in e.fields.values()]
    assert [one for one in fields if one[2] in ("已执行", "未执行")] == []


def test_every_state_can_be_reached(template: str) -> None:
    lost = []
    for entity in headers(model_of(template)):
        if entity.workflow is None:
            continue
        reached = {entity.workflow.start.id}
        while more := {
            t.target
            for t in entity.workflow.transitions.values()
            if reached & set(t.origins) and t.target not in reached
        }:
            reached |= more
        lost += [f"{entity.id}.{state}" for state in entity.workflow.states if state not in reached]
    assert lost == []


def test_transitions_use_the_common_ids(template: str) -> None:
    odd = [
        f"{entity.id}.{id}"
        for entity in headers(model_of(template))
        for id in (entity.workflow.transitions if entity.workflow else ())
        if id not in TRANSITIONS
    ]
    assert odd == []


def test_roles_are_the_common_ones_and_each_has_a_dashboard(template: str) -> None:
    model = model_of(template)
    assert set(model.roles) <= ROLES
    seen = {role for dashboard in model.dashboards.values() for role in dashboard.roles}
    assert set(model.roles) - seen - {"viewer"} == set()


def test_every_document_has_a_number_a_form_a_list_and_an_icon(template: str) -> None:
    lacking = []
    for entity in headers(model_of(template)):
        if entity.kind is EntityKind.DOCUMENT and entity.number is None:
            lacking.append(f"{entity.id}: number")
        if entity.form is None or not entity.form.sections:
            lacking.append(f"{entity.id}: form")
        if entity.kind is not EntityKind.SETTING and "all" not in entity.views:
            lacking.append(f"{entity.id}: view all")
        if not entity.icon:
            lacking.append(f"{entity.id}: icon")
    assert lacking == []


def test_every_entity_stands_in_the_menu(template: str) -> None:
    model = model_of(template)
    entries = {entry for group in model.menu for entry in group.entries}
    assert {e.id for e in headers(model)} - entries == set()


def test_every_card_explains_itself_and_opens_what_it_counts(template: str) -> None:
    model = model_of(template)
    silent = [id for id, card in model.cards.items() if card.help is None or not card.opens]
    assert silent == []


def test_every_report_explains_itself(template: str) -> None:
    assert [id for id, report in model_of(template).reports.items() if report.help is None] == []


def test_lines_of_documents_are_filled_in_a_grid(template: str) -> None:
    model = model_of(template)
    hidden = []
    for entity in headers(model):
        grids = {section.lines for section in entity.form.sections} if entity.form else set()
        lines = [f for f in entity.fields.values() if f.lines]
        hidden += [f"{entity.id}.{f.id}" for f in lines if f.id not in grids and f.lines not in grids]
    assert hidden == []


# --- the demo story ------------------------------------------------------------------------------------------


def story_of(template: str) -> tuple[AppModel, Story]:
    model = model_of(template)
    if "data" not in model.demo:
        pytest.skip("the template carries no demo data")
    return model, read_story(CATALOGUE / model.demo["data"])


def test_demo_files_name_fields_that_exist(template: str) -> None:
    model, story = story_of(template)
    unknown = []
    for load in story.masters:
        entity = load["entity"]
        if "values" in load:
            unknown += [f"{entity}.{name}" for name in load["values"] if name not in model.entities[entity].fields]
            continue
        for column in read_table(story.folder / f"{load.get('file', entity)}.csv")[0]:
            owner, _, name = column.rpartition(".")
            if name not in model.entities[f"{entity}.{owner}" if owner else entity].fields:
                unknown.append(f"{entity}: {column}")
    assert unknown == []


def test_demo_acts_name_things_that_exist(template: str) -> None:
    model, story = story_of(template)
    unknown = []
    for act in story.acts:
        entity = model.entities[act["entity"]]
        unknown += [f"{entity.id}: {act['act']}"] if act["act"] not in ACTS else []
        unknown += [f"{entity.id}.{name}" for name in act.get("set", {}) if name not in entity.fields]
        ways = entity.workflow.transitions if entity.workflow else {}
        unknown += [f"{entity.id}: {way}" for way in act.get("then", ()) if way not in ways]
        if "source" in act and act["source"] not in entity.sources:
            unknown.append(f"{entity.id}: source {act['source']}")
        if isinstance(act.get("of"), str) and act["of"] not in story.mixes:
            unknown.append(f"{entity.id}: mix {act['of']}")
    assert unknown == []


def test_demo_users_have_roles_of_the_app(template: str) -> None:
    model, story = story_of(template)
    users = read_table(story.folder / "users.csv")
    assert {role for user in users for role in user["roles"].split()} <= set(model.roles)
    able = [user for user in users if user["password"]]
    assert {role for user in able for role in user["roles"].split()} == set(model.roles)
    assert all(len(user["password"]) >= SHORTEST_PASSWORD for user in able)


def test_the_story_ends_at_the_demo_clock(template: str) -> None:
    model, story = story_of(template)
    assert story.days[-1].isoformat() == model.demo["clock"]
