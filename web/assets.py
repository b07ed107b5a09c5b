"""Where the built scripts and styles are: the manifest of the front end's build, read once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DIST = Path(__file__).parent / "static" / "dist"
REMEDY = "The pages' scripts have not been built: run `make frontend`"


@dataclass(frozen=True, slots=True)
class Assets:
    """Names of assets → addresses with fingerprints."""

    urls: Mapping[str, str]

    def url(self, name: str) -> str:
        """The address of ``main.js``, ``style.css``, ``icons.svg`` …"""
        return self.urls[name]


def load_assets(folder: Path = DIST) -> Assets:
    """Read the manifest; says how to build when there is none."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        raise SystemExit(REMEDY)
    named = json.loads(manifest.read_text(encoding="utf-8"))
    return Assets({name: f"/static/dist/{path}" for name, path in named.items()})


GLYPH = re.compile(r'<symbol id="([^"]+)" viewBox="([^"]+)">(.*?)</symbol>', re.DOTALL)


@cache
def load_glyphs(folder: Path = DIST) -> Mapping[str, tuple[str, str]]:
    """The icons of the sprite by name: the box each is drawn in, and its lines."""
    named = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    sprite = (folder / named["icons.svg"]).read_text(encoding="utf-8")
    return {name: (box, lines) for name, box, lines in GLYPH.findall(sprite)}
