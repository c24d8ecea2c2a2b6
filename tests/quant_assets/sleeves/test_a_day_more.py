from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    from tests.quant_assets.sleeves.conftest import Sleeves

OWN = ("raw_prices", "returns_matrix", "atom_returns")


def test_a_new_day_changes_its_own_month_alone(
    two: tuple[Sleeves, dict[str, Any]], tmp_path: Path
) -> None:
    made, told = two
    later = made.copy(tmp_path)
    path = later.data / "stocks.parquet"
    table = pq.read_table(path)
    day = pa.table(
        {
            "date": np.full(7, np.datetime64("2019-06-27", "ms")),
            # One symbol is new.
            "symbol": [f"s{number}" for number in range(7)],
            "close": np.full(7, 51.0),
            "volume": np.full(7, 1e6),
        },
        schema=table.schema,
    )
    grown = pa.concat_tables([table, day]).sort_by([("symbol", "ascending"), ("date", "ascending")])
    pq.write_table(grown, path, row_group_size=200)
    before = later.files()
    again = later.materialize("2019-01|coins", "2019-06|stocks")
    after = later.files()
    changed = {name for name in after if after[name] != before.get(name)}
    assert {name for name in changed if name.split("/")[0] in OWN} == {
        f"{asset}/stocks/2019-06.parquet" for asset in OWN
    }
    assert not [name for name in changed if "/coins/" in name]
    # The window of June was solved before its first day.
    assert not [name for name in changed if name.startswith(("weights_cube", "selected_atoms"))]
    versions = [{(a, p): v for a, p, v in run["events"]} for run in (told, again)]
    moved = {key for key, version in versions[1].items() if versions[0][key] != version}
    assert moved == {(asset, "2019-06|stocks") for asset in OWN}
