from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = "from quant_core.cli import main; main()"
HEAVY = ("numpy", "pandas", "pyarrow", "pydantic", "numba", "duckdb", "plotly", "jinja2", "ray")


def _start(*arguments: str, code: str = ENTRY) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A job in the background of a shell ignores the interrupt that a person sends.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    )


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, json\n"
        "from quant_core.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n"
        f"    print(json.dumps([end.code, [m for m in {HEAVY} if m in sys.modules]]))\n"
    )
    out, _ = _start("--help", code=code).communicate()
    assert "tournament" in out
    assert json.loads(out.splitlines()[-1]) == [0, []]


def test_a_bad_file_ends_a_real_process_with_2(tmp_path: Path) -> None:
    process = _start(
        *(
            "tournament",
            "run",
            "--config",
            str(tmp_path / "no.yaml"),
            "--out",
            str(tmp_path / "out"),
        )
    )
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert err == f"error: {tmp_path}/no.yaml: no such file\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="SIGINT to one process is POSIX")
def test_control_c_ends_with_130_and_the_rerun_goes_on(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "data: {sample: true, start: 2005-01-01}\nselections: [all]\n"
        "profiles: [min_variance, risk_parity, hrp]\nrebalances: [window]\n"
    )
    arguments = ("tournament", "run", "--config", str(config), "--out", str(tmp_path / "out"))
    process = _start(*arguments, "--backend", "serial")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("selecting"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "interrupted; what was computed is kept" in err
    assert not (tmp_path / "out" / "report.html").exists()
    again = _start(*arguments, "--backend", "serial", "--json")
    out, err = again.communicate()
    assert again.returncode == 0, err
    counts = json.loads(out)["cells"]["selection"]
    assert counts["computed"] == 0
    assert counts["hits"] > 0


def test_a_reader_that_leaves_early_is_no_error() -> None:
    code = f"import sys; sys.argv[0] = 'quant'; {ENTRY}"
    process = _start("config", "schema", code=code)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait() in {0, 1}
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
