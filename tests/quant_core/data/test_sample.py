from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from quant_core.data import SAMPLE_BENCHMARK, DataConfig, ingest, open_source
from quant_core.errors import UnavailableError

needs_skfolio = pytest.mark.skipif(
    find_spec("skfolio") is None, reason="skfolio, which ships the sample, is not installed"
)


@needs_skfolio
def test_the_sample_is_twenty_stocks_and_their_index() -> None:
    config = DataConfig(sample=True)
    source = open_source(config)
    found = ingest(source, config)
    assert (source.name, source.kind) == ("sample", "prices")
    assert found.matrix.values.shape == (8313, 21)
    assert SAMPLE_BENCHMARK in found.matrix.symbols
    assert str(found.matrix.dates[0])[:10] == "1990-01-02"
    assert found.matrix.values[1, found.matrix.symbols.index("AAPL")] == 0.266 / 0.264 - 1
    assert found.matrix.values[1, found.matrix.symbols.index("SP500")] == 358.76 / 359.69 - 1


@needs_skfolio
def test_symbols_of_the_sample_can_be_excluded() -> None:
    config = DataConfig(sample=True, exclude=("AAPL",), start="2020-01-01")
    found = ingest(open_source(config), config)
    assert "AAPL" not in found.matrix.symbols
    assert len(found.matrix.symbols) == 20


@needs_skfolio
def test_the_sample_is_read_without_importing_skfolio() -> None:
    code = (
        "import sys\n"
        "from quant_core.data import DataConfig, open_source\n"
        "open_source(DataConfig(sample=True)).read()\n"
        "print('skfolio' in sys.modules, 'sklearn' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_without_skfolio_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quant_core.data._sample.find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match=r"quant-assets\[engines\]"):
        open_source(DataConfig(sample=True)).read()
