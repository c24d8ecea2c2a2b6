"""What starting costs: what is imported, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

import quant_core.live


def imported(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_worker_of_strategies_in_python_imports_nothing_heavy() -> None:
    heavy = {"pandas", "numba", "pyarrow", "pydantic", "scipy", "fsspec"}
    assert not imported("import quant_core.live.isolated._worker") & heavy


def test_the_runner_does_not_import_pandas() -> None:
    assert "pandas" not in imported("from quant_core.live import *")


def test_every_name_is_there_and_no_other() -> None:
    names = quant_core.live.__all__
    assert all(hasattr(quant_core.live, name) for name in names)
    assert set(names) <= set(dir(quant_core.live))
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = quant_core.live.Nothing
