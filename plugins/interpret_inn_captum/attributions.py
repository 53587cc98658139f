"""Captum's attributions by name, and what each of them takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from interpret_inn.errors import LocalizerError, suggest

_RESERVED = {
    "inputs": "inputs go to localize",
    "target": "type target=… of this localizer",
    "baselines": "type baseline=…",
    "additional_forward_args": "it carries the unchanged codes",
    "return_convergence_delta": "masks have no place for it",
    "return_input_shape": "masks need the images' shape",
}
_WHY_NOT = {
    "LRP": "it changes the model's weights while it runs; type 'DeepLift'",
    "LayerLRP": "it changes the model's weights while it runs; type 'LayerDeepLift'",
    "LayerActivation": "it shows what a layer carries for all factors alike; type 'LayerGradCam'",
    "ShapleyValues": "it goes through every order of all parts; type 'ShapleyValueSampling'",
    "LimeBase": "it is made of functions that it is given; type 'Lime'",
    "TCAV": "it scores concepts, writes files into ./cav, and attributes nothing to places",
}
_WHY_NOT_KINDS = {
    "Neuron": "it takes one neuron as its target, where the factor should stand",
    "LLM": "it is made for texts",
    "RemoteLLM": "it is made for texts",
    "DataLoader": "it attributes whole data sets; pass the images to localize",
}
_ALIASES = {
    "gradcam": "LayerGradCam",
    "integratedgradient": "IntegratedGradients",
    "shapley": "ShapleyValueSampling",
}


@dataclass(frozen=True)
class Method:
    """One of captum's attributions.

    Attributes:
        name: Of its class.
        kind: The class.
    """

    name: str
    kind: Any

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """What `attribute` takes, by name."""
        found = dict(inspect.signature(self.kind.attribute).parameters)
        found.pop("self", None)
        return found

    @property
    def construct(self) -> dict[str, inspect.Parameter]:
        """What its constructor takes beside the model and the layer, by name."""
        found = dict(inspect.signature(self.kind.__init__).parameters)
        return {
            name: value
            for name, value in found.items()
            if name not in ("self", "model", "forward_func", "layer")
        }

    @property
    def takes_layer(self) -> bool:
        """Whether it attributes a layer."""
        return "layer" in inspect.signature(self.kind.__init__).parameters

    @property
    def takes_baseline(self) -> bool:
        """Whether it compares with a baseline."""
        return "baselines" in self.options

    @property
    def needs_baseline(self) -> bool:
        """Whether it cannot do without one."""
        return self.takes_baseline and self.options["baselines"].default is inspect.Parameter.empty

    @property
    def takes_distribution(self) -> bool:
        """Whether its baselines are drawn from: any number of them."""
        return self.name.endswith("Shap") and self.needs_baseline

    def check(self, options: Iterable[str], construct: Iterable[str]) -> None:
        """Refuses options that it does not take.

        Raises:
            LocalizerError: it does not take one of them, or one is not the caller's to give.
        """
        for name in options:
            if name in _RESERVED:
                raise LocalizerError(
                    f"Expected no option {name!r} for captum's {self.name}: {_RESERVED[name]}."
                )
            if name not in self.options or self.options[name].kind is inspect.Parameter.VAR_KEYWORD:
                free = [known for known in self.options if known not in (*_RESERVED, "kwargs")]
                raise LocalizerError(f"captum's {self.name} has no option {name!r}. {suggest(name, free)}")
        for name in construct:
            if name not in self.construct:
                raise LocalizerError(
                    f"The constructor of captum's {self.name} takes no {name!r}. {suggest(name, self.construct)}"
                )


def find(name: Any) -> Method:
    """A method by its name; case, spaces and underscores do not matter.

    Raises:
        LocalizerError: there is none of that name, or it gives no places.
    """
    known = _known()
    wanted = _plain(name) if isinstance(name, str) else ""
    wanted = _plain(_ALIASES.get(wanted, wanted))
    for found in [*known, *_WHY_NOT]:
        if _plain(found) == wanted:
            reason = _WHY_NOT.get(found) or _reason(found)
            if reason:
                raise LocalizerError(f"captum's {found} cannot show where a factor acts: {reason}.")
            return Method(found, known[found])
    usable = {_plain(one): one for one in known if one not in _WHY_NOT and not _reason(one)}
    near = suggest(wanted, usable)
    for plain, full in usable.items():
        near = near.replace(repr(plain), repr(full))
    raise LocalizerError(f"captum has no attribution {name!r}. {near}")


def _reason(name: str) -> str:
    return next((why for kind, why in _WHY_NOT_KINDS.items() if name.startswith(kind)), "")


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _known() -> dict[str, Any]:
    from captum import attr  # only here: listing plugins must not import captum

    abstract = (
        "Attribution", "GradientAttribution", "PerturbationAttribution", "InternalAttribution",
        "LayerAttribution", "NeuronAttribution",
    )  # fmt: skip
    found = {name: getattr(attr, name) for name in sorted(dir(attr))}
    return {
        name: kind
        for name, kind in found.items()
        if inspect.isclass(kind) and issubclass(kind, attr.Attribution) and name not in abstract
    }
