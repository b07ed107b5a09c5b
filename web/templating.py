"""Templates in two languages: an environment each, so that macros know the language and compile once for it.

What was compiled is kept beside the apps: a start, and the first look at each page, compile nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from jinja2 import BaseLoader, BytecodeCache, Environment, Template, compiler
from jinja2.bccache import Bucket

from engine.cache import read_own, write_own
from web.texts import LANGUAGES, translator

EXTENSION = "dougong_templates"
PIECES = "dougong_pieces"


class KeptTemplates(BytecodeCache):
    """Compiled templates in files that are ours alone: of the same source, compiled by the same compiler."""

    def __init__(self, folder: Path) -> None:
        stat = Path(compiler.__file__).stat()
        self._folder = folder
        self._compiler = repr((stat.st_size, stat.st_mtime_ns))

    def get_source_checksum(self, source: str) -> str:
        """Other templates are other code; so are the same ones, compiled by another Jinja."""
        return sha256((self._compiler + source).encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take the code from its file, if it is there and fits."""
        data = read_own(self._folder / bucket.key)
        if data is not None:
            bucket.bytecode_from_string(data)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code for the next start; a page is shown all the same where nothing can be kept."""
        with suppress(OSError):
            write_own(self._folder / bucket.key, bucket.bytecode_to_string())


class Written(BaseLoader):
    """Templates that stand where they are used: the source is the name."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, None, None]:
        """The source itself."""
        return template, None, None


def kept_in(folder: Path) -> Path:
    """Where compiled templates are kept, in the folder of the apps."""
    return folder / "cache" / "templates"


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
        at = environment(language)
        made[key] = Written().load(at, source, at.make_globals(None))
    return made[key].render(**content)
