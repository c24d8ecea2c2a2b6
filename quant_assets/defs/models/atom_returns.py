"""Returns of everything that may be held: assets, and the streams of strategies on them."""

from collections.abc import Iterator, Mapping

import dagster as dg
import numpy as np
import pyarrow as pa

from quant_assets._assets import RETRIES, SINGLE_RUN, spans, version_of
from quant_assets._models import market_of
from quant_assets._resources import AuditTrail, LakehouseRoot
from quant_assets._sleeves import Sleeve, sleeves
from quant_assets._trail import digests_read
from quant_assets.partitions import MONTHLY, TWO_MONTHS_BACK, partition_key, sleeves_with_months
from quant_core.data import ReturnsMatrix
from quant_core.frames import digest_frame
from quant_core.strategies import (
    FeatureMatrix,
    ModelRecord,
    month_rows,
    monthly_signals,
    read_models,
    streams_of,
)
from quant_core.strategies import (
    atom_returns as with_streams,
)
from resources._final_errors import without_retry
from resources.ray_io_manager import Partition

__all__ = ["atom_returns"]

_CHECK = "nothing_from_the_future"


@dg.asset(
    group_name="models",
    partitions_def=MONTHLY,
    backfill_policy=SINGLE_RUN,
    retry_policy=RETRIES,
    code_version=version_of(
        "quant_core.strategies._streams",
        "quant_core.strategies._signals",
        sections=("benchmark", "costs", "strategies"),
    ),
    ins={
        name: dg.AssetIn(partition_mapping=TWO_MONTHS_BACK, metadata=spans())
        for name in ("returns_matrix", "feature_matrix", "strategy_models")
    },
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset="atom_returns",
            blocking=True,
            description="The streams of the last month stay what they are, to the bit, when all "
            "that comes after its middle is cut off.",
        )
    ],
    kinds={"parquet"},
)
@without_retry
def atom_returns(
    context: dg.AssetExecutionContext,
    lakehouse: LakehouseRoot,
    trail: AuditTrail,
    returns_matrix: dict[str, pa.Table],
    feature_matrix: dict[str, pa.Table],
    strategy_models: dict[str, pa.Table],
) -> Iterator[dg.MaterializeResult[dict[str, Partition]]]:
    """One column an atom: out-of-sample returns, each month's from the model that serves it."""
    found: dict[str, Partition] = {}
    ahead: list[str] = []
    for name, months in sleeves_with_months(list(context.partition_keys)).items():
        sleeve = sleeves()[name]
        given = digests_read(
            name,
            returns_matrix=returns_matrix,
            feature_matrix=feature_matrix,
            strategy_models=strategy_models,
        )
        run_id = context.run.run_id
        with trail.action(
            "streams", sleeve, run_id=run_id, inputs=given, partitions=months
        ) as told:
            action, witness = told
            matrix, features = market_of(sleeve, returns_matrix, feature_matrix)
            work = _Streams(sleeve, _records(name, strategy_models), lakehouse)
            whole = work.over(matrix, features, months)
            ahead += work.differing(whole, matrix, features, months[-1])
            parts = {month: _month(whole, month) for month in months}
            action.outcome = {"atoms": len(whole.symbols)}
            action.outputs = {month: digest_frame(part) for month, part in parts.items()}
        for month, part in parts.items():
            key = str(partition_key(name, month))
            found[key] = Partition(part, {**_metadata(part, matrix), **witness})
    check = dg.AssetCheckResult(
        check_name=_CHECK, passed=not ahead, metadata={"streams": ahead[:10]}
    )
    yield dg.MaterializeResult(value=found, check_results=[check])


def _records(sleeve: str, tables: Mapping[str, pa.Table]) -> list[ModelRecord]:
    own = [table for key, table in sorted(tables.items()) if key.endswith(f"|{sleeve}")]
    return [record for table in own for record in read_models(table)]


class _Streams:
    """The streams of a sleeve's strategies."""

    def __init__(
        self, sleeve: Sleeve, records: list[ModelRecord], lakehouse: LakehouseRoot
    ) -> None:
        self._config, self._records, self._lakehouse = sleeve.config, records, lakehouse

    def over(
        self, matrix: ReturnsMatrix, features: FeatureMatrix, months: list[str]
    ) -> ReturnsMatrix:
        """Return assets and streams over months."""
        store = self._lakehouse.models()
        signals = {
            strategy.name: monthly_signals(strategy, self._records, store, matrix, features)
            for strategy in self._config.strategies
        }
        return with_streams(matrix, streams_of(signals, matrix, self._config, months))

    def differing(
        self, whole: ReturnsMatrix, matrix: ReturnsMatrix, features: FeatureMatrix, month: str
    ) -> list[str]:
        """Name the columns of a month that know of what comes after its middle."""
        rows = month_rows(matrix.dates, month)
        middle = (rows.start + rows.stop) // 2
        past = FeatureMatrix(
            features.dates[:middle], features.symbols, features.names, features.values[:middle]
        )
        cut = ReturnsMatrix(matrix.dates[:middle], matrix.symbols, matrix.values[:middle])
        again = self.over(cut, past, [month])
        before = slice(rows.start, middle)
        return [
            name
            for name in again.symbols
            if _bits(again, name, before) != _bits(whole, name, before)
        ]


def _bits(matrix: ReturnsMatrix, name: str, rows: slice) -> bytes:
    return matrix.values[rows, matrix.symbols.index(name)].tobytes()


def _month(whole: ReturnsMatrix, month: str) -> ReturnsMatrix:
    rows = month_rows(whole.dates, month)
    values = whole.values[rows]
    seen = ~np.isnan(values).all(axis=0)
    symbols = tuple(name for name, kept in zip(whole.symbols, seen, strict=True) if kept)
    return ReturnsMatrix(whole.dates[rows], symbols, values[:, seen])


def _metadata(part: ReturnsMatrix, matrix: ReturnsMatrix) -> dict[str, object]:
    assets = len(set(part.symbols) & set(matrix.symbols))
    return {"days": len(part.dates), "assets": assets, "streams": len(part.symbols) - assets}
