"""A model that is attached at a site: inputs to codes and outputs, with the model given back as found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from interpret_inn.backbones import Backbone, Listener
from interpret_inn.errors import BackboneError, NotFittedError
from interpret_inn.explaining.evaluation import Evaluation
from interpret_inn.explaining.labelling import Labeller, label
from interpret_inn.fitting.store import FitData
from interpret_inn.localizing import localize
from interpret_inn.plugin.choosing import chosen_localizer
from interpret_inn.translating.edits import Edit, listed
from interpret_inn.translating.encoding import run_bare
from interpret_inn.translating.fitted import Fitted
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Factors, LocalizerFunction, Masks
from interpret_inn.types.members import with_named_options


@with_named_options
class AttachedModel:
    """A frozen model, a site in it and, once fitted, its flow: what `Interpreter` does with single inputs.

    The model is only touched while a call runs, and given back as found. In a `with` block the model stays attached:
    what the site carried in its last forward is `captured`, and the outputs are those of the bare model bit for bit.
    """

    def __init__(
        self, backbone: Backbone, *, fitted: Fitted | None = None, evaluation: Evaluation | None = None
    ) -> None:
        self.backbone = backbone
        self._translator = Translator(backbone, fitted) if fitted else None
        self._evaluation = evaluation
        self._data: FitData | None = None
        self._weights = backbone.fingerprint() if fitted else ""
        self._listener: Listener | None = None

    @property
    def fitted(self) -> Fitted:
        """The fit: flow, factors, settings, stored codes. Raises NotFittedError before `fit`."""
        return self.translator.fitted

    @property
    def translator(self) -> Translator:
        """What edits and localizers work with. Raises NotFittedError before `fit`."""
        return self._require_fitted()

    @property
    def factors(self) -> Factors:
        """The factors in the order of the code, the residual last; `factors["digit"].size`."""
        return self.translator.factors

    # --- a generator's own inputs -----------------------------------------------------------------------

    def sample_inputs(self, n: int, *, seed: int = 0) -> Tensor:
        """Draws inputs from the distribution that the model was made for: latents of a generator.

        Args:
            n: How many.
            seed: The same seed draws the same ones.

        Returns:
            float (n, …), on the CPU.

        Raises:
            BackboneError: the model takes inputs that cannot be drawn.
            InputError: fewer than 1.
        """
        return self.backbone.draw_inputs(n, seed=seed)

    @torch.no_grad()
    def label(self, inputs: Any, labels: Labeller | Mapping[str, Labeller]) -> Any:
        """Labels inputs by the model's outputs, so that samples of a generator get labels.

        Args:
            inputs: Inputs, N of them.
            labels: A callable, such as a classifier, from primary outputs (B, …) to labels (B,) or logits
                (B, C), of which the largest counts; or several by name.

        Returns:
            An array (N,), or a mapping from names to arrays, as `fit("labels", labels=…)` takes them.

        Raises:
            ConceptError: not one label for each output.
            PluginError: the callable raised.
        """
        return label(self.backbone, inputs, labels)

    # --- translating and editing -----------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, inputs: Any) -> Tensor:
        """Translates what the site carries for these inputs into codes.

        Returns:
            float32 (B, D), or (B, P, D) at positions, on the CPU, as is the flow. `D` is the size of the
            representation: nothing is lost.

        Raises:
            NotFittedError: before `fit`.
            InputError: inputs of the wrong shape or range, or not finite.
        """
        return self.translator.encode(inputs)

    @torch.no_grad()
    def invert(self, codes: Tensor, inputs: Any = None) -> Tensor:
        """Translates codes back into representations.

        Args:
            codes: float (B, D), or (B, P, D) at positions.
            inputs: The inputs of these codes. Needed if the layout carries something beside the code: `pooled`
                (the deviations from the mean) and tokens with a prefix.

        Returns:
            What the site would carry, (B, …) in its own shape.

        Raises:
            NotFittedError: before `fit`.
            EditError: codes of another width, or inputs are needed.
        """
        return self.translator.invert(codes, inputs)

    @torch.no_grad()
    def run(self, inputs: Any, edits: Edit | Sequence[Edit] | None = None) -> Any:
        """Runs the model on inputs, with edits at the site.

        Args:
            inputs: Inputs.
            edits: One edit or several, applied in order; see `interpret_inn.edits`.

        Returns:
            The model's own outputs (a tensor, or the structure that it gives); without edits they are the
            bare model's bit for bit.

        Raises:
            EditError: an edit that cannot be applied.
            NotFittedError: edits before `fit`.
        """
        chosen = listed(edits)
        return self.translator.run(inputs, chosen) if chosen else run_bare(self.backbone, inputs)

    @torch.no_grad()
    def traverse(self, inputs: Any, factor: str, steps: int | Sequence[float] = 9) -> Tensor:
        """Outputs while one factor moves along its main direction, all others kept.

        Args:
            inputs: Inputs.
            factor: The factor to move.
            steps: Positions in standard deviations of the data, (S,); or how many, from −2.5 to 2.5.

        Returns:
            (S, B, …): primary outputs, on the CPU.

        Raises:
            NotFittedError: before `fit`.
            EditError: no step, or positions that are no numbers.
        """
        return self.translator.traverse(inputs, factor, steps)

    def localize(
        self, inputs: Any, factor: str, *, localizer: LocalizerFunction | str = "auto",
        seed: int | None = None, **options: Any,
    ) -> Masks:  # fmt: skip
        """Shows where a factor acts: a mask over each image, and how far it can be trusted.

        Args:
            inputs: `B` inputs of one size. Reliability over the input needs two at least.
            factor: Name of the factor.
            localizer: The name of a localizer whose options follow ("masks", "positions", "captum", a plugin's); one
                made by `inn.localizer`, or any callable (translator, inputs, factor); "auto": the one that says it
                suits this model best: "positions" if the flow is fitted to the positions of a map or to their mean,
                else "masks".
            seed: Of the measurement of reliability, and of the named localizer if it takes one; None: 0 for the
                measurement, and the localizer's default.
            options: Of the named localizer.

        Returns:
            Masks, float (B, 1, H, W) in [0, 1], over the images that the model takes, or those that it gives.

        Raises:
            NotFittedError: before `fit`.
            LocalizerError: the localizer cannot work with this model, site or option, or gave no masks.
            PluginError: an unknown localizer, or options it does not take.
        """
        self._require_same_weights()
        made, title = chosen_localizer(self.translator, localizer, options, seed=seed)
        return localize(self.translator, inputs, factor, made, title, seed=seed or 0)

    def _require_fitted(self) -> Translator:
        """The translator; raises NotFittedError before `fit`."""
        if self._translator is None:
            raise NotFittedError(
                'This interpreter has not been fitted yet. Type interpreter.fit("labels", data=…) first.'
            )
        return self._translator

    def _require_same_weights(self) -> None:
        self._require_fitted()
        found = self.backbone.fingerprint()
        if found != self._weights:
            raise BackboneError(
                f"The weights of {self.backbone.name} have changed since the fit: expected "
                f"{self._weights[:16]}, found {found[:16]}. Fit again, or bring back the weights as they were."
            )

    # --- attaching -----------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._listener is not None:
            raise BackboneError("This interpreter is attached already. Leave its `with` block first.")
        self._listener = Listener(self.backbone.model, self.backbone.address).__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.__exit__(*raised)

    @property
    def captured(self) -> Tensor:
        """What the site carried in the model's last forward within the `with` block, (B, …).

        Raises:
            BackboneError: outside a `with` block.
        """
        if self._listener is None:
            raise BackboneError("Nothing is captured outside a `with interpreter:` block.")
        return self._listener.captured

    def __repr__(self) -> str:
        state = repr(self._translator.factors) if self._translator else "not fitted"
        return f"Interpreter({self.backbone.name!r}, site {str(self.backbone.address)!r}, {state})"
