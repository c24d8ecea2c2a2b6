"""Requests to an S3 service, through the client of s3fs, and what its answers mean."""

# Imports inside are meant: botocore takes a second that only users of S3 should pay.
# ruff: noqa: PLC0415

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from quant_core.canonical import digest_json
from quant_core.errors import StoreError, UnavailableError

__all__ = ["SETTINGS", "UnclearError", "absent", "request"]

SETTINGS = ("AWS_", "FSSPEC_S3")
"""How the names of the variables begin that say where S3 is and who asks."""

_CONFIG = {
    "connect_timeout": 5,
    "read_timeout": 60,
    "retries": {"mode": "standard", "total_max_attempts": 4},
}
_ABSENT = {"404", "NoSuchKey", "NotFound"}
_CLEAR = {400, 401, 403, 404, 405, 301, 307, 501}
_UNCLEAR_CODES = {"RequestTimeout", "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"}
_HINTS = {
    "ExpiredToken": "the credentials have expired; renew them and run again",
    "InvalidAccessKeyId": "the service does not know the access key; check AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the secret key is not that of the access key",
    "NoSuchBucket": "create the bucket, or correct TV_LAKEHOUSE",
    "AccessDenied": "these credentials may not do this here",
    "400": "have the credentials expired, or do they belong to another store?",
    "403": "these credentials may not do this here, or they have expired",
    "NotImplemented": "the store does not know this request; run `quant lakehouse probe`",
}


class UnclearError(StoreError):
    """A request ended without saying what became of it, or found a condition not met.

    Parameters
    ----------
    message : str
        What happened.
    status : int
        Status of the answer; 0 where there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def request(method: str, *, Bucket: str, Key: str = "", **options: Any) -> dict[str, Any]:  # noqa: N803 - as S3 spells them
    """Send a request, retried by botocore within its bounds, and return the answer, body read.

    Raises
    ------
    FileNotFoundError
        If there is no such object.
    UnclearError
        If it is not known what became of it: no answer, a server's error, half a body; or a
        condition of the request was not met.
    StoreError
        If the service refused it.
    """
    from botocore.exceptions import ClientError  # type: ignore[import-untyped] # has no types
    from fsspec.asyn import sync

    system = _system()
    named = {"Key": Key} if Key else {}
    place = f"s3://{Bucket}/{Key}"
    try:
        answer: dict[str, Any] = sync(
            system.loop, _send, system, method, {"Bucket": Bucket, **named, **options}
        )
    except ClientError as error:
        raise _refused(error, method, place) from None
    except _no_answer() as error:
        # What these say may hold the whole request, so its name is all that is told.
        raise UnclearError(f"{place}: {method} got no whole answer ({_name(error)})") from None
    except _unsendable() as error:
        raise StoreError(
            f"{place}: {method} could not be sent ({_name(error)}); "
            "check the credentials and AWS_ENDPOINT_URL"
        ) from None
    return answer


def absent(method: str, **options: Any) -> dict[str, Any] | None:
    """Return what `request` does, or None where there is no such object."""
    try:
        return request(method, **options)
    except FileNotFoundError:
        return None


async def _send(system: Any, method: str, options: dict[str, Any]) -> dict[str, Any]:
    client = await system.set_session()
    answer: dict[str, Any] = await getattr(client, method)(**options)
    if "Body" in answer:
        async with answer["Body"] as body:
            answer["Body"] = await body.read()
    return answer


def _refused(error: Any, method: str, place: str) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _ABSENT:
        return FileNotFoundError(place)
    if status in _CLEAR and code not in _UNCLEAR_CODES:
        hint = _HINTS.get(code, "look the code up in the manual of the store")
        return StoreError(f"{place}: {method} was refused with {status} {code}; {hint}")
    return UnclearError(f"{place}: {method} ended with {status} {code}", status)


def _no_answer() -> tuple[type[Exception], ...]:
    from aiohttp import ClientError
    from botocore import exceptions as failures  # type: ignore[import-untyped] # has no types
    from botocore.parsers import ResponseParserError  # type: ignore[import-untyped] # as above

    return (
        failures.HTTPClientError,
        failures.ConnectionError,
        failures.FlexibleChecksumError,
        ResponseParserError,
        failures.IncompleteReadError,
        ClientError,
        OSError,
    )


def _unsendable() -> type[Exception]:
    from botocore.exceptions import BotoCoreError

    failure: type[Exception] = BotoCoreError
    return failure


def _name(error: Exception) -> str:
    return type(error).__name__


def _system() -> Any:
    """Return the client for the settings in force; another setting is another client."""
    found = {name: os.environ[name] for name in sorted(os.environ) if name.startswith(SETTINGS)}
    return _connected(digest_json(found), os.getpid())


@lru_cache(maxsize=4)
def _connected(_settings: str, _process: int) -> Any:
    try:
        from s3fs import S3FileSystem  # type: ignore[import-untyped] # has no types
    except ImportError as error:
        raise UnavailableError(
            "s3:// needs s3fs, which is not installed; pip install 'quant-assets[platform]'"
        ) from error
    from fsspec.config import set_conf_env

    given: dict[str, Any] = {}
    set_conf_env(given)
    options = {**given.get("s3", {}), "skip_instance_cache": True, "use_listings_cache": False}
    return S3FileSystem(**options | {"config_kwargs": _CONFIG | options.get("config_kwargs", {})})
