from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from quant_core.cli._app import app
from quant_core.cli._data import examine
from quant_core.data import DataConfig

REAL = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def bars(tmp_path: Path) -> str:
    days = np.datetime64("2021-01-01") + np.arange(30).astype("timedelta64[D]")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, (30, 2)), axis=0))
    close[20:, 0] /= 2
    frame = pd.DataFrame(
        {"date": np.repeat(days, 2), "symbol": ["A", "B"] * 30, "close": close.ravel()}
    )
    frame["open"] = frame["close"]
    frame.loc[7, "open"] = np.nan
    frame.loc[9, "close"] = -1.0
    path = tmp_path / "bars.parquet"
    frame.to_parquet(path)
    return str(path)


def test_what_a_person_reads(bars: str) -> None:
    result = CliRunner().invoke(app, ["data", "audit", "--prices", bars])
    assert result.exit_code == 0
    assert "60 observations, kept 59, dropped 1 {'non_positive_price': 1}" in result.stdout
    assert "bars, column 'open', row 7: found nan, rule present" in result.stdout
    assert "split_like: A moves by -" in result.stdout


def test_what_a_program_reads(bars: str) -> None:
    arguments = ["data", "audit", "--prices", bars, "--calendar", "XNYS", "--json"]
    found = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert found["contract"]["dropped"] == {"non_positive_price": 1}
    assert found["findings"]["not_a_session"] == 11
    assert found["findings"]["split_like"] == 1
    assert [one["row"] for one in found["bars"]] == [7]


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ([], "expected one of --config, --prices and --returns"),
        (["--prices", "a.csv", "--returns", "b.csv"], "expected one of --config"),
        (["--prices", "FILE", "--check", "gaps"], "no check 'gaps'"),
        (["--prices", "FILE", "--calendar", "NOWHERE"], "NOWHERE"),
    ],
)
def test_what_is_asked_for_wrongly(bars: str, arguments: list[str], fragment: str) -> None:
    given = [bars if word == "FILE" else word for word in arguments]
    result = CliRunner().invoke(app, ["data", "audit", *given])
    assert result.exit_code == 2
    assert fragment in result.stderr


def test_what_is_known_of_the_equities() -> None:
    file = REAL / "equities" / "sp500_ohlcv_2013_2018.parquet"
    if not file.is_file():
        pytest.skip(f"the real market data are not beside the repository, in {REAL}")
    found = examine(DataConfig(prices=str(file)), "XNYS")
    report = found.report
    assert sum(one.count for one in report.of("gap")) == 51
    assert len(report.of("late_start")) == 29
    assert sum(1 for one in found.bars if one.check == "present") == 27
    assert report.of("not_a_session", "missing_session") == ()
    assert {one.symbol for one in report.of("split_like")} == {"DISCA", "DISCK"}
    assert "LNT" in {one.symbol for one in report.of("glitch")}
    assert {"NI", "BAX"} <= {one.symbol for one in report.of("jump")}


def test_what_is_known_of_the_crypto_assets() -> None:
    file = REAL / "crypto" / "coinmetrics_105_daily_2010_2021.parquet"
    if not file.is_file():
        pytest.skip(f"the real market data are not beside the repository, in {REAL}")
    report = examine(DataConfig(prices=str(file)), "24/7").report
    assert {one.symbol for one in report.of("early_end")} == {
        "bnb",
        "bnb_eth",
        "eos_eth",
        "fxc",
        "pivx",
        "sai",
        "trx_eth",
    }
    jumps = {(one.symbol, one.first): one for one in report.of("jump", "split_like", "glitch")}
    assert jumps["mco", "2021-04-04"].value == pytest.approx(4.89, abs=0.01)
    assert report.of("missing_session", "not_a_session", "gap") == ()
