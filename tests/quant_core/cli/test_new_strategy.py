"""A new strategy: what is written passes its own test, trains, and is served by the runner."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from quant_core.cli import app
from quant_core.cli._new import new_strategy
from quant_core.errors import ConfigError

pytest.importorskip("skfolio", reason="the sample data ship with skfolio")
pytest.importorskip("sklearn", reason="the model is trained with scikit-learn")

NAME = "reversal"
FILES = [
    "README.md",
    "__init__.py",
    "decision.py",
    "features.py",
    "strategy.py",
    "strategy.yaml",
    f"test_{NAME}.py",
    "train.py",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("new")
    said = CliRunner().invoke(app, ["new", "strategy", NAME, "--dir", str(made)])
    assert said.exit_code == 0, said.output
    return made


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_files_are_these(folder: Path) -> None:
    assert sorted(path.name for path in (folder / NAME).iterdir()) == FILES
    for path in (folder / NAME).iterdir():
        text = path.read_text()
        assert NAME in text or path.name == "features.py"
        assert "{{" not in text


def test_the_code_is_clean(folder: Path) -> None:
    rules = "E,F,W,I,B,UP,N,SIM,RUF,ANN,C4,PT,PTH,RET,ARG"
    found = run(folder, "ruff", "check", "--isolated", "--select", rules, NAME)
    assert found.returncode == 0, found.stdout
    found = run(folder, "ruff", "format", "--isolated", "--check", NAME)
    assert found.returncode == 0, found.stdout


def test_it_passes_its_own_contract_test(folder: Path) -> None:
    found = run(folder, "pytest", "-q", "-W", "error", NAME)
    assert found.returncode == 0, found.stdout
    assert "12 passed" in found.stdout


SABOTAGE = [
    ("decision.py", "-1.0, 1.0)", "-9.0, 9.0)"),
    ("features.py", "clip(block.rows)", "clip(block.rows - block.rows.mean(axis=0))"),
]


def test_its_contract_test_finds_what_is_wrong(tmp_path: Path) -> None:
    new_strategy(NAME, tmp_path)
    for file, right, wrong in SABOTAGE:
        path = tmp_path / NAME / file
        assert right in path.read_text()
        path.write_text(path.read_text().replace(right, wrong))
    found = run(tmp_path, "pytest", "-q", "-k", "valid or block", NAME)
    assert found.returncode == 1
    test = f"FAILED {NAME}/test_{NAME}.py::"
    assert f"{test}test_answers_are_valid" in found.stdout
    assert f"{test}test_answers_do_not_depend_on_the_size_of_a_block[1]" in found.stdout


_DIRECTLY = f"""
import numpy as np
from quant_core.inference import load
from quant_core.live import Block, FileStrategies
from quant_core.models import read_model
from {NAME}.features import FEATURES
from {NAME}.strategy import create
from {NAME}.train import HELD_OUT, closes
dates, symbols, prices = closes()
[row] = FileStrategies("{NAME}/strategy.yaml").rows()
strategy = create(load(read_model(row.model), row.model), **row.parameters)
late = dates >= HELD_OUT
column = symbols.index("AAPL")
rows = FEATURES.batch(prices[late][:, [column]])[:, 0]
rows = rows[np.isfinite(rows).all(axis=1)]
n = len(rows)
block = Block(("AAPL",), np.zeros(n, np.int32), np.arange(n), rows, np.empty((n, 0)))
np.save("direct.npy", np.column_stack(strategy.evaluate(block)))
"""


def test_it_trains_and_the_runner_gives_the_signals_of_research(folder: Path) -> None:
    trained = run(folder, f"{NAME}.train")
    assert trained.returncode == 0, trained.stderr
    assert "held-out rows, correlation with what came 0.0" in trained.stdout
    quant = ["-c", "from quant_core.cli import main; main()"]
    where = ["--ticks", f"{NAME}/closes.parquet", "--strategies", f"{NAME}/strategy.yaml"]
    replayed = subprocess.run(
        [sys.executable, *quant, "runner", "replay", *where, "--out", "out"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert replayed.returncode == 0, replayed.stderr
    assert pq.read_table(folder / "out" / "dlq.parquet").num_rows == 0
    signals = pq.read_table(folder / "out" / "signals.parquet").to_pandas()
    assert len(signals) > 20_000
    directly = subprocess.run([sys.executable, "-c", _DIRECTLY], cwd=folder, check=False)
    assert directly.returncode == 0
    expected = np.load(folder / "direct.npy")
    got = signals.loc[signals.instrument == "AAPL", ["prediction", "signal"]].to_numpy()
    assert len(expected) - len(got) <= 1  # whether the end of a replay closes the last day
    np.testing.assert_array_equal(got, expected[: len(got)])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Momentum", "lower-case letters"),
        ("1st", "lower-case letters"),
        ("a-b", "lower-case letters"),
        ("a.b", "lower-case letters"),
        ("../up", "lower-case letters"),
        ("", "lower-case letters"),
        ("_private", "lower-case letters"),
        ("a" * 41, "at most 40"),
        ("class", "no keyword"),
        ("json", "no installed package has"),
        ("numpy", "no installed package has"),
        ("quant_core", "no installed package has"),
    ],
)
def test_a_name_that_no_package_may_have_is_refused(
    tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        new_strategy(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "features.py").write_text("mine")
    said = CliRunner().invoke(app, ["new", "strategy", NAME, "--dir", str(tmp_path)])
    assert said.exit_code == 2
    assert "expected no such folder, found one; nothing was written" in said.output
    assert [path.name for path in (tmp_path / NAME).iterdir()] == ["features.py"]
    assert (tmp_path / NAME / "features.py").read_text() == "mine"
