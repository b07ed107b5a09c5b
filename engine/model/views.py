"""What people see: forms, views, prints, the menu, the opening page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.expressions.tree import Expr
from engine.model.words import Message, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """A number one may move to and fro on the page to see what would follow, before it is saved.

    ``low``, ``high``: how far (else half and one and a half of what it is); ``marks``: fields worth stopping at.
    """

    field: str
    low: Expr | None = None
    high: Expr | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSection:
    """``kind``: ``fields`` or ``grid``. ``footer``: columns summed under a grid."""

    id: str
    kind: str
    label: Text | None
    fields: tuple[str, ...]
    lines: str = ""
    columns: int = 3
    footer: tuple[str, ...] = ()
    folded: bool = False
    what_if: WhatIf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    sections: tuple[FormSection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A saved way of looking. ``type``: list, board, calendar, gantt. ``sort``: (path, descending)."""

    id: str
    entity: str
    type: str
    label: Text
    where: Expr | None
    columns: tuple[str, ...]
    sort: tuple[tuple[str, bool], ...]
    filters: tuple[str, ...]
    colors: tuple[tuple[str, Expr], ...] = ()
    urgent: bool = False
    date: str = ""
    end: str = ""
    group: str = ""
    title: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintBlock:
    """``kind``: text, fields, table, moves, signatures, qr.

    ``moves``: of ``figure`` of ``ledger``, where its dimension ``by`` names the record; ``paths``: dimensions shown.
    """

    id: str
    kind: str
    message: Message | None = None
    paths: tuple[str, ...] = ()
    lines: str = ""
    columns: int = 3
    page_totals: tuple[str, ...] = ()
    pad_rows: bool = False
    signatures: tuple[Text, ...] = ()
    qr: Expr | None = None
    ledger: str = ""
    figure: str = ""
    by: str = ""
    came: Text | None = None
    went: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """A page layout. ``width`` / ``height`` in mm; ``rows`` lines a page (0 = flowing); ``copies``: names."""

    id: str
    entity: str
    label: Text
    width: int
    height: int
    rows: int
    copies: Mapping[str, Text]
    blocks: tuple[PrintBlock, ...]
    label_size: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuGroup:
    """A group of the side bar: entries are entity ids, ``ledger.<id>``, ``report.<id>`` or ``plan.<id>``."""

    id: str
    label: Text
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One table of the opening page: an entity taken as it is, or a ledger's balances at a moment.

    ``brings``: the document made for bringing the ledger's balances in, "" where none is named.
    """

    id: str
    label: Text
    entity: str
    brings: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStep:
    """One line of a new firm's check list, done when the data say so.

    ``entity``: records of it; ``ledger``: moves of it, brought by ``entity``; ``accounts``: people who can log in.
    """

    id: str
    label: Text
    entity: str = ""
    ledger: str = ""
    accounts: int = 0
    least: int = 1
