"""The version of code: a hash of what it says, not of how it is written.

Comments, blank lines, docstrings and formatting cost nothing. A change in any module that the code
imports from the library, directly or through others, counts; so does the release of a numeric
package, because it may change the last bit.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from quant_core.canonical import digest, digest_parts

__all__ = ["code_closure", "code_version"]

_PACKAGE = "quant_core"
_ROOT = Path(__file__).resolve().parents[1]
_NUMERIC_PACKAGES = ("numba", "numpy", "scipy")
# These modules carry no number: a better error message recomputes nothing.
_WITHOUT_NUMBERS = frozenset({f"{_PACKAGE}.errors", f"{_PACKAGE}.clock"})


@dataclass(frozen=True, slots=True)
class _Module:
    fingerprint: str
    imports: tuple[tuple[str, str | None], ...]


def code_version(*modules: str, alone: tuple[str, ...] = ()) -> str:
    """Return the version of the code in modules and in all that they import from the library.

    Parameters
    ----------
    *modules : str
        Dotted names inside ``quant_core``, for example ``"quant_core.engines.native._hrp"``.
    alone : tuple of str
        Modules that count without what they import: a stage that can call any solver, say, where
        ``modules`` name the one that it calls.

    Returns
    -------
    str
        32 hexadecimal characters.
    """
    return _version(tuple(sorted(modules)), tuple(sorted(alone)))


@cache
def _version(modules: tuple[str, ...], alone: tuple[str, ...]) -> str:
    names = sorted({*code_closure(*modules), *alone})
    parts = [f"{name}={_read(name).fingerprint}" for name in names]
    parts += [f"{name}=={version(name)}" for name in _NUMERIC_PACKAGES]
    return digest_parts(parts)


def code_closure(*modules: str) -> tuple[str, ...]:
    """Return the modules themselves and every library module that they import, sorted."""
    found: set[str] = set()
    queue = list(modules)
    while queue:
        name = queue.pop()
        if name in found or name in _WITHOUT_NUMBERS:
            continue
        found.add(name)
        for module, attribute in _read(name).imports:
            queue.append(_definer(module, attribute))
    return tuple(sorted(found))


def _definer(module: str, attribute: str | None) -> str:
    """Follow a re-export in a package's ``__init__`` to the module that defines the name."""
    if attribute is None:
        return module
    if _path(f"{module}.{attribute}") is not None:
        return f"{module}.{attribute}"
    for target, name in _read(module).imports:
        if name == attribute and target.startswith(module):
            return _definer(target, name)
    return module


def _path(module: str) -> Path | None:
    stem = _ROOT.parent.joinpath(*module.split("."))
    for candidate in (stem.with_suffix(".py"), stem / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _read(module: str) -> _Module:
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"code version: no module {module} in {_ROOT}", name=module)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    reader = _Reader()
    reader.visit(tree)
    return _Module(digest(ast.dump(reader.stripped(tree)).encode()), tuple(sorted(reader.imports)))


class _Reader(ast.NodeVisitor):
    """Collect the imports of a module, leaving out those made for the type checker alone."""

    def __init__(self) -> None:
        self.imports: set[tuple[str, str | None]] = set()

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        names = (alias.name for alias in node.names)
        self.imports.update((name, None) for name in names if _ours(name))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module and _ours(node.module):
            self.imports.update((node.module, alias.name) for alias in node.names)

    @staticmethod
    def stripped(tree: ast.Module) -> ast.Module:
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                kept = [item for item in body if not _is_text(item)]
                node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
        return tree


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _ours(module: str) -> bool:
    return module == _PACKAGE or module.startswith(f"{_PACKAGE}.")
