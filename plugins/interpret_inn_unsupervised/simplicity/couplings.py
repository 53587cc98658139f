"""Couplings that begin at the simplest rotation, and are trained for simple and constricted factors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from interpret_inn.data.process import derived_seed
from interpret_inn.types import Plan, Preparation, Samples
from interpret_inn_unsupervised.simplicity.objective import Objective, Parts, Weights
from interpret_inn_unsupervised.simplicity.simplicity_source import Search, SimplicitySource


class CouplingsSource(SimplicitySource):
    """Concepts whose steps are short, are recognized, and act in one place.

    The flow begins where the flow of `SimplicitySource` ends. Its couplings are trained by the likelihood of the code
    and by `Objective`.

    Args:
        samples: Latents, or other inputs of the model.
        search: How the rotation is looked for; its seed also draws recognizer and masks.
        weights: Of the objective.

    Attributes:
        name: "simplicity_couplings".
        parts: Recognizer and masks of the last fit; None before.
    """

    name = "simplicity_couplings"
    settings: Mapping[str, object] = {
        **SimplicitySource.settings,
        "steps": 200, "blocks": 2, "hidden": 64, "learning_rate": 2e-3, "every": 25, "patience": 8,
    }  # fmt: skip

    def __init__(self, samples: Samples, search: Search, weights: Weights) -> None:
        super().__init__(samples, search)
        self._weights = weights
        self.key = f"{self.key} {weights}"
        self.parts: Parts | None = None

    def prepare(self, context: Preparation) -> Plan:
        """Finds the rotation, and makes the losses that the couplings are trained by.

        Raises:
            ConceptError: the outputs are no images, or there are too few axes for the factors.
        """
        found = self._found(context)
        seed = derived_seed(self._search.seed, "recognizer and masks")
        parts = Parts(found.images.shape[1], found.factors, seed).to(found.images.device)
        objective = Objective(
            context.model,
            found.points,
            found.metric,
            factors=found.factors,
            weights=self._weights,
            parts=parts,
        )
        self.parts = parts
        return dataclasses.replace(
            self._begun(found),
            loss=objective,
            modules=(lambda: parts) if self._weights.trains_parts else None,
        )
