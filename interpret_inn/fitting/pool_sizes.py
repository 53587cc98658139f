"""The sizes of a pool's factors: what the caller gives, what sources ask for, and estimates of the others."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from interpret_inn.errors import ConceptError
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.sizes import Sizes, choose_sizes
from interpret_inn.flows import Whitening


def sizes_in(pool: Pool, scores: Tensor, whitening: Whitening, *, given: Mapping[str, int]) -> Sizes:
    """Sizes of all concepts of a pool; what the caller gives goes before what a source asks for.

    Args:
        pool: The sources.
        scores: float (K,), from `concept_scores`.
        whitening: Of the representation.
        given: By the caller, by concept.

    Raises:
        ConceptError: see `choose_sizes`; it also says which sources asked for sizes.
    """
    wanted = {name: size for name, size in pool.wanted_sizes().items() if name not in given}
    try:
        return choose_sizes(
            pool.names,
            scores,
            leading=whitening.leading,
            total=len(whitening.mean),
            given={**wanted, **given},
        )
    except ConceptError as error:
        raise ConceptError(f"{error}{_requested_sizes_text(pool, wanted)}") from None


def _requested_sizes_text(pool: Pool, wanted: Mapping[str, int]) -> str:
    """Says which sources asked for sizes themselves: the caller of the fit may not know of these."""
    asked = {
        part.source.name: {name: size for name in part.plan.sizes if (size := wanted.get(name)) is not None}
        for part in pool.parts
    }
    said = [f"{sizes} by the concept source {name!r}" for name, sizes in asked.items() if sizes]
    return f" Sizes were asked for: {', '.join(said)}." if said else ""
