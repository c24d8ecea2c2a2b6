"""Fill the table of cache.md with what the edits of the tests cost.

python docs/scripts/cache.py
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cache.md"
BEGIN, END = "<!-- begin edits -->", "<!-- end edits -->"
HEADING = ("edit", "predicted", "measured", "hits", "why")


def rows(folder: Path) -> list[str]:
    """Carry out every edit and return the lines of the table."""
    sys.path.insert(0, str(ROOT))
    from tests.quant_core.tournament.conftest import synthetic  # noqa: PLC0415 - found from ROOT
    from tests.quant_core.tournament.edits import (  # noqa: PLC0415 - found from ROOT
        EDITS,
        Fresh,
        arranged,
        carried_out,
        row,
    )

    market, fresh, found = synthetic(folder), Fresh(), []
    for edit in EDITS:
        if edit.lack:
            sys.exit(f"{edit.name}: {edit.lack}")
        out = folder / f"{edit.slug}-warm"
        shutil.copytree(fresh.of(market, edit.base), out)
        with arranged(edit, folder / f"{edit.slug}-library"):
            found.append(row(edit, carried_out(edit, edit.data(market), out)))
    return found


def filled(page: str, lines: list[str]) -> str:
    """Return a page with the table between the marks."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    heading = [f"| {' | '.join(HEADING)} |", "|" + "---|" * len(HEADING)]
    return f"{before}{BEGIN}\n" + "\n".join([*heading, *lines]) + f"\n{END}{after}"


def main() -> None:
    """Write the page."""
    with TemporaryDirectory() as folder:
        lines = rows(Path(folder))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), lines), encoding="utf-8")
    print(f"{PAGE}: {len(lines)} edits")


if __name__ == "__main__":
    main()
