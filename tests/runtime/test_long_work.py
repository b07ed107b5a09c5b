"""Work beside the request: told how far it is, told however it ends, and kept from others."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Event, Thread
from threading import enumerate as threads

import pytest

from engine.cache import write_own
from engine.problems import MetadataError, Place, Problem
from runtime import long_work
from runtime.database import Busy
from runtime.errors import Fault, Invalid
from runtime.long_work import KEPT, SILENT, Crowded, Result, Room, Tell, Work, begin, keep, work_of


def ended(folder: Path, work: Callable[[Tell], Result], language: str = "zh") -> Work:
    """What is told of work once its thread is over."""
    token = begin(folder, 7, "doing", work, language=language)
    for thread in _threads(token):
        thread.join()
    found = work_of(folder, 7, token)
    assert found is not None
    return found


def _threads(token: str) -> list[Thread]:
    return [one for one in threads() if one.name == f"work-{token[:6]}"]


def works(folder: Path) -> Path:
    return folder / "cache" / "works"


def aged(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def failing(error: Exception) -> Callable[[Tell], Result]:
    def work(tell: Tell) -> Result:
        raise error

    return work


BROKEN = "出了故障，什么也没有写入；请再试一次，还不行就请管理员看日志"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Busy(), "系统正忙，什么也没有写入；请再试一次"),
        (AttributeError("secret"), BROKEN),
        (AssertionError("secret"), BROKEN),
        (ValueError("select secret from"), BROKEN),
        (MetadataError([Problem(code="E1", place=Place("f", 1, 1), path="a", what="两个 a", remedy="")]), "两个 a"),
        (Invalid(Fault(code="x", message="看第 3 行")), "看第 3 行"),
    ],
)
def test_whatever_ends_work_is_told_to_who_waits(tmp_path: Path, error: Exception, said: str) -> None:
    found = ended(tmp_path, failing(error))
    assert (found.state, found.errors) == ("failed", [said])


def test_what_went_wrong_is_told_in_the_language_of_who_asked(tmp_path: Path) -> None:
    assert ended(tmp_path, failing(Busy()), "en").errors == ["Busy; nothing was written. Please try again"]


def test_work_that_nobody_is_at_any_more_counts_as_broken_off(tmp_path: Path) -> None:
    over = Barrier(2)
    token = begin(tmp_path, 7, "doing", lambda tell: {"n": over.wait()})
    file = works(tmp_path) / f"{token}.json"
    running = work_of(tmp_path, 7, token)
    aged(file, SILENT + 1)
    silent = work_of(tmp_path, 7, token)
    threads = _threads(token)
    over.wait()
    for thread in threads:
        thread.join()
    assert running is not None
    assert silent is not None
    assert (running.state, silent.state) == ("working", "failed")
    assert silent.errors == ["服务器中途停过，不知道做完没有：先看看数据进来了没有，没有就再做一次"]
    done = work_of(tmp_path, 7, token)
    assert done is not None
    assert done.state == "done"


def test_a_result_stays_a_day_and_is_no_broken_work(tmp_path: Path) -> None:
    token = keep(tmp_path, 7, {"n": 1})
    aged(works(tmp_path) / f"{token}.json", SILENT + 1)
    assert work_of(tmp_path, 7, token) == Work(account=7, state="done", result={"n": 1})
    assert (work_of(tmp_path, 8, token), work_of(tmp_path, 7, "no-such-token-anywhere")) == (None, None)
    aged(works(tmp_path) / f"{token}.json", KEPT + 1)
    keep(tmp_path, 7, {})
    assert work_of(tmp_path, 7, token) is None


def test_files_that_others_take_away_meanwhile_trouble_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path, 7, {})
    ghost = works(tmp_path) / "ghost.new"
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: [*listed(self), ghost])
    assert work_of(tmp_path, 7, keep(tmp_path, 7, {"n": 2})) is not None

    def telling(tell: Tell) -> Result:
        monkeypatch.setattr(long_work, "OFTEN", -1)
        tell(3, 9)
        return {}

    found = ended(tmp_path, telling)
    assert (found.state, found.done, found.total) == ("done", 3, 9)


def test_a_disk_that_takes_no_note_of_progress_does_not_break_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_work, "OFTEN", -1)

    def telling(tell: Tell) -> Result:
        def full(path: Path, data: bytes) -> None:
            raise OSError("no space left")

        monkeypatch.setattr(long_work, "write_own", full)
        tell(3, 9)
        monkeypatch.setattr(long_work, "write_own", write_own)
        return {"n": 3}

    assert ended(tmp_path, telling).result == {"n": 3}


def test_nobody_else_on_the_machine_reads_what_came_of_it(tmp_path: Path) -> None:
    token = keep(tmp_path, 7, {"row": "salary"})
    assert stat.S_IMODE((works(tmp_path) / f"{token}.json").stat().st_mode) == 0o600


def test_of_some_work_only_so_much_goes_on_at_a_time(tmp_path: Path) -> None:
    room, over, begun = Room(name="trials", of_one=2, of_all=3, kept=2), Event(), list[str]()

    def waiting(tell: Tell) -> Result:
        over.wait()
        return {}

    def ask(account: int, within: Room = room) -> None:
        begun.append(begin(tmp_path, account, "doing", waiting, room=within))

    for account in (7, 7, 8):
        ask(account)
    for account in (7, 9):
        with pytest.raises(Crowded):
            ask(account)
    ask(7, Room(name="others", of_one=1, of_all=1, kept=1))
    assert len(list(works(tmp_path).iterdir())) == 4
    aged(works(tmp_path) / f"{begun[2]}.json", SILENT + 1)  # a server that was stopped holds no place
    ask(9)
    over.set()
    for token in begun:
        for thread in _threads(token):
            thread.join()
    assert {work.state for token in begun if (work := work_of(tmp_path, 7, token))} == {"done"}


def test_of_what_is_done_the_newest_results_stay_and_none_longer_than_a_day(tmp_path: Path) -> None:
    room, tokens = Room(name="trials", of_one=1, of_all=1, kept=2), list[str]()
    for number in range(4):
        tokens.append(begin(tmp_path, 7, "doing", lambda tell: {}, room=room))
        for thread in _threads(tokens[-1]):
            thread.join()
        aged(works(tmp_path) / f"{tokens[-1]}.json", 100 - number)
    assert [work_of(tmp_path, 7, token) is not None for token in tokens] == [False, False, True, True]
    aged(works(tmp_path) / f"{tokens[-1]}.json", KEPT + 1)
    assert work_of(tmp_path, 7, tokens[-1]) is None
