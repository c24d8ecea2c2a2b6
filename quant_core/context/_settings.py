"""Where things live and how a run is computed: what concerns the machine, not the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

__all__ = ["Origin", "Settings"]


class Origin(BaseModel):
    """Which layer a setting came from.

    Parameters
    ----------
    layer : {"argument", "environment", "file", "default"}
        The layer; the first one that names a setting decides.
    name : str
        How that layer spells it: an option, a variable, a file; empty for a default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layer: Literal["argument", "environment", "file", "default"]
    name: str = ""

    def __str__(self) -> str:
        return f"{self.layer} {self.name}".strip()


class Settings(BaseModel):
    """What a run asks of the machine that it runs on; nothing here moves a number.

    Use `resolve` to read them from their layers; relative paths count from the working folder.

    Parameters
    ----------
    home : pathlib.Path
        The one folder that everything is kept in.
    lakehouse : str
        Root of the partitions: a path or an fsspec URL; ``lakehouse`` in the home folder by
        default.
    lakehouse_writers : {"many", "one"}
        Whether writes to an object store are conditional; ``one`` is for a store that cannot do
        that, and then only one run may write at a time.
    lakehouse_cache_bytes : int
        Bytes that the local cache of an object store may have; 0 for none.
    sleeves : pathlib.Path or None
        Folder of the sleeves' configurations; None for the packaged ones.
    postgres : str
        ``postgresql+psycopg2://USER:PASSWORD@HOST/NAME``: the database that Dagster, MLflow and
        the strategies are kept in; SQLite files in the home folder by default.
    strategies : str
        URL of the strategy database; that of `postgres` by default, else ``strategies.db``
        (SQLite) in the home folder.
    project_root : pathlib.Path
        Folder that workers import from; the working folder by default.
    backend : str or None
        Where units run; None for ``ray`` where it is installed, else ``serial``.
    workers : int or None
        Units that run at the same time; None for one a processor.
    log_level : {"debug", "info", "warning", "error"}
        How much is said of a run; ``info`` says what each stage changed.

    Examples
    --------
    >>> Settings(home="/srv/quant").lakehouse
    '/srv/quant/lakehouse'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    home: Path = Path("data")
    lakehouse: str = ""
    lakehouse_writers: Literal["many", "one"] = "many"
    lakehouse_cache_bytes: Annotated[int, Field(ge=0)] = 4 * 2**30
    sleeves: Path | None = None
    postgres: str = ""
    strategies: str = ""
    project_root: Path = Path()
    backend: Annotated[str, Field(min_length=1)] | None = None
    workers: Annotated[int, Field(ge=1)] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "warning"

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    @field_validator("home", "sleeves", "project_root")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        # A worker may have another working folder.
        return None if path is None else path.expanduser().resolve()

    @field_validator("lakehouse")
    @classmethod
    def _rooted(cls, url: str) -> str:
        return url if not url or "://" in url else str(Path(url).expanduser().resolve())

    def model_post_init(self, _: Any) -> None:
        """Put what is not given below the home folder."""
        own = {
            "lakehouse": str(self.home / "lakehouse"),
            "strategies": self.postgres or f"sqlite:///{self.home / 'strategies.db'}",
        }
        for name, place in own.items():
            if not getattr(self, name):
                object.__setattr__(self, name, place)

    def origin(self, name: str) -> Origin:
        """Return which layer a setting came from.

        Parameters
        ----------
        name : str
            A field.
        """
        layer: Literal["argument", "default"] = (
            "argument" if name in self.model_fields_set else "default"
        )
        return self._origins.get(name, Origin(layer=layer))
