"""Records and protocols that the core and the plugins exchange.

Shapes: `N` samples of a source, `n` pairs of a batch, `B` inputs of a batch, `D` axes of the code,
`K` named factors (the residual is one more and always last).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, overload, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Generator, Tensor, nn

from interpret_inn.errors import ConceptError, suggest

RESIDUAL = "residual"
SAME = 0.975
"""The correlation of a pair in the factor that it shares (IIN, section 3.2: sigma_ab)."""

ConceptKind = Literal["categorical", "numeric", "cyclic", "unlabelled"]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Factor:
    """A named slice of the code: axes `start` to `stop` of `D`."""

    name: str
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Number of axes."""
        return self.stop - self.start

    @property
    def slice(self) -> slice:
        """Where the factor stands in the last axis of a code (..., D)."""
        return slice(self.start, self.stop)


class Factors(Sequence[Factor]):
    """All factors of a flow in the order in which they stand in the code, the residual last.

    >>> factors = Factors.from_sizes({"digit": 22, "colour": 11}, total=64)
    >>> [(f.name, f.size) for f in factors], factors["colour"].slice
    ([('digit', 22), ('colour', 11), ('residual', 31)], slice(22, 33, None))
    """

    def __init__(self, factors: Sequence[Factor]) -> None:
        self._factors = tuple(factors)

    @classmethod
    def from_sizes(cls, sizes: Mapping[str, int], *, total: int) -> Factors:
        """Lays the named factors side by side; what is left of `total` axes is the residual.

        Raises:
            ConceptError: a name is taken twice by the residual, a size is under 1, or nothing is left.
        """
        if RESIDUAL in sizes:
            raise ConceptError(
                f"A concept is named {RESIDUAL!r}, which names what no concept explains. Rename it."
            )
        small = [name for name, size in sizes.items() if size < 1]
        if small:
            raise ConceptError(f"Expected at least 1 axis for every factor, found fewer for {small}.")
        if sum(sizes.values()) >= total:
            raise ConceptError(
                f"Expected factor sizes that leave at least 1 of {total} axes to the residual, "
                f"found {dict(sizes)} (together {sum(sizes.values())}). Give smaller sizes or fewer concepts."
            )
        start, factors = 0, []
        for name, size in sizes.items():
            factors.append(Factor(name, start, start + size))
            start += size
        return cls([*factors, Factor(RESIDUAL, start, total)])

    @overload
    def __getitem__(self, key: int | str) -> Factor: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Factor, ...]: ...
    def __getitem__(self, key: int | str | slice) -> Factor | tuple[Factor, ...]:
        if not isinstance(key, str):
            return self._factors[key]
        for factor in self._factors:
            if factor.name == key:
                return factor
        raise ConceptError(f"There is no factor {key!r}. {suggest(key, self.names)}")

    def __len__(self) -> int:
        return len(self._factors)

    def __repr__(self) -> str:
        return f"Factors({', '.join(f'{f.name}: {f.size}' for f in self)})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order, the residual's last."""
        return tuple(factor.name for factor in self._factors)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of axes of each factor, in order."""
        return tuple(factor.size for factor in self._factors)

    @property
    def named(self) -> tuple[Factor, ...]:
        """The factors that stand for concepts: all but the residual."""
        return self._factors[:-1]

    @property
    def total(self) -> int:
        """`D`, the number of axes of the code."""
        return self._factors[-1].stop


@dataclass(frozen=True)
class Concept:
    """A meaning that one factor is to carry, with its value for every sample where that is known.

    Attributes:
        name: Also the factor's name.
        kind: How values compare; `unlabelled` concepts have none and are not read out.
        values: `categorical`: int64 (N,), −1 where missing; `numeric`: float64 (N,) or (N, d), NaN where
            missing; `cyclic`: angles in radians, float64 (N,), NaN where missing; `unlabelled`: None.
        classes: Names of the categories, by index.
        guessed: The kind was guessed from the values and not given.
    """

    name: str
    kind: ConceptKind
    values: npt.NDArray[Any] | None = None
    classes: tuple[str, ...] = ()
    guessed: bool = False


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
    """What a source wants encoded: inputs that can be read again and again, in one order."""

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


@runtime_checkable
class ConceptSource(Protocol):
    """Says which pairs of samples agree in which concept.

    A source may also have `extra_loss(context) -> Tensor`, a differentiable term added to the loss, and
    `modules() -> nn.Module`, what that term trains; both are optional.
    """

    name: str
    concepts: Sequence[Concept]
    samples: Samples

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        """Draws `n` pairs from the samples whose indices stand in `among`, int64 (M,).

        Only `generator` may be drawn from, so that a fit can be resumed.
        """


# --- the records that plugins contribute ------------------------------------------------------------


@dataclass(frozen=True)
class BackboneSpec:
    """A way to adapt models: `adapt(model_or_name, site)` returns a `Backbone`, or None for "not mine"."""

    name: str
    summary: str
    adapt: Callable[..., Any]


@dataclass(frozen=True)
class ConceptSourceSpec:
    """A kind of concept source: `build(data, **options)` returns a `ConceptSource`."""

    name: str
    summary: str
    build: Callable[..., ConceptSource]


@dataclass(frozen=True)
class LocalizerSpec:
    """A kind of localizer: `build(**options)` returns an object that gives masks (B, 1, H, W) in [0, 1]."""

    name: str
    summary: str
    build: Callable[..., Any]


@dataclass(frozen=True)
class MetricSpec:
    """A score of codes against factors: `evaluate(codes (N, D), factors (N, K))` returns a `Score`."""

    name: str
    summary: str
    evaluate: Callable[[FloatArray, FloatArray], Score]


@dataclass(frozen=True)
class ReportSectionSpec:
    """A section of the report: `render(explanation)` returns a `Section`, or None to leave it out."""

    name: str
    summary: str
    render: Callable[[Any], Section | None]


# --- what the plugins' callables return -------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """A number with its 95 % interval and its parts.

    Attributes:
        value: The score itself.
        low: Lower end of the interval (NaN where none was computed).
        high: Upper end.
        parts: What the score is made of, by name.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadOut:
    """How well a concept can be read from a code: by a linear read-out and by a small network."""

    linear: Score
    mlp: Score


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: Its heading, plain text.
        html: Its body. Everything that is not markup must have been escaped by whoever made it.
        data: The same content for the JSON file.
    """

    title: str
    html: str
    data: Mapping[str, Any] = field(default_factory=dict)


class FitStep(NamedTuple):
    """What observers of a fit are told after each validation.

    Attributes:
        step: Number of steps done.
        steps: Number of steps planned.
        loss: Mean loss per pair and axis since the last time, in nats.
        held_out: The same on the early-stopping part.
        seconds: Since the fit began, in this process and those before it.
    """

    step: int
    steps: int
    loss: float
    held_out: float
    seconds: float


Module = nn.Module
