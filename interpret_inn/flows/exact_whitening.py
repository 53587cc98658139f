"""Whitening of the leading axes once more, so that on the training split they are exactly uncorrelated."""

from __future__ import annotations

import torch
from nflows.transforms import Transform
from torch import Tensor

_LEAST = 0.01
"""Smallest variance of an axis that is scaled to 1: noise lies below it, and would be magnified more than 10 times."""


class ExactWhitening(Transform):
    """`y = (x − m) Σ^(−1/2)` of rows (B, d); the identity until `set` is called.

    `Whitening` leaves small axes smaller than 1, as its noise floor asks, so that two slices of a rotation of these
    axes may be correlated. Linear directions of concepts are canonical only where the covariance is the identity.
    It is computed in double precision, as `Whitening` is.

    Args:
        width: d.
    """

    mean: Tensor
    matrix: Tensor
    back: Tensor
    log_scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("matrix", torch.eye(width))
        self.register_buffer("back", torch.eye(width))
        self.register_buffer("log_scale", torch.zeros(()))

    def set(self, rows: Tensor) -> None:
        """Takes mean and covariance from rows (N, d)."""
        rows = rows.double()
        mean = rows.mean(0)
        values, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean) / len(rows))
        values = values.clamp_min(_LEAST)
        self.mean.copy_(mean)
        self.matrix.copy_(vectors @ torch.diag(values.rsqrt()) @ vectors.T)
        self.back.copy_(vectors @ torch.diag(values.sqrt()) @ vectors.T)
        self.log_scale.copy_(-values.log().sum() / 2)

    def forward(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Whitens (B, d); returns the result and log|det| (B,)."""
        white = (inputs.double() - self.mean) @ self.matrix.double()
        return white.to(inputs), self.log_scale.expand(len(inputs))

    def inverse(self, inputs: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Undoes it: (B, d) to (B, d) and log|det| of the inverse (B,)."""
        rows = inputs.double() @ self.back.double() + self.mean
        return rows.to(inputs), -self.log_scale.expand(len(inputs))
