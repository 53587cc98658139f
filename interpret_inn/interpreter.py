"""The `Interpreter`: the rooms of the library put together, and nothing more."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import torch

from interpret_inn import saving
from interpret_inn.attached import AttachedModel
from interpret_inn.comparing import beside_galleries
from interpret_inn.effects.bases import effects_of, with_estimates
from interpret_inn.effects.changes import Target
from interpret_inn.effects.wanted import Wanted, wanted_counterparts
from interpret_inn.errors import FitError, heard_warnings
from interpret_inn.explaining.evaluation import Evaluation, evaluate
from interpret_inn.explaining.evidence import Checks
from interpret_inn.explaining.explain import check, check_counts, explain
from interpret_inn.explaining.ordering import ordered_by_effect
from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.refits import with_refits
from interpret_inn.explore import report_galleries
from interpret_inn.fitting.fit import fit
from interpret_inn.fitting.notes import idle_settings, unsaid
from interpret_inn.fitting.store import Storage
from interpret_inn.localizing import places_finder
from interpret_inn.plugin import get_manager
from interpret_inn.plugin.choosing import chosen_sources, report_localizer
from interpret_inn.renamed import with_old_names
from interpret_inn.reports import Report
from interpret_inn.scoring import ScoreRequest, scores_of_fit, scores_of_inputs, with_scores
from interpret_inn.translating.settings import FitSettings, checked_seed, requested_settings
from interpret_inn.translating.translator import Translator
from interpret_inn.types import ConceptKind, ConceptSource, Gallery, LocalizerFunction, Scores
from interpret_inn.types.members import refuse_unknown_options, with_named_options

_OWN_SAMPLES = 4096
"""Latents that a generator draws of its own for a fit without `data`."""


@with_old_names
@with_named_options
class Interpreter(AttachedModel):
    """A frozen model, a site in it, and (once fitted) the flow that translates what the site carries.

    Made by `wrap` and `load`. Shapes: `B` inputs, `D` axes of the code, `P` positions (in the layout
    `positions`, codes are (B, P, D)), `S` steps of a traversal. Inputs are anything that
    `interpret_inn.data.samples` takes: tensors and arrays, Datasets, DataLoaders, lists of images, folders.

    The model is only touched while a call runs, and given back as found. In a `with` block the interpreter
    stays attached: what the site carried in the model's last forward is `captured`, and the outputs are
    those of the bare model bit for bit.
    """

    # --- fitting ---------------------------------------------------------------------------------------

    def fit(
        self,
        *sources: ConceptSource | str,
        seed: int = 0,
        sizes: Mapping[str, int] | None = None,
        cache: Storage = "auto",
        checkpoint: Storage = "auto",
        batch_size: int | Literal["auto"] = "auto",
        **options: Any,
    ) -> Interpreter:
        """Fits the flow to one or more concept sources.

        Representations are computed once and stored; 70 % of the samples fit the flow, 10 % validate it, 20 % test it.
        A conditional flow, the default, has a closed form: nothing is trained. `flow="joint"` trains a flow on pairs; a
        training that was interrupted goes on where it was when the same call is made again, and gives the same result
        as one that was not.

        Args:
            sources: Concept sources, or the name of one whose options follow: `fit("labels", data=…)`.
            seed: Of everything that is drawn. The global random state is neither read nor changed.
            sizes: Numbers of axes by concept; those not named are estimated.
            cache: Where representations are stored: `"auto"` (the user's cache directory), a folder, or None
                for memory only.
            checkpoint: Where an interrupted fit leaves its state: likewise.
            batch_size: Inputs in a forward; `"auto"` halves it when memory runs out.
            options: Settings of the fit (`FitSettings`: flow, noise, steps …) and options of the named
                source. A generator that can draw its own latents needs no `data`: it draws 4,096.

        Returns:
            This interpreter.

        Raises:
            ConceptError: labels or sizes that cannot be used.
            DataError: data that cannot be read, or that change from read to read.
            FitError: no training pairs, a setting or a seed that cannot be, or a loss that is not finite.
            PluginError: an unknown source, or options it does not take.
        """
        seed = checked_seed(seed)
        given = {name: options.pop(name) for name in FitSettings.names() if name in options}
        one_named = sum(isinstance(source, str) for source in sources) == 1
        if one_named and "data" not in options and self.backbone.sample_inputs is not None:
            options["data"] = self.sample_inputs(_OWN_SAMPLES, seed=seed)
        observer = get_manager().after_fit_step
        # parameters made in inference mode could not be trained
        leave = torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext()
        with heard_warnings() as heard:
            built = chosen_sources(sources, options, seed=seed)
            settings = FitSettings(**requested_settings(built) | given)
            with leave, self.backbone.session():
                fitted, data = fit(
                    self.backbone, built, seed=seed, settings=settings, sizes=sizes, cache=cache,
                    checkpoint=checkpoint, batch_size=batch_size, observers=[observer],
                )  # fmt: skip
                fitted = ordered_by_effect(Translator(self.backbone, fitted), data)
        idle = idle_settings(settings, given, conditional=fitted.network.shape.conditional is not None)
        notes = (*fitted.notes, *idle, *unsaid(heard, fitted.notes))
        fitted = dataclasses.replace(fitted, notes=notes)
        self._translator, self._data, self._evaluation = Translator(self.backbone, fitted), data, None
        self._weights = self.backbone.fingerprint()
        return self

    # --- explaining ------------------------------------------------------------------------------------

    def explain(
        self,
        inputs: Any = None,
        *,
        target: Target = None,
        examples: int = 16,
        resamples: int | None = None,
        localizer: LocalizerFunction | str | None = "auto",
        beside: Mapping[str, Any] | None = None,
        counterfactuals: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> Explanation:
        """Explains what the site encodes and what the output depends on.

        Up to 512 inputs, spread evenly, are looked at. Scores of factors are from the test split of the
        fit's own data, no matter which inputs are given.

        Args:
            inputs: What to explain; None: the test split of the data that the interpreter was fitted on.
            target: What of the output to watch: the index of an output, or a callable that maps outputs
                (B, …) to scores (B,); None: the predicted class, or the whole output.
            examples: Inputs that are shown one by one.
            resamples: Redraws of each factor in each input; None: as many as a forward allows (32 of 512 inputs if
                the rest of the model can run alone, else 8 of 64). If outputs are images, a factor's redraws take up
                to 4 million pixels (8 of 128 inputs at 64 by 64), or 8 of 64 inputs.
            localizer: What shows where factors act in the first six examples, as for `localize`; "auto" is
                quicker here, with fewer steps (`LocalizerSpec.quick`); None: nothing is localized. For other options
                type localizer=inn.localizer("masks", steps=100).
            beside: Other fits by name, as `inn.select` takes them, to compare this one with by the lengths of axes.
            counterfactuals: By concept, inputs and counterparts that share all but this concept, `(images_a, images_b)`
                or `(images_a, images_b, values_a, values_b)`, the i-th of one side with the i-th of the other; or a
                function `(images, value) -> images` that renders inputs with another value: a class by its name (its
                index if it has none), numbers as in the data. Both are run, which measures the effect of the concept.
                Of other concepts, pairs that a source of the fit knows are run, while its data are at hand.
            seed: Of the redraws.

        Raises:
            NotFittedError: before `fit`.
            BackboneError: the model's weights have changed since the fit.
            ConceptError: counterfactuals of no concept of the fit, or that cannot be used.
            EditError: `examples` or `resamples` below 1.
            FitError: no inputs, and the data of the fit are not at hand.
            LocalizerError: the localizer cannot work with this model, or gave no masks.
            PluginError: an unknown localizer, or a function among the counterfactuals that raised.
        """
        check_counts(examples, resamples)
        self._require_same_weights()
        shown = self._test_inputs("explain") if inputs is None else inputs
        measured = effects_of(
            self.backbone, self.fitted.concepts, self._data, inputs, counterfactuals, target=target, seed=seed
        )
        compared = beside_galleries(self, beside, shown, seed=seed)
        explanation = explain(
            self.translator, self.evaluation, shown, target=target, examples=examples, resamples=resamples,
            seed=seed, further=report_galleries,
            locate=places_finder(self.translator, report_localizer(self.translator, localizer), seed=seed),
        )  # fmt: skip
        effects = with_estimates(
            measured, self.evaluation.effects, self.backbone, self._data,
            [concept.name for concept in self.fitted.concepts], target=target, seed=seed,
        )  # fmt: skip
        explanation = dataclasses.replace(
            explanation, galleries=self._illustrations() + explanation.galleries + compared, effects=effects
        )
        get_manager().after_explain(explanation)
        return explanation

    def report(self, inputs: Any = None, **options: Any) -> Report:
        """Explains inputs and makes a page of it; options and errors as for `explain`.

        Returns:
            A report: `.save("report.html")` writes page and JSON, `.to_html()`, `.to_dict()`.
        """
        refuse_unknown_options("report", self.explain, options)
        if inputs is None:
            self._test_inputs("report")  # an error names this call
        explanation = self.explain(inputs, **options)
        # Plugins get a copy: a section must not change what the rest of the page says.
        return Report(explanation, get_manager().render_sections(copy.deepcopy(explanation)))

    @torch.no_grad()
    def check(self, inputs: Any = None, *, progress: Callable[[int], object] | None = None) -> Checks:
        """Measures round trips and agreement; `.passed` is True if every check holds.

        Args:
            inputs: What to measure on; None: the test split of the data that the interpreter was fitted on.
            progress: Called after every batch with the number of inputs that are checked so far: `progress=print`.

        Raises:
            NotFittedError: before `fit`.
            FitError: no inputs, and the data of the fit are not at hand.
        """
        chosen = self._test_inputs("check") if inputs is None else inputs
        return check(self.translator, chosen, progress=progress)

    @property
    def evaluation(self) -> Evaluation:
        """Scores from the test split of the fit's data; computed at first use, saved with the artefact.

        Raises:
            NotFittedError: before `fit`.
            FitError: they were not saved, and the data of the fit are not at hand.
        """
        if self._evaluation is None:
            if self._data is None:
                self._require_fitted()
                raise FitError("The scores of this fit are not at hand. Fit again.")
            found = evaluate(self.translator, self._data)
            self._evaluation = with_refits(found, self.translator, self._data)
        self._evaluation = with_scores(self._evaluation, self.fitted, self._data)
        return self._evaluation

    @torch.no_grad()
    def scores(
        self,
        inputs: Any = None,
        labels: Mapping[str, Any] | None = None,
        *,
        names: Sequence[str] | str | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        kinds: Mapping[str, ConceptKind] | None = None,
        groups: Any = None,
        bins: int = 10,
        seed: int | None = None,
    ) -> Scores:
        """Scores the codes, grouped by factor, against known values of concepts: MIG, DCI, SAP and what plugins add.

        Without inputs it takes the test split of the fit's own data, with the values of its concepts.

        Args:
            inputs: N inputs.
            labels: By concept, the values of all inputs: numbers or names, (N,) or (N, k). −1, NaN or None is missing.
            names: Names of metrics, as `inn.plugins()` lists them; None: the quick ones; "all": all.
            options: Options of metrics by name: `{"dci": {"estimator": "forest"}}`.
            kinds: Kinds of concepts that the fit does not have; its own are known.
            groups: (N,), inputs of one group are variants of one thing.
            bins: Classes that numbers are cut into, if a metric takes classes.
            seed: Of all draws; None: that of the fit, which the report takes.

        Returns:
            A mapping from names to `Score`; it prints as a table and says what was left out, and why.

        Raises:
            FitError: no inputs, and the data of the fit are not at hand.
            InputError: labels that do not go with the inputs.
            PluginError: an unknown metric, or options that it does not take.
        """
        request = ScoreRequest(names, options, bins, self.fitted.seed if seed is None else seed)
        if inputs is not None:
            return scores_of_inputs(
                self.encode, self.fitted, inputs, labels, kinds=kinds, groups=groups, request=request
            )
        return scores_of_fit(self.fitted, self._data, request, given=labels, saved=self._evaluation)

    def wanted(self, concept: str, *, count: int = 50, seed: int = 0) -> Wanted:
        """Images that would settle the effect of a concept which labels alone tell, each with the value to give it.

        Render or photograph them so, and type `interpreter.explain(counterfactuals=wanted.counterfactuals(others))`.

        Args:
            concept: Name of a concept with values.
            count: How many images, at most; 50 make an estimate a good deal surer.
            seed: Of the draw.

        Raises:
            ConceptError: no such concept, one without values or with one value alone.
            FitError: the data of the fit are not at hand.
        """
        self._require_fitted()
        if self._data is None:
            raise FitError("The data of this fit are not at hand, so no images can be named. Fit again.")
        return wanted_counterparts(self._data, concept, count=count, seed=seed)

    def _test_inputs(self, call: str) -> Any:
        """Inputs of the test split; `call` is what the user typed without any."""
        self._require_fitted()
        if self._data is None:
            raise FitError(
                f"Expected inputs: the data of the fit are not saved with it. Type {call}(images)."
            )
        return self._data.test_inputs()

    def _illustrations(self) -> tuple[Gallery, ...]:
        """What the pairs of the sources look like, while the sources are at hand."""
        if self._data is None:
            return ()
        return get_manager().illustrations([part.source for part in self._data.pool.parts])

    # --- saving ----------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted interpreter into a folder; the model and the data are not in it.

        Raises:
            NotFittedError: before `fit`.
            ArtefactError: it cannot be written there.
            BackboneError: the model's weights have changed since the fit.
        """
        self._require_same_weights()
        saving.write_artefact(Path(path), self.backbone, self.fitted, self.evaluation)
