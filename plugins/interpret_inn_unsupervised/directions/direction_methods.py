"""Directions that other methods find in the code of a frozen generator, as orthonormal whitened axes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from interpret_inn.errors import ConceptError, SiteError
from interpret_inn.types import AxesView
from interpret_inn.types.numbers import NEGLIGIBLE, SMALLEST

_FLAT = 1e-9  # share of the largest eigenvalue below which a direction is rounding
_PROBES = 4  # random inputs that a layer is tested on for being affine
_AFFINE = 1e-3  # share by which an affine layer may miss its prediction for them, in float32
_AT_ONCE = 64  # inputs in one forward


def principal_directions(view: AxesView, layer: str, *, samples: int, seed: int) -> Tensor:
    """Directions of the code that move an inner layer along its principal axes.

    Härkönen, Hertzmann, Lehtinen and Paris, "GANSpace" (2020), section 2.2: the layer's activations of samples are
    brought to principal axes, and the code is regressed on these. What is regressed need not be orthogonal; it
    is made so one after the other, those of most variance first.

    Returns:
        float64 (d, m), orthonormal columns, as many as the layer moves along, d at most.

    Raises:
        ConceptError: the layer is the same for all samples.
    """
    white, rest = view.samples(samples, Generator().manual_seed(seed))
    found = [
        view.layer(layer, *part) for part in zip(white.split(_AT_ONCE), rest.split(_AT_ONCE), strict=True)
    ]
    activations = torch.cat(found).float().cpu()
    activations -= activations.mean(0)
    # their principal scores from the samples' Gram matrix: a layer may be much wider than there are samples
    values, vectors = torch.linalg.eigh((activations @ activations.T).double())
    values, vectors = values.flip(0)[: view.axes], vectors.flip(1)[:, : view.axes]
    kept = values > _FLAT * values[:1].clamp_min(SMALLEST)
    if not bool(kept.any()):
        raise ConceptError(
            f"Expected a layer that differs between samples, found {layer!r} the same for all. "
            "Name another with layer=."
        )
    scores = vectors[:, kept]  # of unit length: how strong an axis is does not turn directions
    centred = white.cpu().double() - white.cpu().double().mean(0)
    return orthonormal((scores.T @ centred).T)


def weight_directions(view: AxesView, layer: str | None) -> Tensor:
    """Eigenvectors of AᵀA, A the first affine layer behind the site: closed-form factorization.

    Shen and Zhou, "Closed-form factorization of latent semantics in GANs" (2021), section 3, by its formula: rows of A
    are not normalized. A is read off what the layer makes of unit steps, so that linear and convolutional layers are
    one case.

    Args:
        view: The model as a function of the whitened axes.
        layer: Path of the layer; None: the first with weights that is reached and affine.

    Returns:
        float64 (d, m), orthonormal columns, the largest eigenvalue first; m is the rank of A.

    Raises:
        ConceptError: there is none, or the one that was named is not affine.
    """
    candidates: Sequence[str] = view.layers() if layer is None else [layer]
    view.outputs(torch.zeros(1, view.axes))  # says what is wrong with the site, before layers are looked for
    for path in candidates:
        try:
            matrix = _affine(view, path)
        except SiteError:
            if layer is not None:
                raise
            continue
        if matrix is not None:
            values, vectors = torch.linalg.eigh(matrix @ matrix.T)
            found: Tensor = vectors.flip(1)[:, values.flip(0) > _FLAT * values.max()]
            return found
    what = "the first layers are none" if layer is None else f"{layer!r} is none"
    raise ConceptError(
        f"Expected a layer behind the site that is an affine function of it, found that {what}. Name one with layer=."
    )


def _affine(view: AxesView, path: str) -> Tensor | None:
    """A of a layer x ↦ A x + b of the whitened axes, transposed, float64 (d, F); None if it is not affine."""
    axes = view.axes
    drawn = torch.randn(_PROBES, axes, generator=Generator().manual_seed(0))
    origin, steps = torch.zeros(1, axes), torch.eye(axes)
    made = torch.cat([view.layer(path, part) for part in torch.cat([origin, steps, drawn]).split(_AT_ONCE)])
    if len(made) != 1 + axes + _PROBES:  # no row for each input, as where a module computes weights
        return None
    made = made.cpu().double()
    matrix = made[1 : axes + 1] - made[:1]
    expected = drawn.double() @ matrix
    error = (made[axes + 1 :] - made[:1] - expected).norm() / expected.norm().clamp_min(SMALLEST)
    return matrix if float(error) < _AFFINE and float(matrix.abs().max()) > 0 else None


def given_directions(view: AxesView, directions: Tensor) -> Tensor:
    """Directions of the caller's, float (m, D), as orthonormal columns, float64 (d, m), in their order.

    Raises:
        ConceptError: they do not fit the representation, or are not independent.
    """
    if directions.shape[1] != view.width:
        raise ConceptError(
            f"Expected directions (m, {view.width}) in the representation, found {tuple(directions.shape)}."
        )
    return orthonormal(view.seen(directions.float()).cpu().double().T)


def orthonormal(directions: Tensor) -> Tensor:
    """Columns (d, m) made orthonormal one after the other.

    Raises:
        ConceptError: more directions than axes, or some that others make up already.
    """
    axes, count = directions.shape
    if count > axes:
        raise ConceptError(f"Expected at most {axes} directions, as many as there are axes, found {count}.")
    columns, triangle = torch.linalg.qr(directions)
    scale = triangle.diagonal().abs()
    if count and float(scale.min()) <= NEGLIGIBLE * float(directions.norm(dim=0).max()):
        raise ConceptError(
            f"Expected {count} directions that are independent, found some that others make up. Leave these out."
        )
    found: Tensor = columns * triangle.diagonal().sign()
    return found


def completed(columns: Tensor) -> Tensor:
    """Orthonormal columns (d, m), and others beside them that make up the rest: (d, d)."""
    axes, count = columns.shape
    drawn = torch.randn(axes, axes - count, generator=Generator().manual_seed(0), dtype=torch.float64)
    rest = torch.linalg.qr(drawn - columns @ (columns.T @ drawn)).Q
    return torch.cat([columns, rest], 1)
