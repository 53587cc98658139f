"""Fitted interpreters on disk: safetensors and JSON in one folder, versioned and checksummed."""

from interpret_inn.saving.artefact import (
    Artefact,
    read_artefact,
    refuse_mismatch,
    require_place,
    write_artefact,
)

__all__ = ["Artefact", "read_artefact", "refuse_mismatch", "require_place", "write_artefact"]
