from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from quant_core.config import load_config
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
sleeve: us_equity
periods_per_year: 252
data: {returns: returns.csv, exclude: [USDOLLAR], start: 2010-01-01}
windows: {train: 126, step: week, test: week}
costs: {slippage_bps: 2, commission_bps: 0.5}
risk_free: 0.02
benchmark: SPY
selections: [all, {name: top_momentum, as: mom10, count: 10}]
engines: [native]
profiles:
  - hrp
  - {name: min_variance, as: minvar_sample, covariance: sample, cap: 0.1}
rebalances: [window, {name: daily_5pct, threshold: 0.1, as: drift10}]
simulators: [custom]
seed: 7
"""


def test_a_full_file(tmp_path: Path) -> None:
    config = load_config(_write(tmp_path, GOOD))
    assert config.sleeve == "us_equity"
    assert config.data is not None
    assert (config.data.returns, config.data.exclude) == ("returns.csv", ("USDOLLAR",))
    assert str(config.data.start) == "2010-01-01"
    assert (config.grid.train, config.grid.step) == (126, "week")
    assert config.costs.rate == pytest.approx(2.5e-4, rel=1e-15)
    assert config.risk_free_per_period == 0.02 / 252
    assert config.benchmark == ("SPY",)
    assert [choice.label for choice in config.selections] == ["all", "mom10"]
    assert config.selections[1].spec.count == 10
    assert config.profiles[1].label == "minvar_sample"
    assert config.profiles[1].spec.cap == 0.1
    assert config.profiles[1].spec.covariance.name == "sample"
    assert config.rebalances[1].spec.threshold == 0.1
    assert config.seed == 7


@pytest.mark.parametrize("text", ["seed: 0", "\ufeffseed: 0", "# a comment\nseed: 0\n", "{}"])
def test_everything_has_a_default(tmp_path: Path, text: str) -> None:
    config = load_config(_write(tmp_path, text))
    assert (config.windows.train, config.windows.step) == (252, "month")
    assert config.periods_per_year == 252
    assert [choice.label for choice in config.profiles] == [
        "equal_weight",
        "market",
        "min_variance",
        "max_sharpe",
        "risk_parity",
        "hrp",
        "max_diversification",
        "mean_variance",
    ]
    assert config.benchmark == ()


def test_a_file_by_url(tmp_path: Path) -> None:
    assert load_config("file://" + _write(tmp_path, GOOD)).seed == 7


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    text = "profiles:\n  - &a {name: hrp, covariance: sample}\n  - {<<: *a, as: other}\n"
    config = load_config(_write(tmp_path, text))
    assert [choice.label for choice in config.profiles] == ["hrp", "other"]
    assert config.profiles[1].spec == config.profiles[0].spec


BAD = [
    ("", "config.yaml: the file is empty"),
    ("# nothing\n", "config.yaml: the file is empty"),
    ("[1, 2]", "config.yaml: expected a mapping of fields, found list"),
    ("just text", "config.yaml: expected a mapping of fields, found str"),
    ("a: [1", "config.yaml: line 1, column 6: not YAML"),
    ("seed: 1\n\tsleeve: x\n", "config.yaml: line 2, column 1: not YAML"),
    ("seed: 1\n---\nseed: 2\n", "config.yaml: line 2, column 1: not YAML"),
    ("seed: !!python/object:os.system x", "config.yaml: line 1, column 7: not YAML"),
    ("seed: 1\nseed: 2\n", "line 2: seed: the key stands twice, in lines 1 and 2"),
    (
        "windows:\n  train: 10\n  train: 20\n",
        "line 3: windows.train: the key stands twice, in lines 2 and 3",
    ),
    ("1: x", "line 1: 1: expected a key of text, found '1'"),
    ("seed: &a [*a]", "line 1: seed[0]: the value contains itself"),
    ("sleev: x", "line 1: sleev: unknown key (did you mean 'sleeve'?); expected one of sleeve,"),
    ("zzz: x", "line 1: zzz: unknown key; expected one of sleeve,"),
    (
        "windows: {tran: 5}",
        "windows.tran: unknown key (did you mean 'train'?); expected one of train, step, test",
    ),
    ("costs:\n  slipage_bps: 1", "line 2: costs.slipage_bps: unknown key (did you mean 'slip"),
    ("sleeve: us equity", "sleeve: "),
    ("periods_per_year: 0", "periods_per_year: expected at least 1, found 0"),
    ("windows: {train: 1}", "windows.train: expected at least 2, found 1"),
    ("windows: {train: many}", "windows.train: "),
    (
        "windows: {train: 6}\nselections: [all, htr]",
        "selections[1]: htr takes train periods of 7 to 9999 observations, windows.train is 6; ",
    ),
    ("windows: {step: day}", "windows.step: expected 'month' or 'week', found 'day'"),
    ("windows: 5", "windows: "),
    (
        "windows: {step: week, test: month}",
        "windows.test: a month is longer than the step of a week, so test periods would overlap",
    ),
    (
        "windows: {step: month, test: week}",
        "windows.test: a week is shorter than the step of a month, so days would be left",
    ),
    ("costs: {slippage_bps: -1}", "costs.slippage_bps: expected at least 0, found -1"),
    ("costs: {slippage_bps: .inf}", "costs.slippage_bps: "),
    ("risk_free: 2", "risk_free: expected at most 1, found 2"),
    ("risk_free: .nan", "risk_free: "),
    ("benchmark: [SPY, SPY]", "benchmark: expected each symbol once, found SPY, SPY"),
    ("benchmark: ''", "benchmark[0]: "),
    ("seed: -1", "seed: expected at least 0, found -1"),
    ("seed: 1.5", "seed: "),
    ("data: {}", "data: expected exactly one of sample, prices, returns and source, found none"),
    (
        "data: {prices: a, returns: b}",
        (
            "data: expected exactly one of sample, prices, returns and source, found prices and "
            "returns"
        ),
    ),
    ("data: {price: a}", "data.price: unknown key (did you mean 'prices'?)"),
    ("data: {prices: a, duplicates: drop}", "data.duplicates: expected 'error' or 'keep_first'"),
    ("data: {prices: a, max_gap_days: 60}", "data.max_gap_days: expected at most 28, found 60"),
    ("data: {prices: a, start: 2020-02-01, end: 2020-01-01}", "data: start 2020-02-01 is after"),
    ("profiles: []", "profiles: expected a list of at least one entry, found []"),
    ("profiles: hrp", "profiles: expected a list of at least one entry, found 'hrp'"),
    ("profiles: [3]", "profiles[0]: expected a name, or a mapping with name, found 3"),
    ("profiles: [{cap: 0.1}]", "profiles[0].name: expected a name; known profiles: adaptive"),
    (
        "profiles: [hrp, min_varience]",
        "profiles[1]: unknown name 'min_varience' (did you mean 'min_variance'?); known profiles:",
    ),
    (
        "profiles:\n  - hrp\n  - name: min_varience\n",
        "line 3: profiles[1].name: unknown name 'min_varience'",
    ),
    ("engines: [cvxpi]", "engines[0]: unknown name 'cvxpi'"),
    ("simulators: [zipline]", "simulators[0]: unknown name 'zipline'; known simulators: custom, "),
    ("rebalances: [weekly]", "rebalances[0]: unknown name 'weekly'"),
    ("selections: [top_momentun]", "selections[0]: unknown name 'top_momentun' (did you mean"),
    (
        "profiles:\n- hrp\n- hrp\n- hrp\n- {name: min_variance,\n   capp: 0.1}\n",
        "line 6: profiles[3].capp: unknown key (did you mean 'cap'?); min_variance takes",
    ),
    ("profiles: [{name: min_variance, cap: 2}]", "profiles[0].cap: expected at most 1, found 2"),
    (
        "profiles: [{name: hrp, covariance: smaple}]",
        "profiles[0].covariance.name: expected 'sample'",
    ),
    (
        "profiles: [{name: hrp, covariance: {name: ewma, halflif: 3}}]",
        "profiles[0].covariance.halflif: unknown key (did you mean 'halflife'?)",
    ),
    ("profiles: [{name: hrp, as: 'a b'}]", "profiles[0].as: expected letters, digits"),
    ("profiles: [{name: hrp, as: 5}]", "profiles[0].as: expected letters, digits"),
    (
        "profiles: [hrp, market, {name: min_variance, as: hrp}]",
        "profiles[2]: label 'hrp' is already taken by profiles[0]; give one of them another by as",
    ),
]


@pytest.mark.parametrize(("text", "fragment"), BAD)
def test_bad_files(tmp_path: Path, text: str, fragment: str) -> None:
    url = _write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(url)
    assert fragment in str(caught.value)
    assert str(caught.value).startswith(f"{url}: ")


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "seed: -1\nwindows:\n  train: 0\n  stp: week\nprofiles: [hrq]\nsleev: x\n"
    url = _write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(url)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{url}: 5 problems:"
    assert [line.split(": ")[:2] for line in lines[1:]] == [
        ["  line 1", "seed"],
        ["  line 3", "windows.train"],
        ["  line 4", "windows.stp"],
        ["  line 5", "profiles[0]"],
        ["  line 6", "sleev"],
    ]


@pytest.mark.parametrize(
    ("name", "fragment"), [("missing.yaml", "no such file"), (".", "a folder; expected a YAML")]
)
def test_a_file_that_is_not_there(tmp_path: Path, name: str, fragment: str) -> None:
    with pytest.raises(ConfigError, match=fragment):
        load_config(str(tmp_path / name))


def test_an_unknown_protocol() -> None:
    with pytest.raises(ConfigError, match="unknown protocol 'foo'"):
        load_config("foo://config.yaml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"sleeve: \xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8 text"):
        load_config(str(path))


def _write(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)
