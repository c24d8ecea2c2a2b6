"""Settings that every test shares, and the order that a run with several workers takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

# A loaded machine is slow, and slow is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_PLATFORMS = "tests/e2e/"
# What takes longest begins first, so that no worker is left with it at the end. The platforms wait
# more than they compute: one worker runs them one after another beside everything else.
_FIRST = (
    _PLATFORMS,
    "tests/resources/test_tournament_on_ray.py",
    "tests/quant_core/engines/test_other_libraries",
    "tests/quant_core/cli/test_new_strategy.py",
    "tests/quant_core/simulators/test_parity.py",
    "tests/quant_assets/deployment/test_champion.py",
    "tests/kafka/",
    "tests/resources/test_ray_compute.py",
    "tests/quant_core/engines/test_hostile_inputs.py",
    "tests/quant_core/tournament/",
    "tests/quant_assets/",
)


class _ByCost(LoadFileScheduling):
    """A file stays with one worker; all platforms stay with one."""

    def _split_scope(self, nodeid: str) -> str:
        return _PLATFORMS if nodeid.startswith(_PLATFORMS) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _ByCost:
    # By default files go out by their number of tests, and the platforms, with few, come last.
    config.option.loadscopereorder = False
    return _ByCost(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _place(item.nodeid))


def _place(nodeid: str) -> int:
    return next((place for place, one in enumerate(_FIRST) if nodeid.startswith(one)), len(_FIRST))
