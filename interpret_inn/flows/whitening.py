"""Whitening as a bijection of the whole space, without ever forming a D × D matrix."""

from __future__ import annotations

import torch
from nflows.transforms import Transform
from scipy import linalg
from torch import Tensor

from interpret_inn.errors import FitError

_SMALL = 128
"""Spaces of no more axes keep all leading axes that the samples allow: the blocks are cheap there."""
_DENSE_WIDTH = 2048
"""Up to this width the D × D covariance is formed; beyond, the Gram matrix of some samples."""
_AXES_ROWS, _AXES_ELEMENTS = 2048, 2**28
"""Most samples, and most numbers in them (1 GiB), that the axes of wider spaces are found from."""
_NO_VARIANCE, _ROUNDED = 1e-20, 1e-14
"""Samples are the same if their mean variance per axis is smaller, or is a smaller share of the mean's square: about
float32's own rounding, squared."""


class Whitening(Transform):
    """Moves the mean to zero, rotates to principal axes, and scales every axis to unit variance.

    `y = s ⊙ Qᵀ(x − m)` with `s = 1 / sqrt(λ + σ²)`. `Q` is a product of `r` Householder reflections (the
    QR factors of the leading axes), applied by `torch.ormqr`: O(D·r) in time and memory. The `D − r` axes
    that are not leading share one scale.

    All of it is computed in double precision: sums over ten thousands of axes in single precision are off by
    more than the round trip may be.

    Args:
        mean: float (D,).
        axes: float (D, r), orthonormal columns, the most important first.
        variances: float (r,), variance along each of them, from 0.
        rest: Mean variance along all other axes.
        floor: σ², the variance that the noise floor adds to each axis; `noise` is its root.
    """

    def __init__(self, mean: Tensor, axes: Tensor, variances: Tensor, rest: float, floor: float) -> None:
        super().__init__()
        width, leading = axes.shape
        scales = mean.new_full((width,), (max(rest, 0.0) + floor) ** -0.5)
        scales[:leading] = (variances + floor).rsqrt().to(mean)
        self.register_buffer("mean", mean.clone())
        self.register_buffer("reflectors", torch.geqrf(axes.double()).a.tril(-1).to(mean))
        self.register_buffer("scales", scales)
        self.register_buffer("noise", mean.new_tensor(floor).sqrt())
        self.register_buffer("log_scale", scales.double().log().sum().to(mean))

    @classmethod
    def empty(cls, width: int, leading: int) -> Whitening:
        """A whitening in the right shapes for stored weights to be loaded into."""
        axes = torch.eye(width, leading)
        return cls(torch.zeros(width), axes, torch.ones(leading), 1.0, 0.0)

    @property
    def leading(self) -> int:
        """Number of axes with a scale of their own."""
        return int(self.reflectors.shape[1])

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Whitens (B, D); returns the result and log|det| (B,)."""
        turned = self._turn(inputs.double() - self.mean, back=False)
        return (turned * self.scales).to(inputs), self.log_scale.expand(len(inputs))

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Undoes it: (B, D) to (B, D) and log|det| of the inverse (B,)."""
        centred = self._turn(inputs.double() / self.scales, back=True)
        return (centred + self.mean).to(inputs), -self.log_scale.expand(len(inputs))

    def pulled(self, gradients: Tensor) -> Tensor:
        """Gradients with respect to the inputs, (B, D), as gradients with respect to the whitened axes, (B, D)."""
        turned: Tensor = self._turn(gradients.double(), back=False) / self.scales
        return turned.to(gradients)

    def _turn(self, rows: Tensor, *, back: bool) -> Tensor:
        """Rows (B, D), float64, seen from the principal axes, or back from there."""
        vectors = self.reflectors.double()
        # I − τ v vᵀ is orthogonal for τ = 2 / |v|², also after the vectors were rounded; v has a 1 on top
        tau = 2 / (1 + vectors.square().sum(0))
        return torch.ormqr(vectors, tau, rows.T.contiguous(), left=True, transpose=not back).T


def fit_whitening(rows: Tensor, *, noise: float = 0.1, explained: float = 0.99, most: int = 256) -> Whitening:
    """Whitening from samples.

    Args:
        rows: float (N, D); the leading axes are found from at most 2,048 of them if D > 2,048.
        noise: The noise floor σ in units of the root mean variance per axis.
        explained: Share of the variance that the leading axes must hold, in (0, 1].
        most: Largest number of leading axes. Spaces of up to 128 axes do not look at `explained`.

    Raises:
        FitError: fewer than 3 samples or 2 axes, or a representation that is the same for all samples.
    """
    samples, width = rows.shape
    if width < 2:
        raise FitError(
            f"Expected a representation of at least 2 axes, found {width}: "
            "one number cannot be split into factors. Choose a wider site."
        )
    if samples < 3:
        raise FitError(f"Expected at least 3 training samples, found {samples}. Give more data.")
    mean = rows.double().mean(0) if width <= _DENSE_WIDTH else rows.mean(0)
    variance = float(rows.var(0, correction=1).double().mean())
    if not variance > max(_NO_VARIANCE, _ROUNDED * float(mean.square().mean())):
        raise FitError(
            "Expected a representation that differs between samples, found the same for all of them. "
            "Choose another site, or check that the inputs differ."
        )
    axes, values = _principal_axes(rows, mean, limit=min(most, width, samples - 1))
    if width > _SMALL:
        covered = values.cumsum(0) / (variance * width)
        axes = axes[:, : max(2, int((covered < explained).sum()) + 1)]
    leading = axes.shape[1]
    left = (variance * width - float(values[:leading].sum())) / max(width - leading, 1)
    return Whitening(mean.to(rows), axes.to(rows), values[:leading].to(rows), left, noise**2 * variance)


def _principal_axes(rows: Tensor, mean: Tensor, *, limit: int) -> tuple[Tensor, Tensor]:
    """The leading orthonormal axes (D, r) and the variances (r,) along them, in float64."""
    samples, width = rows.shape
    if width <= _DENSE_WIDTH:
        centred = rows.double() - mean
        return _largest(centred.T @ centred / (samples - 1), limit)
    # Wide: the axes lie in the span of the samples, whose Gram matrix is small.
    kept = min(samples, _AXES_ROWS, max(2 * limit, _AXES_ELEMENTS // width))
    chosen = rows[torch.linspace(0, samples - 1, kept).long()] - mean
    vectors, values = _largest((chosen @ chosen.T).double() / (kept - 1), min(limit, kept - 1))
    # to double precision only now: twice the samples would be the largest thing in memory
    axes = torch.linalg.qr((chosen.T @ vectors.to(chosen)).double()).Q
    return axes, values


def _largest(matrix: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The leading eigenvectors (n, count) of a covariance and their eigenvalues (count,), largest first.

    SciPy computes these alone, in half the time or less that torch needs for all of them.
    """
    size = len(matrix)
    values, vectors = linalg.eigh(
        matrix.cpu().numpy(), subset_by_index=(size - count, size - 1), driver="evr"
    )
    found = torch.from_numpy(vectors).to(matrix), torch.from_numpy(values).to(matrix)
    return found[0].flip(1), found[1].flip(0).clamp_min(0)
