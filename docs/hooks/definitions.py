"""Fill the table of figures from the one place that defines them."""

from quant_core.metrics import DEFINITIONS

MARK = "<!-- definitions -->"


def on_page_markdown(markdown: str, **_context: object) -> str:
    """Replace the mark by the table."""
    rows = [
        f"| `{name}` | `{one.formula.replace('|', chr(92) + '|')}` | {one.unit} | {one.source} |"
        for name, one in DEFINITIONS.items()
    ]
    table = "\n".join(["| figure | formula | unit | source |", "|---|---|---|---|", *rows])
    return markdown.replace(MARK, table)
