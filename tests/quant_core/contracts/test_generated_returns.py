"""Generated bad data: the books balance, and no exception is of another type than ours.

A tenth of the frames runs by default; ``HOSTILE_FRAMES=2000`` asks for all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quant_core.contracts import Reason
from quant_core.data import (
    DataConfig,
    FrameSource,
    Ingested,
    Kind,
    Source,
    ingest,
    open_source,
)
from quant_core.errors import QuantError

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = int(os.environ.get("HOSTILE_FRAMES", "200"))
GROUP = 20
VALUES = [np.nan, np.inf, -np.inf, -1.0, -1.5, -0.0, 5e-324, 5.0, 5.1, 1e308, -1e308, 0.0, 2.0]
NAMES = [
    "Zürich",
    "日",
    "a/b",
    "..",
    "A" * 5000,
    "x\ny",
    "CON",
    "A_long",
    "=1+1",
    "nul\0",
    '"',
    ",",
]
ZONES = ["Asia/Tokyo", "America/New_York", "Europe/Berlin", "Asia/Kathmandu"]
DTYPES = ["float32", "float16", "Float64", "object", "str", "double[pyarrow]", "category"]


def base(rng: np.random.Generator, kind: Kind) -> pd.DataFrame:
    rows, columns = int(rng.integers(1, 40)), int(rng.integers(1, 9))
    start = np.datetime64("1990-01-01") + np.timedelta64(int(rng.integers(0, 12_000)), "D")
    days = pd.date_range(start, periods=rows, tz=rng.choice(["UTC", None]), name="date")
    values = rng.normal(0, 0.02, (rows, columns))
    if kind == "prices":
        values = 100 * np.exp(np.cumsum(values, axis=0))
    return pd.DataFrame(values, index=days, columns=[f"S{n}" for n in range(columns)])


def some(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(0, max(count, 1), size=int(rng.integers(1, 4)))


def cells(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    values = frame.to_numpy(dtype=np.float64, copy=True)
    at = rng.random(values.shape) < rng.choice([0.02, 0.2])
    values[at] = rng.choice(VALUES, size=int(at.sum()))
    return pd.DataFrame(values, frame.index, frame.columns)


def block_of_nan(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    row, column = int(rng.integers(0, len(frame))), int(rng.integers(0, frame.shape[1]))
    frame.iloc[row : row + 5, column : column + 3] = np.nan
    return frame


def lives(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    for column in range(frame.shape[1]):
        first, last = np.sort(rng.integers(0, len(frame) + 1, size=2))
        frame.iloc[:first, column] = np.nan
        frame.iloc[last:, column] = np.nan
    return frame


def repeats(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[some(rng, len(frame))]])


def shuffled(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[rng.permutation(len(frame)), rng.permutation(frame.shape[1])]


def stale(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    frame.iloc[:, int(rng.integers(0, frame.shape[1]))] = 0.0
    return frame


def zoned(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    days = frame.index.tz_localize("UTC") if frame.index.tz is None else frame.index
    return frame.set_axis(days.tz_convert(str(rng.choice(ZONES))), axis=0)


def mixed_zones(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    days = frame.index.tz_localize("UTC") if frame.index.tz is None else frame.index
    stamps = [day.tz_convert(str(rng.choice(ZONES))) for day in days]
    return frame.set_axis(pd.Index(stamps, dtype=object, name="date"), axis=0)


def dates_as_text(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    texts = frame.index.strftime(str(rng.choice(["%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d.%m.%Y"])))
    return frame.set_axis(pd.Index(texts, name="date"), axis=0)


def dates_gone(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    days = frame.index.to_list()
    for at in some(rng, len(days)):
        days[at] = [pd.NaT, None, "", "soon", "0001-01-01", "9999-12-31"][int(rng.integers(0, 6))]
    return frame.set_axis(pd.Index(days, dtype=object, name="date"), axis=0)


def names(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    renamed = [str(rng.choice(NAMES)) if rng.random() < 0.5 else name for name in frame.columns]
    return frame.set_axis(pd.Index(renamed, dtype=object), axis=1)


def strange_names(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    odd = [None, 7, 1.5, "", "date", ("a", "b"), True, "\ud800", pd.Timestamp("2020-01-01")]
    renamed = frame.columns.to_list()
    renamed[int(rng.integers(0, len(renamed)))] = odd[int(rng.integers(0, len(odd)))]
    index = pd.Index(
        np.fromiter(renamed, dtype=object, count=len(renamed)), dtype=object, tupleize_cols=False
    )
    return frame.set_axis(index, axis=1)


def dtypes(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    with np.errstate(over="ignore"):
        parts = [
            frame.iloc[:, place].astype(str(rng.choice(DTYPES))) for place in range(frame.shape[1])
        ]
    return pd.concat(parts, axis=1)


def objects(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    odd = ["x", [1.0], None, pd.NA, pd.NaT, True, 1j, b"1", "0.1", " ", "nan", "1_0", {"a": 1}]
    mixed = frame.astype(object)
    for row in some(rng, len(frame)):
        column = int(rng.integers(0, frame.shape[1]))
        # iloc would align a mapping with the frame.
        mixed.iat[int(row), column] = odd[  # noqa: PD009 - see above
            int(rng.integers(0, len(odd)))
        ]
    return mixed


def long(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    found = frame.reset_index().melt(id_vars=frame.index.name or "index", var_name="symbol")
    if rng.random() < 0.3:
        symbols = found["symbol"].astype(object)
        symbols.iloc[some(rng, len(symbols))] = None
        found["symbol"] = symbols
    return found.set_index(["date", "symbol"]) if rng.random() < 0.3 else found


FIRST = [cells, block_of_nan, lives, stale, repeats, shuffled]
DATES = [zoned, mixed_zones, dates_as_text, dates_gone]
LAST = [names, strange_names, dtypes, objects, long]


def generated(rng: np.random.Generator, kind: Kind) -> pd.DataFrame:
    frame = base(rng, kind)
    for mutate in rng.permutation(np.array(FIRST, dtype=object))[: int(rng.integers(0, 4))]:
        frame = mutate(rng, frame)
    for menu in (DATES, LAST):
        if rng.random() < 0.6:
            frame = menu[int(rng.integers(0, len(menu)))](rng, frame)
    return frame


def source(
    rng: np.random.Generator, frame: pd.DataFrame, kind: Kind, folder: Path
) -> tuple[Source, str]:
    """Return a frame, a CSV or a Parquet file as a source, where the format can hold the frame."""
    way = str(rng.choice(["frame", "csv", "parquet"]))
    config = DataConfig(**{kind: str(folder / f"returns.{way}")}) if way != "frame" else None
    try:
        if way == "csv":
            frame.to_csv(folder / "returns.csv")
        elif way == "parquet":
            plain = frame.reset_index()
            plain.columns = [str(name) for name in plain.columns]
            plain.to_parquet(folder / "returns.parquet")
    except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError):
        config = None
    return (FrameSource(frame, kind), "frame") if config is None else (open_source(config), way)


@pytest.mark.parametrize("group", range(FRAMES // GROUP))
def test_generated_frames(group: int, tmp_path: Path) -> None:
    ends: dict[str, int] = {"kept": 0, "refused": 0}
    for seed in range(group * GROUP, (group + 1) * GROUP):
        rng = np.random.default_rng(seed)
        kind: Kind = "prices" if seed % 3 == 0 else "returns"
        frame = generated(rng, kind)
        origin, way = source(rng, frame, kind, tmp_path)
        rules: Any = rng.choice(["error", "keep_first", "keep_first"])
        config = DataConfig(sample=True, duplicates=rules)
        try:
            found = ingest(origin, config)
        except QuantError as error:
            assert str(error)  # noqa: PT017 - either is right
            ends["refused"] += 1
            continue
        except Exception as error:
            raise AssertionError(f"seed {seed} by {way}") from error
        ends["kept"] += 1
        conserves(found, observations(frame) if way == "frame" else None)
        if kind == "returns":
            assert int((~np.isnan(found.matrix.values)).sum()) == found.report.kept
    assert sum(ends.values()) == GROUP
    # Neither everything nor nothing may be refused: that would test one way only.
    assert min(ends.values()) > 0


def observations(frame: pd.DataFrame) -> int:
    """Count what the frame holds, by pandas alone."""
    if "value" in frame:
        return len(frame)
    cells = frame.to_numpy(dtype=object).ravel()
    return sum(1 for cell in cells if str(cell).strip() not in NOTHING)


NOTHING = {"", "nan", "None", "<NA>", "NaT"}


def conserves(found: Ingested, expected: int | None) -> None:
    report, values = found.report, found.matrix.values  # noqa: PD011 - no pandas
    counted = found.dropped.filter(found.dropped["date"].is_valid())
    assert expected is None or report.rows_in == expected
    assert report.kept + report.dropped_total == report.rows_in
    assert counted.num_rows == report.dropped_total
    assert set(found.dropped["reason"].to_pylist()) <= {str(reason) for reason in Reason}
    there = values[~np.isnan(values)]
    assert ((there > -1.0) & (there <= 5.0)).all()
