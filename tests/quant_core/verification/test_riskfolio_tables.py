from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quant_core.errors import DataError
from quant_core.verification._riskfolio_tables import riskfolio_tables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Four prices a day that move by the same factor up or down, each a pattern of its own: over the
# last 200 days uncorrelated and without mean, so that every table is known by hand.
SYMBOLS = ("AAA", "BBB", "CCC")
STEPS = np.array([0.01, 0.02, 0.04])
INVERSE_VARIANCE = (1 / STEPS**2) / (1 / STEPS**2).sum()
INVERSE_VOLATILITY = (1 / STEPS) / (1 / STEPS).sum()


def prices() -> str:
    signs = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    returns = np.tile(signs, (60, 1)) * STEPS + 0.001
    found = np.vstack([np.ones(3), np.cumprod(1 + returns, axis=0)])
    rows = [",".join(["day", *map(repr, row.tolist())]) for row in found]
    return "\n".join([",".join(["Date", *SYMBOLS]), *rows])


def table(weights: np.ndarray) -> str:
    rows = [
        f"{name},{weight!r},0.5" for name, weight in zip(SYMBOLS, weights.tolist(), strict=True)
    ]
    return "\n".join([",MV,CVaR", *rows])


FILES = {
    "stock_prices.csv": prices(),
    "Classic_MinRisk.csv": table(INVERSE_VARIANCE),
    # All means are alike, so the largest Sharpe ratio is where the variance is smallest.
    "Classic_Sharpe.csv": table(INVERSE_VARIANCE),
    "Classic_RP.csv": table(INVERSE_VOLATILITY),
}


def sdist(folder: Path, files: Mapping[str, str]) -> str:
    path = folder / "riskfolio_lib-0.0.1.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"riskfolio_lib-0.0.1/tests/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return str(path)


def test_tables_are_compared_weight_by_weight(tmp_path: Path) -> None:
    found = list(riskfolio_tables(sdist(tmp_path, FILES)))
    assert [result.what for result in found] == [
        f"{profile}, {symbol}"
        for profile in ("minimum risk", "maximum Sharpe ratio", "risk parity")
        for symbol in SYMBOLS
    ]
    assert {result.agreement for result in found} == {"agrees"}
    assert found[0].expected == pytest.approx(INVERSE_VARIANCE[0])
    assert found[0].source == "riskfolio_lib-0.0.1, tests/Classic_MinRisk.csv"
    assert found[0].note.startswith("optimal, optimality residual ")


def test_a_weight_that_is_off_is_the_only_one(tmp_path: Path) -> None:
    wrong = INVERSE_VARIANCE + np.array([0.0, 2e-6, 0.0])
    files = {**FILES, "Classic_MinRisk.csv": table(wrong)}
    found = list(riskfolio_tables(sdist(tmp_path, files)))
    assert [result.what for result in found if result.agreement == "off"] == ["minimum risk, BBB"]


def test_a_table_on_other_assets_is_refused(tmp_path: Path) -> None:
    files = {**FILES, "Classic_RP.csv": FILES["Classic_RP.csv"].replace("BBB", "NBL")}
    with pytest.raises(DataError, match=r"Classic_RP\.csv and stock_prices\.csv disagree: 'NBL'"):
        list(riskfolio_tables(sdist(tmp_path, files)))


def test_a_distribution_without_the_tables_is_refused(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name != "Classic_MinRisk.csv"}
    with pytest.raises(DataError, match=r"expected a file tests/Classic_MinRisk\.csv, found stock"):
        list(riskfolio_tables(sdist(tmp_path, files)))


@pytest.mark.parametrize("content", [None, b"no archive"])
def test_another_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "some.tar.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"some\.tar\.gz: expected the source distribution"):
        list(riskfolio_tables(str(path)))
