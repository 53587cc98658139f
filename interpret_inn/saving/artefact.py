"""The artefact: a folder that holds a fitted interpreter, but never the model or any picture.

interpreter.json     what it is: format, model, site, preprocessing, factors, concepts, settings
evaluation.json      scores from the test split
tensors.safetensors  the flow, the reference codes (and means over positions), the concepts' values for these
checksums.json       SHA-256 of the other files
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from interpret_inn._version import __version__
from interpret_inn.backbones import Backbone, Layout, Preprocess
from interpret_inn.errors import ArtefactError, shown
from interpret_inn.explaining.evaluation import Evaluation
from interpret_inn.explaining.records import plain
from interpret_inn.flows import FlowShape, InvertibleNetwork
from interpret_inn.saving.bounds import require_shallow, require_stored
from interpret_inn.saving.migrating import EVALUATION_FILES, FORMAT, POSITION_MEANS, Stored, migrated, revive
from interpret_inn.saving.noted import read_notes, stored_notes
from interpret_inn.saving.record_checks import require_main, require_records
from interpret_inn.translating.fitted import Fitted, PositionMeans
from interpret_inn.translating.settings import FitRecord, FitSettings
from interpret_inn.types import Concept, Factors

_MAIN, _TENSORS, _SUMS = "interpreter.json", "tensors.safetensors", "checksums.json"
_EVALUATION = EVALUATION_FILES[FORMAT]
_DAMAGED = (
    OSError, SafetensorError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ArithmeticError,
    MemoryError,
)  # fmt: skip
"""What reading a damaged file raises; RecursionError is a RuntimeError."""


class Artefact(NamedTuple):
    """A stored interpreter.

    Attributes:
        about: The contents of `interpreter.json`, in the format of today. What it says of the model (name, site,
            options of its kind) is to be compared and shown, not to be opened or built.
        fitted: The fit.
        evaluation: Its scores.
    """

    about: Mapping[str, Any]
    fitted: Fitted
    evaluation: Evaluation


def write_artefact(path: Path, backbone: Backbone, fitted: Fitted, evaluation: Evaluation) -> None:
    """Writes the folder whole or not at all.

    Raises:
        ArtefactError: the path is a file or another kind of folder, or it cannot be written.
    """
    require_place(path)
    path = path.resolve()  # through links, and with a name also for "."
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            fresh, old = workplace / "fresh", workplace / "old"
            fresh.mkdir()
            _fill(fresh, backbone, fitted, evaluation)
            if path.exists():
                path.replace(old)
            try:
                fresh.replace(path)
            except OSError:
                if old.exists():
                    old.replace(path)
                raise
        finally:
            shutil.rmtree(workplace, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise ArtefactError(
            f"The interpreter could not be saved at {path}: {error}. Free some space or give another path."
        ) from error


def require_place(path: Path) -> None:
    """Raises if no artefact may be written at a path; called before a long fit, too.

    Raises:
        ArtefactError: the path is a file or another kind of folder.
    """
    if path.exists() and not _is_replaceable(path):
        raise ArtefactError(
            f"Expected a new folder or an artefact to replace, found something else at {path}. "
            "Give another path."
        )


def _is_replaceable(path: Path) -> bool:
    """Whether a path is an empty folder, or an artefact to which nothing was added."""
    if not path.is_dir():
        return False
    names = {item.name for item in path.iterdir()}
    return not names or (_SUMS in names and names <= {_MAIN, *EVALUATION_FILES.values(), _TENSORS, _SUMS})


def _fill(folder: Path, backbone: Backbone, fitted: Fitted, evaluation: Evaluation) -> None:
    _write_json(folder / _MAIN, _about(backbone, fitted))
    _write_json(folder / _EVALUATION, plain(evaluation))
    tensors = {f"flow.{name}": value for name, value in fitted.network.state_dict().items()}
    tensors |= {
        "reference_codes": fitted.reference_codes,
        "reference_groups": torch.from_numpy(fitted.reference_groups),
    }
    if fitted.position_means is not None:
        tensors |= dict(zip(POSITION_MEANS, fitted.position_means, strict=True))
    for concept in fitted.concepts:
        if concept.values is not None:
            tensors[f"values.{concept.name}"] = torch.from_numpy(concept.values)
    save_file({name: value.cpu().contiguous() for name, value in tensors.items()}, folder / _TENSORS)
    _write_json(folder / _SUMS, {name: _digest(folder / name) for name in (_MAIN, _EVALUATION, _TENSORS)})


def _about(backbone: Backbone, fitted: Fitted) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "library": __version__,
        "model": {
            "name": backbone.name,
            "architecture": backbone.architecture(),
            "weights": backbone.fingerprint(),
            "class_names": None if backbone.class_names is None else list(backbone.class_names),
        },
        "backbone": _storable(backbone.adapter),
        "site": str(backbone.address),
        "layout": dataclasses.asdict(fitted.layout),
        "z_shape": list(fitted.z_shape),
        "preprocess": backbone.preprocess.to_dict(),
        "flow": dataclasses.asdict(fitted.network.shape),
        "factors": dict(zip(fitted.factors.names, fitted.factors.sizes, strict=True)),
        "raw_scores": plain(dict(fitted.raw_scores)),
        "concepts": [
            {"name": c.name, "kind": c.kind, "classes": list(c.classes), "guessed": c.guessed}
            for c in fitted.concepts
        ],
        "settings": dataclasses.asdict(fitted.settings),
        "seed": fitted.seed,
        "record": plain(fitted.record),
        "split": list(fitted.split),
        **stored_notes(fitted.notes),
        "timings": plain(dict(fitted.timings)),
    }


def _storable(adapter: tuple[str, Mapping[str, Any]] | None) -> Any:
    """The kind of backbone with those of its options that JSON can hold, and the names of the others."""
    if adapter is None:
        return None
    kind, options = adapter
    kept = {}
    for name, value in options.items():
        with contextlib.suppress(TypeError, ValueError):
            kept[name] = json.loads(json.dumps(value, allow_nan=False))
    return {"kind": kind, "options": kept, "lost": sorted(set(options) - set(kept))}


def read_artefact(path: Path) -> Artefact:
    """Reads what `write_artefact` wrote, in its format or an older one; opens the four files and nothing else.

    Raises:
        ArtefactError: nothing is there, it is damaged, a link leads out of it, or a newer version wrote it.
    """
    if not (path / _SUMS).exists():
        raise ArtefactError(
            f"Expected a saved interpreter at {path}, found none. Give the folder that save() wrote."
        )
    try:
        about, evaluation, tensors = migrated(_stored(path))
        _check_words(about)
        Preprocess.from_dict(about["preprocess"])
        require_main(about)
        artefact = Artefact(about, _fitted(about, tensors), revive(Evaluation, evaluation))
        require_records(artefact.fitted, artefact.evaluation)
        return artefact
    except _DAMAGED as error:
        if isinstance(error, ArtefactError):
            raise
        raise ArtefactError(
            f"The interpreter at {path} is damaged: {type(error).__name__}: {shown(error)}. "
            "Copy it again or fit anew."
        ) from error


def _stored(path: Path) -> Stored:
    """The contents of the files, if their checksums and their format are right."""
    sums, about = (_json(_file(path, name)) for name in (_SUMS, _MAIN))
    if about["format"] > FORMAT:
        raise ArtefactError(
            f"The interpreter at {path} has format {about['format']}, written by version "
            f"{shown(about.get('library'))}; this version reads up to {FORMAT}. Type pip install -U interpret-inn."
        )
    evaluation = EVALUATION_FILES[about["format"]]
    for name in (_MAIN, evaluation, _TENSORS):
        if _digest(_file(path, name)) != sums[name]:
            raise ArtefactError(
                f"The interpreter at {path} is damaged: {name} is not what was written. "
                "Copy it again or fit anew."
            )
    return Stored(about, _json(path / evaluation), load_file(path / _TENSORS))


def _file(path: Path, name: str) -> Path:
    """One of the files, before it is opened: a link could lead to any file, and a pipe would never end."""
    if not stat.S_ISREG((path / name).lstat().st_mode):
        raise ArtefactError(
            f"Expected {name} as a file in {path}, found a link or something else, which is not opened. "
            "If the link is your own, copy the folder with what its links lead to (cp -rL)."
        )
    return path / name


def _check_words(about: Mapping[str, Any]) -> None:
    """Refuses an artefact in which what is compared with the model, or shown, is no text."""
    model, kind = about["model"], about["backbone"]
    names = model["class_names"]
    texts = [about["site"], model["name"], model["architecture"], model["weights"]]
    if names is not None:
        texts += names if isinstance(names, list) else [names, None]
    if kind is not None:
        texts += [kind["kind"], *kind["options"].keys(), *kind["lost"]]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"expected the model, its site and its classes in text, found {texts!r:.200}")


def _fitted(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Fitted:
    shape = FlowShape.of(about["flow"])
    require_stored(shape, tensors)
    network = InvertibleNetwork.empty(shape)
    network.load_state_dict(
        {name.removeprefix("flow."): value for name, value in tensors.items() if name.startswith("flow.")}
    )
    network.eval().requires_grad_(False)
    *named, _ = about["factors"].items()
    concepts = tuple(
        Concept(
            c["name"],
            c["kind"],
            tensors[f"values.{c['name']}"].numpy() if f"values.{c['name']}" in tensors else None,
            tuple(c["classes"]),
            c["guessed"],
        )
        for c in about["concepts"]
    )
    return Fitted(
        network=network,
        layout=Layout(**about["layout"]),
        z_shape=tuple(about["z_shape"]),
        factors=Factors.from_sizes(dict(named), total=network.shape.width),
        raw_scores=revive(dict[str, float], about["raw_scores"]),
        concepts=concepts,
        settings=FitSettings(**about["settings"]),
        seed=about["seed"],
        record=revive(FitRecord, about["record"]),
        split=tuple(about["split"]),
        reference_codes=tensors["reference_codes"],
        reference_groups=tensors["reference_groups"].numpy(),
        position_means=PositionMeans(*(tensors[name] for name in POSITION_MEANS))
        if POSITION_MEANS[0] in tensors
        else None,
        notes=read_notes(about),
        timings=revive(dict[str, float], about["timings"]),
    )


def _json(path: Path) -> Any:
    return require_shallow(json.loads(path.read_text("utf-8")))


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False, default=_written), "utf-8")


def _written(value: Any) -> Any:
    """What JSON does not know: NumPy's numbers as plain ones, so that they are read as numbers; else text."""
    return value.item() if isinstance(value, np.generic) else str(value)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
