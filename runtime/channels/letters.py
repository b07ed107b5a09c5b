"""What every channel shares: letters, answers, and what a kind of channel declares of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from engine.model import Text

MASK = "••••"
SHORTEST_SECRET = 4
"""What is shorter hides nothing, and masking it would eat ordinary words."""


class Verdict(Enum):
    """What became of a letter."""

    SENT = "sent"
    AGAIN = "again"  # try later
    GIVE_UP = "give_up"  # this letter can never be taken
    SWITCH_OFF = "switch_off"  # the channel takes none until somebody mends it


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The verdict with its reason; ``wait``: seconds the other side asked for; ``gone``: places that are no more."""

    verdict: Verdict
    error: str = ""
    wait: float = 0.0
    gone: tuple[int, ...] = ()


OK = Answer(verdict=Verdict.SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file that goes with a letter."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A printed form that is to be made and put into a letter: of which record, for whom, in which language.

    ``account`` 0: an address that a rule names.
    """

    print: str
    record: int
    account: int
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message as a channel sends it. ``key``: the same at every attempt.

    ``body``: what a program is given. ``browsers``: where a person wants pushes. ``files``: what ``enclosures`` became.
    """

    key: str
    title: Text
    text: Text
    language: str
    address: str = ""
    account: int = 0
    mentions: tuple[str, ...] = ()
    link: str = ""
    entity: str = ""
    record: int = 0
    origin: str = ""
    body: Mapping[str, Any]
    made_at: datetime
    browsers: tuple[Mapping[str, Any], ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    files: tuple[Attached, ...] = ()

    @property
    def heading(self) -> str:
        """The title in the receiver's language, on one line."""
        return " ".join(self.title.get(self.language).split())

    @property
    def words(self) -> str:
        """The text in the receiver's language."""
        return self.text.get(self.language)

    def plain(self) -> str:
        """Title, text and link as plain text."""
        return "\n".join(part for part in (self.heading, self.words, self.link) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The outside as a channel meets it: what time it is, and how long it may take.

    ``kept``: tokens by what they were asked with, each with the moment it is over; whoever sends keeps them.
    """

    now: datetime
    timeout: float = 10.0
    kept: MutableMapping[str, tuple[str, datetime]] = field(default_factory=dict, repr=False)


Config = Mapping[str, str]
Send = Callable[[Config, Sequence[Letter], Wire], list[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One thing to fill in. ``secret``: shown to nobody once it is saved. ``options``: what can be chosen."""

    id: str
    label: Text
    secret: bool = False
    required: bool = False
    default: str = ""
    hint: Text | None = None
    options: tuple[tuple[str, Text], ...] = ()
    long: bool = False


def any_size(letter: Letter) -> bool:
    """For kinds that take letters as long as they come."""
    return True


def within(most: int) -> Callable[[Letter], bool]:
    """For kinds that take at most so many bytes of UTF-8."""
    return lambda letter: len(letter.plain().encode()) <= most


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """A kind of channel. ``burst`` letters at once, ``per_second`` in the long run (0: as many as there are).

    ``together``: letters handed over in one go. ``merges``: what is too much becomes one letter.
    ``bundles``: what was put off to one moment becomes one letter, or as few as it takes for each to be whole, which
    ``fits`` tells. ``own``: needs nothing of the administrator, so it is no channel he keeps.
    ``personal``: the address of a letter is a person's, not a channel's name.
    """

    id: str
    label: Text
    settings: tuple[Setting, ...]
    send: Send
    burst: int = 0
    per_second: float = 0.0
    together: int = 1
    merges: bool = False
    bundles: bool = True
    fits: Callable[[Letter], bool] = any_size
    own: bool = False
    personal: bool = False


def masked(text: str, secrets: Iterable[str]) -> str:
    """``text`` without anything secret in it."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return text


def cut(text: str, most: int) -> str:
    """At most ``most`` bytes of UTF-8, never half a letter; what is missing is marked."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    mark = "…"
    return raw[: most - len(mark.encode())].decode(errors="ignore") + mark


def parted(letters: Sequence[Letter], fits: Callable[[Letter], bool]) -> list[list[Letter]]:
    """Letters in groups, in order, each as large as it may be to fit as one; what never fits stands alone."""
    groups: list[list[Letter]] = []
    for letter in letters:
        if groups and fits(digest([*groups[-1], letter])):
            groups[-1].append(letter)
        else:
            groups.append([letter])
    return groups


def digest(letters: Sequence[Letter]) -> Letter:
    """Several letters as one: their titles and texts below each other. It leads where all of them lead.

    What programs are given cannot be put together: kinds that pass it on do not bundle.
    """
    first = letters[0]
    if len(letters) == 1:
        return first
    both = {
        language: "\n\n".join(f"{each.title.get(language)}\n{each.text.get(language)}" for each in letters)
        for language in ("zh", "en")
    }
    one_record = len({(each.entity, each.record) for each in letters}) == 1
    return Letter(
        key=first.key,
        title=Text(zh=f"{len(letters)} 条消息", en=f"{len(letters)} messages"),
        text=Text(zh=both["zh"], en=both["en"]),
        language=first.language,
        address=first.address,
        account=first.account,
        browsers=first.browsers,
        link=first.link if one_record else "",
        entity=first.entity if one_record else "",
        record=first.record if one_record else 0,
        mentions=tuple(dict.fromkeys(m for each in letters for m in each.mentions)),
        body={},
        made_at=first.made_at,
        enclosures=tuple(one for each in letters for one in each.enclosures),
    )
