"""Peers, only when asked for (``make bench PEERS=1``): the list page of each beside ours, over the same table.

Each peer lives in an environment of its own under ``var/peers``, made when it is first asked for, so that what it
needs never mixes with what we need. It is called as ours is, in its own process, and reads the firm's own file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import p01_lists
from tests.bench.measure import Figure, median_cpu
from tests.bench.places import HOME, Size, open_place
from tests.bench.web import Call, getting, logged_in, our_app

FOLDER = Path("var/peers")
PROGRAMS = Path(__file__).parent / "peer_programs"
ROWS, SAME = 50, 45
"""Rows of a page; so many at least are the same: not every list can be sorted by two columns."""
CHOSEN = "partner.code%20==%20%22S6%22%20and%20status%20==%20approved"
JSON = (
    f"/api/v1/{p01_lists.ENTITY}?fields={','.join(p01_lists.COLUMNS)}&filter={CHOSEN}&sort=-date,-code&page_size={ROWS}"
)
HTML = f"/e/{p01_lists.ENTITY}?{p01_lists.QUERY}"
PIP = ("--quiet", "--disable-pip-version-check", "--no-input")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """``packages``: what is installed; ``program``: its pages, told by name, under what people call them."""

    id: str
    packages: tuple[str, ...]
    program: str
    pages: Mapping[str, str]


PEERS = (
    Peer(
        id="flask_admin",
        packages=("flask-admin", "flask-sqlalchemy"),
        program="flask_admin_list.py",
        pages={"list page, HTML": "Flask-Admin"},
    ),
    Peer(
        id="django",
        packages=("django", "djangorestframework"),
        program="django_list.py",
        pages={"list page, HTML": "Django admin", "list page, JSON": "Django REST framework"},
    ),
)


def run(size: Size, home: Path = HOME) -> Iterator[Figure]:
    """One row a page of a peer; what cannot be installed here says so."""
    place = open_place("sqlite", size, home)
    try:
        p01_lists.fill(place)
        app = our_app(place)
        cookie = logged_in(app)
        ours = {"list page, HTML": getting(app, HTML, cookie), "list page, JSON": getting(app, JSON, cookie)}
        file = Path(str(place.database.url.database)).absolute()
        for peer in PEERS:
            yield from _beside(peer, ours, file, size.rounds)
    finally:
        place.home.close()


def _beside(peer: Peer, ours: Mapping[str, Call], file: Path, rounds: int) -> Iterator[Figure]:
    try:
        told = _told(peer, file, rounds)
    except subprocess.CalledProcessError as error:
        why = str(error.stderr).strip().splitlines()[-1:]
        yield Figure(goal="peer", name=peer.id, database="sqlite", unit="ms CPU", ours=None, note=" ".join(why))
        return
    for page, name in peer.pages.items():
        mine, theirs = _orders(ours[page]().decode()), _orders(told[page]["body"])
        if len(theirs) != ROWS or len(mine & theirs) < SAME:
            raise RuntimeError(f"{name} shows {len(theirs)} orders, {len(mine & theirs)} of them ours")
        yield Figure(
            goal="peer", name=f"{page}, beside {name}", database="sqlite", unit="ms CPU",
            ours=median_cpu(ours[page], rounds), hand=told[page]["ms"], limit=1.0,
            note=f"the second figure is {name}'s, over the same file and rows",
        )  # fmt: skip


def _orders(body: str) -> set[str]:
    return set(re.findall(r"GY\d{7}", body))


def _told(peer: Peer, file: Path, rounds: int) -> dict[str, dict[str, Any]]:
    folder = FOLDER.absolute() / peer.id
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
    _do(python, "-m", "pip", "install", *PIP, *peer.packages)
    told = _do(python, str(PROGRAMS / peer.program), str(file), str(rounds), str(folder / "own.db"))
    found: dict[str, dict[str, Any]] = json.loads(told)
    return found


def _do(python: Path, *given: str) -> str:
    return subprocess.run([str(python), *given], capture_output=True, text=True, check=True).stdout
