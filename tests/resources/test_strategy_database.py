"""The strategy database on SQLite and on a PostgreSQL server."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from quant_core.errors import ConfigError, StoreError
from quant_core.features import Feature, FeatureSet
from quant_core.live import Served, StrategyRow
from quant_core.models import ModelSpec, Signature
from resources.strategy_database import StrategyDatabase
from tests.resources._postgres import MissingServerError, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEATURES = FeatureSet(features=(Feature(kind="momentum", window=5),))
pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")


def row(name: str, version: str = "1") -> StrategyRow:
    model = ModelSpec(
        uri="memory://model",
        sha256="a" * 64,
        framework="linear",
        version=version,
        signature=Signature(inputs=1),
        feature_hash=FEATURES.hash,
    )
    return StrategyRow(name=name, features=FEATURES, model=model)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    try:
        with running_postgres() as url:
            yield url
    except MissingServerError as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/strategies.db"
    found: str = request.getfixturevalue("postgres")
    _empty(found)
    return found


@pytest.fixture
def database(url: str) -> Iterator[StrategyDatabase]:
    with StrategyDatabase(url) as opened:
        yield opened


def _empty(url: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()


def test_rows_come_by_name_and_every_write_is_a_revision(database: StrategyDatabase) -> None:
    assert (database.revision(), database.rows()) == (0, [])
    assert [database.put(row(name), by="test") for name in ("b", "a")] == [1, 2]
    assert database.put(row("b", "2"), by="test") == 3
    assert database.rows() == [row("a"), row("b", "2")]
    assert database.revision() == 3


def test_history_keeps_every_version_and_one_can_be_restored(database: StrategyDatabase) -> None:
    database.put(row("a", "1"), by="ann")
    database.put(row("a", "2"), by="bob")
    database.disable("a", by="cid")
    database.restore("a", 1, by="dan")
    versions = database.history("a")
    assert [(v.revision, v.updated_by, v.row.version, v.row.enabled) for v in versions] == [
        (1, "ann", "1", True),
        (2, "bob", "2", True),
        (3, "cid", "2", False),
        (4, "dan", "1", True),
    ]
    assert all(version.updated_at.tzinfo is not None for version in versions)
    assert database.rows() == [row("a", "1")]


def test_a_write_over_somebody_elses_is_refused_and_changes_nothing(
    database: StrategyDatabase,
) -> None:
    database.put(row("a"), by="ann", expected=0)
    database.put(row("a", "2"), by="bob", expected=1)
    with pytest.raises(ConfigError, match="a: expected revision 1, found 2"):
        database.put(row("a", "3"), by="cid", expected=1)
    assert database.rows() == [row("a", "2")]
    assert (database.revision(), len(database.history("a"))) == (2, 2)


def test_what_is_not_there_cannot_be_disabled_or_restored(database: StrategyDatabase) -> None:
    with pytest.raises(ConfigError, match="found no row 'ghost'"):
        database.disable("ghost", by="test")
    with pytest.raises(ConfigError, match="expected one of the revisions none, found 7"):
        database.restore("ghost", 7, by="test")


def test_a_report_replaces_the_runners_last_one(database: StrategyDatabase) -> None:
    database.report("r1", [Served("a", "serving", "1", "ff"), Served("b", "warming")])
    database.report("r2", [Served("a", "serving", "2", "ee")])
    database.report("r1", [Served("a", "quarantined", "1", "ff", "it raised")])
    assert [(found.runner, found.served) for found in database.served()] == [
        ("r1", Served("a", "quarantined", "1", "ff", "it raised")),
        ("r2", Served("a", "serving", "2", "ee")),
    ]
    assert len(database.served("r2")) == 1
    database.report("r1", [])
    assert database.served("r1") == []


def test_many_writers_take_turns(url: str) -> None:
    databases = [StrategyDatabase(url) for _ in range(4)]

    def write(place: int) -> list[int]:
        return [databases[place].put(row(f"s{place}"), by="test") for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        revisions = sorted(number for found in pool.map(write, range(4)) for number in found)
    assert revisions == list(range(1, 41))
    assert databases[0].revision() == 40
    for database in databases:
        database.close()


def test_another_schema_and_a_broken_row_are_refused(url: str) -> None:
    from sqlalchemy import create_engine, text

    with StrategyDatabase(url) as database:
        database.put(row("a"), by="test")
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text('UPDATE strategies SET row = \'{"name": "a"}\''))
        with pytest.raises(StoreError, match="strategy 'a': features: Field required"):
            database.rows()
    with engine.begin() as connection:
        connection.execute(text("UPDATE strategy_state SET value = 9 WHERE name = 'schema'"))
    engine.dispose()
    with pytest.raises(StoreError, match="expected schema 1, found 9"):
        StrategyDatabase(url)


@pytest.mark.parametrize("wrong", ["mysql://u:p4ss@h/x", "postgresql://u:p4ss@h/x", "://p4ss"])
def test_other_urls_are_refused_without_their_password(wrong: str) -> None:
    with pytest.raises(ConfigError, match="expected a path, sqlite:///FILE or") as refused:
        StrategyDatabase(wrong)
    assert "p4ss" not in str(refused.value)


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match=r"//quant:\*\*\*@127.0.0.1:1/none") as refused:
        StrategyDatabase("postgresql+psycopg2://quant:p4ss@127.0.0.1:1/none")
    assert "p4ss" not in str(refused.value)


def test_a_path_is_a_file_of_sqlite(tmp_path: Path) -> None:
    with StrategyDatabase(str(tmp_path / "s.db")) as database:
        database.put(row("a"), by="test")
    with StrategyDatabase(f"sqlite:///{tmp_path}/s.db") as database:
        assert database.rows() == [row("a")]
