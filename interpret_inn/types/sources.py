"""What a concept source gives: samples, pairs of them, and the concepts that they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Generator, Tensor

from interpret_inn.types.arrays import IntArray
from interpret_inn.types.concepts import Concept

SAME = 0.975
"""The correlation of a pair in the factor that it shares (IIN, section 3.2: sigma_ab)."""
GRADES = (1.0, 0.92, 0.72)
"""Numbers are paired at these multiples of the strongest correlation: mostly as equal, some only similar, so that the
factor is laid out in the order of the values. Pairs of unlike numbers come from the turns of other concepts."""
GRADE_SHARES = (0.6, 0.25, 0.15)
"""The shares of pairs at each of `GRADES`."""


class Pairs(NamedTuple):
    """A batch of pairs of samples.

    Attributes:
        first: int64 (n,), indices of samples.
        second: int64 (n,).
        rho: float32 (n, K + 1), the correlation with which each pair was *drawn* in each of the source's
            K factors and, last, in everything else (the residual): −1 < rho < 1.
    """

    first: Tensor
    second: Tensor
    rho: Tensor


@runtime_checkable
class Samples(Protocol):
    """What a source wants encoded: inputs that can be read again and again, in one order.

    Samples may also have `origins`, int64 (N,): the image that each is a variant of, where groups hold variants of
    several images together. It says how much data there is; what is split is groups.
    """

    groups: IntArray | None
    """(N,), samples of one group (variants of one image, one identity) are never split; None: all apart."""
    names: Sequence[str] | None
    """A name for every sample (a path, say), for messages and reports."""
    skipped: Sequence[str]
    """What could not be read and was left out, each with the reason."""

    def __len__(self) -> int: ...

    def batches(self, batch_size: int) -> Iterator[Any]:
        """Yields all inputs in order, a tensor (B, ...) or a list of images at a time."""

    def take(self, indices: Sequence[int]) -> Any:
        """The inputs at these places, as a batch in the same form as `batches` yields."""

    def fingerprint(self) -> str:
        """A digest of the contents: the same digest means the same inputs in the same order."""


class AxesView(Protocol):
    """The model behind the site as a function of the whitened leading axes, `d` of `D`: see `ConceptSource`'s `watch`.

    Gradients flow through it where the caller has them enabled; the model's weights get none.
    """

    @property
    def axes(self) -> int:
        """`d`."""

    @property
    def width(self) -> int:
        """`D`, the axes of the representation."""

    def samples(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draws samples of the fit part: leading axes, float (n, d), and all others, float (n, D − d)."""

    def outputs(self, white: Tensor, rest: Tensor | None = None) -> Tensor:
        """The model's primary outputs (B, …) of leading axes (B, d) and the others (B, D − d); None: their mean.

        Raises BackboneError where the outputs cannot be made from the site alone.
        """

    def layer(self, site: str, white: Tensor, rest: Tensor | None = None) -> Tensor:
        """What another site behind this one carries, flattened, float (B, F); SiteError where it is not reached."""

    def layers(self) -> Sequence[str]:
        """Paths of the model's modules that have weights of their own (a parameter of two axes or more)."""

    def seen(self, directions: Tensor) -> Tensor:
        """Directions in the representation, float (m, D), as directions along the leading axes, float (m, d)."""


@runtime_checkable
class ConceptSource(Protocol):
    """Says which pairs of samples agree in which concept.

    A source may have more than this, and each of these may be missing:

    * `notes`, sentences about the data or the pairs that the reader of a report should know;
    * `illustrations() -> Sequence[Gallery]`, what its pairs look like, for the report;
    * `sizes`, a mapping from concepts to numbers of axes, used where the caller gives none;
    * `see(white, variances)`, told before each fit: the whitened leading axes of the samples that are fitted on, of
      all sources together, float (N, d), one row for each position where there are positions; and the variance of
      each axis in the representation, float (d,), descending. It may change `concepts`;
    * `listen(answers)`, called before `see`: `answers()` computes, float64 (d, d), how strongly the model's output
      answers to each of the axes (its eigenvectors are the directions that matter most to the output);
    * `watch(view)`, called before `see`, for sources that judge axes by what the model makes of them: an `AxesView`.
      It may be kept and used until the fit ends, in `extra_loss`, too;
    * `turn(span)`, for sources that say nothing by pairs: given the axes of the source's own factors and the
      residual, float (d, m) with orthonormal columns, the orthogonal matrix (m, m) that turns them to where the fit
      begins, the first factor's axes first;
    * `key`, a string that tells apart options which do not show in its pairs;
    * `ordered`, true where its factors are to be sorted after the fit by their effect on the output: its first concept
      is then what the output answers to most. Only for unlabelled concepts; those of other sources stay in place;
    * `extra_loss(context) -> Tensor`, a differentiable term added to the loss, and `modules() -> nn.Module`, what
      that term trains (asked for after `see` and `turn`). It is asked at looks, too, without gradients and with the
      same draws each time: the weights that are kept are the best by the whole objective;
    * `settings`, a mapping from settings of the fit (`FitSettings`) to values that are used where the caller gives
      none.
    """

    name: str
    concepts: Sequence[Concept]
    samples: Samples

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        """Draws `n` pairs from the samples whose indices stand in `among`, int64 (M,).

        Only `generator` may be drawn from, so that a fit can be resumed.
        """
