from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from quant_core.errors import ConfigError
from quant_core.meta import load_metas, load_nested, nested, parse_meta, sleeves_of

if TYPE_CHECKING:
    from pathlib import Path

    from quant_core.meta import MetaConfig

TWO = [{"sleeve": "us"}, {"sleeve": "crypto"}]


def holding(name: str, *members: str) -> MetaConfig:
    own = [{"meta": one} if one.islower() else {"sleeve": one} for one in members]
    return parse_meta({"name": name, "members": own})


def test_a_member_is_5_to_50_per_cent_unless_the_file_says_otherwise() -> None:
    config = parse_meta({"name": "world", "members": TWO})
    assert (config.bounds.least, config.bounds.most) == (0.05, 0.5)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "world"}, "members: required and missing"),
        ({"name": "a b", "members": TWO}, "name: String should match pattern"),
        ({"name": "w", "members": []}, "members: "),
        ({"name": "w", "members": [{}]}, "members[0]: expected sleeve or meta, one of the two"),
        (
            {"name": "w", "members": [{"sleeve": "us", "meta": "x"}]},
            "members[0]: expected sleeve or meta, one of the two",
        ),
        ({"name": "w", "members": [*TWO, TWO[0]]}, "members[2]: 'us' is already members[0]"),
        (
            {"name": "w", "members": [{"meta": "x", "choose": "best"}]},
            "members[0]: choose: only a sleeve has this; remove it",
        ),
        (
            {"name": "w", "members": TWO, "bounds": {"least": 0.6, "most": 0.5}},
            "bounds: least 0.6 is above most 0.5",
        ),
        (
            {"name": "w", "members": TWO, "engine": "nativ"},
            "engine: unknown name 'nativ' (did you mean 'native'?)",
        ),
        (
            {"name": "w", "members": TWO, "profiles": [{"name": "hrp", "turnover": 0.1}]},
            "profiles[0].turnover: a meta-portfolio has no limit of turnover",
        ),
        ({"name": "w", "members": TWO, "member": []}, "member: unknown key"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_meta(fields)
    assert said in str(error.value)


def test_the_resolved_configuration_reads_back() -> None:
    config = parse_meta(
        {"name": "w", "members": TWO, "profiles": [{"name": "hrp", "as": "h", "cap": 0.4}]}
    )
    assert parse_meta(config.resolved()).resolved() == config.resolved()


def test_portfolios_come_after_those_that_they_hold() -> None:
    metas = {
        "a": holding("a", "b", "c", "US"),
        "b": holding("b", "c", "CRYPTO"),
        "c": holding("c", "BONDS"),
    }
    assert nested("a", metas) == ("c", "b", "a")
    assert sleeves_of("a", metas) == ("BONDS", "CRYPTO", "US")


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"a": ["a"]}, "a -> a"),
        ({"a": ["b"], "b": ["a"]}, "a -> b -> a"),
        ({"a": ["b"], "b": ["c"], "c": ["d"], "d": ["a"]}, "a -> b -> c -> d -> a"),
    ],
)
def test_a_circle_is_refused_with_its_path(members: dict[str, list[str]], path: str) -> None:
    metas = {name: holding(name, *own) for name, own in members.items()}
    with pytest.raises(ConfigError, match="is a circle") as error:
        nested("a", metas)
    assert f"{path} is" in str(error.value)


def test_three_deep_is_the_most() -> None:
    metas = {
        name: holding(name, below)
        for name, below in zip("abcd", ["b", "c", "d", "US"], strict=True)
    }
    assert nested("b", metas) == ("d", "c", "b")
    with pytest.raises(ConfigError, match="a -> b -> c -> d lie 4 deep"):
        nested("a", metas)


def test_those_inside_lie_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "world.yaml").write_text("name: world\nmembers: [{meta: alts}, {sleeve: us}]\n")
    (tmp_path / "alts.yaml").write_text("name: alts\nmembers: [{sleeve: crypto}]\n")
    assert list(load_nested(str(tmp_path / "world.yaml"))) == ["alts", "world"]
    assert sorted(load_metas(tmp_path)) == ["alts", "world"]
    assert load_metas(tmp_path / "none") == {}
    (tmp_path / "alts.yaml").write_text("name: alt\nmembers: [{sleeve: crypto}]\n")
    with pytest.raises(ConfigError, match="expected 'alts' as the file, found alt"):
        load_nested(str(tmp_path / "world.yaml"))


def test_a_wrong_field_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("name: w\nmembers:\n  - {sleeve: us}\nbounds: {most: 2}\n")
    with pytest.raises(ConfigError, match=r"line 4: bounds.most: expected at most 1, found 2"):
        load_nested(str(tmp_path / "w.yaml"))
