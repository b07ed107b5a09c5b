"""Templates in two languages: an environment each, so that macros know the language and compile once for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, current_app
from jinja2 import Environment, Template

from web.texts import LANGUAGES, translator

EXTENSION = "dougong_templates"
PIECES = "dougong_pieces"


def environments(app: Flask) -> Mapping[str, Environment]:
    """One environment a language, alike but for the words."""
    found: dict[str, Environment] = {}
    for language in LANGUAGES:
        environment = app.jinja_env.overlay(cache_size=400)
        environment.globals = {**app.jinja_env.globals, "t": translator(language), "lang": language}
        found[language] = environment
    return found


def environment(language: str) -> Environment:
    """The environment of a language."""
    known: Mapping[str, Environment] = current_app.extensions[EXTENSION]
    return known["en" if language == "en" else "zh"]


def html(language: str, template: str, **content: Any) -> str:
    """The template ``template`` rendered in ``language``."""
    return environment(language).get_template(template).render(**content)


def piece(language: str, source: str, **content: Any) -> str:
    """A small template, written where it is used, rendered in ``language``; compiled once."""
    made: dict[tuple[str, str], Template] = current_app.extensions[PIECES]
    key = (language, source)
    if key not in made:
        made[key] = environment(language).from_string(source)
    return made[key].render(**content)
