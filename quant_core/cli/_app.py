"""The commands and their options; what they do is imported when they run."""

# Every import inside a command is meant: `quant --help` costs nothing that it does not use.
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from quant_core.cli._lakehouse import lakehouse
from quant_core.cli._ledger_commands import ledger
from quant_core.cli._meta import meta
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
_config = typer.Typer(no_args_is_help=True, help="Look after configurations.")
_models = typer.Typer(no_args_is_help=True, help="Look after stored models.")
app.add_typer(_tournament, name="tournament")
app.add_typer(ledger, name="ledger")
app.add_typer(_config, name="config")
app.add_typer(_models, name="models")
_runner = typer.Typer(no_args_is_help=True, help="Run strategies on ticks.")
app.add_typer(_runner, name="runner")
_engines = typer.Typer(no_args_is_help=False, help="See who can solve what, and how well.")
app.add_typer(_engines, name="engines")
_new = typer.Typer(no_args_is_help=True, help="Begin something of your own.")
app.add_typer(_new, name="new")
_data = typer.Typer(no_args_is_help=True, help="Look at prices and returns before they are used.")
app.add_typer(_data, name="data")
_manifest = typer.Typer(no_args_is_help=True, help="Look after the manifests of runs.")
app.add_typer(_manifest, name="manifest")
app.add_typer(meta, name="meta")
app.add_typer(lakehouse, name="lakehouse")

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
Fidelity = Annotated[
    Literal["low", "medium", "high"] | None,
    typer.Option(
        "--fidelity",
        help="low: custom; medium: and vectorbt; high: and cvxportfolio, nautilus.",
    ),
]
Finalists = Annotated[
    int | None,
    typer.Option(
        "--finalists", min=1, help="Only the best by custom are seen by the other simulators."
    ),
]
Store = Annotated[str, typer.Option("--store", help="Folder or fsspec URL of the models.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@app.callback()
def settings(
    context: typer.Context,
    *,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting; may be repeated."),
    ] = None,
    file: Annotated[Path | None, typer.Option("--settings", help="YAML file of settings.")] = None,
) -> None:
    """Put settings in force for the command that follows."""
    if given or file is not None:
        from quant_core.cli._settings import settings_of
        from quant_core.context import use_settings

        context.with_resource(use_settings(settings_of(given or [], file)))


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
    fidelity: Fidelity = None,
    finalists: Finalists = None,
    as_json: Json = False,
) -> None:
    """Say what is cached, what a run would compute, and why. Nothing is written."""
    from quant_core.cli._tournament import plan_tournament, read_config

    chosen = read_config(config, prices, returns).at(fidelity, finalists=finalists)
    plan_tournament(chosen, out, as_json=as_json)


@_tournament.command("run")
def tournament_run(
    *,
    config: Config,
    out: Out,
    prices: Prices = None,
    returns: Returns = None,
    fidelity: Fidelity = None,
    finalists: Finalists = None,
    backend: Backend = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Run a tournament into a folder, computing only what the folder does not hold."""
    from quant_core.cli._tournament import read_config, run_tournament

    chosen = read_config(config, prices, returns).at(fidelity, finalists=finalists)
    run_tournament(chosen, out, backend=backend, workers=workers, as_json=as_json)


Strategies = Annotated[
    str, typer.Option("--strategies", help="YAML file of strategies, or URL of their database.")
]


Http = Annotated[
    int | None,
    typer.Option("--http", min=0, help="Port of /metrics, /healthz and /status; 0: a free one."),
]


@_runner.command("replay")
def runner_replay(
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]...", help="More files of --ticks.")
    ] = None,
    *,
    ticks: Annotated[
        list[str], typer.Option("--ticks", help="Parquet file of ticks, or INSTRUMENT=FILE.")
    ],
    strategies: Strategies,
    out: Out,
    rate: Annotated[
        float | None, typer.Option("--rate", help="Ticks per second; as fast as possible.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Ticks at most.")] = None,
    batch_window_ms: Annotated[
        float | None,
        typer.Option("--batch-window-ms", min=0, max=1000, help="How long a tick may wait."),
    ] = None,
    backend: Annotated[
        Literal["auto", "onnxrt"],
        typer.Option("--backend", help="Who evaluates models; onnxrt: a session for each."),
    ] = "auto",
    http: Http = None,
    as_json: Json = False,
) -> None:
    """Replay ticks through strategies; write signals, dead letters, figures and a log."""
    from quant_core.cli._runner import replay

    replay(
        [*ticks, *(more or [])],
        strategies,
        out,
        rate=rate,
        limit=limit,
        batch_window_ms=batch_window_ms,
        backend=backend,
        http=http,
        as_json=as_json,
    )


@_runner.command("serve")
def runner_serve(
    *,
    brokers: Annotated[str, typer.Option("--brokers", help="HOST:PORT, joined by commas.")],
    strategies: Strategies,
    topic: Annotated[str | None, typer.Option("--topic", help="Topic of the ticks.")] = None,
    signals: Annotated[str | None, typer.Option("--signals", help="Topic of the signals.")] = None,
    dlq: Annotated[str | None, typer.Option("--dlq", help="Topic of dead letters.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="Consumer group.")] = None,
    http: Http = None,
    name: Annotated[str, typer.Option("--name", help="What reports call it.")] = "runner",
    transport: Annotated[str, typer.Option("--transport", hidden=True)] = "kafka",
) -> None:
    """Serve strategies on live ticks until SIGINT or SIGTERM."""
    from quant_core.cli._runner import serve

    options = {"ticks": topic, "signals": signals, "dead_letters": dlq, "group": group}
    serve(brokers, strategies, options=options, transport=transport, http=http, name=name)


@app.command()
def trace(
    signal_id: Annotated[str, typer.Argument(help="For example replay/0/41/momentum.")],
    *,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of a run or demo.")] = None,
    signals: Annotated[
        Path | None, typer.Option("--signals", help="signals.parquet, or messages as JSON lines.")
    ] = None,
    strategies: Annotated[
        str | None, typer.Option("--strategies", help="YAML file, or URL of the database.")
    ] = None,
    ledger: Annotated[Path | None, typer.Option("--ledger", help="The audit trail.")] = None,
    as_json: Json = False,
) -> None:
    """Walk from a signal to its model, training and inputs; exit code 1 if the chain is broken."""
    from quant_core.cli._trace import trace_signal

    sound = trace_signal(
        signal_id,
        out=out,
        signals=signals,
        strategies=strategies,
        ledger=ledger,
        as_json=as_json,
    )
    if not sound:
        raise typer.Exit(1)


@_new.command("strategy")
def new_strategy(
    name: Annotated[str, typer.Argument(help="Name of the strategy and of its package.")],
    *,
    folder: Annotated[Path, typer.Option("--dir", help="Where the package is made.")] = Path(),
) -> None:
    """Write a strategy in Python: features, training, decision, and its contract test."""
    from quant_core.cli._new import new_strategy as write

    for path in write(name, folder):
        typer.echo(path)
    typer.echo(f"next: see {folder / name / 'README.md'}")


@_data.command("audit")
def data_audit(
    *,
    config: Annotated[str | None, typer.Option("--config", help="YAML file of a sleeve.")] = None,
    prices: Prices = None,
    returns: Returns = None,
    calendar: Annotated[
        str | None, typer.Option("--calendar", help="Sessions: XNYS, 24/7, observed, ...")
    ] = None,
    check: Annotated[
        list[str] | None, typer.Option("--check", help="Only this check; may be repeated.")
    ] = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the findings as CSV.")] = False,
) -> None:
    """Say what is dropped and why, and find gaps, stale prices, jumps, padded days and drift."""
    from quant_core.cli._data import audit_data

    audit_data(
        config, prices, returns, calendar=calendar, checks=check, as_json=as_json, as_csv=as_csv
    )


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


@_manifest.command("schema")
def manifest_schema() -> None:
    """Print the JSON schema of manifests."""
    from quant_core.cli._console import print_json
    from quant_core.manifest import manifest_schema as schema

    print_json(schema())


@_manifest.command("verify")
def manifest_verify(
    place: Annotated[Path, typer.Argument(help="Folder of a run, or a manifest.")],
    *,
    as_json: Json = False,
) -> None:
    """Compare what a run made with its manifest; exit code 1 if anything differs."""
    from quant_core.cli._manifest import verify_run

    if not verify_run(place, as_json=as_json):
        raise typer.Exit(1)


@_config.command("schema")
def config_schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    from quant_core.cli._console import print_json
    from quant_core.config import json_schema

    print_json(json_schema())


@_config.command("settings")
def config_settings(*, as_json: Json = False) -> None:
    """Print each setting, its value and the layer that it came from."""
    from quant_core.cli._settings import show_settings

    show_settings(as_json=as_json)


@_engines.callback(invoke_without_command=True)
def engines_list(context: typer.Context, *, as_json: Json = False) -> None:
    """List the engines: whether each can run here, its release, the profiles that it solves."""
    from quant_core.cli._engines import list_engines

    if context.invoked_subcommand is None:
        list_engines(as_json=as_json)


@_engines.command("compare")
def engines_compare(
    *,
    prices: Prices = None,
    returns: Returns = None,
    atoms: Annotated[int, typer.Option("--atoms", min=2, help="Atoms of each problem.")] = 20,
    windows: Annotated[int, typer.Option("--windows", min=1, help="Problems of each pair.")] = 4,
    engines: Annotated[
        list[str] | None, typer.Option("--engine", help="Only this engine; may be repeated.")
    ] = None,
    profiles: Annotated[
        list[str] | None, typer.Option("--profile", help="Only this profile; may be repeated.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option("--into", help="Markdown page whose marked tables to replace.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold every engine against the certified optimum, on the sample or on your own data."""
    from quant_core.cli._engines import compare
    from quant_core.data import DataConfig
    from quant_core.errors import ConfigError

    if prices is not None and returns is not None:
        raise ConfigError("--prices and --returns: expected one of them, found both")
    compare(
        DataConfig(sample=prices is None and returns is None, prices=prices, returns=returns),
        atoms=atoms,
        windows=windows,
        engines=engines or [],
        profiles=profiles or [],
        into=into,
        as_json=as_json,
    )


@_models.command("list")
def models_list(*, store: Store, as_json: Json = False) -> None:
    """List the models of a store."""
    from quant_core.cli._models import list_models

    list_models(store, as_json=as_json)


@_models.command("show")
def models_show(
    reference: Annotated[str, typer.Argument(help="Version, or first characters of a SHA-256.")],
    *,
    store: Store,
    as_json: Json = False,
) -> None:
    """Show all that is known of one model."""
    from quant_core.cli._models import show_model

    show_model(store, reference, as_json=as_json)


@_models.command("versions")
def models_versions(
    strategy: Annotated[str, typer.Argument(help="Name of the strategy.")],
    *,
    as_json: Json = False,
) -> None:
    """List the registered versions of a strategy's model, and their aliases."""
    from quant_core.cli._promote import show_versions

    show_versions(strategy, as_json=as_json)


@_models.command("promote")
def models_promote(
    strategy: Annotated[str, typer.Argument(help="Name of the strategy.")],
    version: Annotated[str, typer.Argument(help="Number in the registry, or version of a model.")],
) -> None:
    """Make a registered version the champion; an older one to roll back."""
    from quant_core.cli._promote import promote_model

    promote_model(strategy, version)


@_models.command("verify")
def models_verify(
    reference: Annotated[
        str | None, typer.Argument(help="Version, SHA-256 or, without --store, an ONNX file.")
    ] = None,
    *,
    store: Annotated[
        str | None, typer.Option("--store", help="Folder or fsspec URL of the models.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check checksum, format and signature, and try the model; exit code 1 if one fails."""
    from quant_core.cli._models import verify_file, verify_store
    from quant_core.errors import ConfigError

    if store is not None:
        sound = verify_store(store, reference, as_json=as_json)
    elif reference is not None:
        sound = verify_file(reference, as_json=as_json)
    else:
        raise ConfigError("quant models verify: give an ONNX file, or a store by --store")
    if not sound:
        raise typer.Exit(1)


@_models.command("convert")
def models_convert(
    file: Annotated[str, typer.Argument(help="Model file of LightGBM (text) or XGBoost (JSON).")],
    *,
    store: Store,
    version: Annotated[
        str | None, typer.Option("--version", help="Version that signals name; its checksum.")
    ] = None,
    features: Annotated[
        str | None, typer.Option("--features", help="Columns in order: return_1,momentum_20.")
    ] = None,
    sampling: Annotated[str, typer.Option("--sampling", help="tick, or bars: 1m, 1d.")] = "tick",
    feature_hash: Annotated[
        str | None, typer.Option("--feature-hash", help="Hash of the columns, in place of them.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Convert a model file to ONNX, compare the two and store it; exit code 1 if they differ."""
    from quant_core.cli._convert import convert_file

    agreed = convert_file(
        file,
        store=store,
        version=version,
        features=features,
        sampling=sampling,
        feature_hash=feature_hash,
        as_json=as_json,
    )
    if not agreed:
        raise typer.Exit(1)


@app.command()
def verify(
    *,
    riskfolio_sdist: Annotated[
        str | None,
        typer.Option("--riskfolio-sdist", help="Source of riskfolio-lib, with its tables."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Reproduce published results; exit code 1 if one is off by more than its tolerance."""
    from quant_core.cli._verify import verify_published

    if not verify_published(riskfolio_sdist, as_json=as_json):
        raise typer.Exit(1)


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
