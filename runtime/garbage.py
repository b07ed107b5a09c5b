"""Python's search for cycles, held back while very many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles inside: it would walk through all rows of a file again and again, finding nothing.

    Whoever switched it off switches it on; of two at once, the later leaves it to the earlier.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
