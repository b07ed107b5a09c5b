"""The engine: text in, a frozen model or problems out."""

from engine.compiler import load_app, load_text
from engine.model import AppModel
from engine.problems import MetadataError, Problem

__all__ = ["AppModel", "MetadataError", "Problem", "load_app", "load_text"]
