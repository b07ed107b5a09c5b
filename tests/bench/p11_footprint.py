"""P11: what a running process takes: memory when idle, time to start, the size of the packages it needs."""

from __future__ import annotations

import compileall
import os
import re
import resource
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

import engine
import runtime
import web
from tests.bench.measure import Figure
from tests.bench.places import Place

GOAL = "P11"
SETTLED = 1.0
MIB = 2**20
NOT_COUNTED = frozenset({"dougong"})


def run(place: Place) -> Iterator[Figure]:
    """One server over the firm on SQLite."""
    if place.dialect != "sqlite":
        return
    shared = {"goal": GOAL, "database": place.dialect, "of": "ours"}
    _compiled()
    with serving(place) as (process, _, started):
        time.sleep(SETTLED)
        memory = [resident(pid) for pid in family(process.pid)]
    yield Figure(
        name="idle memory, the largest process", unit="MiB", ours=max(memory), limit=130.0,
        note=" + ".join(f"{m:.0f}" for m in memory), **shared,
    )  # fmt: skip
    yield Figure(
        name="start until the first answer", unit="s CPU", ours=started, hand=_bare_start(), limit=1.5,
        note="beside it: importing Flask and SQLAlchemy", **shared,
    )  # fmt: skip
    yield Figure(name="runtime packages", unit="MiB", ours=_packages(), limit=200.0, **shared)
    if place.size.quick:
        return
    with serving(place, workers=2) as (process, _, _):
        time.sleep(SETTLED)
        alone = [unshared(pid) for pid in family(process.pid)]
    yield Figure(
        name="idle memory of two workers that nobody shares, the largest", unit="MiB", ours=max(alone), limit=65.0,
        note=" + ".join(f"{m:.0f}" for m in alone), **shared,
    )  # fmt: skip


def _compiled() -> None:
    """Modules as an installation has them: where Python may not keep what it compiles, each start compiles all."""
    for package in (engine, runtime, web):
        compileall.compile_dir(Path(str(package.__file__)).parent, quiet=2, rx=re.compile("node_modules"))


@contextmanager
def serving(place: Place, workers: int = 1) -> Iterator[tuple[subprocess.Popen[bytes], int, float]]:
    """``dougong run`` over the firm: the process, its port, and the CPU seconds until it first answered."""
    port = free_port()
    arguments = [str(Path(sys.executable).parent / "dougong"), "run", "--host", "127.0.0.1", "--port", str(port),
                 "--workers", str(workers)]  # fmt: skip
    environment = {**os.environ, "DOUGONG_HOME": str(place.home.folder.absolute())}
    if place.dialect == "postgresql":
        environment["DOUGONG_DB"] = place.home.url
    log = place.home.folder / "serving.log"
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, env=environment, stdout=output, stderr=output)
        try:
            wait(process, port, log)
            yield process, port, sum(spent(pid) for pid in family(process.pid))
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            if process.poll() is None:
                process.kill()
                process.wait()


def wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text(errors='replace')[-500:]}")
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=30).read()
            return
        time.sleep(0.02)
    raise RuntimeError("the server did not answer")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def family(pid: int) -> list[int]:
    """A process and those it started."""
    found = [pid]
    for each in found:
        tasks = Path(f"/proc/{each}/task").glob("*/children")
        found.extend(int(child) for task in tasks for child in task.read_text().split())
    return found


def resident(pid: int) -> float:
    """MiB in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found.group(1)) / 1024 if found else 0.0


def unshared(pid: int) -> float:
    """MiB that a process has to itself."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(found) for found in re.findall(r"Private_\w+:\s+(\d+)", rollup)) / 1024


def _bare_start() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import flask, sqlalchemy"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def spent(pid: int) -> float:
    """CPU seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _packages() -> float:
    """Size of everything the product needs to run, without extras."""
    names, due = set[str](), ["dougong"]
    while due:
        name = due.pop()
        if name in names:
            continue
        with suppress(PackageNotFoundError):
            due.extend(
                re.split(r"[ ;<>=!~\[(]", need)[0].lower() for need in requires(name) or () if "extra ==" not in need
            )
            names.add(name)
    return sum(_size(name) for name in names - NOT_COUNTED) / MIB


def _size(name: str) -> int:
    total = 0
    for file in distribution(name).files or ():
        with suppress(OSError):
            total += Path(str(file.locate())).stat().st_size
    return total
