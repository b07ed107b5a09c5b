"""Signatures drawn on a pad: the picture that a form posts becomes a kept file, like a photo."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping

from engine.model import AppModel, Entity
from runtime import files
from runtime.context import RunContext

DRAWN = "data:image/png;base64,"
NAME = "signature.png"
KIND = "signature"


def kept(ctx: RunContext, posted: object) -> object:
    """The number of the file that a drawn signature becomes; whatever else was posted stays as it is."""
    if not isinstance(posted, str) or not posted.startswith(DRAWN):
        return posted
    try:
        content = b64decode(posted.removeprefix(DRAWN), validate=True)
    except ValueError:  # no base64, or letters that no base64 has
        return ""
    return files.save(ctx, NAME, content).id


def with_kept(ctx: RunContext, entity: Entity, values: Mapping[str, object]) -> dict[str, object]:
    """The values of a record's form, each signature that was drawn kept as a file, those of lines too."""
    return {name: _kept_value(ctx, entity, name, value) for name, value in values.items()}


def _kept_value(ctx: RunContext, entity: Entity, name: str, value: object) -> object:
    one = entity.fields.get(name)
    if one is None:
        return value
    if one.type == KIND:
        return kept(ctx, value)
    if one.lines and isinstance(value, list) and _signs(ctx.app.model, one.lines):
        inner = ctx.app.model.entities[one.lines]
        return [with_kept(ctx, inner, line) if isinstance(line, Mapping) else line for line in value]
    return value


def _signs(model: AppModel, entity: str) -> bool:
    return any(one.type == KIND for one in model.entities[entity].fields.values())
