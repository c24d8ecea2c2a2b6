from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest

from quant_core.cli import _backends
from quant_core.cli._doctor import installed, numba_cache, required_by_extra
from quant_core.compute import SerialCompute
from quant_core.errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Quant


class Counted(SerialCompute):
    """A backend that remembers how it was made, and whether it was closed."""

    name = "counted"
    closed = 0

    def __init__(self, num_cpus: int | None = None) -> None:
        self.workers = num_cpus or 7

    def close(self) -> None:
        Counted.closed += 1


def _offer(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str]) -> None:
    found = [EntryPoint(name, value, _backends.GROUP) for name, value in points]
    monkeypatch.setattr(_backends, "entry_points", lambda *, group: found if group else [])


def test_without_an_offer_the_default_is_serial(monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch)
    assert _backends.default_backend() == "serial"
    assert _backends.open_backend(None, None).name == "serial"


def test_ray_is_the_default_where_offered_and_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    _offer(monkeypatch, ("ray", "quant_core.compute:SerialCompute"))
    monkeypatch.setattr(_backends, "find_spec", lambda name: object() if name == "ray" else None)
    assert _backends.default_backend() == "ray"
    monkeypatch.setattr(_backends, "find_spec", lambda _name: None)
    assert _backends.default_backend() == "serial"


@pytest.mark.parametrize(
    ("name", "workers", "error", "words"),
    [
        ("dask", None, ConfigError, "expected one of serial, broken, found 'dask'"),
        ("serial", 4, ConfigError, "one worker, found 4"),
        ("broken", None, UnavailableError, r"--backend broken: .*pip install"),
        ("ray", None, UnavailableError, r"--backend ray: .*pip install 'quant-assets\[platform\]'"),
    ],
)
def test_a_backend_that_cannot_be_had_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, workers: int | None, error: Any, words: str
) -> None:
    _offer(monkeypatch, ("broken", "no_such_module_of_ours:Backend"))
    with pytest.raises(error, match=words):
        _backends.open_backend(name, workers)


def test_the_backend_is_told_and_closed(quant: Quant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counted, "closed", 0)
    monkeypatch.setattr(
        _backends, "offered", lambda: {"counted": EntryPoint("counted", "x:y", "z")}
    )
    monkeypatch.setattr(EntryPoint, "load", lambda _self: Counted)
    found = quant.tournament("run", "--backend", "counted", "--workers", "3")
    assert found.exit_code == 0, found.stderr
    assert "backend counted, 3 workers" in found.stderr
    assert Counted.closed == 1
    assert json.loads((quant.out / "manifest.json").read_text())["workers"] == 3
    assert quant.tournament("run", "--backend", "counted", config="no: 1").exit_code == 2


def test_doctor_says_what_is_there(quant: Quant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TV_LAKEHOUSE", raising=False)
    monkeypatch.setenv("TV_HOME", str(quant.folder / "made" / "later"))
    found = quant("doctor", "--json")
    by_name = {finding["name"]: finding for finding in json.loads(found.stdout)}
    assert found.exit_code == 0
    assert by_name["python"]["state"] == "ok"
    assert by_name["serial"]["state"] == "ok"
    assert by_name["lakehouse"]["found"].endswith("made/later/lakehouse")
    assert not (quant.folder / "made").exists()
    assert "numba cache" in by_name


def test_doctor_finds_what_is_broken(quant: Quant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TV_LAKEHOUSE", quant.write("file", "") + "/below")
    found = quant("doctor")
    assert found.exit_code == 1
    assert "point TV_LAKEHOUSE to a folder" in found.stdout


def test_requirements_are_sorted_by_extra() -> None:
    lines = ["numpy>=2", "ray>=2.50; extra == 'platform'", 'pandera[pandas]; extra == "sky"']
    assert required_by_extra(lines) == {
        "": ["numpy"],
        "platform": ["ray"],
        "sky": ["pandera"],
    }


def test_a_package_that_lacks_names_its_extra() -> None:
    needed, optional = (
        next(iter(installed(extra, ["no-such-package-of-ours"]))) for extra in ("", "sky")
    )
    assert (needed.state, needed.remedy) == ("broken", "pip install quant-assets")
    assert optional.state == "missing"
    assert optional.remedy == "pip install 'quant-assets[sky]', in an environment of its own"


def test_a_numba_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finding = numba_cache({"NUMBA_CACHE_DIR": str(tmp_path / "file" / "below")})
    assert finding.state == "missing"
    assert "NUMBA_CACHE_DIR" in finding.remedy
