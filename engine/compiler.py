"""``load_app``: the only entrance. All steps in order, all problems at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine import cache as model_cache
from engine.compile.app import compile_app
from engine.compile.layers import CATALOGUE, Merged, Source, assemble, find_source
from engine.model import AppModel
from engine.problems import Problem, Problems


def load_app(
    ref: str | Path,
    *,
    layers: Sequence[str | Path] = (),
    catalogue: Path | None = None,
    cache: Path | None = None,
    doubts: list[Problem] | None = None,
) -> AppModel:
    """The model of a file or of a template of the catalogue, with own layers on top.

    ``cache``: a folder where compiled models are kept by the hash of their files. ``doubts``: gathers what is probably
    not meant so. Raises ``MetadataError`` with everything that is wrong.
    """
    home = catalogue or CATALOGUE
    key = [str(home), str(ref), *(str(layer) for layer in layers)]
    found = model_cache.recall(cache, key) if cache is not None else None
    if found is not None:
        return found
    problems = Problems()
    sources = [find_source(each, home, problems) for each in (ref, *layers)]
    problems.raise_if_any()
    merged = assemble([source for source in sources if source is not None], home, problems)
    model = _compile(merged, problems)
    if doubts is not None:
        doubts.extend(problems.doubts)
    if cache is not None and merged is not None:
        model_cache.keep(cache, key, merged.files, model)
    return model


def load_text(
    text: str,
    name: str = "app.yaml",
    *,
    layers: Sequence[tuple[str, str]] = (),
    catalogue: Path | None = None,
) -> AppModel:
    """The model of a text; ``layers`` are pairs of name and text."""
    problems = Problems()
    sources = [Source(name, text), *(Source(each, layer) for each, layer in layers)]
    return _compile(assemble(sources, catalogue or CATALOGUE, problems), problems)


def _compile(merged: Merged | None, problems: Problems) -> AppModel:
    model = compile_app(merged, problems) if merged is not None else None
    problems.raise_if_any()
    assert model is not None, "no model and no problem"
    return model
