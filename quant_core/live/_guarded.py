"""Models on servers: one circuit breaker for each server, not a quarantine for each model."""

from __future__ import annotations

import re
from http.client import HTTPException
from typing import TYPE_CHECKING

from quant_core.errors import InferenceError

if TYPE_CHECKING:
    import numpy as np

    from quant_core.inference import RemoteModel
    from quant_core.live._quarantine import CircuitBreaker
    from quant_core.models import ModelSpec

__all__ = ["Guarded"]

_BROKEN = re.compile(r" answered 5\d\d: ")


class Guarded:
    """A model on a server that is not asked while the circuit to the server is open.

    A call that the server did not take, did not answer in time or answered with a status of 500
    and above counts against the server; any other failure is the model's own.

    Parameters
    ----------
    model : RemoteModel
        The model.
    breaker : CircuitBreaker
        Knows the servers by their URL.
    """

    def __init__(self, model: RemoteModel, breaker: CircuitBreaker) -> None:
        self._model, self._breaker = model, breaker
        self.reason = ""
        """Why the last call got no answer from the server; empty where it is not to blame."""

    @property
    def spec(self) -> ModelSpec:
        """What the model is."""
        return self._model.spec

    @property
    def closed(self) -> bool:
        """Whether the server may be called."""
        return self._breaker.closed(self._model.url)

    @property
    def complaint(self) -> str:
        """What the server failed with last."""
        url = self._model.url
        return f"{url} is not called: {self._breaker.standing(url).reason}"

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the predictions of rows, as `RemoteModel.predict`.

        Raises
        ------
        InferenceError
            As the model, and without a call while the circuit is open.
        """
        url = self._model.url
        if not self.closed:
            self.reason = "circuit_open"
            raise InferenceError(f"model {self.spec.version}: {self.complaint}")
        self.reason = ""
        try:
            found = self._model.predict(rows)
        except InferenceError as error:
            if _of_server(error):
                self.reason = "backend_failed"
                self._breaker.failed(url, str(error))
            else:
                self._breaker.succeeded(url)
            raise
        self._breaker.succeeded(url)
        return found


def _of_server(error: InferenceError) -> bool:
    unreached = isinstance(error.__cause__, (OSError, HTTPException))
    return unreached or _BROKEN.search(str(error)) is not None
