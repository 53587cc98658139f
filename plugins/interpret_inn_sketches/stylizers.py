"""Stylizers by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from interpret_inn.errors import ConceptError, suggest
from interpret_inn_sketches.features import FeatureStylizer, checked_layers
from interpret_inn_sketches.filters import FilterStylizer
from interpret_inn_sketches.rendering import Stylizer


def _filters(*, network: Any, layers: Sequence[str] | None, rounds: int | None) -> Stylizer:
    if network is not None or layers is not None:
        raise ConceptError(
            'The stylizer "filters" needs no network, but network= or layers= was given. '
            'Leave them out, or type stylizer="gram".'
        )
    return FilterStylizer() if rounds is None else FilterStylizer(steps=rounds)


def _features(gram: bool) -> Callable[..., Stylizer]:
    def make(*, network: Any, layers: Sequence[str] | None, rounds: int | None) -> Stylizer:
        name = "gram" if gram else "moments"
        if network is None:
            raise ConceptError(
                f"The stylizer {name!r} needs a network, found none. Type network=interpreter (its own first layers "
                'are used), or stylizer="filters", which needs none.'
            )
        options: dict[str, Any] = {} if rounds is None else {"steps": rounds}
        found = FeatureStylizer(network, layers=layers, gram=gram, **options)
        if layers is not None:
            checked_layers(found.model, layers)
        return found

    return make


STYLIZERS: dict[str, Callable[..., Stylizer]] = {
    "filters": _filters,
    "gram": _features(True),
    "moments": _features(False),
}
"""Makers of stylizers by name: each takes `network`, `layers` and `rounds`. Add your own."""


def make_stylizer(
    stylizer: str | Stylizer, *, network: Any, layers: Sequence[str] | None, rounds: int | None
) -> tuple[Stylizer, object]:
    """The stylizer, and what its results depend on; None if that is not known, so that nothing may be kept.

    Raises:
        ConceptError: an unknown name, or options that do not fit.
    """
    if callable(stylizer):
        if network is not None or layers is not None or rounds is not None:
            raise ConceptError(
                "network=, layers= and rounds= go with a stylizer's name, not with a callable."
            )
        return stylizer, None
    if stylizer not in STYLIZERS:
        raise ConceptError(f"There is no stylizer {stylizer!r}. {suggest(str(stylizer), STYLIZERS)}")
    made = STYLIZERS[stylizer](network=network, layers=layers, rounds=rounds)
    identity = getattr(made, "fingerprint", None)
    if isinstance(made, FilterStylizer):
        return made, ("filters", made.steps, made.scales)
    return made, None if identity is None else (stylizer, identity())
