"""What identifies a model: its bytes, what made it and what it expects."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ModelSpec", "Signature"]


class Signature(BaseModel):
    """The one input and the one output of a model.

    Parameters
    ----------
    inputs : int
        Columns of the input, a tensor of shape (rows, inputs).
    dtype : {"float64", "float32"}
        Element type of input and output.
    outputs : int
        Columns of the output, a tensor of shape (rows, outputs).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: Annotated[int, Field(ge=1)]
    dtype: Literal["float64", "float32"] = "float64"
    outputs: Annotated[int, Field(ge=1)] = 1


class ModelSpec(BaseModel):
    """A model that is stored, and what it must be when it is read again.

    Parameters
    ----------
    uri : str
        Where the ONNX file lies: a path or any URL that fsspec opens.
    sha256 : str
        SHA-256 of the file, 64 hexadecimal characters; checked before anything parses the file.
    framework : str
        What trained it, for example ``scikit-learn 1.9.1``.
    version : str
        The version that signals name.
    signature : Signature
        Shape and type of input and output.
    feature_hash : str
        Hash of the feature set whose values are its input columns.
    device : {"cpu"}
        Where it runs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    framework: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    signature: Signature
    feature_hash: Annotated[str, Field(min_length=1)]
    device: Literal["cpu"] = "cpu"
