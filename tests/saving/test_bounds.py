"""Sizes that are only stated build nothing: they are compared with the tensors first."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import interpret_inn as inn
from interpret_inn.flows import FlowShape, InvertibleNetwork
from interpret_inn.saving.bounds import require_shallow, require_stored


@pytest.fixture
def copy(toy: Any, tmp_path: Path) -> Path:
    toy.interpreter.save(tmp_path / "saved")
    return tmp_path / "saved"


def rewrite(folder: Path, change: Any) -> None:
    """Changes `interpreter.json` as somebody would who means harm: with the checksum put right."""
    about = json.loads((folder / "interpreter.json").read_text())
    change(about)
    (folder / "interpreter.json").write_text(json.dumps(about))
    sums = json.loads((folder / "checksums.json").read_text())
    sums["interpreter.json"] = hashlib.sha256((folder / "interpreter.json").read_bytes()).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(sums))


@pytest.fixture
def unbuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InvertibleNetwork, "empty", lambda *_: pytest.fail("the flow was built"))


@pytest.mark.parametrize("field", ["width", "leading", "blocks", "depth", "hidden"])
@pytest.mark.parametrize("size", [10**5, 10**7, 10**30, -1, 1.5, True, None, "3", [3]])
@pytest.mark.usefixtures("unbuilt")
def test_a_size_that_is_not_stored_builds_nothing(field: str, size: Any, toy: Any, copy: Path) -> None:
    rewrite(copy, lambda about: about["flow"].update({field: size}))
    with pytest.raises(inn.ArtefactError, match="is damaged: ValueError: expected"):
        inn.load(copy, toy.model)


@pytest.mark.parametrize(
    "shape", [(9, 6, 2, 4, 1), (9, 9, 1, 4, 3), (5, 3, 2, 4, 0), (4, 2, 0, 8, 1), (7, 5, 3, 2, 2)]
)
def test_the_shapes_of_every_flow_are_known(shape: tuple[int, ...]) -> None:
    form = FlowShape(shape[0], shape[1], blocks=shape[2], hidden=shape[3], depth=shape[4])
    stored = {f"flow.{name}": value for name, value in InvertibleNetwork.empty(form).state_dict().items()}
    require_stored(form, stored)
    for name in stored:
        with pytest.raises(ValueError, match="expected the tensors of FlowShape"):
            require_stored(form, {other: value for other, value in stored.items() if other != name})


@pytest.mark.usefixtures("unbuilt")
def test_too_little_memory_is_an_error_in_words(
    toy: Any, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(InvertibleNetwork, "empty", full)
    with pytest.raises(inn.ArtefactError, match="is damaged: MemoryError"):
        inn.load(copy, toy.model)


@pytest.mark.parametrize("shape", [10**9, [10**9], [10**3] * 3, [2**24 + 1], [1e300, 1e300], [10**400, 1.5]])
def test_large_stored_latents_are_not_drawn(shape: Any, toy: Any, copy: Path) -> None:
    options = {"latents": "normal", "latent_shape": shape}
    rewrite(copy, lambda about: about.update(backbone={"kind": "generator", "options": options, "lost": []}))
    with pytest.raises(
        inn.ArtefactError, match=r"with latent_shape=.*larger than .*: load\(path, model, latent_shape=…\)"
    ):
        inn.load(copy, toy.model)


@pytest.mark.parametrize("depth", [70, 900, 100_000])
def test_an_option_deep_within_lists_is_refused(depth: int, toy: Any, copy: Path) -> None:
    rewrite(
        copy, lambda about: about.update(backbone={"kind": "generator", "options": {"x": "HERE"}, "lost": []})
    )
    text = (copy / "interpreter.json").read_text().replace('"HERE"', "[" * depth + "]" * depth)
    (copy / "interpreter.json").write_text(text)
    sums = json.loads((copy / "checksums.json").read_text())
    sums["interpreter.json"] = hashlib.sha256(text.encode()).hexdigest()
    (copy / "checksums.json").write_text(json.dumps(sums))
    with pytest.raises(inn.ArtefactError, match=r"is damaged: (ValueError: lists or map|RecursionError)"):
        inn.load(copy, toy.model)


@pytest.mark.parametrize("where", ["head@{}", "head:{}", "head:-{}"])
def test_a_site_with_an_endless_number_is_refused(where: str, toy: Any, copy: Path) -> None:
    rewrite(copy, lambda about: about.update(site=where.format("9" * (sys.get_int_max_str_digits() + 700))))
    with pytest.raises(inn.ArtefactError, match="another model: expected") as caught:
        inn.load(copy, toy.model)
    assert len(str(caught.value)) < 2000


def test_ordinary_values_are_not_too_deep() -> None:
    assert require_shallow({"a": [1, {"b": []}]}) == {"a": [1, {"b": []}]}
    assert require_shallow(3) == 3
