"""What may stand in an address of the API."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter, Map

LARGEST_ID = 2**63 - 1


class RecordId(IntegerConverter):
    """A record's number as the databases keep it; a larger one names nothing, so the address does not exist."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, min=0, max=LARGEST_ID)
