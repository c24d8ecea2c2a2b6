from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from quant_core.errors import ConfigError
from quant_core.live import FileStrategies, Served, open_strategies

if TYPE_CHECKING:
    from pathlib import Path


def plain(row: Any, **changes: Any) -> dict[str, Any]:
    value = row.model_dump(mode="json", exclude_none=True)
    return {**value, **changes}


def test_rows_come_by_name_and_models_from_beside_the_file(kit: Any, tmp_path: Path) -> None:
    rows = [
        kit.strategy("b", uri="models/b.onnx"),
        kit.strategy("a", uri="s3://bucket/a.onnx"),
        kit.strategy("c", uri="/models/c.onnx"),
    ]
    file = tmp_path / "strategies.yaml"
    file.write_text(yaml.safe_dump({"strategies": [plain(row) for row in rows]}))
    found = open_strategies(str(file)).rows()
    assert [row.name for row in found] == ["a", "b", "c"]
    assert [row.model.uri for row in found if row.model] == [
        "s3://bucket/a.onnx",
        f"{tmp_path}/models/b.onnx",
        "/models/c.onnx",
    ]
    assert found[2] == rows[2]


def test_the_revision_grows_with_every_change(kit: Any, tmp_path: Path) -> None:
    file = tmp_path / "strategies.yaml"
    store = FileStrategies(str(file))
    with pytest.raises(ConfigError, match="found no file"):
        store.revision()
    revisions = []
    for names in ("a", "a", "ab", "a"):
        file.write_text(yaml.safe_dump([plain(kit.strategy(name)) for name in names]))
        revisions.append(store.revision())
    assert revisions == [1, 1, 2, 3]
    store.report("replay", [Served("a", "serving")])
    assert store.served == (Served("a", "serving"),)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"priority": "high"}, r"\[1\].priority: expected 'critical', 'normal' or 'background'"),
        ({"canary_share": 2}, r"\[1\].canary_share: expected at most 1"),
        ({"nmae": "x"}, r"\[1\].nmae: unknown key \(did you mean 'name'\?\)"),
        ({"name": "a"}, r"\[1\].name: the name a stands twice"),
        ({"model": None}, r"\[1\]: expected a model, or a strategy in Python"),
    ],
)
def test_a_wrong_field_is_named_with_its_file_line_and_row(
    kit: Any, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    file = tmp_path / "strategies.yaml"
    rows = [plain(kit.strategy("a")), plain(kit.strategy("b"), **changes)]
    file.write_text(yaml.safe_dump(rows))
    with pytest.raises(ConfigError, match=rf"strategies.yaml: line \d+: {told}"):
        FileStrategies(str(file)).rows()


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "strategies.yaml"
    file.write_text("name: momentum\n")
    with pytest.raises(ConfigError, match="expected a list of strategies, or the key strategies"):
        FileStrategies(str(file)).rows()
