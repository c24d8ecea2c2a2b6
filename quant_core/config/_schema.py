"""The JSON schema of the configuration, for editors."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from quant_core.config._choice import LABEL
from quant_core.config._model import TournamentConfig
from quant_core.config._registries import AXES, Axis, registry

__all__ = ["json_schema"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "#/$defs/{model}"


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration file.

    Each entry of an axis is one of the names, or an object of the model it names.
    """
    schema = TournamentConfig.model_json_schema(ref_template=_REFERENCE)
    fields, models = schema["properties"], schema.setdefault("$defs", {})
    for axis in AXES:
        entries = _entries(axis, models)
        fields[axis] = {"type": "array", "minItems": 1, "items": {"anyOf": entries}}
        fields[axis]["default"] = list(TournamentConfig.model_fields[axis].default)
    fields["data"] = {"anyOf": [{"const": "sample"}, *fields["data"]["anyOf"]]}
    names = fields["benchmark"]
    fields["benchmark"] = {"anyOf": [{"type": "string", "minLength": 1}, names, {"type": "null"}]}
    return {"$schema": _DIALECT, **schema}


def _entries(axis: Axis, models: dict[str, Any]) -> list[dict[str, Any]]:
    known = registry(axis)
    specs = list(dict.fromkeys(known.values()))
    places, shared = models_json_schema(
        [(spec, "validation") for spec in specs], ref_template=_REFERENCE
    )
    found = shared.get("$defs", {})
    entries: list[dict[str, Any]] = [{"enum": list(known)}]
    for name, spec in known.items():
        key = places[spec, "validation"]["$ref"].rpartition("/")[2]
        models[f"{axis}.{name}"] = _named(name, found[key])
        entries.append({"$ref": f"#/$defs/{axis}.{name}"})
    own = {places[spec, "validation"]["$ref"].rpartition("/")[2] for spec in specs}
    models.update({key: model for key, model in found.items() if key not in own})
    return entries


def _named(name: str, model: dict[str, Any]) -> dict[str, Any]:
    fields = dict(model["properties"])
    fields["name"] = {"const": name}
    fields["as"] = {"type": "string", "pattern": f"^{LABEL.pattern}$"}
    return {**model, "title": name, "properties": fields, "required": ["name"]}
