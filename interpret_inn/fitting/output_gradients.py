"""How strongly the output depends on each axis of the representation, before the fit."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone, primary
from interpret_inn.errors import BackboneError, InnError
from interpret_inn.fitting.pool import PooledSource
from interpret_inn.flows import Whitening

_INPUTS, _BATCH, _DRAWS = 192, 16, 4


def output_gradients(backbone: Backbone, entry: PooledSource, whitening: Whitening, *, seed: int) -> Tensor:
    """`E[JᵀJ]`, J the Jacobian of the model's outputs by the whitened leading axes, on samples of the training split.

    Its eigenvectors are the directions that move the outputs most for a change of one standard deviation of the
    data. For logits, outputs are compared by what the prediction makes of them: the matrix is then the Fisher
    information, and logits of improbable classes do not count. It is estimated without any Jacobian, from
    gradients `g = Jᵀv` of random projections: `E[gᵀg] = E[Jᵀ E[vvᵀ] J]`, with v standard normal, or the gradient of the
    log-probability of a class that is drawn from the prediction.

    Args:
        backbone: The frozen network and its site.
        entry: The source whose samples are run.
        whitening: Tells the axes.
        seed: Of the projections.

    Returns:
        float64 (d, d), symmetric, in squared units of the outputs (nats for logits).

    Raises:
        BackboneError: no gradient comes from the outputs to the site.
    """
    generator = Generator().manual_seed(seed)
    places = entry.split.train[torch.linspace(0, len(entry.split.train) - 1, _INPUTS).long().unique()]
    total, count = torch.zeros(whitening.leading, whitening.leading, dtype=torch.float64), 0
    with backbone.session():
        for some in places.split(_BATCH):
            prepared = backbone.prepare(entry.source.samples.take(some.tolist()))
            for gradients in _gradients(backbone, prepared, generator):
                rows = backbone.layout.to_rows(gradients)[0].to(whitening.mean.device, torch.float64)
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
    """Gradients of random projections of the outputs by what the site carries, each (B, ...)."""
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
    """One random number of each output, summed up; see `output_gradients`."""
    if outputs.ndim == 2 and outputs.shape[1] >= 2:
        chances = outputs.float().log_softmax(1)
        drawn = torch.multinomial(chances.detach().exp().cpu(), 1, generator=generator)
        return chances.gather(1, drawn.to(chances.device)).sum()
    flat = outputs.float().flatten(1) if outputs.ndim > 1 else outputs.float()[:, None]
    weights = torch.randn(flat.shape, generator=generator).to(flat.device)
    return (flat * weights).sum()
