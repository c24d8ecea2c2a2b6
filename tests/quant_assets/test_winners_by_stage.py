from __future__ import annotations

import pyarrow as pa

from quant_assets._assets import version_of
from quant_assets.defs.research.selected_atoms import _winners_by_stage, selected_atoms


def test_winners_are_counted_by_the_stage_that_supplied_them() -> None:
    table = pa.table(
        {
            "selection": ["all", "all", "htr", "htr", "htr", "htr", "mild", "mild"],
            "stage": pa.array([None, None, 1, 1, None, 4, 3, None], pa.int32()),
        }
    )
    assert _winners_by_stage(table) == {
        "htr": {"strict": 2, "spectral": 0, "cluster": 0, "fill": 1},
        "mild": {"strict": 0, "spectral": 0, "cluster": 1, "fill": 0},
    }


def test_there_is_nothing_to_count_without_a_selection_in_stages() -> None:
    table = pa.table({"selection": ["all"], "stage": pa.array([None], pa.int32())})
    assert _winners_by_stage(table) == {}
    assert _winners_by_stage(None) == {}


def test_the_code_of_the_asset_is_that_of_the_rules_it_applies() -> None:
    (version,) = selected_atoms.code_versions_by_key.values()
    rules = ("_clustered", "_every", "_low_volatility", "_momentum")
    assert version == version_of(
        "quant_core.tournament._selecting",
        *(f"quant_core.selection.{rule}" for rule in rules),
        sections=("windows", "benchmark", "directions", "selections", "universe"),
    )
