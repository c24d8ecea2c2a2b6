"""The commands and their options; what they do is imported when they run."""

# Every import inside a command is meant: `quant --help` costs nothing that it does not use.
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from quant_core.errors import QuantError

if TYPE_CHECKING:
    from typer._click import Context  # the class that typer hands to a group

__all__ = ["app", "main"]

_INTERRUPTED = 130


class _Group(TyperGroup):
    """Turns what the library raises on purpose into one message and an exit code."""

    def invoke(self, ctx: Context) -> Any:
        try:
            return super().invoke(ctx)
        except QuantError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            typer.echo("interrupted; what was computed is kept, run again to go on", err=True)
            raise typer.Exit(_INTERRUPTED) from error


app = typer.Typer(
    name="quant",
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run tournaments of portfolio configurations on real prices, and read them honestly.",
)
_tournament = typer.Typer(no_args_is_help=True, help="Plan and run a tournament.")
_ledger = typer.Typer(no_args_is_help=True, help="Look after the audit trail.")
_config = typer.Typer(no_args_is_help=True, help="Look after configurations.")
app.add_typer(_tournament, name="tournament")
app.add_typer(_ledger, name="ledger")
app.add_typer(_config, name="config")

Config = Annotated[str, typer.Option("--config", help="YAML file: path or fsspec URL.")]
Prices = Annotated[str | None, typer.Option("--prices", help="CSV or Parquet file of prices.")]
Returns = Annotated[str | None, typer.Option("--returns", help="CSV or Parquet file of returns.")]
Out = Annotated[Path, typer.Option("--out", help="Folder of the results.")]
Backend = Annotated[
    str | None, typer.Option("--backend", help="Where units run; ray if installed, else serial.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Workers of the backend; all processors.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@app.command()
def demo(
    *,
    out: Out = Path("quant-demo"),
    backend: Backend = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Run a tournament of more than 200 cells on the sample data."""
    from quant_core.cli._tournament import demo_config, run_tournament

    run_tournament(demo_config(), out, backend=backend, workers=workers, as_json=as_json, demo=True)


@_tournament.command("plan")
def tournament_plan(
    *,
    config: Config,
    out: Out,
    prices: Prices = None,
    returns: Returns = None,
    as_json: Json = False,
) -> None:
    """Say what is cached, what a run would compute, and why. Nothing is written."""
    from quant_core.cli._tournament import plan_tournament, read_config

    plan_tournament(read_config(config, prices, returns), out, as_json=as_json)


@_tournament.command("run")
def tournament_run(
    *,
    config: Config,
    out: Out,
    prices: Prices = None,
    returns: Returns = None,
    backend: Backend = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Run a tournament into a folder, computing only what the folder does not hold."""
    from quant_core.cli._tournament import read_config, run_tournament

    chosen = read_config(config, prices, returns)
    run_tournament(chosen, out, backend=backend, workers=workers, as_json=as_json)


@app.command()
def report(out: Out) -> None:
    """Write report.html of a folder again."""
    from quant_core.report import write_report

    typer.echo(write_report(out))


@app.command()
def cells(
    sql: Annotated[str, typer.Argument(help="One SELECT, for example: select * from cells.")],
    *,
    out: Out = Path(),
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on standard output.")] = False,
) -> None:
    """Query the tables of a folder with SQL (DuckDB)."""
    from quant_core.cli._cells import query, show

    show(query(sql, out), as_json=as_json, as_csv=as_csv)


@_ledger.command("verify")
def ledger_verify(
    folder: Annotated[Path, typer.Argument(help="Folder of a run, or an audit.jsonl.")],
    *,
    as_json: Json = False,
) -> None:
    """Check the audit trail record by record; exit code 1 if it is broken."""
    from quant_core.cli._ledger import verify_folder

    if not verify_folder(folder, as_json=as_json):
        raise typer.Exit(1)


@_config.command("schema")
def config_schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    from quant_core.cli._console import print_json
    from quant_core.config import json_schema

    print_json(json_schema())


@app.command()
def doctor(
    *,
    ray: Annotated[bool, typer.Option("--ray", help="Start the ray backend and stop it.")] = False,
    as_json: Json = False,
) -> None:
    """Say what is installed, what is not, and how to get it; exit code 1 if something is broken."""
    from quant_core.cli._doctor import examine, show

    findings = examine(start_ray=ray)
    show(findings, as_json=as_json)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line."""
    app()
