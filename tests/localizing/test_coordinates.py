"""Discriminant coordinates of a factor."""

from typing import Any

import numpy as np
import pytest
import torch

from interpret_inn.localizing import FactorReader
from interpret_inn.localizing.factor_reader import concept_coordinates
from interpret_inn.types import Concept


def made(kind: str, *, noise: float = 0.1, n: int = 600) -> tuple[torch.Tensor, Concept]:
    """Codes whose first two axes tell the concept, faintly, and whose other four are loud and tell nothing."""
    rng = np.random.default_rng(0)
    if kind == "categorical":
        values = rng.integers(3, size=n)
        told = np.array([[1, 0], [-1, 1], [0, -1]])[values]
    else:
        values = rng.uniform(0, 2 * np.pi, n) if kind == "cyclic" else rng.normal(size=(n, 2))
        told = np.stack([np.cos(values), np.sin(values)], 1) if kind == "cyclic" else values
    codes = np.concatenate([told + noise * rng.normal(size=told.shape), 3 * rng.normal(size=(n, 4))], 1)
    return torch.from_numpy(codes).float(), Concept(
        "c", kind, values, ("a", "b", "c") if kind == "categorical" else ()
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["categorical", "numeric", "cyclic"])
def test_what_tells_nothing_is_faded_out(kind: str) -> None:
    codes, concept = made(kind)
    found = concept_coordinates(codes, concept)
    assert found is not None and found.shape[0] == 6
    loud = found.square().sum(1).sqrt()
    assert float(loud[:2].min()) > 30 * float(loud[2:].max())


def test_distances_are_those_of_the_discriminant() -> None:
    """With two classes, one coordinate is left: Fisher's, whose direction is S_w⁻¹ (m_1 − m_0)."""
    rng = np.random.default_rng(1)
    classes = rng.integers(2, size=2000)
    mixing = rng.normal(size=(3, 3))
    codes = rng.normal(size=(2000, 3)) @ mixing + classes[:, None] * np.array([1.0, -2.0, 0.5])
    found = concept_coordinates(torch.from_numpy(codes), Concept("c", "categorical", classes, ("a", "b")))
    assert found is not None
    within = np.cov(
        np.concatenate([codes[classes == c] - codes[classes == c].mean(0) for c in (0, 1)]), rowvar=False
    )
    fisher = np.linalg.solve(within, codes[classes == 1].mean(0) - codes[classes == 0].mean(0))
    strongest = found[:, found.square().sum(0).argmax()].numpy()
    cosine = abs(strongest @ fisher) / np.linalg.norm(strongest) / np.linalg.norm(fisher)
    assert cosine == pytest.approx(1, abs=1e-3)


def test_missing_values_are_left_out() -> None:
    codes, concept = made("categorical")
    values = np.asarray(concept.values).copy()
    values[::2] = -1
    spoilt = codes.clone()
    spoilt[::2] = 100
    found = concept_coordinates(spoilt, Concept("c", "categorical", values, concept.classes))
    wanted = concept_coordinates(codes[1::2], Concept("c", "categorical", values[1::2], concept.classes))
    assert found is not None and wanted is not None
    assert torch.allclose(found @ found.T, wanted @ wanted.T, atol=1e-4)


def test_nothing_to_go_by() -> None:
    codes, _ = made("categorical")
    for concept in (
        None,
        Concept("c", "unlabelled"),
        Concept("c", "categorical", np.zeros(600, int), ("a",)),
        Concept("c", "categorical", np.full(600, -1), ("a",)),
        Concept("c", "numeric", np.zeros(3)),
    ):
        assert concept_coordinates(codes, concept) is None


def test_readers_use_them(toy: Any) -> None:
    reader = FactorReader(toy.interpreter.translator, "shape")
    assert reader.coordinates is not None
    assert FactorReader(toy.interpreter.translator, "residual").coordinates is None
