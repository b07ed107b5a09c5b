"""What the clients' server loads: ``granian tests.bench.served:ours`` or ``…:hand``, over the firm in BENCH_FOLDER."""

from __future__ import annotations

import os

from flask import Flask

from runtime.apps import AppHome
from tests.bench.p01_lists import HandWritten
from tests.bench.places import FULL, Place
from web.application import create_app
from web.serving import take_turns


def _home() -> AppHome:
    return AppHome(os.environ["BENCH_FOLDER"], os.environ["BENCH_URL"])


def ours() -> Flask:
    """The product, without its limit on calls: the rate is what is measured."""
    take_turns()
    return create_app(_home(), options={"API_LIMIT": ""})


def hand() -> Flask:
    """The hand-written list, on the same server."""
    take_turns()
    home = _home()
    return HandWritten(Place(home=home, app=home.get(os.environ["BENCH_APP"]), size=FULL)).app
