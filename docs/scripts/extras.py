"""What a tournament does where an optional package is not installed.

``make extras`` runs one small tournament over every engine, simulator and kind of model in an
environment that lacks nothing, and then in one that lacks a package or an extra, for each of them.
Cells of what is missing have to be `unavailable` with a reason that names the extra; everything
else has to come out as where nothing is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".venv-extras"
EXTRAS = ("platform", "engines", "simulators", "models", "boosting")
OF_CVXPY = ("cvxpy", "skfolio", "riskfolio", "pyportfolioopt", "cvxportfolio")


@dataclass(frozen=True)
class Case:
    """What an environment lacks, and what cannot run there."""

    packages: tuple[str, ...] = ()
    extra: str = ""
    engines: tuple[str, ...] = ()
    simulators: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What is missing."""
        return "".join(self.packages[:1]) or (f"[{self.extra}]" if self.extra else "nothing")


CASES = (
    Case(),
    Case(("cvxpy", "cvxpy-base"), engines=OF_CVXPY, simulators=("cvxportfolio",)),
    Case(("clarabel",), engines=OF_CVXPY),
    Case(("skfolio",), engines=("skfolio",)),
    Case(("riskfolio-lib",), engines=("riskfolio",)),
    Case(("pyportfolioopt",), engines=("pyportfolioopt",)),
    Case(("cvxportfolio",), engines=("cvxportfolio",), simulators=("cvxportfolio",)),
    Case(("vectorbt",), simulators=("vectorbt",)),
    Case(("nautilus-trader",), simulators=("nautilus",)),
    Case(("lightgbm",), models=("lightgbm",)),
    Case(("xgboost",), models=("xgboost",)),
    Case(("mlflow",)),
    Case(("ray",)),
    # cvxportfolio brings cvxpy, skfolio scikit-learn, Riskfolio-Lib vectorbt: these stay.
    Case(extra="engines", engines=("skfolio", "riskfolio", "pyportfolioopt")),
    Case(extra="simulators", engines=("cvxportfolio",), simulators=("cvxportfolio", "nautilus")),
    Case(extra="models", models=("linear", "lightgbm", "xgboost")),
    Case(extra="boosting", models=("lightgbm", "xgboost")),
    Case(extra="platform"),
)


def main() -> int:
    """Make each environment, run the tournament there, and print what it did."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uv", default="uv", help="the program uv")
    parser.add_argument("--only", nargs="*", default=[], help="names of cases")
    parser.add_argument("--tournament", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.tournament:
        print(json.dumps(tournament()))
        return 0
    chosen = [one for one in CASES if not asked.only or one.name in asked.only]
    complete, wrong = {}, 0
    print(f"{'without':<16} {'ok':>4} {'unavailable':>11}  what is unavailable")
    for case in (CASES[0], *(one for one in chosen if one is not CASES[0])):
        found = found_in(asked.uv, case)
        complete = complete or found
        problems = judged(case, found, complete)
        wrong += bool(problems)
        lost = [name for name, fact in found.items() if fact["status"] == "unavailable"]
        parts = ", ".join(
            f"{what} {', '.join(names)}"
            for what, names in (
                ("engine", case.engines),
                ("simulator", case.simulators),
                ("model", case.models),
            )
            if names
        )
        print(f"{case.name:<16} {len(found) - len(lost):>4} {len(lost):>11}  {parts}")
        for problem in problems:
            print(f"    {problem}")
        sys.stdout.flush()
    return int(wrong > 0)


def _touched(case: Case, name: str) -> bool:
    if "/" not in name:
        return name in case.models
    engine, _, simulator = name.split("/")
    return engine in case.engines or simulator in case.simulators


def found_in(uv: str, case: Case) -> dict[str, dict[str, str]]:
    """Return status and reason of every cell in the environment of a case."""
    env = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT)}
    env.pop("VIRTUAL_ENV", None)
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    extras = [part for name in EXTRAS if name != case.extra for part in ("--extra", name)]
    lacks = [part for name in case.packages for part in ("--no-install-package", name)]
    sync = [uv, "sync", "--frozen", "--quiet", "--no-default-groups", *extras, *lacks]
    subprocess.run(sync, check=True, cwd=ROOT, env=env)  # noqa: S603 - uv, as told
    python = str(ENVIRONMENT / "bin" / "python")
    if case.packages:
        # What stands there from the case before is not taken away by the option.
        gone = [uv, "pip", "uninstall", "--quiet", "--python", python, *case.packages]
        subprocess.run(gone, check=True, cwd=ROOT, env=env)  # noqa: S603 - as above
    run = [python, "-W", "ignore", __file__, "--tournament"]
    done = subprocess.run(  # noqa: S603 - this file
        run, capture_output=True, text=True, check=False, cwd=ROOT, env=env
    )
    if done.returncode != 0:
        raise SystemExit(f"without {case.name}: the tournament failed\n{done.stderr[-4000:]}")
    found: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def judged(
    case: Case, found: dict[str, dict[str, str]], complete: dict[str, dict[str, str]]
) -> list[str]:
    """Return what is not as it has to be."""
    if case == CASES[0]:
        lost = [name for name, fact in found.items() if fact["status"] == "unavailable"]
        return [f"{name}: unavailable where nothing is missing" for name in lost]
    problems = [f"{name}: gone" for name in complete.keys() - found.keys()]
    for name, fact in found.items():
        touched = _touched(case, name)
        if touched and fact["status"] != "unavailable":
            problems.append(f"{name}: expected unavailable, found {fact}")
        elif touched and "quant-assets[" not in fact["text"]:
            problems.append(f"{name}: the reason names no extra: {fact['text']!r}")
        elif not touched and fact != complete.get(name):
            problems.append(f"{name}: expected {complete.get(name)}, found {fact}")
    return sorted(problems)


def tournament() -> dict[str, dict[str, str]]:
    """Run the tournament of this environment; return status, reason and figures of each cell."""
    import warnings  # noqa: PLC0415 - the rest of the script needs no package of ours

    warnings.simplefilter("ignore")
    import numpy as np  # noqa: PLC0415
    import pandas as pd  # noqa: PLC0415

    from quant_core import TournamentConfig, run  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        days = pd.bdate_range("2020-01-01", "2020-07-31", tz="UTC")
        drawn = np.random.default_rng(7).normal(0.0005, 0.01, (len(days), 6))
        path = f"{folder}/returns.parquet"
        pd.DataFrame(drawn, days, [f"A{one}" for one in range(6)]).to_parquet(path)
        facts = _cells(run(TournamentConfig.model_validate(_plain(path)), out=f"{folder}/plain"))
        for kind in ("linear", "lightgbm", "xgboost"):
            config = TournamentConfig.model_validate(_with_model(path, kind))
            run(config, out=f"{folder}/{kind}")
            facts |= _models(pd.read_parquet(f"{folder}/{kind}/cells.parquet"))
    return facts


def _plain(path: str) -> dict[str, Any]:
    return {
        "sleeve": "small",
        "data": {"returns": path},
        "windows": {"train": 60, "step": "month"},
        "selections": ["all"],
        "engines": ["native", "cvxportfolio", "cvxpy", "pyportfolioopt", "riskfolio", "skfolio"],
        "profiles": ["equal_weight", "min_variance"],
        "rebalances": ["window"],
        "simulators": ["custom", "cvxportfolio", "nautilus", "vectorbt"],
    }


def _with_model(path: str, kind: str) -> dict[str, Any]:
    strategy = {
        "name": kind,
        "features": [{"kind": "momentum", "window": 5}],
        "model": {"kind": kind},
        "training": {"observations": 60, "validation": 20},
    }
    few = {"engines": ["native"], "profiles": ["equal_weight"], "simulators": ["custom"]}
    return {**_plain(path), **few, "strategies": [strategy]}


def _cells(result: Any) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in result.leaderboard.to_pylist():
        name = "/".join((row["engine"], row["profile"], row["simulator"]))
        found[name] = {
            "status": row["status"],
            "text": row["reason"] or "",
            "figures": repr((row["sharpe"], row["max_drawdown"])),
        }
    return found


def _models(cells: Any) -> dict[str, dict[str, str]]:
    models = cells[cells["kind"] == "model"]
    found = {}
    for strategy, of_strategy in models.groupby("strategy", observed=True):
        text = " ".join(sorted(set(of_strategy["status"].astype(str))))
        status = "unavailable" if "unavailable" in text else "ok"
        found[str(strategy)] = {"status": status, "text": text}
    return found


if __name__ == "__main__":
    raise SystemExit(main())
