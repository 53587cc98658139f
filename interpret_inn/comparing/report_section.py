"""A fit beside others in the report: the length of each code, and traversals of the longest factors of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from interpret_inn.comparing.candidates import Candidate, Code, blamed, codes_of
from interpret_inn.comparing.fit_lengths import STARTS, TraversalSettings
from interpret_inn.comparing.selection import Selection, Standing, selected
from interpret_inn.data import is_stream
from interpret_inn.errors import InputError
from interpret_inn.explaining.output_pictures import picture_of
from interpret_inn.explore.galleries import heads_of
from interpret_inn.metrics.traversals.ranking import RESAMPLES
from interpret_inn.translating.translator import REACH, HasTranslator, translator_of
from interpret_inn.types import Gallery

OWN = "this fit"
"""The name of the explained interpreter among the others."""
GROUP = "Beside other codes"
_SHOWN_STEPS = 9  # pictures of a traversal


def beside_galleries(
    interpreter: HasTranslator, beside: Mapping[str, Candidate] | None, inputs: Any, *, seed: int = 0
) -> tuple[Gallery, ...]:
    """A table of the lengths of a fit and of others, the fit first, and traversals of each code from one input.

    Args:
        interpreter: The fit that is explained.
        beside: Other candidates by name, as `select` takes them; None: no galleries.
        inputs: Inputs to start from if the model draws none itself; a stream is not read.
        seed: Of starting points and resamples.

    Raises:
        BackboneError: a candidate makes no images.
        InputError: candidates that cannot be compared; see `select`.
    """
    if beside is None:
        return ()
    if not isinstance(beside, Mapping) or OWN in beside or not beside:
        found = list(beside) if isinstance(beside, Mapping) else type(beside).__name__
        raise InputError(
            f"Expected beside to be a mapping from names, but {OWN!r}, to other candidates, found {found}. "
            "Type beside={'another': interpreter}."
        )
    draws = translator_of(interpreter).backbone.sample_inputs is not None
    given = None if draws or is_stream(inputs) else inputs
    codes = codes_of({OWN: interpreter, **beside}, inputs=given, starts=STARTS, seed=seed)
    selection = selected(codes, TraversalSettings(), seed=seed)
    traversals = [_traversals(name, code, selection.candidates[name]) for name, code in codes.items()]
    return (_table(selection), *traversals)


def _table(found: Selection) -> Gallery:
    heads, *rows = found.table
    rows.sort(key=lambda row: row[0] != OWN)  # the others stay in order
    sure = f"{found.sure:.0%}".replace("%", " %")
    told = (
        f"Traversal perceptual length: how far images move along all axes of a code; less is simpler, and says nothing "
        f"of what the axes mean. Shortest is {found.best}, in {sure} of {RESAMPLES:,} draws of {found.starts} "
        "starting points."
    )
    return Gallery(
        "Length of each code", " ".join((told, *found.notes)), tuple(tuple(row[1:]) for row in rows),
        rows=tuple(row[0] for row in rows), columns=heads[1:], group=GROUP,
    )  # fmt: skip


def _traversals(name: str, code: Code, standing: Standing) -> Gallery:
    positions = torch.linspace(-REACH, REACH, _SHOWN_STEPS)
    with blamed(name):
        heads, images = code.strips(standing.lengths, positions)
    low, high = code.value_range or (float(images.min()), float(images.max()))
    return Gallery(
        f"The longest factors of {name}",
        "One input, the same in all codes of one model, moved along up to three factors, those whose axes are longest.",
        tuple(tuple(picture_of(image, low, high) for image in row) for row in images),
        rows=heads,
        columns=heads_of(positions),
        group=name,
    )
