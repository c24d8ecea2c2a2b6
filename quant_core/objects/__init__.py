"""Bytes under names, on a disk or in an object store: whole or not at all, and verified."""

from quant_core.objects._cache import ByteCache, byte_cache
from quant_core.objects._conditions import PROBES, WRITERS, Probe, probe, writers
from quant_core.objects._files import FileObjects
from quant_core.objects._object import Listed, Objects, Version, join
from quant_core.objects._open import open_objects
from quant_core.objects._s3_client import SETTINGS
from quant_core.objects._whole_file import UNFINISHED, whole_file

__all__ = [
    "PROBES",
    "SETTINGS",
    "UNFINISHED",
    "WRITERS",
    "ByteCache",
    "FileObjects",
    "Listed",
    "Objects",
    "Probe",
    "Version",
    "byte_cache",
    "join",
    "open_objects",
    "probe",
    "whole_file",
    "writers",
]
