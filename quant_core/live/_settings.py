"""Settings of the runner, from ``STRATEGY__*`` in the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["Settings"]


class Settings(BaseSettings):
    """How the runner runs; each field is an environment variable ``STRATEGY__<FIELD>``.

    Parameters
    ----------
    max_concurrency : int
        Calls of one strategy in Python, or of a remote server, that may wait or be under way.
    batch_window_ms : float
        How long a tick may wait for others to be computed with; 0 takes what is there.
    max_batch : int
        Ticks that are computed at once.
    pool_size : int
        Worker processes for strategies in Python.
    remote_inference_url : str or None
        Server of the open inference protocol that runs models in place of this process.
    warmup_ticks : int
        Observations of an instrument before its first signal.
    queue_limit : int
        Ticks that may wait; more are dropped by priority and counted.
    max_instruments : int
        Instruments whose history is kept; ticks of others are refused.
    late_seconds : float or None
        Age against the clock beyond which a tick is refused; None refuses none.
    reload_seconds : float
        How often the strategy database is asked for changes.
    report_seconds : float
        How often the database is told what is served, even if that has not changed, so that a
        runner that is gone is noticed.
    commit_seconds : float
        How often the source is told what is done; after a crash that much comes again.
    max_failures : int
        Failures in a row that put a strategy into quarantine.
    backoff_seconds, max_backoff_seconds : float
        First and longest quarantine; it doubles from one to the next.
    log : str or None
        Where the log goes: ``stderr``, ``off`` or a file; None leaves it to the command.
    log_sample : float
        Share of the ticks that get a line in the log; events always do.
    log_seed : int
        Which ticks these are.
    """

    model_config = SettingsConfigDict(env_prefix="STRATEGY__", frozen=True, extra="forbid")

    max_concurrency: Annotated[int, Field(ge=1, le=1024)] = 8
    batch_window_ms: Annotated[float, Field(ge=0, le=1000)] = 0.0
    max_batch: Annotated[int, Field(ge=1, le=65_536)] = 512
    pool_size: Annotated[int, Field(ge=1, le=64)] = 1
    remote_inference_url: str | None = None
    warmup_ticks: Annotated[int, Field(ge=0)] = 0
    queue_limit: Annotated[int, Field(ge=1)] = 65_536
    max_instruments: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    late_seconds: Annotated[float, Field(gt=0)] | None = None
    reload_seconds: Annotated[float, Field(gt=0)] = 1.0
    report_seconds: Annotated[float, Field(gt=0)] = 30.0
    commit_seconds: Annotated[float, Field(ge=0)] = 0.1
    max_failures: Annotated[int, Field(ge=1)] = 3
    backoff_seconds: Annotated[float, Field(gt=0)] = 1.0
    max_backoff_seconds: Annotated[float, Field(gt=0)] = 300.0
    log: Annotated[str, Field(min_length=1)] | None = None
    log_sample: Annotated[float, Field(ge=0, le=1)] = 0.001
    log_seed: int = 0
