"""Fill the table of verification.md with what `quant verify` finds.

python docs/scripts/verification.py [RISKFOLIO_SDIST]
"""

from __future__ import annotations

import sys
from pathlib import Path

from quant_core.cli._verify import figure
from quant_core.verification import PublishedResult, verify

PAGE = Path(__file__).parent.parent / "verification.md"
BEGIN, END = "<!-- begin results -->", "<!-- end results -->"
HEADING = ("subject", "figure", "published", "measured", "tolerance", "", "how")


def line(result: PublishedResult) -> str:
    """Return the row of a result."""
    cells = (
        result.subject,
        result.what,
        figure(result.expected, result.tolerance),
        figure(result.measured, result.tolerance, beyond=2),
        f"{result.tolerance:g}",
        str(result.agreement),
        result.note,
    )
    return f"| {' | '.join(cells)} |"


def filled(page: str, results: tuple[PublishedResult, ...]) -> str:
    """Return a page with the table and its sources between the marks."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    sources = dict.fromkeys(f"- {one.subject}: {one.source}" for one in results)
    parts = [
        f"| {' | '.join(HEADING)} |\n|{'---|' * len(HEADING)}",
        *(line(result) for result in results),
        "\nSources:\n",
        *sources,
    ]
    return f"{before}{BEGIN}\n" + "\n".join(parts) + f"\n{END}{after}"


def main() -> None:
    """Write the page."""
    results = verify(riskfolio_sdist=sys.argv[1] if len(sys.argv) > 1 else None)
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    print(f"{PAGE}: {len(results)} results")


if __name__ == "__main__":
    main()
