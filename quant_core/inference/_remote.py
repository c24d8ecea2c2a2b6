"""A model on a server that speaks the open inference protocol."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import numpy as np

from quant_core.clock import clock
from quant_core.errors import ConfigError, InferenceError
from quant_core.inference._model import checked

if TYPE_CHECKING:
    from quant_core.models import ModelSpec

__all__ = ["RemoteModel"]

_DATATYPES = {"float64": "FP64", "float32": "FP32"}
_PIECE = 65_536
_BYTES_A_ROW = 64  # a double takes 24 characters at most
_BYTES_BESIDE = 65_536


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model that a server evaluates, by ``POST <url>/v2/models/<name>/infer`` with JSON tensors.

    The server adds in its own order, so predictions are batch invariant only if the server's are.

    Parameters
    ----------
    spec : ModelSpec
        What it is.
    url : str
        The server, ``http://`` or ``https://``, without user or password.
    name : str
        Its name on the server; its SHA-256 by default, under which no other model can lie.
    input_name : str
        Name of the input tensor.
    timeout : float
        Seconds that a call may take.

    Raises
    ------
    ConfigError
        If the URL is none of a server.

    Examples
    --------
    >>> RemoteModel(spec, "http://127.0.0.1:8080", timeout=0.05).predict(rows)
    """

    spec: ModelSpec
    url: str
    name: str = ""
    input_name: str = "X"
    timeout: float = 1.0

    def __post_init__(self) -> None:
        _check(self.url)
        if not self.name:
            object.__setattr__(self, "name", self.spec.sha256)

    @property
    def backend(self) -> str:
        """What evaluates it."""
        return "remote"

    @property
    def detail(self) -> str:
        """Where it is evaluated."""
        return f"{self.name} on {self.url}"

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the predictions of rows.

        Parameters
        ----------
        rows : ndarray of shape (R, F)
            Inputs, in the order of the model's features.

        Returns
        -------
        ndarray of shape (R,), float64
            The predictions; NaN where an input or the prediction is not finite.

        Raises
        ------
        ShapeError
            If the rows do not have the columns of the model.
        InferenceError
            If the server cannot be reached, takes too long, answers with an error, or with what
            are not the predictions of this model for these rows.
        """
        signature = self.spec.signature
        values = checked(rows, signature.inputs, f"model {self.spec.version}")
        with np.errstate(over="ignore"):
            values = values.astype(signature.dtype)
        finite = np.isfinite(values).all(axis=1)
        found = np.full(len(values), np.nan)
        if finite.any():
            found[finite] = self._ask(values[finite])
        found[np.isinf(found)] = np.nan
        return found

    def _ask(self, values: np.ndarray) -> np.ndarray:
        tensor = {
            "name": self.input_name,
            "shape": list(values.shape),
            "datatype": _DATATYPES[self.spec.signature.dtype],
            "data": values.ravel().tolist(),
        }
        limit = _BYTES_BESIDE + _BYTES_A_ROW * len(values)
        status, answer = self._post(json.dumps({"inputs": [tensor]}).encode(), limit)
        try:
            content = json.loads(answer)
        except ValueError as error:
            raise self._failure(f"answered {status} with what is no JSON") from error
        if not isinstance(content, dict):
            raise self._failure("answered with no JSON object")
        if status != http.client.OK:
            raise self._failure(f"answered {status}: {str(content.get('error', ''))[:200]}")
        return self._predictions(content, len(values))

    def _post(self, body: bytes, limit: int) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.hostname or "", parts.port, timeout=self.timeout)
        path = f"{parts.path.rstrip('/')}/v2/models/{quote(self.name, safe='')}/infer"
        end = clock().seconds() + self.timeout
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            with connection.getresponse() as response:
                return response.status, self._body(response, limit, end)
        except TimeoutError as error:
            raise self._failure(f"took longer than {self.timeout:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(f"failed: {type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def _body(self, response: http.client.HTTPResponse, limit: int, end: float) -> bytes:
        """Read an answer piece by piece, so that a server that trickles is cut off too."""
        pieces, size = [], 0
        while piece := response.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise self._failure(f"answered with more than {limit} bytes")
            if clock().seconds() > end:
                raise TimeoutError
        return b"".join(pieces)

    def _predictions(self, content: dict[str, Any], rows: int) -> np.ndarray:
        answering = content.get("model_name")
        if answering != self.name:
            raise self._failure(f"answered for model {str(answering)[:80]}")
        outputs = content.get("outputs")
        if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict):
            raise self._failure("expected one output tensor")
        output = outputs[0]
        if output.get("shape") not in ([rows], [rows, 1]):
            raise self._failure(f"expected {rows} predictions, found shape {output.get('shape')}")
        if output.get("datatype") not in _DATATYPES.values():
            raise self._failure(f"expected FP64 or FP32, found {output.get('datatype')}")
        return self._numbers(output.get("data"), rows)

    def _numbers(self, data: Any, rows: int) -> np.ndarray:
        try:
            values = np.array(data)
        except ValueError as error:
            raise self._failure("answered with ragged data") from error
        if values.size != rows or values.dtype.kind not in "fiu":
            raise self._failure(f"expected {rows} numbers, found {values.size} {values.dtype}")
        return values.reshape(-1).astype(np.float64)

    def _failure(self, what: str) -> InferenceError:
        return InferenceError(f"model {self.spec.version}: {self.url} {what}")


def _check(url: str) -> None:
    parts = urlsplit(url)
    try:
        reachable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        reachable = False
    if parts.scheme not in {"http", "https"} or not reachable or "@" in parts.netloc:
        raise ConfigError(
            "remote_inference_url: expected http://HOST:PORT or https://HOST:PORT without user and "
            f"password, found scheme {parts.scheme!r} and host {parts.hostname!r}"
        )
