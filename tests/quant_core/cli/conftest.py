"""Small real runs of the command line, on prices made once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

from quant_core.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

CONFIG = """\
sleeve: test
windows: {train: 40, step: month}
selections: [all]
profiles: [equal_weight, market, hrp]
rebalances: [window, daily]
benchmark: DDD
seed: 3
"""


def price_lines(
    symbols: tuple[str, ...] = ("AAA", "BBB", "CCC", "DDD"), days: int = 130
) -> list[str]:
    """Return the lines of a wide CSV of prices."""
    random = np.random.Generator(np.random.PCG64(11))
    dates = np.busday_offset("2021-01-04", np.arange(days), roll="forward")
    prices = 100 * np.cumprod(1 + random.normal(0.0005, 0.01, (days, len(symbols))), axis=0)
    rows = [
        ",".join([str(day), *(f"{price:.4f}" for price in row)])
        for day, row in zip(dates, prices, strict=True)
    ]
    return [",".join(["date", *symbols]), *rows]


@dataclass
class Quant:
    """The command line in a folder of its own."""

    folder: Path
    runner: CliRunner = field(default_factory=CliRunner)

    def __call__(self, *arguments: str) -> Result:
        """Run ``quant`` with arguments."""
        return self.runner.invoke(app, list(arguments))

    def write(self, name: str, text: str) -> str:
        """Write a file and return its path."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    @property
    def out(self) -> Path:
        """The folder of the results."""
        return self.folder / "out"

    def tournament(self, verb: str, *more: str, config: str = CONFIG, prices: str = "") -> Result:
        """Run ``quant tournament`` on the small configuration and prices."""
        places = [
            *("--config", self.write("config.yaml", config)),
            *("--prices", self.write("prices.csv", prices or "\n".join(price_lines()))),
            *("--out", str(self.out)),
        ]
        if verb == "run" and "--backend" not in more:
            places += ["--backend", "serial"]
        return self("tournament", verb, *places, *more)


@pytest.fixture
def quant(tmp_path: Path) -> Quant:
    return Quant(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output folder of a small tournament; tests only read it."""
    made = Quant(tmp_path_factory.mktemp("finished"))
    result = made.tournament("run")
    assert result.exit_code == 0, result.stderr
    return made.out
