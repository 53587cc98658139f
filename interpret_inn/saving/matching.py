"""Whether an artefact belongs to a model; what the artefact says is shown as text, and never opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interpret_inn.backbones import Backbone
from interpret_inn.errors import LONGEST_SHOWN, ArtefactError, shown


def told_model(about: Mapping[str, Any]) -> str:
    """The name of the model in an artefact, in quotes, for a reader to check.

    Letters outside ASCII are written out, as some look like others.

    Args:
        about: The contents of `interpreter.json`.
    """
    name = about["model"]["name"]
    return ascii(name if len(name) <= LONGEST_SHOWN else name[:LONGEST_SHOWN] + "…")


def refuse_mismatch(path: Path, about: Mapping[str, Any], backbone: Backbone) -> None:
    """Raises if the model, its weights or its preprocessing are not those of the fit.

    Raises:
        ArtefactError: they are not; both sides are named.
    """
    stored = about["model"]
    sides = [
        ("another model", stored["architecture"], backbone.architecture()),
        ("other weights", stored["weights"][:16], backbone.fingerprint()[:16]),
        ("another site", about["site"], str(backbone.address)),
        ("other preprocessing", _compact(about["preprocess"]), _compact(backbone.preprocess.to_dict())),
    ]
    for what, wanted, found in sides:
        if wanted != found:
            raise ArtefactError(
                f"The interpreter at {path} was fitted for {what}: expected {shown(wanted)}, found {found}. "
                f"Load it with the model it was fitted for ({told_model(about)}), or fit anew."
            )


def _compact(value: Any) -> str:
    return json.dumps(value, default=str)
