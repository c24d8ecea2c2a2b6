"""Whether a store honours conditions: asked once a process, before the first write."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from quant_core.canonical import digest_json
from quant_core.context import current_settings
from quant_core.errors import StoreError
from quant_core.objects._object import join
from quant_core.objects._s3_client import SETTINGS, UnclearError, absent, request

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from quant_core.objects._s3 import S3Objects

__all__ = ["PROBES", "WRITERS", "Probe", "conditional", "probe", "writers"]

WRITERS = "TV_LAKEHOUSE_WRITERS"
"""Environment variable: ``many`` writers, kept apart by conditions, or ``one`` without them."""

PROBES = ".probe"
"""Folder of the objects that a probe writes and removes."""

type Answer = Literal["honoured", "ignored", "refused"]

_NOT_MET = {409, 412}
_ROUNDS = 3
_log = logging.getLogger(__name__)
_lock = threading.Lock()
_probes: dict[tuple[str, str], Probe] = {}


@dataclass(frozen=True, slots=True)
class Probe:
    """What a store did with conditional requests.

    Parameters
    ----------
    create : str
        With ``If-None-Match: *`` on an object that was there.
    replace : str
        With ``If-Match``, of another content and of the right one.
    remove : str
        With ``If-Match`` on the removal of another content.
    """

    create: Answer
    replace: Answer
    remove: Answer

    @property
    def safe(self) -> bool:
        """Whether writers cannot overwrite each other."""
        return self.create == self.replace == "honoured"


def conditional(objects: S3Objects) -> bool:
    """Return whether writes are conditional; the store is probed with the first one.

    Raises
    ------
    StoreError
        If the store does not honour conditions and ``TV_LAKEHOUSE_WRITERS`` is not ``one``.
    """
    settings = {name: os.environ[name] for name in sorted(os.environ) if name.startswith(SETTINGS)}
    service = digest_json(settings)
    if writers() == "one":
        _warn(objects.bucket, service)
        return False
    with _lock:
        found = _probes.get((objects.bucket, service))
        if found is None:
            found = _probes[objects.bucket, service] = probe(objects)
            _log.info("s3://%s: conditions: %s", objects.bucket, found)
    if not found.safe:
        raise StoreError(
            f"{objects.path('')}: expected a store that honours If-None-Match and If-Match, found "
            f"one where create was {found.create} and replace was {found.replace}; use another "
            f"store, or set {WRITERS}=one and see to it that only one run writes at a time"
        )
    return True


def writers() -> str:
    """Return how many writers the lakehouse has, ``one`` or ``many``."""
    return current_settings().lakehouse_writers


def probe(objects: S3Objects) -> Probe:
    """Ask a store, with an object under a name of its own that is removed again.

    Raises
    ------
    StoreError
        If the store cannot be asked.
    """
    name = join(objects.prefix, PROBES, secrets.token_hex(8))
    place = {"Bucket": objects.bucket, "Key": name}
    request("put_object", **place, Body=b"first")
    try:
        create = _answer(place, b"other", IfNoneMatch="*")
        wrong = _answer(place, b"wrong", IfMatch=f'"{"0" * 32}"')
        tag = request("head_object", **place)["ETag"]
        right = _answer(place, b"right", IfMatch=tag, met=True)
        replace = wrong if wrong != "honoured" else right
        return Probe(create, replace, _removal(place))
    finally:
        absent("delete_object", **place)


def _answer(place: dict[str, Any], body: bytes, *, met: bool = False, **condition: str) -> Answer:
    """Send a write whose condition is met or not, and say what became of it.

    The bytes that are there afterwards decide: a retry may meet its own first attempt.
    """
    status = _status(lambda: request("put_object", **place, Body=body, **condition))
    stored = request("get_object", **place)["Body"] == body
    if status not in _NOT_MET and not stored:
        return "refused"
    return "honoured" if stored == met else ("refused" if met else "ignored")


def _removal(place: dict[str, Any]) -> Answer:
    status = _status(lambda: request("delete_object", **place, IfMatch=f'"{"0" * 32}"'))
    if absent("head_object", **place) is None:
        return "ignored"
    return "honoured" if status in _NOT_MET else "refused"


def _status(send: Callable[[], object]) -> int:
    """Return 412 or 409 where a condition was not met, 200 where the request was taken, else 0."""
    problem = None
    for _ in range(_ROUNDS):
        try:
            send()
        except UnclearError as error:
            if error.status in _NOT_MET:
                return error.status
            problem = error
        except (FileNotFoundError, StoreError) as error:
            _log.info("the probe of a condition was refused: %s", error)
            return 0
        else:
            return 200
    raise StoreError(f"{problem}; the store could not be probed for conditions") from problem


@lru_cache(maxsize=16)
def _warn(bucket: str, _service: str) -> None:
    _log.warning(
        "s3://%s: %s=one, so writes carry no conditions: two runs that write the same partition "
        "at once overwrite each other unseen",
        bucket,
        WRITERS,
    )
