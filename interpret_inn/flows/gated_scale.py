"""The spread of some axes given others: triangular scales, mixed by how near each of a few anchors is."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from interpret_inn.types.numbers import TINY

_SHRINKAGES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
"""Shares of the identity in each anchor's covariance that are tried: few samples ask for more."""
_ROUNDS = 30
"""Rounds of k-means, which ends far sooner."""
_SAMPLES_AN_ANCHOR, _MOST_ANCHORS = 150, 6
"""Anchors are found by k-means in the absence of classes: one for so many samples, so many at most."""
_NUMBERS = 2**18
"""Numbers in matrices that are solved at once, one for each row, 1 MiB in float32; larger ones are solved in blocks."""
_BLOCK = 32
"""Axes of a block."""


class Gate(nn.Module):
    """Shares p (B, J) of J anchors at c: the posterior of Gaussians of one covariance, a softmax of linear functions.

    Args:
        inputs: Axes of c.
        anchors: J.
    """

    slopes: Tensor
    offsets: Tensor

    def __init__(self, inputs: int, anchors: int) -> None:
        super().__init__()
        self.register_buffer("slopes", torch.zeros(inputs, anchors))
        self.register_buffer("offsets", torch.zeros(anchors))

    def forward(self, given: Tensor) -> Tensor:
        """Shares (B, J) that sum to 1, at (B, inputs)."""
        found: Tensor = (given @ self.slopes.to(given) + self.offsets.to(given)).softmax(1)
        return found


class GatedScale(nn.Module):
    """`y = Σ_j p_j(c) A_j x`, each A_j lower triangular with a positive diagonal: so is the sum, which can be inverted.

    Args:
        gate: Tells the shares.
        axes: Of x.
    """

    factors: Tensor

    def __init__(self, gate: Gate, axes: int) -> None:
        super().__init__()
        self.gate = gate
        self.register_buffer("factors", torch.eye(axes).repeat(gate.offsets.shape[0], 1, 1))

    def forward(self, rows: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Scales rows (B, r) at c (B, m); returns the result and log|det| (B,)."""
        shares = self.gate(given)
        scaled = torch.zeros_like(rows)
        for share, factor in zip(shares.unbind(1), self.factors.to(rows), strict=True):
            scaled = torch.addcmul(scaled, share[:, None], rows @ factor.T)
        return scaled, self._log_det(shares)

    def inverse(self, rows: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Undoes it: rows (B, r) to (B, r) and log|det| of the inverse (B,)."""
        shares, axes = self.gate(given), rows.shape[1]
        # block by block for many rows: a whole matrix for each would take most of the time, and much memory
        size = axes if len(rows) * axes**2 <= _NUMBERS else _BLOCK
        solved = rows.new_empty(len(rows), 0)
        for start in range(0, axes, size):
            block, left = (part[:, start : start + size] for part in (self.factors.to(rows), rows))
            for share, factor in zip(shares.unbind(1), block[:, :, :start].unbind(0), strict=True):
                left = torch.addcmul(left, share[:, None], solved @ factor.T, value=-1)
            own = torch.tensordot(shares, block[:, :, start : start + size], 1)
            found = torch.linalg.solve_triangular(own, left[:, :, None], upper=False)[:, :, 0]
            solved = torch.cat((solved, found), 1)
        return solved, -self._log_det(shares)

    def _log_det(self, shares: Tensor) -> Tensor:
        return (shares @ self.factors.diagonal(dim1=1, dim2=2).to(shares)).log().sum(1)


def fit_gate(given: Tensor, labels: Tensor) -> Gate:
    """The gate of Gaussians around the means of labelled samples.

    Args:
        given: float (N, m).
        labels: int64 (N,), 0 to J − 1, each of which occurs.
    """
    given = given.double()
    members = nn.functional.one_hot(labels).to(given)
    counts = members.sum(0)
    means = members.T @ given / counts[:, None]
    apart = given - means[labels]
    covariance = apart.T @ apart / len(given)
    ridge = TINY + 1e-6 * covariance.diagonal().mean()
    slopes = torch.linalg.solve(covariance + ridge * torch.eye(len(covariance)).to(covariance), means.T)
    gate = Gate(given.shape[1], len(counts))
    gate.slopes.copy_(slopes)
    gate.offsets.copy_((counts / counts.sum()).log() - (means.T * slopes).sum(0) / 2)
    return gate.to(given.device)


def nearest_anchors(given: Tensor, generator: Generator) -> Tensor:
    """Labels of samples (N, m) by k-means, int64 (N,), 0 to J − 1, each of which occurs."""
    given = given.double()
    count = min(_MOST_ANCHORS, max(2, len(given) // _SAMPLES_AN_ANCHOR), len(given))
    places = given[torch.randperm(len(given), generator=generator)[:count].to(given.device)]
    labels = torch.full((len(given),), -1, device=given.device)  # of no anchor yet
    for _ in range(_ROUNDS):
        before, labels = labels, torch.cdist(given, places).argmin(1)
        if bool((labels == before).all()):
            break
        members = nn.functional.one_hot(labels, count).to(given)
        filled = members.sum(0) > 0
        places[filled] = (members.T @ given)[filled] / members.sum(0)[filled, None]
    return torch.as_tensor(labels.unique(return_inverse=True)[1])


def fit_gated_scale(
    gate: Gate, given: Tensor, rows: Tensor, *, held_given: Tensor, held_rows: Tensor
) -> GatedScale | None:
    """Scales whose anchors' covariances are shrunk towards the identity, by as much as is likeliest on held-out rows.

    Args:
        gate: Of c.
        given: c of the training rows, float (N, m).
        rows: float (N, r), of mean 0 and about unit variance.
        held_given: c of the held-out rows, (M, m).
        held_rows: float (M, r).

    Returns:
        The scales; None if no scale at all is likelier.
    """
    rows, shares = rows.double(), gate(given.to(gate.slopes)).double()
    weighted = [(rows * share[:, None]).T @ rows / share.sum().clamp_min(TINY) for share in shares.unbind(1)]
    covariances, identity = torch.stack(weighted), torch.eye(rows.shape[1]).to(rows)
    best, least = None, float(held_rows.double().square().sum(1).mean() / 2)
    for shrinkage in _SHRINKAGES:
        lower = torch.linalg.cholesky((1 - shrinkage) * covariances + shrinkage * identity)
        scale = GatedScale(gate, rows.shape[1]).to(rows.device)
        scale.factors = torch.linalg.solve_triangular(lower, identity, upper=False).to(gate.slopes)
        codes, log_det = scale(held_rows.to(gate.slopes), held_given.to(gate.slopes))
        loss = float((codes.square().sum(1) / 2 - log_det).mean())
        if loss < least:
            best, least = scale, loss
    return best
