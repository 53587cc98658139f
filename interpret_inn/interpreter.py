"""The `Interpreter`: the rooms of the library put together, and nothing more."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from interpret_inn import saving
from interpret_inn.backbones import Backbone, Listener
from interpret_inn.comparing import beside_galleries
from interpret_inn.errors import BackboneError, FitError, NotFittedError
from interpret_inn.explaining.evaluation import Evaluation, evaluate
from interpret_inn.explaining.evidence import Checks
from interpret_inn.explaining.explain import check, check_counts, explain
from interpret_inn.explaining.labelling import Labeller, label
from interpret_inn.explaining.ordering import ordered_by_effect
from interpret_inn.explaining.records import Explanation
from interpret_inn.explaining.redraws import Target
from interpret_inn.explore import report_galleries
from interpret_inn.fitting.fit import Where, fit
from interpret_inn.fitting.notes import idle_settings
from interpret_inn.fitting.store import FitData
from interpret_inn.localizing import localize, places_finder
from interpret_inn.plugin import get_manager
from interpret_inn.plugin.choosing import chosen_localizer, chosen_sources, report_localizer
from interpret_inn.renamed import with_old_names
from interpret_inn.reports import Report
from interpret_inn.scoring import Wish, scores_of_fit, scores_of_inputs, with_scores
from interpret_inn.translating.edits import Edit, listed
from interpret_inn.translating.encoding import run_bare
from interpret_inn.translating.fitted import Fitted
from interpret_inn.translating.settings import FitSettings, wished_settings
from interpret_inn.translating.translator import Translator
from interpret_inn.types import ConceptKind, ConceptSource, Factors, Gallery, LocalizerFunction, Masks, Scores

_OWN_SAMPLES = 4096


@with_old_names
class Interpreter:
    """A frozen model, a site in it, and (once fitted) the flow that translates what the site carries.

    Made by `wrap` and `load`. Shapes: `B` inputs, `D` axes of the code, `P` positions (where the layout is
    `positions`, codes are (B, P, D)), `S` steps of a traversal. Inputs are anything that
    `interpret_inn.data.samples` takes: tensors and arrays, Datasets, DataLoaders, lists of images, folders.

    The model is only touched while a call runs, and given back as found. In a `with` block the interpreter
    stays attached: what the site carried in the model's last forward is `captured`, and the outputs are
    those of the bare model bit for bit.
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

    # --- fitting ---------------------------------------------------------------------------------------

    def fit(
        self,
        *sources: ConceptSource | str,
        seed: int = 0,
        sizes: Mapping[str, int] | None = None,
        cache: Where = "auto",
        checkpoint: Where = "auto",
        batch_size: int | Literal["auto"] = "auto",
        **options: Any,
    ) -> Interpreter:
        """Fits the flow to the pairs of one or more concept sources.

        Representations are computed once and stored; 70 % of the samples are fitted on, 10 % stop the fit,
        20 % judge it. A fit that was interrupted goes on where it was when the same call is made again, and
        gives the same result as one that was not.

        Args:
            sources: Concept sources, or the name of one whose options follow: `fit("labels", data=…)`.
            seed: Of everything that is drawn. The global random state is neither read nor changed.
            sizes: Numbers of axes by concept; those not named are estimated.
            cache: Where representations are stored: `"auto"` (the user's cache directory), a folder, or None
                for memory only.
            checkpoint: Where an interrupted fit leaves its state: likewise.
            batch_size: Inputs in a forward; `"auto"` halves it when memory runs out.
            options: Settings of the fit (`FitSettings`: steps, noise, blocks …) and options of the named
                source. A generator that can draw its own latents needs no `data`: it draws 4,096.

        Returns:
            This interpreter.

        Raises:
            ConceptError: labels or sizes that cannot be used.
            DataError: data that cannot be read, or that change from read to read.
            FitError: nothing to fit on, or a loss that is not finite.
            PluginError: an unknown source, or options it does not take.
        """
        given = {name: options.pop(name) for name in FitSettings.names() if name in options}
        one_named = sum(isinstance(source, str) for source in sources) == 1
        if one_named and "data" not in options and self.backbone.sample_inputs is not None:
            options["data"] = self.sample_inputs(_OWN_SAMPLES, seed=seed)
        built = chosen_sources(sources, options, seed=seed)
        settings = FitSettings(**wished_settings(built) | given)
        observer = get_manager().after_fit_step
        # parameters made in inference mode could not be trained
        leave = torch.inference_mode(False) if torch.is_inference_mode_enabled() else nullcontext()
        with leave, self.backbone.session():
            fitted, data = fit(
                self.backbone, built, seed=seed, settings=settings, sizes=sizes, cache=cache,
                checkpoint=checkpoint, batch_size=batch_size, observers=[observer],
            )  # fmt: skip
            fitted = ordered_by_effect(Translator(self.backbone, fitted), data)
        fitted = dataclasses.replace(fitted, notes=(*fitted.notes, *idle_settings(settings, given)))
        self._translator, self._data, self._evaluation = Translator(self.backbone, fitted), data, None
        self._weights = self.backbone.fingerprint()
        return self

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
        """Labels inputs by what the model makes of them, so that samples of a generator can be told apart.

        Args:
            inputs: Inputs, N of them.
            labels: A callable, a classifier say, from primary outputs (B, …) to labels (B,) or logits
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
            float32 (B, D), or (B, P, D) at positions, on the CPU, where the flow is. `D` is the size of the
            representation: nothing is lost.

        Raises:
            InputError: inputs of the wrong shape or range, or not finite.
        """
        return self.translator.encode(inputs)

    @torch.no_grad()
    def invert(self, codes: Tensor, inputs: Any = None) -> Tensor:
        """Translates codes back into representations.

        Args:
            codes: float (B, D), or (B, P, D) at positions.
            inputs: The inputs the codes are of. Needed where the layout carries something along that is not
                in the code: `pooled` (the deviations from the mean) and tokens with a prefix.

        Returns:
            What the site would carry, (B, …) in its own shape.

        Raises:
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
            The model's own outputs (a tensor, or whatever structure it gives); without edits they are the
            bare model's bit for bit.
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
                suits this model best, as "positions" does where the flow is fitted to the positions of a map or to
                their mean, and "masks" elsewhere.
            seed: Of the measurement of reliability, and of the named localizer where it takes one; None: 0.
            options: Of the named localizer.

        Returns:
            Masks, float (B, 1, H, W) in [0, 1], over what the model takes, or gives where that is an image.

        Raises:
            NotFittedError: before `fit`.
            LocalizerError: the localizer cannot work with this model, site or option, or gave no masks.
            PluginError: an unknown localizer, or options it does not take.
        """
        self._require_same_weights()
        made, title = chosen_localizer(self.translator, localizer, options, seed=seed)
        return localize(self.translator, inputs, factor, made, title, seed=seed or 0)

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
        seed: int = 0,
    ) -> Explanation:
        """Explains what the site encodes and what the output depends on.

        Up to 512 inputs, spread evenly, are looked at. Scores of factors are from the test split of the
        fit's own data, whatever inputs are given.

        Args:
            inputs: What to explain; None: the test split of the data that the interpreter was fitted on.
            target: What of the output to watch: the index of an output, or a callable that maps outputs
                (B, …) to scores (B,); None: the predicted class, or the whole output.
            examples: Inputs that are shown one by one.
            resamples: Edits of each input for the redraws; None: as many as a forward allows (32 of 512 inputs where
                the rest of the model can run alone, 8 of 64 where it cannot). Where outputs are images, a factor's
                redraws take up to 4 million pixels (8 of 128 inputs at 64 by 64), or 8 of 64 inputs.
            localizer: What shows where factors act in the first six examples, as for `localize`; "auto" is
                quicker here, with fewer steps (`LocalizerSpec.quick`); None: nothing is localized. For other options
                type localizer=inn.localizer("masks", steps=100).
            beside: Other fits by name, as `inn.select` takes them, to compare this one with by the lengths of axes.
            seed: Of the edits.

        Raises:
            NotFittedError: before `fit`.
            BackboneError: the model's weights have changed since the fit.
        """
        check_counts(examples, resamples)
        self._require_same_weights()
        shown = self._test_inputs() if inputs is None else inputs
        compared = beside_galleries(self, beside, shown, seed=seed)
        explanation = explain(
            self.translator, self.evaluation, shown, target=target, examples=examples, resamples=resamples,
            seed=seed, further=report_galleries,
            locate=places_finder(self.translator, report_localizer(self.translator, localizer), seed=seed),
        )  # fmt: skip
        explanation = dataclasses.replace(
            explanation, galleries=self._illustrations() + explanation.galleries + compared
        )
        get_manager().after_explain(explanation)
        return explanation

    def report(self, inputs: Any = None, **options: Any) -> Report:
        """Explains inputs and puts it on one page; options as for `explain`.

        Returns:
            A report: `.save("report.html")` writes page and JSON, `.to_html()`, `.to_dict()`.
        """
        explanation = self.explain(inputs, **options)
        # Plugins get a copy: a section must not change what the rest of the page says.
        return Report(explanation, get_manager().render_sections(copy.deepcopy(explanation)))

    @torch.no_grad()
    def check(self, inputs: Any) -> Checks:
        """Measures round trips and agreement on inputs; `.passed` sums them up."""
        return check(self.translator, inputs)

    @property
    def evaluation(self) -> Evaluation:
        """Scores from the test split of the fit's data; computed at first use, saved with the artefact."""
        if self._evaluation is None:
            if self._data is None:
                self._require_fitted()
                raise FitError("The scores of this fit are not at hand. Fit again.")
            self._evaluation = evaluate(self.translator, self._data)
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
        seed: int = 0,
    ) -> Scores:
        """Scores the codes, grouped by factor, against known values of concepts: MIG, DCI, SAP and what plugins add.

        Without inputs those of the test part of the fit's own data are taken, with the values of its concepts.

        Args:
            inputs: N inputs.
            labels: By concept, the values of all inputs: numbers or names, (N,) or (N, k). −1, NaN or None is missing.
            names: Names of metrics, as `inn.plugins()` lists them; None: the quick ones; "all": all.
            options: Options of metrics by name: `{"dci": {"estimator": "forest"}}`.
            kinds: How labels of further concepts compare; of the fit's own concepts it is known.
            groups: (N,), inputs of one group are variants of one thing.
            bins: Classes that numbers are cut into, where a metric takes classes.
            seed: Of all draws.

        Returns:
            A mapping from names to `Score`; it prints as a table and says what was left out, and why.

        Raises:
            FitError: no inputs, and the data of the fit are not at hand.
            InputError: labels that do not go with the inputs.
            PluginError: an unknown metric, or options that it does not take.
        """
        wish = Wish(names, options, bins, seed)
        if inputs is not None:
            return scores_of_inputs(
                self.encode, self.fitted, inputs, labels, kinds=kinds, groups=groups, wish=wish
            )
        return scores_of_fit(self.fitted, self._data, wish, given=labels)

    def _require_fitted(self) -> Translator:
        """The translator; raises NotFittedError where there is none."""
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

    def _test_inputs(self) -> Any:
        if self._data is None:
            raise FitError(
                "Expected inputs: the data of the fit are not saved with it. Type explain(images)."
            )
        return self._data.test_inputs()

    def _illustrations(self) -> tuple[Gallery, ...]:
        """What the pairs of the sources look like, while the sources are at hand."""
        if self._data is None:
            return ()
        return get_manager().illustrations([part.source for part in self._data.pool.parts])

    # --- saving and attaching --------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the fitted interpreter into a folder; the model and the data are not in it.

        Raises:
            ArtefactError: it cannot be written there.
            BackboneError: the model's weights have changed since the fit.
        """
        self._require_same_weights()
        saving.write_artefact(Path(path), self.backbone, self.fitted, self.evaluation)

    def __enter__(self) -> Interpreter:
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
        """What the site carried in the model's last forward within the `with` block, (B, …)."""
        if self._listener is None:
            raise BackboneError("Nothing is captured outside a `with interpreter:` block.")
        return self._listener.captured

    def __repr__(self) -> str:
        state = repr(self._translator.factors) if self._translator else "not fitted"
        return f"Interpreter({self.backbone.name!r}, site {str(self.backbone.address)!r}, {state})"
