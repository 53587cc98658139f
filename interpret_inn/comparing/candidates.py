"""Codes that can be traversed and compared: those of fits, and any others that make images."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn

from interpret_inn.backbones.state import architecture, as_found, weights_digest
from interpret_inn.comparing.fit_lengths import (
    TraversalSettings,
    axis_lengths,
    drawn_by,
    owners,
    some_of,
    stored,
    traversed_axes,
)
from interpret_inn.errors import InnError, InputError
from interpret_inn.metrics.traversals import TraversalLengths
from interpret_inn.metrics.traversals.lengths import directions_of, starting_codes, traversed_lengths
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.translator import HasTranslator, Translator, translator_of
from interpret_inn.types import FloatArray

Candidate: TypeAlias = HasTranslator | tuple[Callable[[Tensor], Tensor], int | Tensor]
"""A fitted interpreter, or a callable from codes to images with its axes, as `tpl` takes them."""

_SHOWN = 3  # factors, or axes, whose images are shown of each code


class Code(Protocol):
    """A code that can be traversed.

    Attributes:
        factors: The factor that each axis belongs to; empty where axes belong to none.
        origin: The starting points of traversals; equal for codes that start from the same images.
        model: Equal for codes of the same model, as far as can be told.
        value_range: Of the images, if it is known.
        error: Relative standard error of how far its axes are traversed.
    """

    factors: tuple[str, ...]
    origin: Tensor
    model: Hashable
    value_range: tuple[float, float] | None
    error: float

    def each(self, settings: TraversalSettings) -> FloatArray:
        """Length of each axis from each starting point, float64 (S, K)."""
        ...

    def strips(self, found: TraversalLengths, positions: Tensor) -> tuple[tuple[str, ...], Tensor]:
        """Names of the longest factors and images (F, T, C, H, W) along each, from the first starting point.

        Args:
            found: Lengths of this code, by which its factors are ranked.
            positions: T positions, in standard deviations.
        """
        ...


class FittedCode:
    """The code of a fitted interpreter; see `Code`."""

    def __init__(self, translator: Translator, start: Batch, origin: Tensor) -> None:
        self.translator, self.start, self.origin = translator, start, origin
        self.axes = traversed_axes(translator)
        self.factors = owners(translator, self.axes)
        self.model: Hashable = (translator.backbone.architecture(), translator.backbone.fingerprint())
        self.value_range = translator.backbone.value_range
        # traversals reach to multiples of the standard deviation of M stored codes, whose error is 1 / sqrt(2M)
        self.error = (2 * max(1, len(translator.fitted.reference_codes))) ** -0.5

    def each(self, settings: TraversalSettings) -> FloatArray:
        """See `Code`."""
        return axis_lengths(self.start, self.axes, settings)

    def strips(self, found: TraversalLengths, positions: Tensor) -> tuple[tuple[str, ...], Tensor]:
        """See `Code`; the residual is left out, as it has no meaning as a whole."""
        first, by_factor = self.start.take(torch.tensor([0])), found.by_factor
        chosen = sorted(self.translator.factors.named, key=lambda factor: -by_factor[factor.name])[:_SHOWN]
        with self.translator.backbone.session():
            images = [first.traversed(factor, positions).primary_outputs()[:, 0] for factor in chosen]
        return tuple(factor.name for factor in chosen), torch.stack(images)


class BareCode:
    """Axes of a callable from codes N(0, I) to images; see `Code`."""

    def __init__(
        self, generate: Callable[[Tensor], Tensor], axes: int | Tensor, start: int | Tensor, *, seed: int
    ) -> None:
        directions = directions_of(axes)
        self.generate, self.origin = generate, starting_codes(start, directions, seed)
        self.directions = directions.to(self.origin)
        self.factors: tuple[str, ...] = ()
        self.model: Hashable = generate
        if isinstance(generate, nn.Module):
            self.model = (architecture(generate), weights_digest(generate))
        self.value_range: tuple[float, float] | None = None
        self.error = 0.0  # N(0, I) is known

    def each(self, settings: TraversalSettings) -> FloatArray:
        """See `Code`."""
        with left_as_found(self.generate):
            return traversed_lengths(self.generate, self.directions, self.origin, **settings._asdict())

    @torch.no_grad()
    def strips(self, found: TraversalLengths, positions: Tensor) -> tuple[tuple[str, ...], Tensor]:
        """See `Code`; each axis stands for a factor."""
        longest = sorted(range(len(found.axes)), key=lambda axis: -found.axes[axis])[:_SHOWN]
        unit = self.directions / self.directions.norm(dim=1, keepdim=True)
        start, images = self.origin[:1], []
        with left_as_found(self.generate):
            for direction in unit[longest]:
                kept = start - (start @ direction)[:, None] * direction
                images.append(self.generate(kept + positions.to(start)[:, None] * direction).detach().cpu())
        return tuple(f"axis {axis}" for axis in longest), torch.stack(images)


def codes_of(
    candidates: Mapping[str, Candidate] | Sequence[Candidate], *, inputs: Any, starts: int, seed: int
) -> dict[str, Code]:
    """The codes of candidates by name, all with as many starting points; for one model, the same ones.

    Raises:
        InputError: no candidates, something else, two of one name, or fewer than two inputs to start from.
        InnError: an error of a candidate, with its name.
    """
    named = _named(candidates)
    given = None if inputs is None else some_of(inputs, starts)
    if given is not None and len(given) < 2:
        raise InputError(f"Expected at least two inputs to start traversals from, found {len(given)}.")
    count = starts if given is None else len(given)
    references: dict[Hashable, Tensor] = {}
    found: dict[str, Code] = {}
    for name, candidate in named.items():
        with blamed(name):
            if isinstance(candidate, tuple):
                generate, axes = candidate
                found[name] = BareCode(generate, axes, _codes_given(given, axes, count), seed=seed)
            else:
                found[name] = _fitted_code(translator_of(candidate), given, count, seed, references)
    return found


def left_as_found(generate: Callable[[Tensor], Tensor]) -> AbstractContextManager[object]:
    """Keeps the random state; a module runs in evaluation mode and is given back unchanged."""
    return as_found(generate) if isinstance(generate, nn.Module) else torch.random.fork_rng()


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Names the candidate in errors of this library."""
    try:
        yield
    except InnError as error:
        raise type(error)(f"Candidate {name!r}: {error}") from error


def _named(candidates: Any) -> dict[str, Candidate]:
    """Candidates by name: their own, or their number.

    Raises:
        InputError: no candidates, something else, or two of one name.
    """
    if isinstance(candidates, Mapping):
        rows = [(str(name), candidate) for name, candidate in candidates.items()]
    elif isinstance(candidates, Sequence) and not isinstance(candidates, str):
        rows = [(str(number), candidate) for number, candidate in enumerate(candidates, 1)]
    else:
        raise InputError(
            f"Expected a mapping from names to candidates, or a sequence of them, found {type(candidates).__name__}. "
            "Type inn.select({'first': interpreter, 'second': another})."
        )
    if not rows:
        raise InputError("Expected at least one candidate to select from, found none.")
    for place, (name, candidate) in enumerate(rows):
        if name in [other for other, _ in rows[:place]]:
            raise InputError(f"Expected candidates of different names, found {name!r} twice.")
        pair = isinstance(candidate, tuple) and len(candidate) == 2 and callable(candidate[0])
        if not (pair or isinstance(getattr(type(candidate), "translator", None), property)):
            raise InputError(
                f"Expected candidates that are fitted interpreters or pairs (generate, axes), found "
                f"{type(candidate).__name__} for {name!r}."
            )
    return dict(rows)


def _fitted_code(
    translator: Translator, given: Any, count: int, seed: int, references: dict[Hashable, Tensor]
) -> FittedCode:
    """The code of a fit with its starting points; fits of one representation share those from stored codes."""
    backbone = translator.backbone
    with backbone.session():
        inputs = drawn_by(backbone, count, seed=seed) if given is None else given
        if inputs is not None:
            start = translator.whole(inputs)
            return FittedCode(translator, start, start.prepared.cpu())
        fitted = translator.fitted
        same = (backbone.fingerprint(), str(backbone.address), str(fitted.layout), fitted.z_shape)
        if same not in references:
            references[same] = stored(translator, count, seed=seed)
        z = references[same]
        return FittedCode(translator, translator.at(z, z), z.cpu())


def _codes_given(given: Any, axes: int | Tensor, count: int) -> int | Tensor:
    """The inputs if they may be codes of a pair, such as a generator's latents; else how many codes to draw."""
    width = axes.shape[-1] if isinstance(axes, Tensor) else axes
    fits = (
        isinstance(given, Tensor)
        and given.ndim == 2
        and given.shape[1] == width
        and given.is_floating_point()
    )
    return given if fits else count
