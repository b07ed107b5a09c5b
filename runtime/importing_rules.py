"""What a mapping says about whole rows: files joined, rows left out or remarked on, and rows with a validity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from engine.model import Text

JOIN_KEYS = frozenset({"file", "on", "first", "optional", "sheet"})
RULE_KEYS = frozenset({"when", "unless", "say"})
PERIOD_KEYS = frozenset({"from", "to"})
COMPARISONS = ("before", "after")
PERIOD_FROM, PERIOD_TO = "period.from", "period.to"
LEFT_OUT = Text(zh="映射规定不导入", en="left out by the mapping")


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A second file whose row with the same key stands beside each row; its columns are ``name.Column``.

    ``on``: column here → column there. ``first``: of several rows the first (else that is an error).
    ``optional``: a row without a partner is no fault.
    """

    name: str
    file: str
    on: Mapping[str, str]
    sheet: str = ""
    first: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A day before or after the day in another column; where one of them is empty it does not hold."""

    how: str
    other: str


Wanted: TypeAlias = frozenset[str] | Compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Rows in which every column of ``when`` has one of its values and not every one of ``unless`` has."""

    when: Mapping[str, Wanted]
    unless: Mapping[str, Wanted]
    say: Text

    @property
    def columns(self) -> Iterator[str]:
        """What it reads."""
        for conditions in (self.when, self.unless):
            for column, wanted in conditions.items():
                yield column
                if isinstance(wanted, Compared):
                    yield wanted.other


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """Each row holds from a day to a day (both included, empty = open).

    The rows of one group become one record for every stretch of days in which the same rows hold.
    """

    begins: str
    ends: str


def joins_of(given: object) -> tuple[Join, ...]:
    """The files a mapping joins; ``ValueError`` with what is wrong."""
    return tuple(_join(name, one) for name, one in _mapping("join", given).items())


def _join(name: str, given: object) -> Join:
    data = _keyed(f"join.{name}", given, JOIN_KEYS)
    file = str(data.get("file", ""))
    if not file or "/" in file or "\\" in file or file.startswith("."):
        raise ValueError(f"join.{name}.file: {file or '?'}")
    on = data.get("on")
    pairs = {str(c): str(c) for c in on} if isinstance(on, list) else _mapping(f"join.{name}.on", on)
    if not pairs:
        raise ValueError(f"join.{name}.on: ?")
    return Join(
        name=name,
        file=file,
        on={here: str(there) for here, there in pairs.items()},
        sheet=str(data.get("sheet", "")),
        first=_yes(data, "first"),
        optional=_yes(data, "optional"),
    )


def rules_of(key: str, given: object) -> tuple[Rule, ...]:
    """Rules of ``skip`` or ``tell``: a list of rules, or simply column → values."""
    if given is None:
        return ()
    if isinstance(given, Mapping):
        return tuple(
            Rule(when={str(column): _values(values)}, unless={}, say=LEFT_OUT) for column, values in given.items()
        )
    if not isinstance(given, list):
        raise ValueError(f"{key}: {given}")
    return tuple(_rule(f"{key}.{number}", one) for number, one in enumerate(given, 1))


def _rule(path: str, given: object) -> Rule:
    data = _keyed(path, given, RULE_KEYS)
    when, unless = (
        {str(c): _values(v) for c, v in _mapping(f"{path}.{key}", data.get(key)).items()} for key in ("when", "unless")
    )
    if not when and not unless:
        raise ValueError(f"{path}.when: ?")
    say = str(data.get("say") or "")
    if not say:
        raise ValueError(f"{path}.say: ?")
    chinese, _, english = (part.strip() for part in say.partition("|"))
    return Rule(when=when, unless=unless, say=Text(zh=chinese, en=english or chinese))


def periods_of(given: object) -> Periods | None:
    """The columns with each row's validity."""
    if given is None:
        return None
    data = _keyed("periods", given, PERIOD_KEYS)
    if set(data) != PERIOD_KEYS:
        raise ValueError("periods: from, to")
    return Periods(begins=str(data["from"]), ends=str(data["to"]))


def _mapping(path: str, given: object) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(f"{path}: {given}")
    return given


def _keyed(path: str, given: object, known: frozenset[str]) -> Mapping[str, Any]:
    data = _mapping(path, given)
    extra = sorted(set(data) - known)
    if extra:
        raise ValueError(f"{path}: {', '.join(extra)}?")
    return data


def _values(given: object) -> Wanted:
    if isinstance(given, Mapping) and len(given) == 1:
        how, other = next(iter(given.items()))
        if how in COMPARISONS:
            return Compared(how=how, other=str(other))
    return frozenset((given,) if isinstance(given, str) else (str(one) for one in _list(given)))


def _list(given: object) -> Sequence[object]:
    if not isinstance(given, list):
        raise ValueError(str(given))
    return given


def _yes(data: Mapping[str, Any], name: str) -> bool:
    return str(data.get(name, "")).lower() in ("true", "yes", "是")
