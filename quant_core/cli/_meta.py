"""What ``quant meta`` does and prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from quant_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from quant_core.report import Kind

__all__ = ["meta"]

meta = typer.Typer(no_args_is_help=True, help="Put sleeves together into one portfolio.")

_FIGURES: tuple[tuple[str, str, Kind], ...] = (
    ("sharpe", "Sharpe", "ratio"),
    ("dsr", "DSR", "probability"),
    ("cagr", "CAGR", "percent"),
    ("volatility", "volatility", "percent"),
    ("max_drawdown", "max drawdown", "percent"),
    ("turnover", "turnover", "percent"),
)
_SHOWN = 25

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@meta.command("run")
def meta_run(
    *,
    config: Annotated[
        str, typer.Option("--config", help="YAML file; those inside it lie beside it.")
    ],
    sleeve: Annotated[
        list[str], typer.Option("--sleeve", help="NAME=FOLDER of a tournament; may be repeated.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the results.")],
    as_json: Json = False,
) -> None:
    """Solve across sleeves, simulate, and flatten to what is physically held."""
    from quant_core.meta import SleeveFolder, load_nested, run_meta  # noqa: PLC0415 - on demand
    from quant_core.report import write_meta_report  # noqa: PLC0415 - as above

    metas = load_nested(config)
    folders = {name: SleeveFolder.open(path, name=name) for name, path in _folders(sleeve).items()}
    result = run_meta(metas, folders, out=out)
    page = write_meta_report(out)
    if as_json:
        from quant_core.cli._console import print_json  # noqa: PLC0415 - as above

        print_json(
            {
                "run_id": result.run_id,
                "out": str(out),
                "report": str(page),
                "hits": result.hits,
                "computed": result.computed,
                "leakage": result.leakage,
                "leaderboard": result.tables.leaderboard.to_pylist(),
            }
        )
        return
    from quant_core.cli._console import results  # noqa: PLC0415 - as above

    console = results()
    _print_board(result.tables.leaderboard)
    console.print(f"solves   {result.hits:,} cached, {result.computed:,} computed")
    console.print(f"leakage  {result.leakage:.1e}")
    console.print(f"results  {escape(str(out))}", soft_wrap=True)
    console.print(f"report   {page.resolve().as_uri()}", soft_wrap=True)


@meta.command("show")
def meta_show(
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder of a run of quant meta.")],
    profile: Annotated[
        str | None, typer.Option("--profile", help="Profile whose holdings to show; the best.")
    ] = None,
    date: Annotated[
        str | None, typer.Option("--date", help="Day, YYYY-MM-DD; the last by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the leaderboard, and what is held on a day and who asks for it."""
    from quant_core.cli._console import print_json  # noqa: PLC0415 - on demand

    name, board = _outermost(out)
    rows = board.to_pylist()
    ranked = sorted((row for row in rows if row["rank"]), key=lambda row: row["rank"])
    chosen = profile or (ranked[0]["profile"] if ranked else None)
    held = _held(out, name, chosen, date) if chosen else []
    if as_json:
        print_json({"meta": name, "leaderboard": rows, "profile": chosen, "holdings": held})
        return
    _print_board(board)
    _print_held(str(chosen), held)


def _folders(given: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for one in given:
        name, equals, folder = one.partition("=")
        if not (name and equals and folder):
            raise ConfigError(f"--sleeve: expected NAME=FOLDER, found {one!r}")
        if name in found:
            raise ConfigError(f"--sleeve: {name!r} is given twice")
        found[name] = Path(folder)
    return found


def _outermost(out: Path) -> tuple[str, pa.Table]:
    import json  # noqa: PLC0415 - on demand

    from quant_core.tournament._folder import read_table  # noqa: PLC0415 - as above

    table = read_table(out / "meta_leaderboard.parquet")
    if table is None or not (out / "manifest.json").is_file():
        raise DataError(f"{out}: expected the results of `quant meta run`, found none")
    name = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["meta"]
    return name, _of(table, meta=name)


def _of(table: pa.Table, **where: str) -> pa.Table:
    import pyarrow.compute as pc  # noqa: PLC0415 - on demand

    for column, value in where.items():
        table = table.filter(pc.field(column) == value)
    return table


def _held(out: Path, name: str, profile: str, date: str | None) -> list[dict[str, Any]]:
    from quant_core.tournament._folder import read_table  # noqa: PLC0415 - on demand

    rows = _of(read_table(out / "meta_holdings.parquet"), meta=name, profile=profile).to_pylist()
    days = sorted({str(row["date"]) for row in rows})
    before = [day for day in days if date is None or day <= date]
    if not before:
        span = f"{days[0]} to {days[-1]}" if days else "no day"
        raise DataError(f"{out}: {profile} has holdings of {span}, none of {date or 'any day'}")
    return sorted(
        (row for row in rows if str(row["date"]) == before[-1]),
        key=lambda row: (-abs(row["net_weight"]), row["symbol"]),
    )


def _print_board(board: pa.Table) -> None:
    from quant_core.cli._console import results  # noqa: PLC0415 - on demand
    from quant_core.report import written  # noqa: PLC0415 - as above

    rows = board.to_pylist()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("profile")
    table.add_column("rebalance")
    for _, label, _ in _FIGURES:
        table.add_column(label, justify="right")
    for row in sorted(rows, key=lambda row: row["rank"] or len(rows) + 1):
        if row["rank"]:
            figures = [written(row[name], kind) for name, _, kind in _FIGURES]
            names = (row["profile"], row["rebalance"])
            table.add_row(str(row["rank"]), *map(escape, names), *figures)
    console = results()
    console.print(table)
    for row in rows:
        if not row["rank"]:
            told = f"{row['profile']}, {row['rebalance']}: {row['status']}: {row['reason']}"
            console.print(escape(told), soft_wrap=True)


def _print_held(profile: str, held: Sequence[dict[str, Any]]) -> None:
    from quant_core.cli._console import results  # noqa: PLC0415 - on demand

    console = results()
    if not held:
        return
    console.print(f"\n{escape(profile)} on {held[0]['date']}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("symbol", "net weight", "asked for by"):
        table.add_column(name, justify="right" if name == "net weight" else "left")
    for row in held[:_SHOWN]:
        asked = ", ".join(
            f"{one['sleeve'] or one['path']} {100 * one['weight']:.2f} %"
            for one in row["contributors"]
        )
        table.add_row(escape(row["symbol"]), f"{100 * row['net_weight']:.2f} %", escape(asked))
    console.print(table)
    if len(held) > _SHOWN:
        console.print(f"{len(held) - _SHOWN:,} more; --json gives all")
