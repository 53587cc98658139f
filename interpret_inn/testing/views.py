"""A model as a function of whitened axes, small and known: what a source is shown in its contract."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from interpret_inn.errors import SiteError, suggest

LAYERS = ("affine", "bent")


class ToyView:
    """An `AxesView` whose images are `tanh(white @ weights)`, 8 × 8 pixels, of which each axis moves some.

    Args:
        axes: `d`, which is all there is (`D` = `d`).
        seed: Of the weights and samples.
    """

    def __init__(self, axes: int, *, seed: int = 0) -> None:
        self.axes = self.width = axes
        generator = Generator().manual_seed(seed)
        strengths = torch.linspace(0, -3, axes).exp()
        self.weights = strengths[:, None] * torch.randn(axes, 64, generator=generator)

    def samples(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Standard normal axes, float (n, d), and no others, (n, 0)."""
        return torch.randn(n, self.axes, generator=generator), torch.zeros(n, 0)

    def outputs(self, white: Tensor, rest: Tensor | None = None) -> Tensor:  # noqa: ARG002 - the protocol's arguments
        """Images, float (B, 1, 8, 8), in (−1, 1)."""
        return torch.tanh(self.layer("affine", white) / 4).reshape(-1, 1, 8, 8)

    def layer(self, site: str, white: Tensor, rest: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """What "affine" or "bent" carries, float (B, 64); raises SiteError for others."""
        if site not in LAYERS:
            raise SiteError(f"There is no layer {site!r}. {suggest(site, LAYERS)}")
        affine = white @ self.weights.to(white)
        return affine if site == "affine" else torch.tanh(affine)

    def layers(self) -> list[str]:
        """The two layers."""
        return list(LAYERS)

    def seen(self, directions: Tensor) -> Tensor:
        """Directions as they are, float (m, d)."""
        return directions
