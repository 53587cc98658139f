"""timm models by name, with weights that are at hand; the network is used only if `?download` says so."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from interpret_inn.backbones import as_found
from interpret_inn.errors import BackboneError, suggest
from interpret_inn_timm.weights import check_archive, downloaded, hub_files, in_folder, state_dict, url_file

_PLACES = ("file", "url", "hf_hub_id", "hf_hub_filename")
"""Fields of timm's configuration that lead to weights; timm follows them if it is given no tensor."""
_OPTIONS = ("download", "random")


def create(text: str) -> nn.Module:
    """The model that "NAME", "NAME?download", "NAME?random" or "NAME@FILE" stands for, in eval mode.

    Raises:
        BackboneError: the name or the option is unknown, or the weights are not at hand or do not fit.
    """
    name, option, file = _parsed(text)
    _check_name(name, option)
    if option == "random":
        return _created(text, name, pretrained=False)
    if option == "download":
        return _filled(text, name, downloaded(text, name))
    if name.startswith("local-dir:"):
        return _filled(text, name, in_folder(text, Path(name.removeprefix("local-dir:"))))
    return _filled(text, name, _at_hand(text, name) if file is None else _given(text, file))


def _parsed(text: str) -> tuple[str, str, str | None]:
    if text.startswith("local-dir:"):
        return text, "", None
    name, at, file = text.partition("@")
    if at and not name.startswith("hf-hub:"):
        return name, "", file
    name, mark, option = text.partition("?")
    if mark and option not in _OPTIONS:
        raise BackboneError(
            f"There is no option {'?' + option!r} of timm models. {suggest(option, _OPTIONS)} "
            f"Type 'timm:{name}?download' or 'timm:{name}?random'."
        )
    return name, option, None


def _check_name(name: str, option: str) -> None:
    import timm

    if name.startswith("local-dir:"):
        return
    if name.startswith("hf-hub:"):
        if option != "download":
            raise BackboneError(
                f"'timm:{name}' stands on the Hugging Face hub, and nothing is downloaded unasked. "
                f"Type 'timm:{name}?download'."
            )
        return
    architecture, tagged, _ = name.partition(".")
    if not timm.is_model(architecture):
        raise BackboneError(f"timm has no model {name!r}. {suggest(name, timm.list_models())}")
    tags = timm.list_pretrained(f"{architecture}.*")
    if tagged and name not in tags:
        raise BackboneError(f"timm has no weights {name!r} of {architecture!r}. {suggest(name, tags)}")


def _at_hand(text: str, name: str) -> Path:
    """The file of the pretrained weights in the caches of huggingface_hub or torch.hub; looks only there."""
    import timm

    config: Any = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        raise BackboneError(
            f"timm has no pretrained weights for {name!r}. Type 'timm:{name}?random' for random ones or "
            f"'timm:{name}@weights.safetensors' for those of a file."
        )
    if config.hf_hub_id:
        from huggingface_hub import try_to_load_from_cache

        repository, _, revision = config.hf_hub_id.partition("@")
        for file in hub_files(config.hf_hub_filename):
            found = try_to_load_from_cache(repository, file, revision=revision or None)
            if isinstance(found, str):
                return Path(found)
    if config.url:
        path = url_file(config.url)
        if path.is_file():
            return path
    raise BackboneError(
        f"The pretrained weights of 'timm:{text}' are not on this machine, and nothing is downloaded "
        f"unasked. Type 'timm:{name}?download' to download them, 'timm:{name}@weights.safetensors' for those "
        "of a file, or pass a model that you have created."
    )


def _given(text: str, file: str) -> Path:
    path = Path(file).expanduser()
    if not path.is_file():
        raise BackboneError(f"'timm:{text}' names the weights {str(path)!r}, but there is no such file.")
    return path


def _filled(text: str, name: str, path: Path) -> nn.Module:
    """The model with the weights of a file; all other places of weights are taken out of timm's configuration."""
    if path.suffix.lower() != ".npz":
        overlay: dict[str, Any] = dict.fromkeys(_PLACES) | {"source": "", "custom_load": False}
        overlay["state_dict"] = state_dict(text, path)
        return _created(text, name, pretrained=True, pretrained_cfg_overlay=overlay)
    check_archive(text, path)
    model = _created(text, name, pretrained=False)
    try:
        model.load_pretrained(str(path))  # type: ignore[operator]  # only some models have it
    except Exception as error:
        raise BackboneError(_not_made(text, error)) from error
    return model


def _created(text: str, name: str, **options: Any) -> nn.Module:
    """Creates the model; the global random state stays as it was, random weights are the same each time."""
    import timm

    try:
        # Around no module at all: only the random states are at stake. The default generator alone is
        # seeded, as torch.manual_seed would seed those of the GPUs too.
        with as_found(nn.Identity()), warnings.catch_warnings():
            torch.default_generator.manual_seed(0)
            warnings.simplefilter("ignore", UserWarning)
            model: nn.Module = timm.create_model(name, **options)
            _forget_weights(model)
    except Exception as error:
        raise BackboneError(_not_made(text, error)) from error
    return model.eval()


def _not_made(text: str, error: Exception) -> str:
    return (
        f"timm could not make 'timm:{text}': {type(error).__name__}: {' '.join(str(error).split())} "
        "If the weights have other classes or another form, create the model yourself and pass it."
    )


def _forget_weights(model: nn.Module) -> None:
    """Drops the weights from the configuration, where timm keeps what it was given."""
    config = getattr(model, "pretrained_cfg", None)
    if isinstance(config, dict):
        config.pop("state_dict", None)
