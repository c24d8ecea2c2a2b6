from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from .conftest import CONFIG, price_lines

if TYPE_CHECKING:
    from .conftest import Quant

LINES = price_lines()
TEXT = [*LINES[:20], LINES[20].rpartition(",")[0] + ",many", *LINES[21:]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"prices": "\n"}, ["prices.csv", "empty"], id="empty file"),
        pytest.param({"prices": "date,AAA,BBB\n"}, ["prices.csv"], id="header only"),
        pytest.param(
            {"config": CONFIG + "colour: blue\n"}, ["config.yaml", "colour"], id="unknown key"
        ),
        pytest.param(
            {"config": CONFIG.replace("hrp", "hrpp")},
            ["config.yaml", "profiles[2]", "hrpp", "hrp"],
            id="unknown profile",
        ),
        pytest.param(
            {"config": CONFIG.replace("train: 40", "train: 4000")},
            ["windows.train", "4000", "130"],
            id="train longer than the data",
        ),
        pytest.param(
            {"config": CONFIG.replace("hrp", "{name: min_variance, cap: 0.1}")},
            ["profiles[2].cap", "0.1", "3 symbols"],
            id="cap * n < 1",
        ),
        pytest.param(
            {"prices": "\n".join([*LINES, LINES[-1]])},
            ["prices.csv", LINES[-1][:10]],
            id="duplicate dates",
        ),
        pytest.param(
            {"prices": "\n".join(price_lines(("AAA",))), "config": CONFIG.replace("DDD", "[]")},
            ["AAA"],
            id="one asset only",
        ),
        pytest.param(
            {"prices": "\n".join(price_lines(("AAA", "DDD")))},
            ["AAA", "benchmark"],
            id="one asset beside the benchmark",
        ),
        pytest.param({"config": ""}, ["config.yaml", "empty"], id="empty configuration"),
        pytest.param({"config": "a: [1"}, ["config.yaml"], id="configuration that is no YAML"),
        pytest.param(
            {"config": CONFIG.replace("40", "forty")}, ["windows.train", "forty"], id="word"
        ),
    ],
)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_bad_input_is_named_and_nothing_is_written(
    quant: Quant, verb: str, change: dict[str, Any], words: list[str]
) -> None:
    found = quant.tournament(verb, **change)
    assert found.exit_code == 2, found.output
    assert found.stdout == ""
    (message,) = [line for line in found.stderr.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in message
    assert "Traceback" not in found.output
    assert not quant.out.exists()


@pytest.mark.parametrize("verb", ["run", "plan"])
@pytest.mark.parametrize("option", ["--config", "--prices", "--returns"])
def test_a_missing_file_is_named(quant: Quant, verb: str, option: str) -> None:
    config = quant.write("config.yaml", CONFIG + "data: sample\n")
    places = {"--config": config, option: str(quant.folder / "nowhere.csv")}
    arguments = [part for pair in places.items() for part in pair]
    found = quant("tournament", verb, *arguments, "--out", str(quant.out))
    assert found.exit_code == 2
    assert "nowhere.csv: no such file" in found.stderr
    assert not quant.out.exists()


def test_text_where_numbers_belong_is_named_with_its_column(quant: Quant) -> None:
    found = quant.tournament("run", prices="\n".join(TEXT))
    if found.exit_code == 0:
        (row,) = pq.read_table(quant.out / "dropped.parquet").to_pylist()
        assert (row["value"], row["column"], str(row["date"])[:10]) == (
            "many",
            "DDD",
            TEXT[20][:10],
        )
    else:
        assert found.exit_code == 2
        for word in ("prices.csv", "DDD", "many"):
            assert word in found.stderr
        assert not quant.out.exists()


def test_prices_and_returns_exclude_each_other(quant: Quant) -> None:
    found = quant.tournament("run", "--returns", "other.csv")
    assert found.exit_code == 2
    assert "--prices and --returns: expected one of them" in found.stderr


def test_no_source_of_data_is_said(quant: Quant) -> None:
    config = quant.write("config.yaml", CONFIG)
    found = quant("tournament", "run", "--config", config, "--out", str(quant.out))
    assert found.exit_code == 2
    assert "--prices" in found.stderr
    assert not quant.out.exists()


@pytest.mark.parametrize(
    ("benchmark", "reason"),
    [("ZZZ", "no data for the benchmark ZZZ"), ("[]", "no benchmark is configured")],
)
def test_an_absent_benchmark_gives_cells_without_numbers(
    quant: Quant, benchmark: str, reason: str
) -> None:
    config = CONFIG.replace("benchmark: DDD", f"benchmark: {benchmark}")
    found = quant.tournament("run", config=config)
    assert found.exit_code == 0, found.stderr
    rows = pq.read_table(quant.out / "leaderboard.parquet").to_pylist()
    silent = [row for row in rows if row["status"] != "ok"]
    assert [row["profile"] for row in silent] == ["market", "market"]
    assert all(row["sharpe"] is None and row["dsr"] is None for row in silent)
    assert f"2 cells without numbers, {silent[0]['status']}: " in found.stdout
    assert "2 cells: " in (quant.out / "report.html").read_text()
    assert {(row["status"], row["reason"]) for row in silent} == {("unavailable", reason)}


def test_an_asset_without_prices_is_dropped_and_logged(quant: Quant) -> None:
    lines = [f"{line},{'EEE' if not number else ''}" for number, line in enumerate(LINES)]
    found = quant.tournament("run", prices="\n".join(lines))
    assert found.exit_code == 0, found.stderr
    dropped = pq.read_table(quant.out / "dropped.parquet").to_pylist()
    assert {row["symbol"] for row in dropped} == {"EEE"}
    held = pq.read_table(quant.out / "weights_cube.parquet")["symbol"].to_pylist()
    assert "EEE" not in held
    assert "EEE" in (quant.out / "audit.jsonl").read_text()


def test_a_refused_rerun_leaves_the_folder_alone(quant: Quant) -> None:
    assert quant.tournament("run").exit_code == 0
    before = {file.name: file.read_bytes() for file in quant.out.iterdir() if file.is_file()}
    assert quant.tournament("run", config=CONFIG + "colour: blue\n").exit_code == 2
    assert {
        file.name: file.read_bytes() for file in quant.out.iterdir() if file.is_file()
    } == before
