"""Names of a classifier's outputs: those that were given must fit, those that were guessed are dropped if not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interpret_inn.backbones.structures import primary
from interpret_inn.errors import BackboneError


class NamesClasses:
    """What has outputs, and names for them.

    Names that the caller gives must be as many as the outputs. Names that are read off a model's configuration, or
    that are stored with a fit, may be out of date, as after another classifier was put on: they are dropped then.
    """

    name: str
    _class_names: Sequence[str] | None = None
    _were_given = False
    _width: int | None = None  # C of outputs (B, C); None: not run yet, or outputs of another shape

    @property
    def class_names(self) -> Sequence[str] | None:
        """Names of a classifier's outputs, in order; None: they are numbered.

        Setting them raises BackboneError for a text in place of a list, and, once the model has run, for another number
        of names than of outputs. Names of a single output (B, 1) are not used, and not counted.
        """
        return self._class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        if isinstance(names, str):
            raise BackboneError(
                f"Expected class_names as a list of names, found {names!r}. Type [{names!r}]."
            )
        given = None if names is None else list(names)
        self._refuse_others(given)
        self._class_names, self._were_given = given, given is not None

    def guess_class_names(self, names: Sequence[str] | None) -> None:
        """Sets names that may be wrong: an adapter's. They stand back behind given ones, and go if they do not fit."""
        if not self._were_given:
            self._class_names = names
            self._drop_others()

    def meet_outputs(self, outputs: Any) -> None:
        """Compares the names with the model's outputs; the first run does.

        Raises:
            BackboneError: outputs are (B, C) with C of 2 or more, and C is not the number of names that were given.
        """
        try:
            found = primary(outputs)
        except BackboneError:  # no tensor is in them; whoever needs one says so
            return
        self._width = found.shape[1] if found.ndim == 2 else None
        if self._were_given:
            self._refuse_others(self._class_names)
        else:
            self._drop_others()

    def _refuse_others(self, names: Sequence[str] | None) -> None:
        """Refuses another number of names than of outputs: some would be missing, or belong to others."""
        width = self._width
        if names is None or width is None or width < 2 or width == len(names):
            return
        raise BackboneError(
            f"Expected a class name for each of {width} outputs of {self.name}, found {len(names)}. Type "
            "class_names=[…] with all of them, in the order of the outputs."
        )

    def _drop_others(self) -> None:
        if self._class_names is not None and self._width not in (None, len(self._class_names)):
            self._class_names = None
