from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from quant_core.errors import DataError
from quant_core.report import write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = [
    "leaderboard",
    "nav",
    "weights_cube",
    "window_metrics",
    "selected_atoms",
    "cells",
    "dropped",
]


def _payload(page: Path) -> dict[str, Any]:
    found = re.search(r'<script id="payload"[^>]*>(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    payload: dict[str, Any] = json.loads(found[1])
    return payload


def _markup(page: Path) -> str:
    text = re.sub(r"<script.*?</script>|<style.*?</style>", "", page.read_text(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", text)


def test_equal_folders_give_equal_pages(folder: Callable[..., Path]) -> None:
    made = folder()
    first = write_report(made).read_bytes()
    assert write_report(made).read_bytes() == first
    assert len(first) < 12_000_000


def test_nothing_is_loaded_from_anywhere(folder: Callable[..., Path]) -> None:
    text = write_report(folder()).read_text()
    outside = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!\#|data:)""", outside)
    assert not re.findall(r"<script[^>]*\bsrc\b", text)
    assert not re.findall(r"@import|url\((?!\s*[\"']?data:)", outside)


def test_the_page_names_the_run(folder: Callable[..., Path]) -> None:
    text = _markup(write_report(folder()))
    for words in ("us_equity", "r1-5f2c", "1 record, head", "pyarrow", "25.0.1"):
        assert words in text
    assert "24 configurations were tried in this run, 36 in all by the count of the ledger." in text


def test_the_lines_are_those_of_the_files(folder: Callable[..., Path]) -> None:
    made = folder()
    payload = _payload(write_report(made))
    board = pq.read_table(made / "leaderboard.parquet").sort_by("rank").to_pylist()
    assert [line["role"] for line in payload["lines"]] == ["best", "benchmark", "equal"]
    best = board[0]
    nav = pq.read_table(made / "nav.parquet", filters=pc.field("key") == best["key"])
    assert payload["lines"][0]["nav"] == [round(v, 5) for v in nav["nav"].to_pylist()]
    assert [row[0] for row in payload["table"]["rows"]] == list(range(1, 25))
    sharpe = [head["name"] for head in payload["table"]["heads"]].index("sharpe")
    assert payload["table"]["rows"][3][sharpe] == pytest.approx(board[3]["sharpe"], rel=1e-5)


def test_the_weights_are_those_of_the_best(folder: Callable[..., Path]) -> None:
    made = folder(symbols=14)
    payload = _payload(write_report(made))
    series = payload["weights"]["series"]
    assert [one["role"] for one in series] == ["atom"] * 11 + ["others"]
    totals = [sum(one["weight"][window] for one in series) for window in range(3)]
    assert totals == pytest.approx([1.0, 1.0, 1.0], abs=1e-4)
    means = [sum(one["weight"]) for one in series[:11]]
    assert means == sorted(means, reverse=True)
    assert all(re.fullmatch(r"S\d{3}", one["name"]) for one in series[:11])


def test_every_metric_has_its_definition_in_reach(folder: Callable[..., Path]) -> None:
    heads = {head["name"]: head for head in _payload(write_report(folder()))["table"]["heads"]}
    for name in ("sharpe", "dsr", "cagr", "max_drawdown", "turnover", "fragility", "hhi"):
        assert len(heads[name]["text"]) > 10, name


def test_without_a_benchmark_the_market_cells_are_named_with_their_reason(
    folder: Callable[..., Path],
) -> None:
    page = write_report(folder(benchmark=False))
    text, payload = _markup(page), _payload(page)
    assert "4 cells: the market profile needs a benchmark" in text
    assert "No cell holds a benchmark." in text
    assert "24 cells, 20 with numbers" in text
    assert [line["role"] for line in payload["lines"]] == ["best", "equal"]
    assert not [cell for cell in payload["table"]["cells"] if "|market|" in cell]


def test_a_run_without_any_figure_is_still_a_page(folder: Callable[..., Path]) -> None:
    text = write_report(folder(every_cell_failed=True)).read_text()
    assert "No cell of this tournament has numbers" in text
    assert 'id="payload"' not in text


def test_many_windows_are_shown_by_year(folder: Callable[..., Path]) -> None:
    made = folder(days=1500, symbols=3, selections=("all",))
    heat = _payload(write_report(made))["heat"]
    assert heat["periods"] == [str(year) for year in range(2015, 2021)]
    table = pq.read_table(made / "window_metrics.parquet")
    rows = [row for row in table.to_pylist() if row["profile"] == heat["profiles"][0]]
    first = [row["sharpe"] for row in rows if row["window"].startswith("2015")]
    assert heat["sharpe"][0][0] == round(float(np.median(first)), 2)


def test_without_pbo_the_page_says_so(folder: Callable[..., Path]) -> None:
    page = write_report(folder(pbo=False))
    assert "probability of backtest overfitting was not computed" in _markup(page)
    assert 'id="pbo-chart"' not in page.read_text()


def test_names_from_files_cannot_become_markup(folder: Callable[..., Path]) -> None:
    made = folder()
    manifest = json.loads((made / "manifest.json").read_text())
    evil = "</script><script>alert(1)</script>"
    manifest["data"]["origin"] = evil
    (made / "manifest.json").write_text(json.dumps(manifest))
    cube = pq.read_table(made / "weights_cube.parquet")
    place = cube.schema.get_field_index("symbol")
    renamed = ["S000" + evil if name == "S000" else name for name in cube["symbol"].to_pylist()]
    pq.write_table(
        cube.set_column(place, "symbol", pa.array(renamed)), made / "weights_cube.parquet"
    )
    text = write_report(made).read_text()
    assert evil not in text
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in text
    assert "S000" + evil in {
        one["name"] for one in _payload(made / "report.html")["weights"]["series"]
    }


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Callable[..., Path], name: str) -> None:
    made = folder()
    (made / f"{name}.parquet").unlink()
    with pytest.raises(DataError, match=rf"{name}\.parquet: expected a file"):
        write_report(made)
    assert not (made / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("manifest.json", b'{"run_id": ', "manifest.json: expected JSON"),
        ("manifest.json", b"[]", "expected a JSON object, found a list"),
        ("nav.parquet", b"PAR1 and no more", "nav.parquet: expected the nav table"),
    ],
)
def test_a_damaged_file_is_named(
    folder: Callable[..., Path], name: str, content: bytes, words: str
) -> None:
    made = folder()
    (made / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        write_report(made)


def test_a_missing_column_is_named(folder: Callable[..., Path]) -> None:
    made = folder()
    table = pq.read_table(made / "nav.parquet").drop_columns(["nav"])
    pq.write_table(table, made / "nav.parquet")
    with pytest.raises(DataError, match=r"nav\.parquet: expected the nav table"):
        write_report(made)


def test_a_broken_ledger_is_reported(folder: Callable[..., Path]) -> None:
    made = folder()
    (made / "audit.jsonl").write_text('{"seq":7}\n')
    assert re.search(r'class="badge">broken</span> line 1', write_report(made).read_text())
