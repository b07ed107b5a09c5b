"""What the frame of every page says is what the pages behind it say."""

from __future__ import annotations

from datetime import date

from runtime import inbox, substitutes, tasks
from runtime.glance import glance
from tests.runtime.office import ANN, BOB, CID, DAN, Office


def test_the_count_of_tasks_is_that_of_the_task_centre_for_substitutes_too(office: Office) -> None:
    office.sent("all_of", BOB, CID)
    with office.acting(BOB) as ctx:
        substitutes.put(ctx, DAN.account, date(2026, 3, 1), date(2026, 3, 8))
    for person, waiting in ((ANN, 0), (BOB, 1), (CID, 1), (DAN, 1)):
        with office.acting(person) as ctx:
            seen = glance(ctx)
            assert (seen.tasks, seen.messages) == (tasks.count_mine(ctx), inbox.count_unseen(ctx))
            assert seen.tasks == waiting
