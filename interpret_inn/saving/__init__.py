"""Fitted interpreters on disk: safetensors and JSON in one folder, versioned and checksummed."""

from interpret_inn.saving.artefact import (
    Artefact,
    read_artefact,
    require_place,
    write_artefact,
)
from interpret_inn.saving.matching import refuse_mismatch, told_model

__all__ = [
    "Artefact",
    "read_artefact",
    "refuse_mismatch",
    "require_place",
    "told_model",
    "write_artefact",
]
