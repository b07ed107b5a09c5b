"""Peers, only when asked for (``make bench PEERS=1``) and only those that are installed: a list page of each."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from tests.bench.measure import Figure

PEERS = ("flask_admin", "flask_appbuilder", "django", "rest_framework", "tryton")


def run() -> Iterator[Figure]:
    """One row a peer."""
    for name in PEERS:
        here = find_spec(name) is not None
        note = "installed, but it has no app over these tables" if here else "not installed"
        yield Figure(goal="peer", name=name, database="–", unit="ms CPU", ours=None, note=note)
