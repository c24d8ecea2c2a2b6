from __future__ import annotations

from resources._reach import reached

PLACES = {
    f"{month}|{sleeve}": f"{sleeve}/{month}"
    for sleeve in ("coins", "stocks")
    for month in ("2018-11", "2018-12", "2019-01", "2019-02", "2019-03")
}
REACH = {"coins": [-1, 0], "stocks": [-3, -1]}


def test_each_sleeve_reads_its_own_months() -> None:
    own = {"coins": ["2019-02", "2019-03"], "stocks": ["2019-03", "2019-02"]}
    assert list(reached(PLACES, REACH, own)) == [
        "2019-01|coins",
        "2019-02|coins",
        "2019-03|coins",
        "2018-11|stocks",
        "2018-12|stocks",
        "2019-01|stocks",
        "2019-02|stocks",
    ]


def test_a_sleeve_alone() -> None:
    places = {key: place for key, place in PLACES.items() if place.startswith("stocks")}
    assert list(reached(places, REACH, {"stocks": ["2018-12"]})) == ["2018-11|stocks"]
