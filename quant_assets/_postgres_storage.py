"""Dagster's storage on PostgreSQL: a schema to itself, and events in batches."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

import dagster as dg
from dagster import DagsterEventType
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClass
from dagster_postgres import (
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)

from quant_assets._event_log import prefer_batches
from resources._postgres import locked, make_schema, within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagster._config.config_schema import UserConfigSchema
    from dagster._core.events.log import EventLogEntry
    from dagster._serdes import ConfigurableClassData

__all__ = ["BatchedPostgresEventLog", "PostgresStorage"]

_SCHEMA = "dagster"
_TOGETHER = {
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_OBSERVATION,
}


class BatchedPostgresEventLog(PostgresEventLogStorage):
    """The event log on a server, writing batches.

    Dagster's own class writes a batch of materializations at once, but each planned one on three
    connections of its own. Here every batch is one connection and one transaction.
    """

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events, neighbours of assets together."""
        for of_assets, group in groupby(events, key=_of_asset):
            if of_assets:
                self._store_together(list(group))
            else:
                super().store_event_batch(list(group))

    def _store_together(self, events: Sequence[EventLogEntry]) -> None:
        insert = self.prepare_insert_event_batch(events)
        insert = insert.returning(SqlEventLogStorageTable.c.id)
        with self.index_transaction() as connection:
            numbers = [int(row[0]) for row in connection.execute(insert)]
            self._store_asset_event_tags(connection, events, numbers)
            # An asset's row says what came last.
            last = {
                event.get_dagster_event().asset_key: place for place, event in enumerate(events)
            }
            for place in last.values():
                self._store_asset_event(connection, events[place], numbers[place])


def _of_asset(event: EventLogEntry) -> bool:
    return event.is_dagster_event and event.dagster_event_type in _TOGETHER


class PostgresStorage(DagsterStorage[Any], ConfigurableClass):
    """Runs, events and schedules in the schema ``dagster`` of a database.

    Parameters
    ----------
    url : str
        ``postgresql+psycopg2://USER:PASSWORD@HOST/NAME``.
    inst_data : ConfigurableClassData, optional
        What Dagster made it from.
    """

    def __init__(self, url: str, inst_data: ConfigurableClassData | None = None) -> None:
        own = within(url, _SCHEMA)
        make_schema(url, _SCHEMA)
        with locked(url):
            self._runs = PostgresRunStorage(own)
            self._events = BatchedPostgresEventLog(own)
            self._schedules = PostgresScheduleStorage(own)
        self._inst_data = inst_data
        super().__init__()  # type: ignore[no-untyped-call] # Dagster's own

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What Dagster made it from."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return what dagster.yaml has to say."""
        return {"url": dg.Field(dg.StringSource)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Return the storage of a database."""
        prefer_batches()
        return cls(config_value["url"], inst_data)

    @property
    def event_log_storage(self) -> BatchedPostgresEventLog:
        """Events."""
        return self._events

    @property
    def run_storage(self) -> PostgresRunStorage:
        """Runs."""
        return self._runs

    @property
    def schedule_storage(self) -> PostgresScheduleStorage:
        """Schedules and sensors."""
        return self._schedules
