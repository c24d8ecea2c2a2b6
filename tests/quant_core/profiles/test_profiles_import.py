"""Reading a configuration does not wait for the compiler."""

from __future__ import annotations

import subprocess
import sys


def test_profiles_and_engines_load_no_compiler() -> None:
    code = (
        "import sys, quant_core.profiles, quant_core.engines\n"
        "print(sorted({'numba', 'pandas', 'scipy', 'daqp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
