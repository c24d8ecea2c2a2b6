"""One PostgreSQL database for all that the platform keeps in tables, named by one variable."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from quant_core.context import current_settings
from quant_core.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

__all__ = ["VARIABLE", "database_url", "locked", "make_schema", "within"]

VARIABLE = "TV_POSTGRES"
_DRIVER = "postgresql+psycopg2"


def database_url() -> str:
    """Return the URL that the setting ``postgres`` holds, empty if it is not set.

    Raises
    ------
    ConfigError
        If it is not ``postgresql+psycopg2://USER:PASSWORD@HOST/NAME``.
    """
    url = current_settings().postgres
    scheme = url.partition("://")[0]
    if url and scheme != _DRIVER:
        found = f"{scheme}://" if "://" in url else "what is not a URL"
        raise ConfigError(
            f"{VARIABLE}: expected {_DRIVER}://USER:PASSWORD@HOST/NAME, found {found}; change the "
            "variable, or unset it to keep everything in SQLite"
        )
    return url


def within(url: str, schema: str) -> str:
    """Return the URL whose tables live in a schema of the same database.

    Dagster and MLflow both keep a table `alembic_version`: each needs a schema to itself.
    """
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    former = parsed.query.get("options", "")
    options = f"{former if isinstance(former, str) else ' '.join(former)} -csearch_path={schema}"
    changed = parsed.update_query_dict({"options": options.strip()})
    return changed.render_as_string(hide_password=False)


def make_schema(url: str, schema: str) -> None:
    """Create a schema unless it is there."""
    from sqlalchemy import text

    with locked(url) as connection:
        connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))


@contextmanager
def locked(url: str) -> Iterator[Connection]:
    """Hold a lock that every process of the database shares, in a transaction.

    Processes that start together would create the same tables, and all but one would fail.

    Raises
    ------
    StoreError
        If the server does not answer, or does not let this user in.
    """
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.pool import NullPool

    engine = create_engine(url, poolclass=NullPool)
    try:
        opened = engine.connect()
    except OperationalError as error:
        place = engine.url.render_as_string(hide_password=True)
        raise StoreError(
            f"PostgreSQL at {place}: expected it to answer, found: {str(error.orig).strip()}; "
            f"start the server, or correct {VARIABLE}"
        ) from error
    with opened as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(7305804403)"))
        yield connection
