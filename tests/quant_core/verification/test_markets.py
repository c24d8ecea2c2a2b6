from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest

from quant_core.errors import DataError, UnavailableError
from quant_core.verification import _markets
from quant_core.verification._markets import market_returns

if TYPE_CHECKING:
    from pathlib import Path


def missing(_name: str) -> NoReturn:
    raise PackageNotFoundError


class Elsewhere:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def locate_file(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the file of the DJIA is expected."""
    folder = tmp_path / "universal" / "data"
    folder.mkdir(parents=True)
    monkeypatch.setattr(_markets, "distribution", lambda _name: Elsewhere(tmp_path))
    return folder / "djia.csv"


def test_the_first_row_is_before_the_data_and_no_column_is_an_index(place: Path) -> None:
    place.write_text("A,B\n1.1,0.5\n1.1,1.0\n")
    np.testing.assert_allclose(market_returns("DJIA"), [[0, 0], [0.1, -0.5], [0, 1]], atol=1e-15)


@pytest.mark.parametrize("text", ["A,B\n1.0,x\n", "A,B\n1.0,0.0\n", "A,B\n1.0,nan\n"])
def test_a_file_with_something_else_is_named(place: Path, text: str) -> None:
    place.write_text(text)
    with pytest.raises(DataError, match=r"djia\.csv: expected .*prices"):
        market_returns("DJIA")


def test_a_file_that_is_gone_is_named(place: Path) -> None:
    assert not place.exists()
    with pytest.raises(DataError, match=r"djia\.csv: expected a table of prices"):
        market_returns("DJIA")


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_markets, "distribution", missing)
    with pytest.raises(UnavailableError, match=r"pip install 'quant-assets\[verify\]'"):
        market_returns("DJIA")


@pytest.mark.parametrize(
    ("market", "shape"),
    [
        ("NYSE(O)", (5652, 36)),
        ("NYSE(N)", (6432, 23)),
        ("TSE", (1260, 88)),
        ("SP500", (1277, 25)),
        ("MSCI", (1044, 24)),
        ("DJIA", (508, 30)),
    ],
)
def test_the_shipped_markets_are_those_of_the_literature(market: str, shape: Any) -> None:
    try:
        distribution("universal-portfolios")
    except PackageNotFoundError:
        pytest.skip("universal-portfolios is an extra (verify)")
    found = market_returns(market)
    assert found.shape == shape
    assert not found[0].any()
    assert found.min() > -1.0
    assert "universal" not in sys.modules
