"""Fill the tables of figures and features from the one place that defines them."""

from quant_core.features import DEFINITIONS as FEATURES
from quant_core.metrics import DEFINITIONS as FIGURES


def _table(heading: str, rows: list[tuple[str, ...]]) -> str:
    columns = heading.count("|") + 1
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([f"| {heading} |", "|---" * columns + "|", *lines])


def _figures() -> str:
    rows = [
        (f"`{name}`", f"`{one.formula}`", one.unit, one.source) for name, one in FIGURES.items()
    ]
    return _table("figure | formula | unit | source", rows)


def _features() -> str:
    rows = [
        (f"`{kind}`", f"`{one.formula}`", one.lookback, one.unit, one.flat, one.source)
        for kind, one in FEATURES.items()
    ]
    return _table("feature | formula | prices it reads | unit | flat prices | source", rows)


def on_page_markdown(markdown: str, **_context: object) -> str:
    """Replace the marks by the tables."""
    filled = markdown.replace("<!-- definitions -->", _figures())
    return filled.replace("<!-- features -->", _features())
