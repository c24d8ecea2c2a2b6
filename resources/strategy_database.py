"""The strategy database: what runners are told to serve, and what they say they serve."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from quant_core.clock import clock
from quant_core.errors import ConfigError, StoreError
from quant_core.live import Served, StrategyRow
from resources._strategy_tables import Tables, connect, prepare, tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

__all__ = ["Report", "StrategyDatabase", "Version"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a row.

    Parameters
    ----------
    revision : int
        Revision of the database that it is.
    updated_at : datetime
        When it was written, UTC.
    updated_by : str
        Who wrote it.
    row : StrategyRow
        The row.
    """

    revision: int
    updated_at: datetime
    updated_by: str
    row: StrategyRow


@dataclass(frozen=True, slots=True)
class Report:
    """What a runner said of one strategy.

    Parameters
    ----------
    runner : str
        Name of the runner.
    served : Served
        What it said.
    reported_at : datetime
        When, UTC.
    """

    runner: str
    served: Served
    reported_at: datetime


class StrategyDatabase:
    """Rows of strategies in SQLite or PostgreSQL, with every version that they ever had.

    Parameters
    ----------
    url : str
        A path or ``sqlite:///FILE``, which is created; or
        ``postgresql+psycopg2://USER:PASSWORD@HOST/NAME``. The password appears in no message.

    Raises
    ------
    ConfigError
        If the URL is none of these.
    StoreError
        If the database cannot be reached, or was written by another version of the schema.
    UnavailableError
        If SQLAlchemy is not installed.

    Examples
    --------
    >>> database = StrategyDatabase("strategies.db")  # doctest: +SKIP
    >>> database.put(row, by="redeploy")  # doctest: +SKIP
    1
    """

    def __init__(self, url: str) -> None:
        self._engine = connect(url)
        self._place = self._engine.url.render_as_string(hide_password=True)
        self._tables: Tables = tables()
        with self._writing() as connection:
            prepare(connection, self._tables, self._place)

    @property
    def place(self) -> str:
        """The URL, without its password."""
        return self._place

    def revision(self) -> int:
        """Return a number that grows with every change of a row.

        Raises
        ------
        StoreError
            If the database cannot be read.
        """
        with self._reading() as connection:
            return self._revision(connection)

    def rows(self) -> list[StrategyRow]:
        """Return every row, by name.

        Raises
        ------
        StoreError
            If the database cannot be read, or a row in it is none.
        """
        from sqlalchemy import select

        table = self._tables.strategies
        with self._reading() as connection:
            found = connection.execute(select(table.c.name, table.c.row).order_by(table.c.name))
            return [self._parsed(name, text) for name, text in found]

    def put(self, row: StrategyRow, *, by: str, expected: int | None = None) -> int:
        """Write a row, keep the former one in the history, and return the new revision.

        Parameters
        ----------
        row : StrategyRow
            The row; it replaces the one of its name.
        by : str
            Who writes it.
        expected : int, optional
            Revision that the row has, 0 for a row that is new: the write is refused if somebody
            else wrote it since.

        Raises
        ------
        ConfigError
            If the row has another revision than the expected one.
        StoreError
            If the database cannot be written.
        """
        with self._writing() as connection:
            return self._put(connection, row, by, expected)

    def disable(self, name: str, *, by: str) -> int:
        """Keep a row but serve it no longer, and return the new revision.

        Raises
        ------
        ConfigError
            If there is no row of that name.
        """
        return self._replace(name, by, {"enabled": False})

    def restore(self, name: str, revision: int, *, by: str) -> int:
        """Write a former version of a row again, and return the new revision.

        Raises
        ------
        ConfigError
            If the row never had that revision.
        """
        versions = {version.revision: version for version in self.history(name)}
        if revision not in versions:
            known = ", ".join(map(str, versions)) or "none"
            raise ConfigError(f"{name}: expected one of the revisions {known}, found {revision}")
        return self.put(versions[revision].row, by=by)

    def history(self, name: str) -> list[Version]:
        """Return every version of a row, oldest first."""
        from sqlalchemy import select

        table = self._tables.history
        query = select(table).where(table.c.name == name).order_by(table.c.revision)
        with self._reading() as connection:
            return [
                Version(
                    found.revision,
                    _utc(found.updated_at),
                    found.updated_by,
                    self._parsed(name, found.row),
                )
                for found in connection.execute(query)
            ]

    def report(self, runner: str, served: Sequence[Served]) -> None:
        """Record what a runner serves now, in place of its last report.

        Raises
        ------
        StoreError
            If the database cannot be written.
        """
        from sqlalchemy import delete, insert

        table, now = self._tables.served, clock().now()
        rows = [
            {
                "runner": runner,
                "strategy": one.strategy,
                "state": one.state,
                "model_version": one.model_version,
                "sha256": one.sha256,
                "detail": one.detail,
                "reported_at": now,
            }
            for one in served
        ]
        with self._writing() as connection:
            connection.execute(delete(table).where(table.c.runner == runner))
            if rows:
                connection.execute(insert(table), rows)

    def served(self, runner: str | None = None) -> list[Report]:
        """Return what runners last said, by runner and strategy; of one runner if it is named."""
        from sqlalchemy import select

        table = self._tables.served
        query = select(table).order_by(table.c.runner, table.c.strategy)
        if runner is not None:
            query = query.where(table.c.runner == runner)
        with self._reading() as connection:
            return [
                Report(
                    found.runner,
                    Served(
                        found.strategy,
                        found.state,
                        found.model_version,
                        found.sha256,
                        found.detail,
                    ),
                    _utc(found.reported_at),
                )
                for found in connection.execute(query)
            ]

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _replace(self, name: str, by: str, changes: dict[str, Any]) -> int:
        from sqlalchemy import select

        table = self._tables.strategies
        with self._writing() as connection:
            query = select(table.c.row).where(table.c.name == name).with_for_update()
            text = connection.execute(query).scalar_one_or_none()
            if text is None:
                raise ConfigError(f"expected a strategy in {self._place}, found no row {name!r}")
            row = self._parsed(name, text).model_copy(update=changes)
            return self._put(connection, row, by, None)

    def _put(self, connection: Connection, row: StrategyRow, by: str, expected: int | None) -> int:
        from sqlalchemy import delete, insert, select, update

        state, table = self._tables.state, self._tables.strategies
        # The first statement locks the counter, so that writers take their turns.
        counter = state.c.name == "revision"
        connection.execute(update(state).where(counter).values(value=state.c.value + 1))
        query = select(table.c.revision).where(table.c.name == row.name)
        found = connection.execute(query).scalar_one_or_none() or 0
        if expected is not None and found != expected:
            raise ConfigError(
                f"{row.name}: expected revision {expected}, found {found}; somebody else wrote it: "
                "read it again"
            )
        revision = self._revision(connection)
        values = {
            "name": row.name,
            "revision": revision,
            "updated_at": clock().now(),
            "updated_by": by,
            "row": row.model_dump_json(),
        }
        connection.execute(delete(table).where(table.c.name == row.name))
        connection.execute(insert(table), [values])
        connection.execute(insert(self._tables.history), [values])
        return revision

    def _revision(self, connection: Connection) -> int:
        from sqlalchemy import select

        state = self._tables.state
        query = select(state.c.value).where(state.c.name == "revision")
        return int(connection.execute(query).scalar_one())

    def _parsed(self, name: str, text: str) -> StrategyRow:
        try:
            return StrategyRow.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise StoreError(
                f"strategy database {self._place}: strategy {name!r}: {where}: {first['msg']}; "
                "write the row again"
            ) from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._transaction(writes=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            engine = self._engine.execution_options(writes=writes)
            with engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or type(error).__name__
            raise StoreError(
                f"strategy database {self._place}: expected it to answer, found: "
                f"{str(cause).strip()}; check that it exists and may be written"
            ) from error


def _utc(instant: datetime) -> datetime:
    """Return an instant in UTC; SQLite forgets the timezone that it was given."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
