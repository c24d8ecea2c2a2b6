from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from quant_core.cli._cells import TABLES, query

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Quant


# Only a run with strategies has these, or one of a meta-portfolio.
OF_OTHERS = {"atom_returns", "strategy_models", *(n for n in TABLES if n.startswith("meta_"))}


@pytest.mark.parametrize("table", [name for name in TABLES if name not in OF_OTHERS])
def test_every_table_can_be_counted(finished: Path, table: str) -> None:
    expected = pq.read_metadata(finished / f"{table}.parquet").num_rows
    assert query(f"from {table} select count(*) as n", finished).to_pylist() == [{"n": expected}]


def test_tables_can_be_joined_and_grouped(finished: Path) -> None:
    sql = (
        "select l.profile, count(n.nav) as days from leaderboard l join nav n "
        "using (selection, engine, profile, rebalance, simulator) "
        "where l.rebalance = 'window' group by all order by 1"
    )
    days = pq.read_metadata(finished / "nav.parquet").num_rows // 6
    assert query(sql, finished).to_pylist() == [
        {"profile": profile, "days": days} for profile in ("equal_weight", "hrp", "market")
    ]


def test_output_as_json_csv_and_table(quant: Quant, finished: Path) -> None:
    sql = "select date, 'nan'::double as x, 'a,b' as s from nav order by date limit 1"
    date = pq.read_table(finished / "nav.parquet")["date"][0].as_py().isoformat()
    place = ("--out", str(finished))
    assert json.loads(quant("cells", sql, *place, "--json").stdout) == [
        {"date": date, "x": None, "s": "a,b"}
    ]
    assert quant("cells", sql, *place, "--csv").stdout == f'date,x,s\n{date},,"a,b"\n'
    assert quant("cells", sql, *place).stdout.split() == ["date", "x", "s", date, "a,b"]


def test_a_long_answer_is_cut_and_says_so(quant: Quant, finished: Path) -> None:
    found = quant("cells", "select nav from nav", "--out", str(finished))
    total = pq.read_metadata(finished / "nav.parquet").num_rows
    assert f"the first 200 of {total:,} rows" in found.stdout
    assert len(found.stdout.splitlines()) == 202


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("selct 1", "syntax error"),
        ("", "expected one SELECT"),
        ("select 1; select 2", "expected one SELECT"),
        ("select nothing from nav", "nothing"),
        ("select * from elsewhere", "elsewhere"),
        ("drop view nav", "expected one SELECT"),
        ("create table t (i int)", "expected one SELECT"),
        ("copy nav to '{tmp}/stolen.csv'", "expected one SELECT"),
        ("explain analyze copy nav to '{tmp}/stolen.csv'", "expected one SELECT"),
        ("attach '{tmp}/other.db'", "expected one SELECT"),
        ("set enable_external_access = true", "expected one SELECT"),
        ("install httpfs", "expected one SELECT"),
        ("select * from read_csv('{tmp}/secret.csv')", "disabled"),
        ("select * from read_text('{tmp}/secret.csv')", "disabled"),
        ("select * from glob('{tmp}/*')", "disabled"),
        ("select * from '{out}/nav.parquet'", "disabled"),
        ("select * from read_parquet('http://127.0.0.1:9/x')", "disabled"),
        ("select * from folder", "folder"),
    ],
)
def test_sql_sees_the_tables_and_nothing_else(
    quant: Quant, finished: Path, sql: str, words: str
) -> None:
    (quant.folder / "secret.csv").write_text("a\n1\n")
    text = sql.format(tmp=quant.folder, out=finished)
    found = quant("cells", text, "--out", str(finished))
    assert found.exit_code == 2, found.stdout
    assert found.stdout == ""
    assert len(found.stderr.splitlines()) == 1
    assert words in found.stderr
    assert not list(quant.folder.glob("stolen*")) + list(quant.folder.glob("other*"))


def test_a_folder_without_tables_is_named(quant: Quant) -> None:
    found = quant("cells", "select 1", "--out", str(quant.folder))
    assert found.exit_code == 2
    assert f"{quant.folder}: expected the tables of a tournament" in found.stderr


def test_a_damaged_table_is_named(quant: Quant) -> None:
    quant.write("nav.parquet", "no parquet")
    found = quant("cells", "select * from nav", "--out", str(quant.folder))
    assert found.exit_code == 2
    assert "nav.parquet" in found.stderr
