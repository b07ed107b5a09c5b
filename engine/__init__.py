"""The engine: text in, a frozen model or problems out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.compile.app import compile_flow
    from engine.compiler import load_app, load_text
    from engine.model import AppModel
    from engine.problems import MetadataError, Problem

__all__ = ["AppModel", "MetadataError", "Problem", "compile_flow", "load_app", "load_text"]

ROOMS = {
    "load_app": "engine.compiler",
    "load_text": "engine.compiler",
    "compile_flow": "engine.compile.app",
    "AppModel": "engine.model",
    "MetadataError": "engine.problems",
    "Problem": "engine.problems",
}
"""Where each name lives: whoever needs one of them does not pay for the compiler."""


def __getattr__(name: str) -> object:
    """A name of the engine, from its room."""
    if name not in ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(ROOMS[name]), name)
