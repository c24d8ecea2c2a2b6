"""Putting the facts and everything that draws them into one file."""

from __future__ import annotations

import importlib.resources
import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from quant_core.errors import UnavailableError
from quant_core.report._metrics import written

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["render"]


def render(facts: Mapping[str, Any], *, page: str = "report") -> str:
    """Return the page as HTML that loads nothing from anywhere.

    Parameters
    ----------
    facts : mapping
        What the template names; ``charts`` is what the script draws, or None without cells.
    page : str
        Name of the template, and of the script that draws.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("quant_core.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["written"] = written
    template = environment.get_template(f"{page}.html.j2")
    return template.render(
        **facts, **_own(page), **(_drawing(facts["charts"]) if facts["charts"] else {})
    )


def _own(page: str) -> dict[str, Any]:
    folder = importlib.resources.files("quant_core.report")
    names = {"style": "report.css", "script": f"{page}.js"}
    return {
        name: Markup(folder.joinpath(file).read_text("utf-8"))  # noqa: S704 - our own file
        for name, file in names.items()
    }


def _drawing(charts: Mapping[str, Any]) -> dict[str, Any]:
    from plotly.offline import get_plotlyjs

    tables = _tables_folder()
    found = {
        "plotly": get_plotlyjs(),
        "tables_style": (tables / "dt_bundle.css").read_text("utf-8"),
        "tables": _json((tables / "dt_bundle.js").read_text("utf-8")),
        "payload": _json(charts),
    }
    return {name: Markup(text) for name, text in found.items()}  # noqa: S704 - JSON is escaped above


def _tables_folder() -> Path:
    """Find the DataTables bundle that itables carries, without the second its import takes."""
    package = importlib.util.find_spec("itables")
    if package is None or not package.submodule_search_locations:
        raise UnavailableError("the report needs itables: pip install itables")
    return Path(package.submodule_search_locations[0]) / "html"


def _json(value: Any) -> str:
    # A "</script>" inside a script element would end it; <\/ is the same JSON.
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("</", "<\\/").replace("<!--", "\\u003c!--")
