"""Concept sources, which tell a fit which samples agree in what, and what they may see and change of the fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from torch import Generator, Tensor, nn

from interpret_inn.types.concepts import Concept
from interpret_inn.types.members import names_nearest
from interpret_inn.types.results import Gallery
from interpret_inn.types.sources import Pairs, Samples


class AxesView(Protocol):
    """The model behind the site as a function of the whitened leading axes, `d` of `D`: see `Preparation.model`.

    Gradients flow through it if the caller has them enabled; the model's weights get none.
    """

    @property
    def axes(self) -> int:
        """`d`."""

    @property
    def width(self) -> int:
        """`D`, the axes of the representation."""

    def samples(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draws training samples: leading axes, float (n, d), and all others, float (n, D − d)."""

    def outputs(self, white: Tensor, rest: Tensor | None = None) -> Tensor:
        """The model's primary outputs (B, …) of leading axes (B, d) and the others (B, D − d); None: their mean.

        Raises:
            BackboneError: the outputs cannot be made from the site alone.
        """

    def layer(self, site: str, white: Tensor, rest: Tensor | None = None) -> Tensor:
        """What another site behind this one carries, flattened, float (B, F).

        Raises:
            SiteError: that site is not reached.
        """

    def layers(self) -> Sequence[str]:
        """Paths of the model's modules that have weights of their own (a parameter of two axes or more)."""

    def seen(self, directions: Tensor) -> Tensor:
        """Directions in the representation, float (m, D), projected to the leading axes, float (m, d)."""


@names_nearest
@dataclass(frozen=True)
class Preparation:
    """What a source may look at before a fit: the training split, and the model.

    Gradients are off in `prepare` and `rotation`; a source that optimises there opens `torch.enable_grad()` itself.

    Attributes:
        white: The whitened leading axes of the training samples of all sources together, float (N, d); at
            sites with positions, one row for each position.
        variances: Variance of each of these axes in the representation, float (d,), descending.
        output_gradients: Computes, each time it is called, how strongly the model's output depends on each axis:
            `E[JᵀJ]`, float64 (d, d), J the Jacobian of the output by the axes. Its eigenvectors are the directions that
            matter most to the output. Raises BackboneError if no gradient comes from the output.
        model: The model as a function of the axes; it may be kept and used until the fit ends.
        generator: The only generator to draw from.
    """

    white: Tensor
    variances: Tensor
    output_gradients: Callable[[], Tensor]
    model: AxesView
    generator: Generator


class LossContext(Protocol):
    """What the loss of a plan may use. In a fit it is `interpret_inn.fitting.source_losses.TrainingContext`."""

    @property
    def network(self) -> nn.Module:
        """The flow that is being fitted.

        `network.blocks(white)` gives codes and log|det|, and `network.blocks.inverse(codes)` leads back to the whitened
        leading axes; both are differentiable.
        """

    @property
    def generator(self) -> Generator:
        """The only generator to draw from."""

    @property
    def step(self) -> int:
        """The number of steps taken before this one; in validation, the number of steps taken."""

    @property
    def axes(self) -> Tensor:
        """The axes of the code that belong to the source's own factors, in their order, int64 (m,)."""

    @property
    def validating(self) -> bool:
        """Whether this is validation, in which nothing is trained. Draws are then the same each time."""


@names_nearest
@dataclass(frozen=True)
class Plan:
    """What a source asks of one fit; every part may be left out.

    Attributes:
        concepts: Concepts in place of the source's own; from now on its pairs have a column of ρ for each of them.
            None: the concepts stay.
        sizes: Numbers of axes by concept, if the caller gives none; the sizes of other concepts are estimated from
            pairs.
        notes: Sentences for the reader of a report.
        key: Tells apart fits whose pairs and whose source's `key` are the same.
        rotation: For sources whose pairs share nothing. Given the axes of the source's factors and of the residual,
            float (d, m) with orthonormal columns, it returns the orthogonal matrix (m, m) that rotates them to where
            the fit begins, the first factor's axes first.
        modules: Returns the modules that `loss` trains beside the flow.
        loss: Returns a differentiable scalar that is added to the loss of the fit. It counts in validation, too,
            without gradients and with the same draws each time, so the weights that are kept are the best by the
            whole objective.
    """

    concepts: Sequence[Concept] | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    key: str = ""
    rotation: Callable[[Tensor], Tensor] | None = None
    modules: Callable[[], nn.Module] | None = None
    loss: Callable[[LossContext], Tensor | float] | None = None


class ConceptSource(ABC):
    """Says which pairs of samples agree in which concept.

    `name`, `concepts`, `samples` and `sample_pairs` are needed; everything else has a default that does nothing. A
    public member of a subclass whose name is nearly one of these is refused, as it would never be called.

    Attributes:
        name: Its name in messages.
        concepts: A concept for each factor of its own.
        samples: The inputs to encode.
        settings: Settings of the fit (`FitSettings`) for those that the caller does not give. They are read before
            anything else, as they fix the axes and the noise floor.
        notes: Sentences about the data or the pairs, for the reader of a report.
        key: Tells apart options that do not show in its pairs.
        ordered: The factors are sorted after the fit by their effect on the output, the strongest first. Only for
            unlabelled concepts; factors of other sources stay in place.
    """

    name: str
    concepts: Sequence[Concept]
    samples: Samples
    settings: Mapping[str, Any] = MappingProxyType({})
    notes: Sequence[str] = ()
    key: str = ""
    ordered: bool = False

    @abstractmethod
    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        """Draws `n` pairs from the samples with the indices `among`, int64 (M,).

        All draws are from `generator`, so that a fit can be resumed.
        """

    def prepare(self, context: Preparation) -> Plan:  # noqa: ARG002 - for subclasses
        """Plans one fit; called once in each, after the representation has been whitened."""
        return Plan()

    def sample_weights(self, among: Tensor) -> Tensor | None:  # noqa: ARG002 - for subclasses
        """By what weight each of the samples `among`, int64 (M,), counts: float (M,), 0 or more.

        Weights make concepts independent that go together in the data: pairs are drawn by them, and a conditional flow
        finds directions by samples that are drawn by them. None: all count alike.
        """
        return None

    def counterfactual_pairs(self, among: Tensor) -> Mapping[str, Any]:  # noqa: ARG002 - for subclasses
        """Pairs of the samples `among`, int64 (M,), that share all but one concept.

        Both ends of each are run through the model, so that a report says what the output does when this concept alone
        is another one. Only pairs that are known to share everything else belong here: one thing under two lamps, and
        never two things that are alike.

        Returns:
            By the name of the concept, pairs of indices that stand in `among`, int64 (n, 2); either end comes first.
        """
        return {}

    def illustrations(self) -> Sequence[Gallery]:
        """Pictures of its pairs, for the report."""
        return ()
