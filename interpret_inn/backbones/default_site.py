"""The default site, and whether the module behind a site is the model's tail, which makes the outputs alone."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from interpret_inn.backbones.address import Address
from interpret_inn.backbones.state import unwrap
from interpret_inn.backbones.structures import alike, same
from interpret_inn.errors import SiteError

GENERATIVE_HINT = (
    "If it makes images of latents, type wrap(model, backbone='generator'), which reads it at the latents; if it "
    "is an autoencoder, type wrap(model, backbone='autoencoder'), which reads it at the code."
)


def default_site(model: nn.Module) -> str:
    """The input of the classifier: timm's `get_classifier()`, else the last linear layer.

    Raises:
        SiteError: the model has neither.
    """
    model = unwrap(model)
    head = _timm_classifier(model)
    last = None
    for path, module in model.named_modules():
        if module is head:
            return str(Address(path, input=True))
        if isinstance(module, nn.Linear):
            last = path
    if last is None:
        raise SiteError(
            f"No site was given, and {type(model).__name__} has no linear layer whose input would be one. "
            f"Name a site; interpret_inn.sites(model, inputs) lists them. {GENERATIVE_HINT}"
        )
    return str(Address(last, input=True))


def is_tail(module: nn.Module, site: Address, z: Tensor, outputs: Any) -> bool:
    """Whether the site's module alone makes the model's outputs from `z`, bit for bit."""
    if not site.input or site.selector or site.call is not None:  # the module takes more than the site
        return False
    try:
        found = module(z.clone())  # a clone: it may work in place
        return alike(found, outputs) and same(found, outputs)
    except Exception:  # the module needs more than z, so it is no tail
        return False


def no_tail(model: str, site: Address) -> SiteError:
    """The error for a default site whose module does not make the outputs."""
    return SiteError(
        f"No site was given, and the last linear layer {site.path!r} does not make the outputs of {model}. "
        f"Name a site; interpret_inn.sites(model, inputs) lists them. {GENERATIVE_HINT}"
    )


def _timm_classifier(model: nn.Module) -> nn.Module | None:
    get_classifier = getattr(model, "get_classifier", None)
    head = get_classifier() if callable(get_classifier) else None
    if isinstance(head, tuple | list) and head:  # distilled models have two
        head = head[0]
    return head if isinstance(head, nn.Module) and not isinstance(head, nn.Identity) else None
