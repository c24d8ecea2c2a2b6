"""Conventions that a linter cannot say.

- No pickle, joblib or dill: nothing that we write or read may run code when it is loaded.
- The wall clock and unseeded randomness live in ``quant_core/clock.py`` alone.
- Files stay short enough to hold in the head.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

PACKAGES = ("quant_core", "resources", "quant_assets")
FORBIDDEN_MODULES = {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}
CLOCK = Path("quant_core/clock.py")
CLOCK_CALLS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "perf_counter"),
    ("time", "monotonic"),
    ("random", "default_rng"),
    ("random", "seed"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
}
LONGEST_FILE = 600


def problems(path: Path) -> list[str]:
    """Return what is wrong with a file, one line each."""
    text = path.read_text(encoding="utf-8")
    found = []
    if len(text.splitlines()) > LONGEST_FILE:
        found.append(f"{path}:1: more than {LONGEST_FILE} lines; split it by idea")
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        forbidden = {name.split(".")[0] for name in names} & FORBIDDEN_MODULES
        if forbidden:
            found.append(f"{path}:{node.lineno}: {', '.join(sorted(forbidden))} runs code on load")
        if path != CLOCK and _reads_clock(node):
            found.append(f"{path}:{node.lineno}: use quant_core.clock for time and randomness")
    return found


def _reads_clock(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    owner = node.func.value
    name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
    return (name, node.func.attr) in CLOCK_CALLS


def main() -> int:
    """Check every source file of the packages."""
    paths = sorted(path for package in PACKAGES for path in Path(package).rglob("*.py"))
    found = [line for path in paths for line in problems(path)]
    print("\n".join(found) or f"{len(paths)} files keep the conventions")
    return 1 if found or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
