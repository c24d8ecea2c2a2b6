from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

import quant_core
from quant_core.cells import _code_version, code_closure, code_version
from quant_core.covariance import CODE_MODULES
from quant_core.engines import ENGINES
from quant_core.profiles import PROFILES
from quant_core.selection import SELECTIONS
from quant_core.simulators import REBALANCES, SIMULATORS, code_modules

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(quant_core.__file__).parent

SOLVER = '''"""A solver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quant_core.maths import double
from quant_core.errors import DataError

if TYPE_CHECKING:
    from quant_core.typing_only import Number


def solve(x: Number) -> Number:
    """Solve."""
    # A comment.
    from quant_core.late import shift

    return double(x) + shift
'''
FILES = {
    "errors.py": "class DataError(ValueError): ...\n",
    "solver.py": SOLVER,
    "maths/__init__.py": "from quant_core.maths._double import double\n"
    "from quant_core.maths._triple import triple\n",
    "maths/_double.py": "from quant_core.maths._twice import TWO\n\n"
    "def double(x):\n    return TWO * x\n",
    "maths/_twice.py": "TWO = 2\n",
    "maths/_triple.py": "def triple(x):\n    return 3 * x\n",
    "late.py": "shift = 1\n",
    "typing_only.py": "Number = float\n",
    "unrelated.py": "NOTHING = 0\n",
}


class Source:
    """A library on disk whose code versions are read afresh each time."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def version(self, *modules: str) -> str:
        forget()
        return code_version(*modules)

    def restore(self, name: str) -> None:
        (self.root / name).write_bytes((PACKAGE / name).read_bytes())


def forget() -> None:
    """Clear what a process, which reads its own code only once, remembers of it."""
    for name in ("_read", "_version"):
        cached = getattr(_code_version, name)
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """Return a small library in place of the real one."""
    root = tmp_path / "quant_core"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(_code_version, "_ROOT", root)
    yield Source(root)
    forget()


@pytest.fixture(scope="module")
def real() -> Iterator[Source]:
    """Return a copy of the real library; a file is parsed again only when its text is new."""
    parsed: dict[tuple[str, str], Any] = {}
    parse = _code_version._read.__wrapped__  # noqa: SLF001

    def read(module: str) -> Any:
        path = _code_version._path(module)  # noqa: SLF001
        assert path is not None
        text = path.read_text()
        if (module, text) not in parsed:
            parsed[module, text] = parse(module)
        return parsed[module, text]

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        root = Path(folder) / "quant_core"
        shutil.copytree(PACKAGE, root, ignore=shutil.ignore_patterns("__pycache__"))
        patch.setattr(_code_version, "_ROOT", root)
        patch.setattr(_code_version, "_read", read)
        patch.setattr(_code_version, "_version", _code_version._version.__wrapped__)  # noqa: SLF001
        yield Source(root)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("solver.py", "# A comment.", "# Another one, which says more."),
        ("solver.py", '"""A solver."""', '"""The one that solves.\n\nAt length.\n"""'),
        ("solver.py", '    """Solve."""\n', ""),
        ("solver.py", "\n\n\ndef", "\n\n\n\n\ndef"),
        ("solver.py", "double(x) + shift", "(double( x )\n        + shift)"),
        ("maths/_twice.py", "TWO = 2", "TWO = 0x2  # two"),
        ("errors.py", "...", "pass  # a better message"),
        ("typing_only.py", "float", "int"),
        ("unrelated.py", "0", "1"),
        ("maths/_triple.py", "3", "4"),
    ],
)
def test_what_costs_nothing(source: Source, file: str, old: str, new: str) -> None:
    before = source.version("quant_core.solver")
    source.edit(file, old, new)
    assert source.version("quant_core.solver") == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("solver.py", "double(x) + shift", "double(x) - shift"),
        ("solver.py", "double(x) + shift", "shift + double(x)"),
        ("solver.py", "def solve(x: Number)", "def solve(x: Number = 1)"),
        ("maths/_double.py", "TWO * x", "TWO * x * 1"),
        ("maths/_twice.py", "2", "2.0"),
        ("late.py", "1", "2"),
        ("maths/__init__.py", "maths._double import", "maths._triple import triple as"),
    ],
)
def test_what_changes_the_version(source: Source, file: str, old: str, new: str) -> None:
    before = source.version("quant_core.solver")
    source.edit(file, old, new)
    assert source.version("quant_core.solver") != before


def test_closure_follows_reexports_to_the_module_that_defines_the_name(source: Source) -> None:
    forget()
    assert code_closure("quant_core.solver") == (
        "quant_core.late",
        "quant_core.maths._double",
        "quant_core.maths._twice",
        "quant_core.solver",
    )
    assert source.root.exists()


def test_a_whole_package_counts_with_all_that_it_reexports(source: Source) -> None:
    (source.root / "broad.py").write_text("import quant_core.maths\n")
    before = source.version("quant_core.broad")
    source.edit("maths/_triple.py", "3", "4")
    assert source.version("quant_core.broad") != before


def test_imports_that_run_in_a_circle_end(source: Source) -> None:
    source.edit("maths/_twice.py", "TWO", "from quant_core.maths._double import double\nTWO")
    forget()
    assert "quant_core.maths._double" in code_closure("quant_core.solver")


def test_the_order_of_modules_does_not_count_and_their_number_does(source: Source) -> None:
    both = source.version("quant_core.late", "quant_core.unrelated")
    assert source.version("quant_core.unrelated", "quant_core.late") == both
    assert source.version("quant_core.late") != both


def test_the_release_of_a_numeric_package_counts(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = source.version("quant_core.late")
    monkeypatch.setattr(
        _code_version, "version", lambda name: "0.0" if name == "numba" else version(name)
    )
    assert source.version("quant_core.late") != before


def test_an_unknown_module_is_an_error(source: Source) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"no module quant_core\.absent in "):
        source.version("quant_core.absent")


def solve_versions(source: Source) -> dict[str, str]:
    engine = ENGINES["native"]()
    estimates = {
        name: CODE_MODULES if kind.needs_covariance else () for name, kind in PROFILES.items()
    }
    return {
        name: source.version(*engine.code_modules(kind()), *estimates[name])
        for name, kind in PROFILES.items()
    }


def path_versions(source: Source) -> dict[str, str]:
    custom = SIMULATORS["custom"]()
    return {
        name: source.version(*code_modules(custom, kind())) for name, kind in REBALANCES.items()
    }


RISKY = set(PROFILES) - {"equal_weight", "market"}
LEAST = {"adaptive", "barbell", "market_neutral", "min_variance"}
QUADRATIC = {"max_diversification", "max_sharpe", "mean_variance"} | LEAST


@pytest.mark.parametrize(
    ("file", "profiles", "rebalances"),
    [
        ("engines/native/_hrp.py", {"hrp"}, set()),
        ("engines/native/_hierarchy.py", {"hrp"}, set()),
        ("engines/native/_min_variance.py", LEAST, set()),
        ("engines/native/_max_sharpe.py", {"adaptive", "max_sharpe"}, set()),
        ("engines/native/_risk_budget.py", {"adaptive", "risk_parity"}, set()),
        ("engines/native/_quadratic.py", {"market_neutral"}, set()),
        ("profiles/_barbell.py", {"barbell"}, set()),
        ("profiles/_adaptive.py", {"adaptive"}, set()),
        ("engines/native/_box.py", QUADRATIC, set()),
        ("engines/native/_naive.py", {"equal_weight", "market"}, set()),
        ("engines/native/_outcome.py", set(PROFILES), set()),
        ("covariance/_kernels.py", RISKY, set()),
        ("covariance/_rolling.py", RISKY, set()),
        ("simulators/_kernel.py", set(), set(REBALANCES)),
        ("simulators/_daily.py", set(), {"daily"}),
        ("metrics/_kernel.py", set(), set()),
        ("statistics/_sharpe.py", set(), set()),
        ("selection/_clustered.py", set(), set()),
        ("ledger/_ledger.py", set(), set()),
        ("errors.py", set(), set()),
        ("clock.py", set(), set()),
    ],
)
def test_an_edit_of_the_library_touches_what_it_computes(
    real: Source, file: str, profiles: set[str], rebalances: set[str]
) -> None:
    solves, paths = solve_versions(real), path_versions(real)
    with (real.root / file).open("a") as handle:
        handle.write("\n_EDITED = True\n")
    now = solve_versions(real)
    assert {name for name in PROFILES if now[name] != solves[name]} == profiles
    now = path_versions(real)
    assert {name for name in REBALANCES if now[name] != paths[name]} == rebalances
    real.restore(file)
    assert solve_versions(real) == solves


def selection_versions(source: Source) -> dict[str, str]:
    return {name: source.version(kind.code_module) for name, kind in SELECTIONS.items()}


@pytest.mark.parametrize(
    ("file", "selections"),
    [
        ("selection/htr/_rule.py", {"htr"}),
        ("selection/htr/_stages.py", {"htr"}),
        ("selection/htr/_score.py", {"htr"}),
        ("selection/htr/_vetoes.py", {"htr"}),
        ("selection/htr/_features.py", {"htr"}),
        ("features/_kernels.py", {"htr"}),
        ("selection/_clusters.py", {"htr", "clustered"}),
        ("selection/_clustered.py", {"clustered"}),
        ("selection/_momentum.py", {"top_momentum"}),
        ("selection/_base.py", set(SELECTIONS)),
        ("features/_bank.py", set()),
        ("features/_formulas.py", set()),
        ("engines/native/_hrp.py", set()),
    ],
)
def test_an_edit_touches_the_selections_that_it_decides(
    real: Source, file: str, selections: set[str]
) -> None:
    before = selection_versions(real)
    with (real.root / file).open("a") as handle:
        handle.write("\n_EDITED = True\n")
    now = selection_versions(real)
    assert {name for name in SELECTIONS if now[name] != before[name]} == selections
    real.restore(file)
