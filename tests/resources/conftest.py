from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from resources.ray_compute import RayCompute

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 2**20


@pytest.fixture(scope="session")
def ray_compute() -> Iterator[RayCompute]:
    pytest.importorskip("ray", reason="Ray is not installed")
    with RayCompute(num_cpus=2, object_store_memory=256 * MIB) as compute:
        compute.start()
        yield compute
    assert compute.leftovers() == 0
