from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resources.ray_compute import RayCompute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 2**20


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the manifests of runs out of the checkout."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("TV_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def ray_compute() -> Iterator[RayCompute]:
    pytest.importorskip("ray", reason="Ray is not installed")
    with RayCompute(num_cpus=2, object_store_memory=256 * MIB) as compute:
        compute.start()
        yield compute
    assert compute.leftovers() == 0
