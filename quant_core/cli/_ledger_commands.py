"""``quant ledger``: verify the audit trail, show it, replay a run, make MLflow from it again."""

# Imports inside the commands are meant: `quant --help` costs nothing that it does not use.
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ledger"]

ledger = typer.Typer(no_args_is_help=True, help="Look after the audit trail.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Prices = Annotated[str | None, typer.Option("--prices", help="Where the same prices lie now.")]
Returns = Annotated[str | None, typer.Option("--returns", help="Where the same returns lie now.")]
Backend = Annotated[
    str | None, typer.Option("--backend", help="Where units run; ray if installed, else serial.")
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Workers of the backend; all processors.")
]
Trail = Annotated[Path, typer.Argument(help="Folder of a run, or an audit.jsonl.")]


@ledger.command("verify")
def ledger_verify(
    folder: Trail,
    *,
    witnesses: Annotated[
        list[str] | None,
        typer.Option("--witness", help="Head written down elsewhere, SEQ:HASH; may be repeated."),
    ] = None,
    mlflow: Annotated[
        bool, typer.Option("--mlflow", help="Hold it against the heads that MLflow's runs carry.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check the audit trail record by record; exit code 1 if it is broken."""
    from quant_core.cli._ledger import verify_folder

    if not verify_folder(folder, witnesses=witnesses or [], mlflow=mlflow, as_json=as_json):
        raise typer.Exit(1)


@ledger.command("show")
def ledger_show(
    folder: Trail,
    *,
    run: Annotated[str | None, typer.Option("--run", help="Id of a run, or its beginning.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Kind of record, or name of an action.")
    ] = None,
    last: Annotated[int | None, typer.Option("--last", min=1, help="Only the last N.")] = None,
    as_json: Json = False,
) -> None:
    """Show the records of the audit trail."""
    from quant_core.cli._ledger_show import show_ledger

    show_ledger(folder, run_id=run, kind=kind, last=last, as_json=as_json)


@ledger.command("replay")
def ledger_replay(
    folder: Trail,
    *,
    run: Annotated[str | None, typer.Option("--run", help="Id of the run; the last one.")] = None,
    prices: Prices = None,
    returns: Returns = None,
    backend: Backend = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Compute a run again from its recorded inputs; exit code 1 if a result differs."""
    from quant_core.cli._ledger_replay import replay_run

    same = replay_run(
        folder,
        run_id=run,
        prices=prices,
        returns=returns,
        backend=backend,
        workers=workers,
        as_json=as_json,
    )
    if not same:
        raise typer.Exit(1)


@ledger.command("rebuild-mlflow")
def ledger_rebuild_mlflow(
    trails: Annotated[list[Path], typer.Argument(help="Audit trails, or folders of them.")],
    *,
    uri: Annotated[
        str | None, typer.Option("--uri", help="URI of MLflow; the configured one.")
    ] = None,
    artifacts: Annotated[
        str | None, typer.Option("--artifacts", help="Where artifacts of its runs go.")
    ] = None,
) -> None:
    """Make the runs, model versions and aliases of MLflow again from audit trails."""
    from quant_core.cli._rebuild import rebuild_mlflow

    rebuild_mlflow(trails, uri=uri, artifacts=artifacts)
