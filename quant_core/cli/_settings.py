"""What ``quant config settings`` prints, and the layer of settings that the command line is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from quant_core.cli._console import print_json, results, status
from quant_core.context import Settings, current_settings, resolve, unknown_variables
from quant_core.errors import ConfigError
from quant_core.ledger._redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["settings_of", "show_settings"]


def settings_of(given: Sequence[str], file: Path | None) -> Settings:
    """Return the settings with those of ``--set NAME=VALUE`` above the others."""
    arguments: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set: expected NAME=VALUE, found {text!r}")
        arguments[name.strip().replace("-", "_")] = value
    return resolve(arguments, file=file)


def show_settings(*, as_json: bool) -> None:
    """Print each setting with its value, secrets hidden, and the layer it came from."""
    settings = current_settings()
    rows = [_row(settings, name) for name in Settings.model_fields]
    if as_json:
        print_json(rows)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("setting", "value", "from"):
            table.add_column(column, overflow="fold")
        for row in rows:
            value = "" if row["value"] is None else str(row["value"])
            table.add_row(row["setting"], escape(value), escape(row["from"]))
        results().print(table)
    for name in unknown_variables(os.environ):
        status().print(f"{name} is no setting; it changes nothing", soft_wrap=True)


def _row(settings: Settings, name: str) -> dict[str, Any]:
    value = settings.model_dump(mode="json")[name]
    return {"setting": name, **redact({"value": value}), "from": str(settings.origin(name))}
