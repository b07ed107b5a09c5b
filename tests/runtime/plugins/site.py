"""Packages as pip leaves them: modules beside a ``dist-info`` whose entry points name plug-ins."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from runtime.plugins.finding import GROUP, market

PROBE = Path(__file__).parent / "data" / "probe.py"


@contextmanager
def installed_here(folder: Path, name: str, modules: Mapping[str, str], points: Mapping[str, str]) -> Iterator[None]:
    """A package ``name`` is installed for a while."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = "".join(f"{point} = {module}\n" for point, module in points.items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}", encoding="utf-8")
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        market.cache_clear()
        yield
    for module in modules:
        sys.modules.pop(module, None)
    market.cache_clear()


@contextmanager
def probe_installed(folder: Path) -> Iterator[None]:
    """The probe of ``data/probe.py``."""
    text = PROBE.read_text(encoding="utf-8")
    with installed_here(folder, "dougong-probe", {"dougong_probe": text}, {"probe": "dougong_probe"}):
        yield
