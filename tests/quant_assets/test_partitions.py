from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

from quant_assets import partitions
from quant_assets._sleeves import Sleeve, sleeves
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = "data: {sample: true, start: 1990-01-01}\n"


def months_before(month: str, count: int) -> list[str]:
    year, number = int(month[:4]), int(month[5:]) - 1
    places = [year * 12 + number - back for back in range(count, 0, -1)]
    return [f"{place // 12}-{place % 12 + 1:02d}" for place in places if place >= 1990 * 12]


@pytest.mark.parametrize(
    ("mapping", "month", "expected"),
    [
        ("TRAIN", "1992-02", months_before("1992-02", 23)),
        ("TRAIN", "1990-03", ["1990-01", "1990-02"]),
        ("TRAIN", "1990-01", []),
        ("ONE_MONTH_BACK", "1990-01", ["1990-01"]),
        ("ONE_MONTH_BACK", "2022-12", ["2022-11", "2022-12"]),
    ],
)
def test_months_that_a_month_reads(mapping: str, month: str, expected: list[str]) -> None:
    key = partitions.partition_key("us_equity", month)
    found = getattr(partitions, mapping).get_upstream_mapped_partitions_result_for_partitions(
        partitions.MONTHLY.subset_with_partition_keys([key]), partitions.MONTHLY, partitions.MONTHLY
    )
    keys = sorted(found.partitions_subset.get_partition_keys())
    assert keys == [f"{at}|us_equity" for at in expected]


def test_a_train_period_never_reads_its_own_month() -> None:
    months = sorted(partitions.MONTHLY.get_partition_keys())[:30]
    for key in months:
        found = partitions.TRAIN.get_upstream_mapped_partitions_result_for_partitions(
            partitions.MONTHLY.subset_with_partition_keys([key]),
            partitions.MONTHLY,
            partitions.MONTHLY,
        )
        assert all(other < key for other in found.partitions_subset.get_partition_keys())


def test_a_simulation_reads_every_month_of_its_sleeve() -> None:
    key = dg.MultiPartitionKey({"sleeve": "us_equity", "simulator": "custom"})
    found = partitions.WHOLE_SLEEVE.get_upstream_mapped_partitions_result_for_partitions(
        partitions.SIMULATED.subset_with_partition_keys([key]),
        partitions.SIMULATED,
        partitions.MONTHLY,
    )
    assert len(found.partitions_subset.get_partition_keys()) == 33 * 12


def test_the_assets_stay_below_the_bound_of_partitions() -> None:
    assert len(partitions.MONTHLY.get_partition_keys()) == 396
    assert len(partitions.MONTHLY.get_partition_keys()) < 2000


def test_months_come_in_time_order_by_sleeve() -> None:
    keys = ["1990-11|us", "1991-01|crypto", "1990-02|us", "1990-12|us", "1990-05|crypto"]
    assert partitions.sleeves_with_months(keys) == {
        "crypto": ["1990-05", "1991-01"],
        "us": ["1990-02", "1990-11", "1990-12"],
    }


def sleeve_from(folder: Path, text: str, name: str = "own.yaml") -> Sleeve:
    path = folder / name
    path.write_text(text)
    return Sleeve.load(path)


@pytest.mark.parametrize(
    ("spans", "first", "last"),
    [
        ([("2000-01", "2000-03")], "2000-01", "2000-03"),
        ([("2000-02", "2000-03"), ("1999-11", "2000-01")], "1999-11", "2000-03"),
    ],
)
def test_months_span_every_sleeve(
    spans: list[tuple[str, str]], first: str, last: str, tmp_path: Path
) -> None:
    found = {
        str(number): sleeve_from(
            tmp_path, f"data: {{sample: true, start: {start}-01, end: {end}-28}}\n"
        )
        for number, (start, end) in enumerate(spans)
    }
    keys = partitions.month_partitions(found).get_partition_keys()
    assert (keys[0], keys[-1]) == (first, last)


def test_months_go_on_while_the_data_of_a_sleeve_do(tmp_path: Path) -> None:
    open_ended = {"own": sleeve_from(tmp_path, SAMPLE)}
    assert partitions.month_partitions(open_ended).end is None


@pytest.mark.parametrize(
    ("text", "months"),
    [
        (SAMPLE, 23),
        (f"{SAMPLE}windows: {{train: 60, step: week}}\nperiods_per_year: 365\n", 13),
        (f"{SAMPLE}windows: {{train: 504}}\n", 35),
    ],
)
def test_a_look_back_surely_holds_the_train_period(text: str, months: int, tmp_path: Path) -> None:
    assert sleeve_from(tmp_path, text).look_back == months


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({}, "expected a folder with a .yaml configuration a sleeve, found none"),
        ({"a.yaml": "data: sample\n"}, "data.start: expected the first day of the sleeve"),
        ({"a.yaml": SAMPLE, "b.yaml": SAMPLE}, "'default' is the name of another file too"),
        ({"a.yaml": "colour: red\n"}, "colour"),
    ],
)
def test_a_wrong_folder_of_sleeves_is_an_error(
    files: dict[str, str], match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("TV_SLEEVES", str(tmp_path))
    with pytest.raises(ConfigError, match=match):
        sleeves()


def test_the_packaged_sleeve_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TV_SLEEVES", raising=False)
    assert {name: (s.first, s.last) for name, s in sleeves().items()} == {
        "us_equity": ("1990-01", "2022-12")
    }
