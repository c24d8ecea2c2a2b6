"""A real platform: webserver, daemon and code location as processes, on a free port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.e2e._platform import BIN, ROOT, SLEEVE, Platform, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver.chrome.webdriver import WebDriver


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("platform")
    (home / "dagster").mkdir()
    (home / "sleeves").mkdir()
    (home / "sleeves" / "small.yaml").write_text(SLEEVE)
    shutil.copy(ROOT / "dagster.yaml", home / "dagster")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {
        "TV_HOME": str(home),
        "TV_SLEEVES": str(home / "sleeves"),
        "DAGSTER_HOME": str(home / "dagster"),
        "PYTHONWARNINGS": "ignore",
    }
    port, log = _free_port(), home / "dev.log"
    command = [BIN / "dagster", "dev", "--workspace", ROOT / "workspace.yaml", "--port", str(port)]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=home,
            env=env,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            # A job in the background of a shell ignores the interrupt that ends the platform.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
        )
    found = Platform(f"http://127.0.0.1:{port}", home, env, log)
    try:
        wait_for(found.answers, seconds=240, what=f"the webserver, see {log}")
        yield found
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[WebDriver]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        missing = "chromium or chromedriver is not installed (Debian: chromium, chromium-driver)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    from selenium import webdriver  # noqa: PLC0415 - needed by these tests alone
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415 - as above

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--window-size=1500,1100",
    ):
        options.add_argument(argument)
    opened = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield opened
    finally:
        opened.quit()
