"""The localizer "masks": over the images that a model makes, or else over those that it takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, get_args

from torch import Tensor

from interpret_inn.backbones import primary
from interpret_inn.errors import LocalizerError, suggest
from interpret_inn.localizing import Translator, prepared_inputs
from interpret_inn.types import Localizer, Masks, Space
from interpret_inn_masks.constriction import Constriction
from interpret_inn_masks.input_masks import InputMasks

_KINDS: dict[Space, type[InputMasks] | type[Constriction]] = {"input": InputMasks, "output": Constriction}
_TAKERS: dict[Space, str] = {
    "input": "over the input of a model",
    "output": "over the images that a model makes",
}
_RENAMED = {"walk_steps": "traversal_steps"}
"""Options by their names in earlier versions."""


class ChosenMasks(Localizer):
    """Masks over the output of a model that makes images, else over its input.

    Args:
        over: "input" or "output"; None: the output of a model that makes images, else the input.
        options: Of `InputMasks` or `Constriction`.

    Raises:
        LocalizerError: an option that is unknown or cannot be used, or options of both kinds of masks together.
    """

    batchwise = True  # those over the input are

    def __init__(self, over: Space | None, options: dict[str, Any]) -> None:
        if over is not None and over not in get_args(Space):
            raise LocalizerError(
                f'Expected over="input" or over="output", found {over!r}. Leave it out to have it chosen.'
            )
        self._options = options
        kinds: Iterable[Space] = [over] if over else get_args(Space)
        self._known = {kind: [field.name for field in fields(_KINDS[kind])] for kind in get_args(Space)}
        for name in options:
            self._require_known(name, kinds)
        fitting = [kind for kind in kinds if set(options) <= set(self._known[kind])]
        if not fitting:
            raise LocalizerError(
                f"Expected options of one kind of masks, found {', '.join(options)}. Over the input: "
                f"{', '.join(self._known['input'])}; over the output: {', '.join(self._known['output'])}."
            )
        self._made: dict[Space, Localizer] = {kind: _KINDS[kind](**options) for kind in fitting}
        self._over = over

    def _require_known(self, name: str, kinds: Iterable[Space]) -> None:
        known = sorted({option for kind in kinds for option in self._known[kind]} | {"over"})
        if name in _RENAMED:
            new = _RENAMED[name]
            raise LocalizerError(f"The option {name!r} of masks is now {new!r}. Type {new}=….")
        if name not in known:
            raise LocalizerError(
                f"There is no option {name!r} of these masks. {suggest(name, known, limit=20)}"
            )

    def __call__(self, translator: Translator, inputs: Any, factor: str) -> Tensor | Masks:
        """Masks of a factor; see `InputMasks` and `Constriction`.

        Raises:
            LocalizerError: the model has no such images, or its masks do not take these options.
        """
        over = self._over or _over(translator, inputs)
        if over not in self._made:
            other: Space = "output" if over == "input" else "input"
            wrong = [name for name in self._options if name not in self._known[over]]
            raise LocalizerError(
                f"Masks {_TAKERS[over]} do not take {', '.join(wrong)}. "
                f'Leave that out, or type over="{other}" if the model has images there.'
            )
        return self._made[over](translator, inputs, factor)


def _over(translator: Translator, inputs: Any) -> Space:
    """Where this model has images to mask: those that it makes, if it makes any."""
    backbone = translator.backbone
    if backbone.kind in ("generator", "autoencoder"):
        return "output"
    first = prepared_inputs(translator, inputs)[:1]
    return "output" if primary(backbone.outputs(first)).ndim == 4 else "input"
