from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING

import numpy as np
import pytest

from quant_core.compute import SerialCompute
from quant_core.context import (
    Settings,
    current_settings,
    resolve,
    unknown_variables,
    use_settings,
)
from quant_core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "LAKEHOUSE", "SLEEVES", "STRATEGIES", "WORKERS", "BACKEND", "SETTINGS"):
        monkeypatch.delenv(f"TV_{name}", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("argument", "variable", "in_file", "workers", "origin"),
    [
        (2, "3", 4, 2, "argument workers"),
        (None, "3", 4, 3, "environment TV_WORKERS"),
        (None, None, 4, 4, "file data/quant.yaml"),
        (None, "", 4, 4, "file data/quant.yaml"),
        (None, None, None, None, "default"),
    ],
)
def test_the_first_layer_that_names_a_setting_decides(
    argument: int | None,
    variable: str | None,
    in_file: int | None,
    workers: int | None,
    origin: str,
    here: Path,
) -> None:
    if in_file is not None:
        written(here / "data" / "quant.yaml", f"workers: {in_file}\n")
    arguments = {} if argument is None else {"workers": argument}
    environment = {} if variable is None else {"TV_WORKERS": variable}
    found = resolve(arguments, environment=environment)
    assert found.workers == workers
    assert str(found.origin("workers")) == origin


def test_what_is_not_given_lies_below_the_home_folder(here: Path) -> None:
    found = resolve(environment={"TV_HOME": "mine"})
    assert found.home == here / "mine"
    assert found.lakehouse == f"{here}/mine/lakehouse"
    assert found.strategies == f"sqlite:///{here}/mine/strategies.db"
    assert str(found.origin("lakehouse")) == "default"
    given = resolve(environment={"TV_LAKEHOUSE": "lake", "TV_STRATEGIES": "postgresql://db/x"})
    assert (given.lakehouse, given.strategies) == (f"{here}/lake", "postgresql://db/x")


def test_a_file_is_named_by_an_argument_or_a_variable(here: Path) -> None:
    one = written(here / "one.yaml", "workers: 1\nhome: elsewhere\n")
    two = written(here / "two.yaml", "workers: 2\n")
    assert resolve(file=one, environment={"TV_SETTINGS": str(two)}).workers == 1
    assert resolve(environment={"TV_SETTINGS": str(two)}).workers == 2
    assert resolve(file=one, environment={}).home == here / "elsewhere"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wokers: 2", "unknown setting 'wokers'; did you mean workers?"),
        ("workers: none", "settings: workers \\(file .*quant.yaml\\): input should be a valid int"),
        ("- workers", "expected a YAML mapping of settings, found list"),
        ("workers: [", "expected a YAML mapping of settings: while parsing"),
        ("home: other", "cannot name another; set TV_HOME"),
    ],
)
def test_a_wrong_file_is_named(text: str, message: str, here: Path) -> None:
    written(here / "data" / "quant.yaml", text)
    with pytest.raises(ConfigError, match=message):
        resolve(environment={})


def test_a_named_file_that_is_missing_is_an_error(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"expected the file .*gone.yaml"):
        resolve(file=here / "gone.yaml", environment={})


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigError, match=r"workers \(environment TV_WORKERS\).*found '0'"):
        resolve(environment={"TV_WORKERS": "0"})


def test_variables_that_are_no_setting_are_listed() -> None:
    known = {"TV_HOME": "x", "TV_SETTINGS": "y", "PATH": "z"}
    assert unknown_variables({**known, "TV_LAKEHOSE": "w"}) == ["TV_LAKEHOSE"]


def test_without_a_block_the_environment_is_read_anew(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert current_settings().workers is None
    monkeypatch.setenv("TV_WORKERS", "5")
    assert current_settings().workers == 5
    file = written(here / "data" / "quant.yaml", "log_level: info\n")
    assert current_settings().log_level == "info"
    file.unlink()
    assert current_settings().log_level == "warning"


def test_a_block_is_left_as_it_was_found(here: Path) -> None:
    assert here
    with use_settings(Settings(workers=3)) as outer:
        with pytest.raises(ConfigError), use_settings(Settings(workers=4)):
            resolve({"workers": current_settings().workers == 4, "none": 1})
        assert current_settings() is outer
    assert current_settings().workers is None


def seen(_unit: int, _shared: object) -> tuple[str, int | None]:
    settings = current_settings()
    return settings.lakehouse, settings.workers


def test_two_runs_in_threads_of_one_process_see_their_own(here: Path) -> None:
    found: dict[int, list[tuple[str, int | None]]] = {}
    meet = threading.Barrier(2, timeout=30)

    def run(number: int) -> None:
        with use_settings(Settings(home=here / str(number), workers=number)):
            found[number] = []
            for _, value in SerialCompute().map(seen, range(20), shared={"a": np.zeros(1)}):
                meet.wait()
                found[number].append(value)

    threads = [threading.Thread(target=run, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [(f"{here}/{number}/lakehouse", number)] * 20 for number in (1, 2)}
    assert current_settings().workers is None


def test_a_thread_in_a_copy_of_the_context_sees_the_settings(here: Path) -> None:
    assert here
    found: list[int | None] = []
    with use_settings(Settings(workers=7)):
        context = copy_context()
        threads = [
            threading.Thread(target=lambda: found.append(current_settings().workers)),
            threading.Thread(
                target=context.run, args=(lambda: found.append(current_settings().workers),)
            ),
        ]
        for thread in threads:
            thread.start()
            thread.join()
    assert found == [None, 7]
