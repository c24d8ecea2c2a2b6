from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quant_core.data import DataConfig, Ingested, ingest, open_source

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = "date,AAA,BBB,CCC\n"
GOOD = [
    "2020-01-01,10,20,30",
    "2020-01-02,11,21,31",
    "2020-01-03,12,22,32",
    "2020-01-06,13,23,33",
    "2020-01-07,14,24,34",
]


def _wide(**changed: str) -> str:
    lines = {line[:10]: line for line in GOOD}
    lines |= {f"2020-01-{day[1:]}": f"2020-01-{day[1:]},{cells}" for day, cells in changed.items()}
    return HEAD + "\n".join(lines.values()) + "\n"


WIDE_CASES: list[tuple[str, int, int, dict[str, int], dict[str, int]]] = [
    (_wide(), 15, 15, {}, {}),
    (_wide(d03="0,22,32"), 15, 14, {"non_positive_price": 1}, {"inner_gap": 1}),
    (_wide(d03="-1,22,32"), 15, 14, {"non_positive_price": 1}, {"inner_gap": 1}),
    (_wide(d03="inf,22,32"), 15, 14, {"non_finite": 1}, {"inner_gap": 1}),
    (_wide(d03="nan,22,32"), 14, 14, {}, {"inner_gap": 1}),
    (_wide(d01=",20,30", d02=",21,31"), 13, 13, {}, {"late_start": 1}),
    (_wide(d07="14,24,"), 14, 14, {}, {"early_end": 1}),
    (_wide(d03="72,22,32", d06="73,23,33", d07="74,24,34"), 15, 14, {"return_out_of_range": 1}, {}),
    (_wide(d03="66,22,32", d06="66,23,33", d07="66,24,34"), 15, 15, {}, {"return_past_one": 1}),
]


@pytest.mark.parametrize(("text", "rows_in", "kept", "dropped", "reported"), WIDE_CASES)
def test_the_books_of_a_wide_file(
    write: Callable[[str, str], str],
    text: str,
    rows_in: int,
    kept: int,
    dropped: dict[str, int],
    reported: dict[str, int],
) -> None:
    report = _ingest(prices=write("prices.csv", text)).report
    assert (report.rows_in, report.kept) == (rows_in, kept)
    assert (dict(report.dropped), dict(report.reported)) == (dropped, reported)


def test_what_is_dropped_is_logged_as_found(write: Callable[[str, str], str]) -> None:
    found = _ingest(prices=write("prices.csv", _wide(d03="-1.50,22,32", d06="13,inf,33")))
    assert _rows(found.dropped) == [
        ("2020-01-03", "AAA", "-1.5", "AAA", "non_positive_price"),
        ("2020-01-06", "BBB", "inf", "BBB", "non_finite"),
    ]


def test_a_return_past_one_is_kept_and_logged(write: Callable[[str, str], str]) -> None:
    found = _ingest(prices=write("prices.csv", _wide(d07="39,24,34")))
    assert found.matrix.values[-1, 0] == 2.0
    assert _rows(found.reported) == [("2020-01-07", "AAA", "2", "AAA", "return_past_one")]


def test_the_price_after_a_dropped_return_starts_from_it(write: Callable[[str, str], str]) -> None:
    text = _wide(d03="110,22,32", d06="121,23,33", d07="121,24,34")
    found = _ingest(prices=write("prices.csv", text))
    assert found.matrix.values[1:, 0].round(12).tolist()[2:] == [0.1, 0.0]
    assert _rows(found.dropped) == [("2020-01-03", "AAA", "110", "AAA", "return_out_of_range")]


def test_a_symbol_without_any_value_is_dropped_and_logged(
    write: Callable[[str, str], str],
) -> None:
    text = "".join(line + ",\n" for line in [HEAD.strip(), *GOOD]).replace("CCC,", "CCC,DDD", 1)
    found = _ingest(prices=write("prices.csv", text))
    assert found.matrix.symbols == ("AAA", "BBB", "CCC")
    assert dict(found.report.symbols_dropped) == {"DDD": "all_missing_symbol"}
    assert dict(found.report.reported) == {"all_missing_symbol": 1}
    assert found.report.rows_in == found.report.kept == 15
    assert _rows(found.dropped) == [(None, "DDD", None, "DDD", "all_missing_symbol")]


def test_a_symbol_with_one_price_is_dropped_with_its_price(
    write: Callable[[str, str], str],
) -> None:
    text = HEAD.replace("\n", ",DDD\n") + "".join(
        line + (",5\n" if place == 2 else ",\n") for place, line in enumerate(GOOD)
    )
    found = _ingest(prices=write("prices.csv", text))
    assert found.matrix.symbols == ("AAA", "BBB", "CCC")
    assert (found.report.rows_in, found.report.kept) == (16, 15)
    assert dict(found.report.symbols_dropped) == {"DDD": "no_return"}
    assert _rows(found.dropped) == [("2020-01-03", "DDD", "5", "DDD", "no_return")]


LONG = """date,symbol,close
2020-01-01,AAA,10
2020-01-01,BBB,20
2020-01-02,AAA,
2020-01-02,BBB,22
2020-01-03,,7
2020-01-03,AAA,11
2020-01-03,BBB,24
2020-01-03,CCC,
"""


def test_the_books_of_a_long_file(write: Callable[[str, str], str]) -> None:
    found = _ingest(prices=write("long.csv", LONG))
    assert (found.report.rows_in, found.report.kept) == (8, 5)
    assert dict(found.report.dropped) == {"missing": 2, "missing_symbol": 1}
    assert found.matrix.values[2].round(12).tolist() == [0.1, round(24 / 22 - 1, 12)]
    assert _rows(found.dropped) == [
        ("2020-01-02", "AAA", None, "close", "missing"),
        ("2020-01-03", None, "7", "close", "missing_symbol"),
        ("2020-01-03", "CCC", None, "close", "missing"),
        (None, "CCC", None, "close", "all_missing_symbol"),
    ]


def test_the_first_of_two_rows_is_kept_on_demand(write: Callable[[str, str], str]) -> None:
    text = _wide() + "2020-01-03,99,99,99\n2020-01-03,98,98,98\n"
    found = _ingest(prices=write("prices.csv", text), duplicates="keep_first")
    plain = _ingest(prices=write("plain.csv", _wide()))
    assert found.version == plain.version
    assert dict(found.report.dropped) == {"duplicate": 6}


def test_the_first_usable_value_is_kept(write: Callable[[str, str], str]) -> None:
    text = "date,symbol,close\n2020-01-01,AAA,\n2020-01-01,AAA,10\n2020-01-01,AAA,11\n" + "".join(
        f"2020-01-0{day},{symbol},{20}\n" for day in (2, 3) for symbol in ("AAA", "BBB")
    )
    found = _ingest(prices=write("long.csv", text), duplicates="keep_first")
    assert found.matrix.values[1, 0] == 1.0
    assert dict(found.report.dropped) == {"duplicate": 1, "missing": 1}


def test_returns_out_of_range_are_dropped(write: Callable[[str, str], str]) -> None:
    rows = "".join(f"2020-02-{day:02d},0.01,-0.01\n" for day in range(1, 11))
    text = f"date,AAA,BBB\n2020-01-01,-1,5\n2020-01-02,5.01,-0.99\n2020-01-03,1.5,0\n{rows}"
    found = _ingest(returns=write("returns.csv", text))
    assert dict(found.report.dropped) == {"return_out_of_range": 2}
    assert dict(found.report.reported) == {"return_past_one": 2}
    assert _rows(found.dropped) == [
        ("2020-01-01", "AAA", "-1", "AAA", "return_out_of_range"),
        ("2020-01-02", "AAA", "5.01", "AAA", "return_out_of_range"),
    ]


def _ingest(**fields: Any) -> Ingested:
    config = DataConfig(**fields)
    return ingest(open_source(config), config)


def _rows(table: Any) -> list[tuple[Any, ...]]:
    rows = []
    for row in table.to_pylist():
        day = row.pop("date")
        rows.append((None if day is None else f"{day:%Y-%m-%d}", *row.values()))
    return rows
