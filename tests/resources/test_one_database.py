"""One PostgreSQL database for Dagster, MLflow and the strategies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from quant_core.errors import ConfigError, StoreError
from resources._postgres import database_url, locked, make_schema, within
from tests.resources._postgres import MissingServerError, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
URL = "postgresql+psycopg2://quant:p4%25ss@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with running_postgres() as url:
            yield url
    except MissingServerError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def _answer(connection: Connection, question: str) -> object:
    from sqlalchemy import text

    return connection.execute(text(question)).scalar_one()


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("TV_POSTGRES", "TV_STRATEGIES", "TV_SETTINGS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_without_the_variable_there_is_none(clean: pytest.MonkeyPatch) -> None:
    assert database_url() == ""
    clean.setenv("TV_POSTGRES", URL)
    assert database_url() == URL


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://u:p4ss@h/x", "postgresql://"),
        ("mysql://u:p4ss@h/x", "mysql://"),
        ("quant:p4ss", "what is not a URL"),
    ],
)
def test_another_url_is_refused_without_its_password(
    clean: pytest.MonkeyPatch, url: str, found: str
) -> None:
    clean.setenv("TV_POSTGRES", url)
    with pytest.raises(ConfigError, match=f"expected .*, found {found}") as refused:
        database_url()
    assert "p4ss" not in str(refused.value)


def test_a_schema_keeps_password_and_options_of_the_url() -> None:
    assert within(URL, "mlflow") == f"{URL}?options=-csearch_path%3Dmlflow"
    slow = f"{URL}?options=-cstatement_timeout%3D9"
    assert within(slow, "mlflow") == f"{slow}+-csearch_path%3Dmlflow"


def test_tables_go_into_their_schema(server: str) -> None:
    for _ in range(2):
        make_schema(server, "one")
    with locked(within(server, "one")) as connection:
        assert _answer(connection, "SELECT current_schema()") == "one"
    with locked(server) as connection:
        assert _answer(connection, "SELECT current_schema()") == "public"


def test_the_lock_is_held_once(server: str) -> None:
    from sqlalchemy import create_engine

    free = "SELECT pg_try_advisory_xact_lock(7305804403)"
    engine = create_engine(server)
    with locked(within(server, "one")), engine.connect() as other:
        assert _answer(other, free) is False
    with engine.connect() as other:
        assert _answer(other, free) is True
    engine.dispose()


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match=r"//quant:\*\*\*@127.0.0.1:1/none") as refused:
        make_schema(URL, "mlflow")
    assert "p4" not in str(refused.value)
