"""The tables of the strategy database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from quant_core.errors import ConfigError, StoreError, UnavailableError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

__all__ = ["SCHEMA_VERSION", "Tables", "connect", "prepare", "tables"]

SCHEMA_VERSION = 1
_BUSY_SECONDS = 30.0


class Tables(NamedTuple):
    """The tables, each described once for every database."""

    state: Table
    strategies: Table
    history: Table
    served: Table


def connect(url: str) -> Engine:
    """Return an engine for a URL, or for the path of a SQLite file.

    Raises
    ------
    ConfigError
        If the URL is none, or names a database that is neither SQLite nor PostgreSQL.
    UnavailableError
        If SQLAlchemy is not installed.
    """
    try:
        from sqlalchemy import create_engine, event
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError as error:
        raise UnavailableError(
            "strategy database: SQLAlchemy is not installed; install quant-assets[live]"
        ) from error
    try:
        parsed = make_url(url if "://" in url else f"sqlite:///{url}")
    except ArgumentError:
        raise _unknown("what is not a URL") from None
    if parsed.drivername not in {"sqlite", "postgresql+psycopg2"}:
        raise _unknown(f"{parsed.drivername}://")
    if parsed.drivername == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": _BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(parsed, pool_pre_ping=True, pool_size=2, max_overflow=2)


def tables() -> Tables:
    """Return the tables."""
    from sqlalchemy import (
        BigInteger,
        Column,
        DateTime,
        MetaData,
        String,
        Table,
        Text,
    )

    every = MetaData()
    state = Table(
        "strategy_state",
        every,
        Column("name", String(32), primary_key=True),
        Column("value", BigInteger, nullable=False),
    )
    strategies = Table(
        "strategies",
        every,
        Column("name", String(128), primary_key=True),
        Column("revision", BigInteger, nullable=False),
        Column("updated_at", DateTime(timezone=True), nullable=False),
        Column("updated_by", String(256), nullable=False),
        Column("row", Text, nullable=False),
    )
    history = Table(
        "strategy_history",
        every,
        Column("revision", BigInteger, primary_key=True, autoincrement=False),
        Column("name", String(128), nullable=False, index=True),
        Column("updated_at", DateTime(timezone=True), nullable=False),
        Column("updated_by", String(256), nullable=False),
        Column("row", Text, nullable=False),
    )
    served = Table(
        "served",
        every,
        Column("runner", String(256), primary_key=True),
        Column("strategy", String(128), primary_key=True),
        Column("state", String(32), nullable=False),
        Column("model_version", String(256), nullable=False),
        Column("sha256", String(64), nullable=False),
        Column("detail", Text, nullable=False),
        Column("reported_at", DateTime(timezone=True), nullable=False),
    )
    return Tables(state, strategies, history, served)


def prepare(connection: Connection, every: Tables, place: str) -> None:
    """Create what is missing, and refuse a schema of another version.

    Raises
    ------
    StoreError
        If the database was written by another version.
    """
    from sqlalchemy import insert, select, text

    if connection.dialect.name == "postgresql":
        # Two runners that start together would both create the tables.
        connection.execute(text("SELECT pg_advisory_xact_lock(7305804402)"))
    every.state.metadata.create_all(connection)
    rows = connection.execute(select(every.state.c.name, every.state.c.value))
    found = {row.name: row.value for row in rows}
    if not found:
        values = [{"name": "schema", "value": SCHEMA_VERSION}, {"name": "revision", "value": 0}]
        connection.execute(insert(every.state), values)
    elif found.get("schema") != SCHEMA_VERSION:
        raise StoreError(
            f"strategy database {place}: expected schema {SCHEMA_VERSION}, found "
            f"{found.get('schema')}; use the release that wrote it, or another database"
        )


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then writes would fail at once where another one writes.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _unknown(found: str) -> ConfigError:
    return ConfigError(
        "strategy database: expected a path, sqlite:///FILE or "
        f"postgresql+psycopg2://USER:PASSWORD@HOST/NAME, found {found}"
    )
