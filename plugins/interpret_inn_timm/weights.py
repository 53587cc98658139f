"""Reads and downloads the weights of timm models: tensors alone.

Files are not read by timm itself, whose versions differ: some unpickle what a file holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from interpret_inn.errors import BackboneError

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
_FOLDER_PATTERNS = (*HUB_FILES, "*.safetensors", "*.bin", "*.pth")
_INSIDE = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Where a checkpoint of a training keeps its weights, the best first."""


def state_dict(text: str, path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, read without unpickling anything else.

    Args:
        text: What the user typed after "timm:", for errors.
        path: A .safetensors file, or one that `torch.save` wrote.

    Raises:
        BackboneError: the file is damaged, holds more than tensors, or holds none.
    """
    from timm.models import clean_state_dict

    try:
        if path.suffix.lower() == ".safetensors":
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
            inside = [name for name in _INSIDE if isinstance(found, dict) and found.get(name) is not None]
            found = found[inside[0]] if inside else found
        weights: dict[str, Tensor] = clean_state_dict(found)
    except Exception as error:
        raise BackboneError(
            "Expected weights (.safetensors, or a .pt or .pth file that holds tensors only) "
            f"in {str(path)!r} for 'timm:{text}', found {type(error).__name__}: {error}"
        ) from error
    if not weights:  # timm would look elsewhere, on the network too
        raise BackboneError(
            f"Expected weights in {str(path)!r} for 'timm:{text}', found no tensor in it. Give another file."
        )
    return weights


def check_archive(text: str, path: Path) -> None:
    """Refuses a .npz file that is no archive of plain arrays, before timm reads it.

    Raises:
        BackboneError: it is something else under that name, or holds Python objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            odd = [name for name in archive.files if not isinstance(archive[name], np.ndarray)]
            if archive.files and not odd:
                return
            problem = f"{odd[0]!r} in it, which is none" if odd else "none in it"
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    raise BackboneError(
        f"Expected an archive of numpy arrays in {str(path)!r} for 'timm:{text}', found {problem}. "
        "Give weights as .safetensors."
    )


def in_folder(text: str, folder: Path) -> Path:
    """The file with the weights in a folder of the user's, best a .safetensors.

    Raises:
        BackboneError: there is no such folder, or no weights are in it.
    """
    if not folder.is_dir():
        raise BackboneError(f"timm could not make 'timm:{text}': there is no folder {str(folder)!r}.")
    for pattern in _FOLDER_PATTERNS:
        for path in sorted(folder.glob(pattern)):
            if path.is_file():
                return path
    raise BackboneError(
        f"Expected model.safetensors or pytorch_model.bin in {str(folder)!r} for 'timm:{text}', found neither."
    )


def downloaded(text: str, name: str) -> Path:
    """The file with the weights of a model, downloaded if it is not in the caches.

    Raises:
        BackboneError: there are none, or the download fails.
    """
    import timm

    config: Any = None if name.startswith("hf-hub:") else timm.get_pretrained_cfg(name)
    hub = name.removeprefix("hf-hub:") if config is None else config.hf_hub_id
    try:
        if hub:
            return _from_hub(hub, None if config is None else config.hf_hub_filename)
        if config is not None and config.url:
            return _from_url(config.url)
    except Exception as error:
        raise BackboneError(
            f"The weights of 'timm:{text}' could not be downloaded: {type(error).__name__}: "
            f"{' '.join(str(error).split())}"
        ) from error
    raise BackboneError(f"timm has no pretrained weights for {name!r}. Type 'timm:{name}?random'.")


def hub_files(named: str | None) -> tuple[str, ...]:
    """Names under which weights lie on the hub, .safetensors first."""
    safe = (str(Path(named).with_suffix(".safetensors")), named) if named else ()
    return tuple(dict.fromkeys((*safe, *HUB_FILES)))


def url_file(url: str) -> Path:
    """Where torch.hub keeps what it downloaded from an address."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def _from_hub(hub: str, named: str | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import EntryNotFoundError  # type: ignore[attr-defined]  # old and new versions

    repository, _, revision = hub.partition("@")
    names = hub_files(named)
    for file in names[:-1]:
        try:
            return Path(hf_hub_download(repository, file, revision=revision or None))
        except EntryNotFoundError:
            continue
    return Path(hf_hub_download(repository, names[-1], revision=revision or None))


def _from_url(url: str) -> Path:
    path = url_file(url)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), progress=False)
    return path
