"""Two languages side by side: ``t('保存', 'Save')`` gives the one the reader chose.

The words of pages stand where they are used, both languages together, so that nobody forgets one of them.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import g, request, session

LANGUAGES = ("zh", "en")


def translator(language: str) -> Callable[[str, str], str]:
    """The function pages call with both wordings."""
    return _english if language == "en" else _chinese


def _chinese(zh: str, en: str) -> str:
    return zh


def _english(zh: str, en: str) -> str:
    return en


def language() -> str:
    """The language of an answer before anybody is known, or when something went wrong: nothing may fail here."""
    person = getattr(g, "person", None)
    chosen = (request.args.get("lang"), person.language if person is not None else "", session.get("language"))
    usual = request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]
    return next((str(each) for each in chosen if each in LANGUAGES), usual)
