"""The rest of the model as a function of the whitened axes, for sources that choose axes by the output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Attachment, Backbone, Carried, primary, rule_of_its_own
from interpret_inn.backbones.state import device_and_dtype
from interpret_inn.errors import BackboneError, SiteError
from interpret_inn.fitting.store import FitData
from interpret_inn.flows import Whitening
from interpret_inn.types.members import names_nearest


@names_nearest
class ModelOfAxes:
    """The model behind the site, as a function of the whitened leading axes: `d` of `D` (see `types.AxesView`).

    Outputs need a site from which alone they can be made, in the layout `vector` or `flat`. Gradients flow through it
    if the caller has them enabled; the model's weights get none.

    Args:
        backbone: The frozen network and its site.
        data: Samples are drawn from its training split.
        whitening: Defines the axes.
    """

    def __init__(self, backbone: Backbone, data: FitData, whitening: Whitening) -> None:
        self._backbone, self._data, self._whitening = backbone, data, whitening
        self._way_back: Tensor | None = None  # (d, D), from leading axes to rows less their mean

    @property
    def axes(self) -> int:
        """`d`, the number of whitened leading axes."""
        return self._whitening.leading

    @property
    def width(self) -> int:
        """`D`, all axes of the representation."""
        return len(self._whitening.mean)

    def samples(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draws whitened samples of the training split, without replacement while there are enough.

        Returns:
            Their leading axes, float (n, d), and all others, float (n, D − d).
        """
        among = self._data.pool.indices("train")
        orders = [torch.randperm(len(among), generator=generator) for _ in range(-(-n // len(among)))]
        rows = self._data.rows(among[torch.cat(orders)[:n]]).flatten(0, 1)
        white = self._whitening(rows)[0]
        return white[:, : self.axes], white[:, self.axes :]

    def outputs(self, white: Tensor, rest: Tensor | None = None) -> Tensor:
        """The model's primary outputs (B, …) for whitened leading axes, float (B, d).

        Args:
            white: float (B, d).
            rest: The other axes, float (B, D − d); None: their mean in the data.

        Raises:
            BackboneError: the outputs cannot be made from the site alone, or the model raised.
        """
        found: Tensor = primary(self._run(white, rest))
        return found

    def layer(self, site: str, white: Tensor, rest: Tensor | None = None) -> Tensor:
        """What another site behind this one carries, flattened, (B, F); arguments as for `outputs`.

        Raises:
            SiteError: there is no such site, or it is not reached from here.
        """
        with Attachment(self._backbone.model, site, stop=True) as reached:
            self._run(white, rest)
        return reached.captured.flatten(1)

    def layers(self) -> list[str]:
        """Paths of the modules that have weights of their own, in the model's own order."""
        return [
            path
            for path, module in self._backbone.model.named_modules()
            if path and not _inside_parametrization(path) and _has_weights(module)
        ]

    def seen(self, directions: Tensor) -> Tensor:
        """Directions in the representation, float (m, D), as directions along the leading axes, (m, d)."""
        mean = self._whitening.mean
        found: Tensor = self._whitening(directions.to(mean) + mean)[0]  # the mean itself is at 0
        return found[:, : self.axes]

    def _run(self, white: Tensor, rest: Tensor | None) -> Any:
        backbone, layout = self._backbone, self._backbone.layout
        if backbone.draws_random_numbers:
            raise BackboneError(
                f"Expected {backbone.name} to make the same images of the same representation, found that it draws "
                "random numbers of its own. Give it fixed noise, or wrap it in a module that does."
            )
        if layout.name not in ("vector", "flat") or not backbone.has_tail:
            raise BackboneError(
                f"Expected a site from which alone {backbone.name} makes its outputs, in the layout 'vector' or "
                f"'flat', found {str(backbone.address)!r} with {str(layout)!r}. "
                + (
                    rule_of_its_own(backbone)
                    or "Choose the latents of a generator, the code of an autoencoder, or the input of a module that "
                    "makes the outputs."
                )
            )
        device, dtype = device_and_dtype(backbone.model)
        z = layout.from_rows(self._rows(white, rest), Carried(tuple(backbone.z_shape), dtype))
        outputs = backbone.tail(z.to(device))
        if outputs is None:
            raise SiteError(f"Nothing comes out behind {str(backbone.address)!r}. Choose another site.")
        return outputs

    def _rows(self, white: Tensor, rest: Tensor | None) -> Tensor:
        """Rows (B, D) of the representation. The way back from the axes is affine; its matrix is computed once."""
        whitening = self._whitening
        width = len(whitening.mean)
        if self._way_back is None:
            with torch.no_grad():
                axes = torch.eye(self.axes, width).to(whitening.mean)
                self._way_back = whitening.inverse(axes)[0] - whitening.mean
        rows: Tensor = whitening.mean + white.to(whitening.mean) @ self._way_back
        if rest is not None and rest.shape[1]:
            padded = torch.cat([torch.zeros(len(rest), self.axes).to(rest), rest], 1)
            rows = rows + whitening.inverse(padded)[0] - whitening.mean
        return rows


def _inside_parametrization(path: str) -> bool:
    """Whether a module is one by which torch computes a weight: its output is that weight."""
    return "parametrizations" in path.split(".")


def _has_weights(module: torch.nn.Module) -> bool:
    """Whether a module has a weight of two axes or more; weights that torch computes from others count."""
    own = list(module.parameters(recurse=False))
    own += [getattr(module, name) for name in getattr(module, "parametrizations", ())]
    return any(weights.ndim > 1 for weights in own)
