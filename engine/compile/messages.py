"""Texts with values in them: ``<code> 是采购件 | <code> is bought`` becomes pieces and expressions per language."""

from __future__ import annotations

import re

from engine.compile.part import Word
from engine.compile.scope import AppScope, parse
from engine.expressions.tree import Expr
from engine.model import Message

# A `<` before a space stays itself; an insertion ends at its `>` (`>=` inside belongs to the expression).
_INSERTION = re.compile(r"<(?!\s)((?:[^<>]|>=|<=)+?)>(?!=)")


def message(word: Word | None, scope: AppScope) -> Message | None:
    """The message of a text; without a bar both languages are the same."""
    if word is None:
        return None
    zh, bar, en = word.text.partition("|")
    chinese = _pieces(zh.strip(), 0, word, scope)
    english = _pieces(en.strip(), len(zh) + 2, word, scope) if bar else chinese
    return Message(zh=chinese, en=english)


def plain_message(zh: str, en: str) -> Message:
    """A message without values."""
    return Message(zh=(zh,), en=(en,))


def _pieces(text: str, shift: int, word: Word, scope: AppScope) -> tuple[str | Expr, ...]:
    done: list[str | Expr] = []
    end = 0
    for found in _INSERTION.finditer(text):
        if found.start() > end:
            done.append(text[end : found.start()])
        column = word.place.column + shift + found.start() + 1
        expr = parse(Word(found[1].strip(), word.place._replace(column=column), word.path), scope)
        if expr is not None:
            done.append(expr)
        end = found.end()
    if end < len(text):
        done.append(text[end:])
    return tuple(done)
