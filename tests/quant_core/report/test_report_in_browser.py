from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from quant_core.report import write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium.webdriver.remote.webdriver import WebDriver

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
)

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="chromium and chromedriver are not installed"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[WebDriver]:
    options = Options()
    options.binary_location = CHROMIUM or ""
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_network_conditions(offline=True, latency=0, throughput=1)
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser: WebDriver, folder: Callable[..., Path]) -> Callable[..., WebDriver]:
    def show(width: int = 1280, **changes: Any) -> WebDriver:
        page = write_report(folder(**changes))
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get_log("browser")
        browser.get(page.as_uri())
        ready = "const t = document.getElementById('leaderboard'); return !t || !!t.dataset.ready"
        WebDriverWait(browser, 60).until(lambda driver: driver.execute_script(ready))
        return browser

    return show


def _column(driver: WebDriver, number: int) -> list[str]:
    cells = driver.find_elements(By.CSS_SELECTOR, f"#leaderboard tbody td:nth-child({number})")
    return [cell.text for cell in cells]


def _click(driver: WebDriver, css: str) -> None:
    driver.execute_script("document.querySelector(arguments[0]).click()", css)


def _traces(driver: WebDriver, chart: str) -> list[str]:
    names: list[str] = driver.execute_script(
        "return document.getElementById(arguments[0]).data.map(trace => trace.name || '')", chart
    )
    return names


@pytest.mark.parametrize("width", [1280, 390])
def test_every_chart_is_drawn_and_nothing_is_complained_of(
    opened: Callable[..., WebDriver], width: int
) -> None:
    driver = opened(width)
    drawn = driver.execute_script(
        "return [...document.querySelectorAll('.chart')].map("
        "chart => [chart.id, chart.querySelectorAll('svg.main-svg').length > 0])"
    )
    assert sorted(name for name, there in drawn if there) == [
        "coverage-chart",
        "heat-chart",
        "luck-chart",
        "map-chart",
        "nav-chart",
        "pbo-chart",
        "residual-chart",
        "scatter-chart",
        "weights-chart",
    ]
    assert [entry["message"] for entry in driver.get_log("browser")] == []
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width


def test_cells_engines_and_simulators_are_drawn_against_each_other(
    opened: Callable[..., WebDriver],
) -> None:
    driver = opened(
        390, symbols=44, engines=("native", "cvxpy"), simulators=("custom", "vectorbt", "nautilus")
    )
    shown = "const it = document.getElementById(arguments[0]); return "
    parity = driver.execute_script(
        f"{shown} [it.layout.yaxis.ticktext, it.layout.shapes.map(shape => shape.x0)]",
        "parity-chart",
    )
    assert parity == [["vectorbt", "nautilus"], [-10, -9]]
    assert driver.execute_script(f"{shown} it.data[0].x", "agreement-chart") == ["native", "cvxpy"]
    (x, y), threshold = driver.execute_script(
        "const data = JSON.parse(document.getElementById('payload').textContent);"
        f"{shown} [it.data.filter(trace => (trace.name || '').startsWith('luck alone'))"
        ".flatMap(trace => [trace.x, trace.y]), data.frontier.threshold]",
        "scatter-chart",
    )
    assert y == pytest.approx([threshold * risk for risk in x])
    notes = driver.find_elements(By.CSS_SELECTOR, "#scatter-chart .annotation")
    assert "market" in [note.text for note in notes]
    first = driver.execute_script(f"{shown} [it.data[0].y.length, it.data[0].z[0][0]]", "map-chart")
    choice = Select(driver.find_element(By.ID, "map-choice"))
    assert choice.first_selected_option.text.startswith("best: ")
    choice.select_by_index(3)
    drawn = driver.execute_script(f"{shown} it.data[0].z", "map-chart")
    assert (len(drawn), first[0]) == (41, 41)
    assert drawn[0][0] != first[1]
    totals = [sum(column) for column in zip(*drawn, strict=True)]
    assert totals == pytest.approx([1.0] * len(totals), abs=3e-3)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
    assert [entry["message"] for entry in driver.get_log("browser")] == []


def test_a_click_on_a_heading_sorts(opened: Callable[..., WebDriver]) -> None:
    driver = opened()
    heads = [head.text for head in driver.find_elements(By.CSS_SELECTOR, "#leaderboard thead th")]
    place = heads.index("Volatility") + 1
    assert _column(driver, 1) == [str(rank) for rank in range(1, 16)]
    for descending in (False, True):
        _click(driver, f"#leaderboard thead th:nth-child({place})")
        shown = [
            float(text.split("\N{NARROW NO-BREAK SPACE}")[0]) for text in _column(driver, place)
        ]
        assert shown == sorted(shown, reverse=descending)
    assert len(shown) == 15


def test_headings_carry_their_definitions(opened: Callable[..., WebDriver]) -> None:
    driver = opened()
    titles = {
        head.text: head.get_attribute("title")
        for head in driver.find_elements(By.CSS_SELECTOR, "#leaderboard thead th")
    }
    assert "mean(r - f) / sd(r)" in str(titles["Sharpe"])
    assert titles["Max drawdown"]


def test_a_filter_leaves_the_cells_it_names(opened: Callable[..., WebDriver]) -> None:
    driver = opened()
    selects = driver.find_elements(By.CSS_SELECTOR, "#filters select")
    Select(selects[1]).select_by_visible_text("hrp")
    assert set(_column(driver, 3)) == {"hrp"}
    assert len(_column(driver, 3)) == 4
    Select(selects[0]).select_by_visible_text("top_momentum")
    assert set(_column(driver, 2)) == {"top_momentum"}
    assert len(_column(driver, 2)) == 2


def test_a_click_on_a_row_draws_its_path_and_a_second_takes_it_away(
    opened: Callable[..., WebDriver],
) -> None:
    driver = opened()
    before = _traces(driver, "nav-chart")
    _click(driver, "#leaderboard tbody tr:nth-child(3)")
    name = " \N{MIDDLE DOT} ".join(_column(driver, column)[2] for column in (2, 3, 4))
    assert _traces(driver, "nav-chart") == [*before, name]
    _click(driver, "#leaderboard tbody tr:nth-child(3)")
    assert _traces(driver, "nav-chart") == before


def test_the_theme_can_be_switched(opened: Callable[..., WebDriver]) -> None:
    driver = opened()

    def paper() -> str:
        return str(driver.execute_script("return getComputedStyle(document.body).backgroundColor"))

    first = paper()
    _click(driver, "#theme")
    assert paper() != first
    assert [entry["message"] for entry in driver.get_log("browser")] == []


def test_a_narrow_screen_names_a_cell_in_one_column(opened: Callable[..., WebDriver]) -> None:
    driver = opened(390)
    heads = [head.text for head in driver.find_elements(By.CSS_SELECTOR, "#leaderboard thead th")]
    assert heads[:3] == ["#", "cell", "Sharpe"]


@pytest.mark.parametrize(
    "changes", [{"benchmark": False, "pbo": False}, {"every_cell_failed": True}]
)
def test_what_is_missing_breaks_nothing(
    opened: Callable[..., WebDriver], changes: dict[str, Any]
) -> None:
    driver = opened(**changes)
    assert [entry["message"] for entry in driver.get_log("browser")] == []
    assert driver.find_element(By.ID, "silent").is_displayed()
