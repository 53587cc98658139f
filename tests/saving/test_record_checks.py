"""Records of an artefact that somebody changed: each is refused as damage, before anything is computed from it."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import interpret_inn as inn
from interpret_inn.saving import read_artefact

MAIN, EVALUATION, TENSORS = "interpreter.json", "evaluation.json", "tensors.safetensors"
Change = Callable[[Any], Any]


@pytest.fixture
def copy(toy: Any, tmp_path: Path) -> Path:
    toy.interpreter.save(tmp_path / "saved")
    return tmp_path / "saved"


def rewrite(folder: Path, name: str, change: Change) -> None:
    """Changes a file as somebody would who means harm: with the checksum put right."""
    path, sums = folder / name, json.loads((folder / "checksums.json").read_text())
    if name == TENSORS:
        tensors = load_file(path)
        change(tensors)
        save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    else:
        held = json.loads(path.read_text())
        change(held)
        path.write_text(json.dumps(held))
    sums[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(sums))


def put(value: Any, *path: Any) -> Change:
    """Sets a field that lies along a path of keys."""

    def change(held: Any) -> None:
        *outer, last = path
        for key in outer:
            held = held[key]
        held[last] = value(held[last]) if callable(value) else value

    return change


def renamed(old: str, new: str, *path: Any) -> Change:
    """Names a key otherwise in a mapping that lies along a path of keys."""

    def change(held: Any) -> None:
        for key in path:
            held = held[key]
        held[new] = held.pop(old)

    return change


def with_refits(**fields: Any) -> Change:
    return lambda held: held.update(refits={"count": 5, "reason": ""} | fields)


IN_MAIN = [
    *(put(seed, "seed") for seed in (-1, 2**63, 1.0, True, "3", None)),
    *(put(split, "split") for split in ([1, 2], [1, 2, 3, 4], [1, 2, 3.0], [1, 2, -3], "123", [True, 1, 1])),
    *(put(shape, "z_shape") for shape in ([32.0], ["32"], [0], [True], "32", {"32": 1})),
    *(put(size, "factors", "hue") for size in (2.0, "2", True, 0, 100)),
    put(lambda size: size + 1, "factors", "residual"),
    renamed("residual", "rest", "factors"),
    put([3], "notes"),
    put("a note", "notes"),
    put([None], "remarks"),
    *(put(kinds, "note_kinds") for kinds in (["fixed"], {"a note": "fixed"}, {"a note": ["fixed", 3]})),
    *(put(name, "concepts", 0, "name") for name in (None, 3, "", "hue", "\udfff")),
    *(put(kind, "concepts", 0, "kind") for kind in ("number", None, ["numeric"])),
    *(put(classes, "concepts", 0, "classes") for classes in ([0, 1, 2], "abc", None, [["a"]])),
    put("yes", "concepts", 0, "guessed"),
    *(put(time, "timings", "fit") for time in (math.inf, math.nan, "3", [1], True)),
    put("much", "raw_scores", "hue"),
    put([10**6, 10**6], "preprocess", "size"),
    lambda about: about["preprocess"].update(size=[64, 64], crop_pct=1e-9),
]
IN_EVALUATION = [
    renamed("hue", "tone", "leakage", "scores"),
    renamed("hue", "tone", "leakage", "scores", "shape"),
    renamed("hue", "tone", "leakage", "kind"),
    renamed("hue", "tone", "leakage", "chance"),
    renamed("hue", "tone", "leakage", "association"),
    put("much", "leakage", "kind", "hue"),
    put(["shape", "tone"], "leakage", "concepts"),
    put(["shape", "hue"], "leakage", "factors"),
    lambda held: held["leakage"]["scores"].pop("hue"),
    *(with_refits(count=count) for count in (1, 101, -2, 10**9, True, 5.0, None, "5")),
    with_refits(chance={"tone": 0.5}),
    with_refits(unfitted={"<b>": 0.5}),
    with_refits(carried={"tone": 3}),
    with_refits(scores={"hue": {"tone": {"linear": {"value": 1.0}, "network": {"value": 1.0}}}}),
    put("tone", "summaries", 0, "name"),
    put({"shape": {"tone": 3}}, "leakage", "samples"),
]
IN_TENSORS = [
    put(lambda codes: codes.double(), "reference_codes"),
    put(lambda codes: codes[:0], "reference_codes"),
    put(lambda codes: codes[0], "reference_codes"),
    put(lambda codes: codes[:, 1:], "reference_codes"),
    put(lambda codes: codes * math.nan, "reference_codes"),
    put(lambda codes: codes / 0.0, "reference_codes"),
    put(lambda groups: groups[1:], "reference_groups"),
    put(lambda groups: groups.float(), "reference_groups"),
    put(lambda values: values[1:], "values.hue"),
    put(lambda values: values + 100, "values.hue"),
    put(lambda values: values + 100, "values.shape"),
]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *((MAIN, change) for change in IN_MAIN),
        *((EVALUATION, change) for change in IN_EVALUATION),
        *((TENSORS, change) for change in IN_TENSORS),
    ],
)
def test_a_changed_record_is_damage(name: str, change: Change, copy: Path) -> None:
    read_artefact(copy)
    rewrite(copy, name, change)
    with pytest.raises(inn.ArtefactError, match=r"(?s)is damaged: .* Copy it again or fit anew"):
        read_artefact(copy)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (MAIN, put(2**63 - 1, "seed")),
        (MAIN, put(None, "timings", "fit")),
        (MAIN, put([224, 224], "preprocess", "size")),
        (EVALUATION, with_refits(count=0)),
        (EVALUATION, with_refits(count=100, chance={"hue": 0.5}, carried={"hue": 3})),
        (TENSORS, put(lambda values: torch.full_like(values, math.nan), "values.hue")),
    ],
)
def test_records_at_the_edge_are_read(
    name: str, change: Change, copy: Path, toy: Any, tmp_path: Path
) -> None:
    rewrite(copy, name, change)
    inn.load(copy, toy.model).save(tmp_path / "again")
    read_artefact(tmp_path / "again")
