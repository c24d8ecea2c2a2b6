"""The runs of a ledger, each with the records that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quant_core.canonical import digest_json
from quant_core.config import parse_config
from quant_core.data import DataConfig
from quant_core.errors import ConfigError, LedgerError
from quant_core.ledger import Kind, records

if TYPE_CHECKING:
    from os import PathLike

    from quant_core.config import TournamentConfig
    from quant_core.ledger import Record

__all__ = ["RecordedRun", "recorded_runs", "run_of"]


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What a ledger says of one run.

    Parameters
    ----------
    run_id : str
        The run.
    genesis : Record
        What it was given.
    records : tuple of Record
        What it did, in order.
    """

    run_id: str
    genesis: Record
    records: tuple[Record, ...] = field(repr=False)

    @property
    def results(self) -> tuple[Record, ...]:
        """What it made: actions that succeeded, models and candidates."""
        return tuple(
            record
            for record in self.records
            if record.kind is not Kind.ACTION or record.body["phase"] == "success"
        )

    @property
    def failure(self) -> str:
        """Which action failed, and how; empty when none did."""
        for record in self.records:
            if record.kind is Kind.ACTION and record.body["phase"] == "error":
                outcome = record.body["outcome"]
                return f"{record.body['name']}: {outcome['error']}: {outcome['message']}"
        return ""

    def config(self) -> TournamentConfig:
        """Return its configuration.

        Raises
        ------
        LedgerError
            If it was not recorded, or is not the one that ran.
        """
        told = self.genesis.body.get("config")
        if told is None:
            raise LedgerError(
                f"run {self.run_id}: its genesis has no configuration, so it cannot be replayed: "
                "it was written by assets, whose partitions have data versions to compare, or by "
                "an older release"
            )
        try:
            config = parse_config(told, origin=f"configuration of run {self.run_id}")
        except ConfigError as error:
            raise LedgerError(f"{error}; this release no longer knows it as it was") from error
        found, stated = digest_json(config.resolved()), self.genesis.body["config_hash"]
        if found != stated:
            raise LedgerError(
                f"run {self.run_id}: the recorded configuration reads as {found}, the run had "
                f"{stated}: a value looked like a secret and was not recorded, or this release "
                "adds a field; replay it with the release that wrote it"
            )
        return config

    def source(self) -> DataConfig:
        """Return where its data came from.

        Raises
        ------
        LedgerError
            If a part of it was a secret.
        """
        told: dict[str, Any] = self.genesis.body["data"]["source"]
        hidden = [name for name in ("prices", "returns") if "[redacted]" in str(told.get(name))]
        if hidden:
            raise LedgerError(
                f"run {self.run_id}: data.{hidden[0]} held a secret, which no ledger keeps: "
                f"{told[hidden[0]]}; give the URL by --{hidden[0]}"
            )
        return DataConfig.model_validate(told)


def run_of(record: Record) -> str:
    """Return the run that a record belongs to; empty when it says none."""
    place = record.body.get("context", {}) if record.kind is Kind.ACTION else record.body
    return str(place.get("run_id", ""))


def recorded_runs(path: str | PathLike[str]) -> tuple[RecordedRun, ...]:
    """Return the runs of a ledger in the order in which they began.

    Parameters
    ----------
    path : str or path-like
        The file.

    Raises
    ------
    LedgerError
        If the file cannot be read or its chain is broken.
    """
    begun: dict[str, Record] = {}
    own: dict[str, list[Record]] = {}
    for record in records(path):
        run_id = run_of(record)
        if record.kind is Kind.GENESIS:
            begun[run_id] = record
            own[run_id] = []  # a run that was started again under its id counts from here
        elif run_id in own:
            own[run_id].append(record)
    return tuple(RecordedRun(name, first, tuple(own[name])) for name, first in begun.items())
