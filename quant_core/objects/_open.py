"""From a URL to its objects."""

# Imports inside are meant: a local lakehouse needs no S3, and no file system but its own.
# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING

from fsspec.utils import get_protocol

from quant_core.errors import ConfigError
from quant_core.objects._files import FileObjects

if TYPE_CHECKING:
    from quant_core.objects._object import Objects

__all__ = ["open_objects"]


def open_objects(url: str, *, durable: bool = True) -> Objects:
    """Return the objects below a URL; nothing is asked of the store yet.

    Parameters
    ----------
    url : str
        A path, ``s3://bucket/prefix``, or any URL that fsspec opens.
    durable : bool
        Whether a local file must survive a power cut once it is written.

    Raises
    ------
    ConfigError
        If an S3 URL names no bucket.
    """
    protocol = get_protocol(url)
    if protocol in {"file", "local"}:
        import fsspec

        return FileObjects(fsspec.core.url_to_fs(url)[1].rstrip("/"), durable=durable)
    if protocol in {"s3", "s3a"}:
        from quant_core.objects._s3 import S3Objects

        bucket, _, prefix = url.split("://", 1)[1].strip("/").partition("/")
        if not bucket:
            raise ConfigError(f"{url}: expected s3://bucket/prefix, found no bucket")
        return S3Objects(bucket, prefix)
    from quant_core.objects._plain import PlainObjects

    return PlainObjects(url)
