"""Objects of an S3 bucket: conditional writes, and reads that are held against their digest."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from quant_core.canonical import digest
from quant_core.errors import ConflictError, StoreError
from quant_core.objects._cache import byte_cache
from quant_core.objects._conditions import conditional
from quant_core.objects._object import Listed, Version, join
from quant_core.objects._s3_client import UnclearError, absent, request

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["S3Objects"]

_DIGEST = "quant-digest"
_ROUNDS = 4
_LARGEST = 5 * 2**30
_NOT_MET = 412


@dataclass(frozen=True, slots=True)
class S3Objects:
    """Objects of a bucket below a prefix.

    Each object carries the digest of its bytes as metadata, in the same request. What became of a
    request that ended unclearly is decided by the digest of what is there.

    Parameters
    ----------
    bucket : str
        The bucket.
    prefix : str
        What the keys begin with.
    """

    bucket: str
    prefix: str

    @property
    def local(self) -> bool:
        """False: they are reached over a network."""
        return False

    def prepare(self) -> str:
        """Probe the store, once a process, and return what its writes carry."""
        if conditional(self):
            return "conditional writes: the store honours If-None-Match and If-Match"
        return "one writer: writes carry no conditions"

    def path(self, name: str) -> str:
        """Return the URL of an object, whether it is there or not."""
        return f"s3://{self.bucket}/{self._key(name)}"

    def version(self, name: str) -> Version | None:
        """Return the version of an object, or None; a foreign object has no digest."""
        answer = absent("head_object", Bucket=self.bucket, Key=self._key(name))
        return None if answer is None else _version(answer)

    def read(self, name: str) -> tuple[bytes, Version] | None:
        """Return the bytes of an object, from the cache where its version is there, or None.

        Raises
        ------
        StoreError
            If the bytes are not those of the digest that the object carries.
        """
        problem = ""
        for _ in range(_ROUNDS):
            try:
                found = self.version(name)
                if found is None:
                    return None
                kept = byte_cache().get(found.digest) if found.digest else None
                if kept is not None:
                    return kept, found
                return self._fetched(name)
            except FileNotFoundError:
                return None
            except UnclearError as error:
                problem = str(error)
        raise StoreError(f"{problem}, {_ROUNDS} times; the object could not be read")

    def open(self, name: str) -> BytesIO:
        """Return an object as a file in memory."""
        found = self.read(name)
        if found is None:
            raise FileNotFoundError(self.path(name))
        return BytesIO(found[0])

    def put(self, name: str, data: bytes, *, seen: Version | None) -> Version:
        """Store an object where it is still as it was seen; see `Objects.put`.

        Raises
        ------
        ConflictError
            If another writer changed it meanwhile.
        StoreError
            If it could not be stored, or the store ignores conditions and that is not allowed.
        """
        if len(data) > _LARGEST:
            raise StoreError(
                f"{self.path(name)}: expected at most {_LARGEST:,} bytes, the most that one "
                f"request may carry, found {len(data):,}; make the partition smaller"
            )
        conditions, wanted, problem = conditional(self), digest(data), ""
        for _ in range(_ROUNDS):
            try:
                tag = self._send(name, data, wanted, seen, conditions=conditions)
                byte_cache().put(wanted, data)
                return Version(tag, wanted, len(data))
            except UnclearError as error:
                problem = str(error)
            found = self._identified(name)
            if found is not None and found.digest == wanted:
                return found
            if not (found is seen is None or (found is not None and found.same(seen))):
                raise ConflictError(
                    f"{self.path(name)}: expected {_named(seen)}, as it was read, found "
                    f"{_named(found)}: another writer changed it meanwhile; nothing was "
                    f"written, run again to start from what is there now"
                )
            seen = found
        raise StoreError(f"{problem}, {_ROUNDS} times; the object was not stored")

    def names(self) -> dict[str, Listed]:
        """Return what a list shows, by name, sorted. A list may be behind the objects."""
        start, found = f"{self.prefix}/" if self.prefix else "", {}
        more: dict[str, str] = {}
        while True:
            answer = request("list_objects_v2", Bucket=self.bucket, Prefix=start, **more)
            for item in answer.get("Contents", ()):
                found[item["Key"][len(start) :]] = Listed(item["Size"], item["LastModified"])
            if not answer.get("IsTruncated"):
                return dict(sorted(found.items()))
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def remove(self, name: str, *, seen: Version | None = None) -> None:
        """Remove an object, if it is still what was seen."""
        conditions = {}
        if seen is not None:
            found = self.version(name)
            if found is None:
                return
            if not found.same(seen):
                raise ConflictError(
                    f"{self.path(name)}: expected {_named(seen)}, as it was read, found "
                    f"{_named(found)}; it was not removed"
                )
            conditions = {"IfMatch": found.tag} if conditional(self) else {}
        try:
            absent("delete_object", Bucket=self.bucket, Key=self._key(name), **conditions)
        except UnclearError as error:
            if error.status != _NOT_MET:
                raise
            raise ConflictError(f"{error}: it changed meanwhile and was not removed") from error

    @contextmanager
    def exclusive(self, name: str) -> Iterator[None]:  # noqa: ARG002 - conditions do it here
        """Do nothing: conditions keep writers apart, on one machine or many."""
        yield

    def _send(
        self, name: str, data: bytes, content: str, seen: Version | None, *, conditions: bool
    ) -> str:
        condition = {"IfNoneMatch": "*"} if seen is None else {"IfMatch": seen.tag}
        try:
            answer = request(
                "put_object",
                Bucket=self.bucket,
                Key=self._key(name),
                Body=data,
                Metadata={_DIGEST: content},
                **condition if conditions else {},
            )
        except FileNotFoundError:
            raise UnclearError(f"{self.path(name)}: it is gone", _NOT_MET) from None
        return str(answer["ETag"])

    def _fetched(self, name: str) -> tuple[bytes, Version]:
        answer = request("get_object", Bucket=self.bucket, Key=self._key(name))
        data, found = answer["Body"], _version(answer)
        content = digest(data)
        if len(data) != found.size or found.digest not in {"", content}:
            raise UnclearError(
                f"{self.path(name)}: expected {found.size:,} bytes of digest "
                f"{found.digest or 'any'}, found {len(data):,} of {content}"
            )
        byte_cache().put(content, data)
        return data, Version(found.tag, content, len(data))

    def _identified(self, name: str) -> Version | None:
        """Return the version of an object with its digest, if it takes reading it."""
        found = self.version(name)
        if found is None or found.digest:
            return found
        read = self.read(name)
        return None if read is None else read[1]

    def _key(self, name: str) -> str:
        return join(self.prefix, name)


def _version(answer: dict[str, Any]) -> Version:
    metadata = {key.lower(): value for key, value in answer.get("Metadata", {}).items()}
    return Version(answer["ETag"], metadata.get(_DIGEST, ""), answer["ContentLength"])


def _named(version: Version | None) -> str:
    return "no object" if version is None else f"the content {version.digest or version.tag}"
