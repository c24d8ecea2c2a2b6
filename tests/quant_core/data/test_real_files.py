from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from quant_core.data import (
    DataConfig,
    Ingested,
    RawObservations,
    ReturnsMatrix,
    ingest,
    ingest_month,
    ingest_observations,
    matrix_version,
    open_source,
)

if TYPE_CHECKING:
    from pathlib import Path

EQUITIES = "equities/sp500_ohlcv_2013_2018.parquet"
RETURNS = "equities/sp431_returns_2007_2016.csv.gz"
CRYPTO = "crypto/coinmetrics_105_daily_2010_2021.parquet"


def test_long_equity_prices(real: Path) -> None:
    found = _ingest(prices=str(real / EQUITIES))
    assert found.matrix.values.shape == (1259, 505)
    assert str(found.matrix.dates[0])[:10] == "2013-02-08"
    assert str(found.matrix.dates[-1])[:10] == "2018-02-07"
    assert found.report.to_dict() == {
        "rows_in": 619_040,
        "kept": 619_040,
        "dropped": {},
        "reported": {"gap_restart": 3, "inner_gap": 51, "late_start": 29, "return_past_one": 1},
        "symbols_dropped": {},
    }


def test_wide_returns_with_an_unnamed_index(real: Path) -> None:
    found = _ingest(returns=str(real / RETURNS))
    assert found.matrix.values.shape == (2517, 432)
    assert "USDOLLAR" in found.matrix.symbols
    assert found.report.rows_in == found.report.kept == 2517 * 432
    without = _ingest(returns=str(real / RETURNS), exclude=["USDOLLAR"])
    assert without.matrix.values.shape == (2517, 431)


def test_long_crypto_prices(real: Path) -> None:
    found = _ingest(prices=str(real / CRYPTO))
    assert found.matrix.values.shape == (4022, 105)
    assert (found.report.rows_in, found.report.kept) == (138_229, 127_018)
    assert dict(found.report.dropped) == {"missing": 11_211}
    glitch = [
        row
        for row in found.reported.to_pylist()
        if row["symbol"] == "mco" and f"{row['date']:%Y-%m-%d}" == "2021-04-04"
    ]
    assert [row["reason"] for row in glitch] == ["return_past_one"]
    assert float(glitch[0]["value"]) == pytest.approx(4.89, abs=0.01)


@pytest.mark.parametrize("file", [EQUITIES, CRYPTO])
def test_months_with_one_month_of_look_back_are_the_whole(real: Path, file: str) -> None:
    raw = open_source(DataConfig(prices=str(real / file))).read()
    whole = ingest_observations(raw)
    parts: list[Ingested] = []
    previous: RawObservations | None = None
    for month in raw.months():
        start = np.datetime64(month, "M")
        end = start + np.timedelta64(1, "M")
        here = raw.between(start.astype("datetime64[us]"), end.astype("datetime64[us]"))
        parts.append(ingest_month(here, previous))
        previous = here
    joined = ReturnsMatrix.concatenate([part.matrix for part in parts])
    assert joined.symbols == whole.matrix.symbols
    assert joined.dates.tobytes() == whole.matrix.dates.tobytes()
    assert joined.values.tobytes() == whole.matrix.values.tobytes()
    assert matrix_version(joined) == whole.version
    assert sum(part.report.kept for part in parts) == whole.report.kept


def _ingest(**fields: Any) -> Ingested:
    config = DataConfig(**fields)
    return ingest(open_source(config), config)
