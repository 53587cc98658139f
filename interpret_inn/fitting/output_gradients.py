"""How strongly the output depends on each axis of the representation, before the fit."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone, primary
from interpret_inn.errors import BackboneError, InnError
from interpret_inn.fitting.pool import PooledSource
from interpret_inn.flows import Whitening

_INPUTS, _DRAWS = 192, 4
"""Inputs, and random projections of each: 768 gradients estimate the leading few of a few hundred directions."""
_BATCH = 16  # inputs in one forward, whose graph is kept for all projections


def output_gradients(backbone: Backbone, entry: PooledSource, whitening: Whitening, *, seed: int) -> Tensor:
    """`E[JᵀJ]`, J the Jacobian of the model's outputs by the whitened leading axes, on samples of the training split.

    Its leading eigenvectors are the directions that move the outputs most for a change of one standard deviation of the
    data. For logits the matrix is the Fisher information of the prediction, in which logits of improbable classes
    hardly count. It is estimated without any Jacobian, from
    gradients `g = Jᵀv` of random projections: `E[gᵀg] = E[Jᵀ E[vvᵀ] J]`, with v standard normal, or the gradient of the
    log-probability of a class that is drawn from the prediction.

    Args:
        backbone: The frozen network and its site.
        entry: The source whose samples are run.
        whitening: Defines the axes.
        seed: Of the projections.

    Returns:
        float64 (d, d), symmetric, in squared units of the outputs (nats for logits).

    Raises:
        BackboneError: no gradient comes from the outputs to the site, or gradients are not finite.
    """
    generator = Generator().manual_seed(seed)
    indices = entry.training_samples(_INPUTS)
    total, count = torch.zeros(whitening.leading, whitening.leading, dtype=torch.float64), 0
    with backbone.session():
        for some in indices.split(_BATCH):
            prepared = backbone.prepare(entry.source.samples.take(some.tolist()))
            for gradients in _gradients(backbone, prepared, generator):
                # to double precision only there: some devices have none
                rows = backbone.layout.to_rows(gradients)[0].to(whitening.mean.device).double()
                pulled = whitening.pulled(rows)[:, : whitening.leading].cpu()
                total += pulled.T @ pulled
                count += len(pulled)
    if not bool(total.isfinite().all()):
        raise BackboneError(
            f"Expected finite gradients from the outputs of {backbone.name} to {str(backbone.address)!r}, found "
            "others. Choose another site."
        )
    return total / count


def _gradients(backbone: Backbone, prepared: Tensor, generator: Generator) -> list[Tensor]:
    """Gradients of random projections of the outputs by the representation, each (B, ...)."""
    with torch.enable_grad():
        z = backbone.represent(prepared).detach().requires_grad_()
        try:
            outputs = backbone.tail(z)
            if outputs is None:
                outputs = backbone.rewritten(prepared, lambda _: z.clone())
            found = primary(outputs)
            return [
                torch.autograd.grad(_projected(found, generator), z, retain_graph=True)[0]
                for _ in range(_DRAWS)
            ]
        except InnError:
            raise
        except RuntimeError as error:
            if "out of memory" in str(error):
                raise
            raise BackboneError(
                f"No gradient comes from the outputs of {backbone.name} to {str(backbone.address)!r}: {error}"
            ) from error


def _projected(outputs: Tensor, generator: Generator) -> Tensor:
    """The sum over inputs of one random projection of each output; see `output_gradients`."""
    if outputs.ndim == 2 and outputs.shape[1] >= 2:
        chances = outputs.float().log_softmax(1)
        drawn = torch.multinomial(chances.detach().exp().cpu(), 1, generator=generator)
        return chances.gather(1, drawn.to(chances.device)).sum()
    weights = torch.randn(outputs.shape, generator=generator).to(outputs.device)
    return (outputs.float() * weights).sum()
