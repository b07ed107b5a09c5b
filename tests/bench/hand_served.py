"""The hand-written list as a server loads it: ``granian tests.bench.hand_served:application``."""

from __future__ import annotations

import os

from runtime.apps import AppHome
from tests.bench.p01_lists import HandWritten
from tests.bench.places import FULL, Place

_home = AppHome(os.environ["BENCH_FOLDER"], os.environ["BENCH_URL"])
application = HandWritten(Place(home=_home, app=_home.get(os.environ["BENCH_APP"]), size=FULL)).app
