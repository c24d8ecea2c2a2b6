"""A model that is loaded: what evaluates it, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from quant_core.errors import ShapeError
from quant_core.inference._ensemble import read_ensemble
from quant_core.inference._forest import Forest, lay_out
from quant_core.inference._graph import UnrecognisedGraphError, read_chain
from quant_core.inference._network import Network, read_network
from quant_core.inference._pack import Placed, pack
from quant_core.inference._probe import difference
from quant_core.inference._session import Session

if TYPE_CHECKING:
    from quant_core.inference._pack import Pack
    from quant_core.models import ModelSpec

__all__ = ["Backend", "Model", "as_compiled", "checked", "load", "open_session"]

type Backend = Literal["linear", "mlp", "trees", "onnxrt", "remote"]


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model; it never changes, and any number of threads may use it.

    Parameters
    ----------
    spec : ModelSpec
        What it is.
    backend : {"linear", "mlp", "trees", "onnxrt"}
        What evaluates it: a kernel of this package, or a session of ONNX Runtime.
    detail : str
        What was recognised, or why a session serves it.
    data : bytes
        Its ONNX file.
    body : Network, Forest or Session
        What was read from it.
    packs : tuple of Pack
        It alone, as its kernel reads it; empty for a session.
    """

    spec: ModelSpec
    backend: Backend
    detail: str
    data: bytes = field(repr=False)
    body: Network | Forest | Session = field(repr=False)
    packs: tuple[Pack, ...] = field(repr=False, default=())

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the predictions of rows.

        Parameters
        ----------
        rows : ndarray of shape (R, F)
            Inputs, in the order of the model's features.

        Returns
        -------
        ndarray of shape (R,), float64
            The predictions. Each depends on its own row alone, to the last bit. NaN where an
            input is not finite in the type of the model's input, or the prediction is not; so a
            tree never sees a missing value.

        Raises
        ------
        ShapeError
            If the rows do not have the columns of the model.
        InferenceError
            If ONNX Runtime fails.
        """
        values = checked(rows, self.spec.signature.inputs, f"model {self.spec.version}")
        if isinstance(self.body, Session):
            return self.body.rows(values)
        found = np.full((len(values), 1), np.nan)
        active = np.ones((len(values), 1), dtype=np.bool_)
        for part in self.packs:
            part.evaluate(values, active, found)
        return found[:, 0]


def checked(rows: np.ndarray, columns: int | None, name: str) -> np.ndarray:
    """Return rows as a matrix of doubles of the wanted width, as kernels read it."""
    values = np.asarray(rows)
    wide = values.ndim == 2 and columns in {None, values.shape[1]}  # noqa: PLR2004 - a matrix
    if not wide or values.dtype.kind not in "fiu":
        wanted = "columns" if columns is None else str(columns)
        raise ShapeError(
            f"{name}: expected rows of numbers, shape (rows, {wanted}); "
            f"found {values.dtype} of shape {values.shape}"
        )
    return as_compiled(values if values.dtype == np.float64 else values.astype(np.float64))


def as_compiled(values: np.ndarray) -> np.ndarray:
    """Return a contiguous, writeable array: numba would compile kernels anew for others."""
    flags = values.flags
    return values if flags.c_contiguous and flags.writeable else values.copy()


def load(data: bytes, spec: ModelSpec) -> Model:
    """Load a model from its verified ONNX file.

    Linear models, perceptrons and tree ensembles are taken out of the graph and compared with
    ONNX Runtime on rows of a fixed seed; any other graph, and one whose predictions differ, is
    served by ONNX Runtime, and ``detail`` says why.

    Parameters
    ----------
    data : bytes
        The ONNX file; its checksum and contents were verified by `quant_core.models`.
    spec : ModelSpec
        What it must be.

    Returns
    -------
    Model
        The model.

    Raises
    ------
    InferenceError
        If ONNX Runtime cannot load it, or it does not give one prediction a row.
    UnavailableError
        If onnx or ONNX Runtime is not installed.

    Examples
    --------
    >>> model = load(store.read(spec), spec)
    >>> model.backend, model.detail
    ('mlp', '20 -> 32 -> 16 -> 1, relu relu identity')
    """
    session = Session(data, spec)
    session.rows(np.zeros((1, spec.signature.inputs)))
    try:
        body = recognise(data, spec)
    except UnrecognisedGraphError as error:
        return _sessioned(data, spec, session, str(error))
    model = _kernel_model(data, spec, body)
    gap = difference(model.predict, session, body, spec.signature)
    if gap is not None:
        return _sessioned(data, spec, session, f"the kernel for {model.detail} {gap}")
    return model


def open_session(data: bytes, spec: ModelSpec) -> Model:
    """Load a model into a session of its own, whatever its graph; arguments as of `load`."""
    return Model(spec, "onnxrt", "a session was asked for", data, Session(data, spec))


def recognise(data: bytes, spec: ModelSpec) -> Network | Forest:
    """Return what a kernel evaluates, before any comparison."""
    steps, inputs = read_chain(data), spec.signature.inputs
    if any(step.op.startswith("ai.onnx.ml/TreeEnsemble") for step in steps):
        single = spec.signature.dtype == "float32"
        return lay_out(read_ensemble(steps, inputs=inputs, single=single), inputs)
    return read_network(steps, inputs)


def _kernel_model(data: bytes, spec: ModelSpec, body: Network | Forest) -> Model:
    columns = np.arange(spec.signature.inputs, dtype=np.int64)
    packs = pack([Placed(0, body, columns, spec.signature.dtype == "float32")])
    backend: Backend = "trees"
    if isinstance(body, Network):
        backend = "linear" if body.linear else "mlp"
    return Model(spec, backend, body.detail, data, body, packs)


def _sessioned(data: bytes, spec: ModelSpec, session: Session, why: str) -> Model:
    return Model(spec, "onnxrt", f"a session of its own: {why}", data, session)
