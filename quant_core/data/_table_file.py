"""A file of columns, and the errors of opening one."""

from __future__ import annotations

import gzip
import zlib
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import fsspec
import pyarrow as pa
import pyarrow.csv as pacsv
from fsspec.utils import get_protocol

from quant_core.errors import DataError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

__all__ = ["TableFile", "opened"]

_EMPTY = frozenset(pacsv.ConvertOptions().null_values or ())


@dataclass(frozen=True, slots=True)
class TableFile(ABC):
    """A file that gives its columns by place.

    Parameters
    ----------
    url : str
        Where it is.
    names : tuple of str
        Column names in file order, as found.
    """

    row_word: ClassVar[str]
    """What a row is called in messages: ``"line"`` or ``"row"``."""
    first_row: ClassVar[int]
    """Number of the first row of data."""

    url: str
    names: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether `load` returns every row."""
        return True

    @property
    def first_read(self) -> int:
        """Number of the first row that `load` returns."""
        return self.first_row

    def within(self, place: int, start: np.datetime64 | None, end: np.datetime64 | None) -> Self:  # noqa: ARG002 - what a file without statistics ignores
        """Return the file without parts that surely hold no date in ``[start, end)``.

        Parameters
        ----------
        place : int
            The column of the dates.
        start, end : numpy.datetime64 or None
            The days asked for.
        """
        return self

    @abstractmethod
    def load(self, texts: Sequence[int], numbers: Sequence[int]) -> dict[int, pa.ChunkedArray[Any]]:
        """Return columns by place: those of ``texts`` as found, those of ``numbers`` as float64.

        Raises
        ------
        DataError
            If the file has no rows, is broken, or has text among ``numbers``.
        """

    def refuse_text(self, column: pa.ChunkedArray[Any], place: int) -> None:
        """Raise a `DataError` at the first text that is no number, if there is one."""
        for row, text in enumerate(column.to_pylist()):
            if text is not None and text.strip() not in _EMPTY and not _is_number(text.strip()):
                raise DataError(
                    f"{self.url}, column {self.names[place]!r}, {self.row_word} "
                    f"{self.first_read + row}: expected a number, found {text!r}; correct it, "
                    "leave it empty if there is no value, or list the column in data.exclude"
                )


def _is_number(text: str) -> bool:
    try:
        pa.array([text]).cast(pa.float64())
    except pa.ArrowInvalid:
        return False
    return True


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """Open a file by fsspec URL to read its bytes.

    Raises
    ------
    DataError
        If the file is missing, a folder, not readable or broken.
    UnavailableError
        If the protocol of the URL needs a package that is not installed.
    """
    protocol = get_protocol(url)
    if protocol not in fsspec.available_protocols():
        raise DataError(
            f"{url}: unknown protocol {protocol!r}; expected a path, s3://, https://, ..."
        )
    try:
        with fsspec.open(url, "rb") as handle:
            yield handle
    except FileNotFoundError as error:
        raise DataError(
            f"{url}: no such file; relative paths start in the working folder"
        ) from error
    except IsADirectoryError as error:
        raise DataError(f"{url}: a folder; expected a CSV or Parquet file") from error
    except PermissionError as error:
        raise DataError(f"{url}: not allowed to read the file") from error
    except ImportError as error:
        raise UnavailableError(f"{url}: {error}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{url}: the gzip stream is broken: {error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{url}: not UTF-8 text: {error}") from error
    except OSError as error:
        raise DataError(f"{url}: cannot be read: {error}") from error
