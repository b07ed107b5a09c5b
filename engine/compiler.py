"""``load_app``: the only entrance. All steps in order, all problems at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.compile.app import compile_app
from engine.compile.layers import CATALOGUE, Source, assemble, find_source
from engine.model import AppModel
from engine.problems import Problems


def load_app(ref: str | Path, *, layers: Sequence[str | Path] = (), catalogue: Path | None = None) -> AppModel:
    """The model of a file or of a template of the catalogue, with own layers on top.

    Raises ``MetadataError`` with everything that is wrong.
    """
    problems = Problems()
    home = catalogue or CATALOGUE
    sources = [find_source(each, home, problems) for each in (ref, *layers)]
    problems.raise_if_any()
    return _compile([source for source in sources if source is not None], home, problems)


def load_text(text: str, name: str = "app.yaml", *, layers: Sequence[tuple[str, str]] = (), catalogue: Path | None = None) -> AppModel:
    """The model of a text; ``layers`` are pairs of name and text."""
    sources = [Source(name, text), *(Source(each, layer) for each, layer in layers)]
    return _compile(sources, catalogue or CATALOGUE, Problems())


def _compile(sources: Sequence[Source], catalogue: Path, problems: Problems) -> AppModel:
    merged = assemble(sources, catalogue, problems)
    model = compile_app(merged, problems) if merged is not None else None
    problems.raise_if_any()
    assert model is not None, "no model and no problem"
    return model
