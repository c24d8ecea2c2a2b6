"""What an edit costs: predicted, planned, measured, and told on a page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from quant_core.simulators import end_apart
from quant_core.tournament import _simulating, plan

from .edits import EDITS, Edit, Fresh, arranged, as_before, carried_out, configured, measured, row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.quant_core.tournament.conftest import Market

PAGE = Path(__file__).parents[3] / "docs" / "cache.md"


@pytest.fixture(scope="module", autouse=True)
def loaded_once() -> Iterator[None]:
    """Keep the process of another library's simulator: it takes ten seconds to load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_simulating, "end_apart", lambda: None)
        yield
    end_apart()


@pytest.fixture(scope="module")
def fresh() -> Fresh:
    return Fresh()


@pytest.fixture(scope="module")
def page() -> list[str]:
    table = PAGE.read_text().partition("<!-- begin edits -->")[2].partition("<!-- end edits -->")[0]
    return [line for line in table.splitlines() if line.startswith("| ")]


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_what_an_edit_costs(market: Market, fresh: Fresh, page: list[str], edit: Edit) -> None:
    if edit.lack:
        pytest.skip(edit.lack)
    edited = edit.data(market)
    out = market.folder / f"{edit.slug}-warm"
    shutil.copytree(fresh.of(market, edit.base), out)
    before = snapshot(out)

    with arranged(edit, market.folder / f"{edit.slug}-library"):
        planned = plan(configured(edit, edited), out=out)
        assert planned.reasons == edit.predicted
        assert snapshot(out) == before

        result = carried_out(edit, edited, out)
        assert result.counts == planned.counts
        assert measured(out) == edit.predicted

        runs = fresh if edit.arrange is as_before else Fresh(edit.slug)
        expected = runs.of(edited, {**edit.base, **edit.changes})
    for file in ("selected_atoms.parquet", "weights_cube.parquet", "nav.parquet"):
        assert (out / file).read_bytes() == (expected / file).read_bytes(), file
    assert row(edit, result) in page, "run docs/scripts/cache.py"


def test_the_page_tells_every_edit_once(page: list[str]) -> None:
    assert [line.split(" | ")[0].removeprefix("| ") for line in page] == [
        "edit",
        *(edit.name for edit in EDITS),
    ]


def test_a_fresh_plan_finds_nothing_and_makes_no_folder(market: Market) -> None:
    out = market.folder / "never"
    planned = plan(market.config(), out=out)
    assert planned.counts == {"selection": (0, 12), "solve": (0, 48), "simulation": (0, 16)}
    assert planned.reasons == {
        "selection": {"new": 12},
        "solve": {"new": 48},
        "simulation": {"new": 16},
    }
    assert planned.windows == tuple(f"2020-0{month}-01" for month in range(3, 9))
    assert planned.stale == 76
    assert not out.exists()
