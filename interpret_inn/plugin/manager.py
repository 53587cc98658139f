"""The only caller of hooks: a typed face of the plugins, which names whoever made something fail."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from interpret_inn.errors import InnError, InputError, PluginError, suggest
from interpret_inn.plugin.calling import (
    NamedLocalizer,
    call_named,
    check_options,
    check_source,
    checked_score,
)
from interpret_inn.plugin.contributions import Spec, kind_named, kind_of
from interpret_inn.plugin.registry import Registry
from interpret_inn.translating.translator import Translator
from interpret_inn.types import (
    BackboneSpec,
    ConceptSource,
    ConceptSourceSpec,
    FitStep,
    Gallery,
    Localizer,
    LocalizerSpec,
    MetricSpec,
    ReportSectionSpec,
    Score,
    Section,
    as_source,
)
from interpret_inn.types.members import refuse_near_names

if TYPE_CHECKING:
    from interpret_inn.explaining.records import Explanation


class Manager(Registry):
    """What the core asks of plugins.

    Records are listed in pluggy's order: those registered last come first, and `tryfirst` and `trylast` are heeded.
    """

    def __init__(self, *, strict: bool = False) -> None:
        super().__init__(strict=strict)
        self._complained: set[tuple[str, str]] = set()

    def backbones(self) -> tuple[BackboneSpec, ...]:
        """All ways to adapt models."""
        return cast(tuple[BackboneSpec, ...], tuple(self._all("backbone")))

    def concept_sources(self) -> tuple[ConceptSourceSpec, ...]:
        """All kinds of concept sources."""
        return cast(tuple[ConceptSourceSpec, ...], tuple(self._all("concept_source")))

    def localizers(self) -> tuple[LocalizerSpec, ...]:
        """All kinds of localizers."""
        return cast(tuple[LocalizerSpec, ...], tuple(self._all("localizer")))

    def metrics(self) -> tuple[MetricSpec, ...]:
        """All metrics."""
        return cast(tuple[MetricSpec, ...], tuple(self._all("metric")))

    def report_sections(self) -> tuple[ReportSectionSpec, ...]:
        """All sections that plugins add to a report."""
        return cast(tuple[ReportSectionSpec, ...], tuple(self._all("report_section")))

    @overload
    def find(self, kind: Literal["backbone"], name: str) -> BackboneSpec: ...
    @overload
    def find(self, kind: Literal["concept_source"], name: str) -> ConceptSourceSpec: ...
    @overload
    def find(self, kind: Literal["localizer"], name: str) -> LocalizerSpec: ...
    @overload
    def find(self, kind: Literal["metric"], name: str) -> MetricSpec: ...
    @overload
    def find(self, kind: Literal["report_section"], name: str) -> ReportSectionSpec: ...
    def find(self, kind: str, name: str) -> Spec:
        """Gives the contribution of this kind and name.

        Raises:
            PluginError: there is none; the message has the nearest names and says which plugins are missing.
        """
        words = kind_named(kind).words
        specs = self._all(kind)
        for spec in specs:
            if spec.name == name:
                return spec
        message = f"There is no {words} {name!r}. {suggest(name, [spec.name for spec in specs])}"
        failed = [row.name for row in self._passed_over if row.state == "failed"]
        off = [row.name for row in self._passed_over if row.state == "off"]
        if failed:
            message += f" Plugins that could not be loaded: {', '.join(failed)}."
        if off:
            message += f" Plugins left out by INTERPRET_INN_PLUGINS: {', '.join(off)}."
        raise PluginError(message)

    # --- what is done with it -------------------------------------------------------------------------

    def call(self, spec: Spec, /, *arguments: Any, **options: Any) -> Any:
        """Calls what a record stands for: `adapt`, `build`, `evaluate` or `render`.

        Errors of this library that a plugin raises on purpose pass through, with a note that names it. So do
        errors of memory, which callers answer with smaller batches.

        Raises:
            PluginError: the options do not fit, or the plugin raised anything else; it is named and chained.
        """
        kind = kind_of(spec)
        title, function = self.title(spec), getattr(spec, kind.callable)
        check_options(title, function, arguments, options)
        return call_named(title, function, *arguments, **options)

    def adapt(self, model_or_name: Any, site: Any = None, **options: Any) -> Any | None:
        """Asks every backbone plugin in turn; the first that takes the model adapts it.

        Args:
            model_or_name: A module, or a name such as "timm:resnet50".
            site: Where to read; None: the plugin's choice.
            options: `preprocess` and `layout`; those that are None are not passed on.

        Returns:
            A `Backbone`, or None if no plugin takes it.

        Raises:
            PluginError: a plugin failed.
        """
        given = {name: option for name, option in options.items() if option is not None}
        for spec in self.backbones():
            if spec.claims is not None and not call_named(self.title(spec), spec.claims, model_or_name, site):
                continue
            adapted = self.call(spec, model_or_name, site, **given)
            if adapted is not None:
                return adapted
        return None

    def concept_source(self, name: str, /, **options: Any) -> ConceptSource:
        """Builds a concept source by name.

        Args:
            name: As `plugins()` lists it.
            options: What it takes; the samples, if it needs them, as `data=`.

        Raises:
            PluginError: the name or an option is unknown, the plugin failed, or it built no concept source.
        """
        spec = self.find("concept_source", name)
        arguments = (options.pop("data"),) if "data" in options else ()
        source = self.call(spec, *arguments, **options)
        check_source(self.title(spec), source)
        return cast(ConceptSource, source)

    def localizer(self, name: str, /, **options: Any) -> Localizer:
        """Builds a localizer by name.

        Args:
            name: As `plugins()` lists it.
            options: What it takes.

        Raises:
            PluginError: the name or an option is unknown, the plugin failed, or it built nothing that can be called.
        """
        spec = self.find("localizer", name)
        built, title = self.call(spec, **options), self.title(spec)
        if not callable(built):
            raise PluginError(
                f"Expected {title} to be a callable, localizer(translator, inputs, factor), found an object of type "
                f"{type(built).__name__}."
            )
        refuse_near_names(built, Localizer, owner=title)
        return NamedLocalizer(name, title, built)

    def suits(self, spec: LocalizerSpec, translator: Translator) -> float:
        """How well a localizer says that it suits a model; 0 if it says nothing.

        One that fails when it is asked, or gives no number, counts as 0 and is named in a warning.

        Raises:
            PluginError: it failed, and the manager is strict.
        """
        title = self.title(spec)
        try:
            found = None if spec.suits is None else call_named(f"suits of {title}", spec.suits, translator)
            if found is None:
                return 0.0
            if isinstance(found, bool) or not isinstance(found, Real) or not math.isfinite(found):
                raise PluginError(
                    f"Expected suits of {title} to give a finite number or None, found {found!r:.60}."
                )
            return float(found)
        except InnError as error:
            self._trouble(PluginError(f"{error} So {title} is passed over."), error)
            return 0.0

    def evaluate(self, spec: MetricSpec, *arrays: Any, **options: Any) -> Score | str:
        """A metric's score, or a sentence that says why there is none.

        A metric that does not suit the data raises InputError, which is no failure. One that fails is also named in a
        warning.
        """
        try:
            found = self.call(spec, *arrays, **options)
            return checked_score(self.title(spec), found)
        except InputError as error:
            return str(error)
        except Exception as error:
            self._trouble(PluginError(f"{error} This score is left out."), error)
            return str(error)

    def render_sections(self, explanation: Explanation) -> tuple[Section, ...]:
        """Renders the report sections of all plugins; one that fails is left out with a warning."""
        sections: list[Section] = []
        for spec in self.report_sections():
            try:
                section = self.call(spec, explanation)
                if section is not None and not isinstance(section, Section):
                    raise PluginError(
                        f"Expected {self.title(spec)} to give a Section or None, found an object of type "
                        f"{type(section).__name__}."
                    )
            except Exception as error:
                self._trouble(PluginError(f"{error} This section is left out of the report."), error)
                continue
            if section is not None:
                sections.append(section)
        return tuple(sections)

    def illustrations(self, sources: Sequence[ConceptSource]) -> tuple[Gallery, ...]:
        """What the pairs of some sources look like; a source that fails here is passed over with a warning."""
        found: list[Gallery] = []
        for source in sources:
            try:
                shown = list(as_source(source).illustrations())
                wrong = [type(one).__name__ for one in shown if not isinstance(one, Gallery)]
                if wrong:
                    raise TypeError(f"expected Gallery records, found {wrong[0]}")
            except Exception as error:
                said = f"illustrations() of the concept source {source.name!r} failed and is passed over. "
                self._trouble(PluginError(f"{said}{type(error).__name__}: {error}"), error)
                continue
            found.extend(shown)
        return tuple(found)

    def after_fit_step(self, step: FitStep) -> None:
        """Tells all observers of a fit. One that raises is named in a warning, once, and the fit goes on."""
        self._tell("inn_after_fit_step", step=step)

    def after_explain(self, explanation: Explanation) -> None:
        """Tells all observers of explanations; see `after_fit_step`."""
        self._tell("inn_after_explain", explanation=explanation)

    def _tell(self, hook: str, **arguments: Any) -> None:
        with self._lock:
            implementations = list(reversed(getattr(self._pluggy.hook, hook).get_hookimpls()))
        for each in implementations:
            try:
                each.function(*(arguments[name] for name in each.argnames))
            except Exception as error:
                provider = self._rows[each.plugin_name].provider
                if (each.plugin_name, hook) in self._complained and not self.strict:
                    continue
                self._complained.add((each.plugin_name, hook))
                found = f"{type(error).__name__}: {error}"
                self._trouble(PluginError(f"{hook} of {provider} failed and is passed over. {found}"), error)
