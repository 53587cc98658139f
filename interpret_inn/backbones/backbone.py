"""A frozen network and a site in it: inputs → site → outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from interpret_inn.backbones.address import Address, check_path
from interpret_inn.backbones.attach import Attachment, Rewrite
from interpret_inn.backbones.class_names import NamesClasses
from interpret_inn.backbones.default_site import default_site, is_tail, no_tail
from interpret_inn.backbones.layouts import Layout, check_layout, infer_layout, refuse_other_batch
from interpret_inn.backbones.picture_forms import range_of
from interpret_inn.backbones.preprocess import Preprocess
from interpret_inn.backbones.state import (
    RandomState,
    architecture,
    as_found,
    device_and_dtype,
    guarded,
    unwrap,
    weights_digest,
)
from interpret_inn.errors import BackboneError, InputError, SiteError
from interpret_inn.renamed import with_old_names

Kind = Literal["classifier", "generator", "autoencoder", "module"]
Run = Callable[[nn.Module, Tensor], Any]
SampleInputs = Callable[[int, Generator], Tensor]
Examine = Callable[[Tensor, Any], Sequence[str]]


@with_old_names
class Backbone(NamesClasses):
    """The network under study. No method changes it, even if an error is raised.

    Args:
        model: The network; wrappers of torch.compile and DistributedDataParallel are taken off.
        site: Where to read and write; None: the input of the classifier.
        preprocess: None (pictures are scaled to [0, 1]), "identity", a `Preprocess`, fields or a callable.
        layout: A layout's name, also with the order of axes ("pooled:channels_last"); None: inferred.
        name: The model's name in messages and reports.
        kind: What the outputs are.
        class_names: Of a classifier's outputs, in order. An adapter's own belong into `guess_class_names`.
        sample_inputs: Draws `n` prepared inputs of the model's own (generators).
        run: Runs prepared inputs through the model; None: `model(inputs)`.
        value_range: Lowest and highest value of the model's images; None: not known.
        input_shape: Of one prepared input, if the model takes no other.
        examine: Says in sentences what is odd about some prepared inputs and their outputs.

    Attributes:
        model: The unwrapped network.
        adapter: Name of the plugin's record that the caller named, and its options, so that an artefact can be loaded
            without naming them again.
        lost_tail: Whether `drop_wrong_tail` found that `tail` does not make the outputs of all inputs.
        address: Address of the site.
        preprocess: As a `Preprocess`.
        preprocess_given: Whether a preprocessing was given; False: pictures are only scaled to [0, 1].
        layout_name: The layout that was asked for, or None.
        has_tail: Set by the first run: whether `tail` works. `drop_wrong_tail` may find later that it does not.
        draws_random_numbers: Set by the first run: whether the model draws them in its forward.

    Raises:
        BackboneError: the model cannot be attached to, or `value_range` is no range.
        SiteError: there is no such site or layout, or none was given and the model has no linear layer.
    """

    def __init__(
        self,
        model: nn.Module,
        site: str | Address | None = None,
        *,
        preprocess: Any = None,
        layout: str | None = None,
        name: str = "",
        kind: Kind = "module",
        class_names: Sequence[str] | None = None,
        sample_inputs: SampleInputs | None = None,
        run: Run | None = None,
        value_range: tuple[float, float] | None = None,
        input_shape: tuple[int, ...] | None = None,
        examine: Examine | None = None,
    ) -> None:
        self.model = unwrap(model)
        self._site_was_chosen = site is None
        self.address = Address.parse(default_site(self.model) if site is None else site)
        check_path(self.model, self.address.path)
        self.preprocess, self.preprocess_given = Preprocess.of(preprocess), preprocess is not None
        self.name = name or type(self.model).__name__
        check_layout(layout)
        self.kind, self.layout_name = kind, layout
        self.class_names = class_names
        self.sample_inputs, self.run = sample_inputs, run
        self.value_range, self.examine = range_of(value_range), examine
        self.input_shape = None if input_shape is None else tuple(input_shape)
        self.adapter: tuple[str, Mapping[str, Any]] | None = None
        self.has_tail = self.lost_tail = self.draws_random_numbers = False
        self._layout: Layout | None = None
        self._z_shape: tuple[int, ...] = ()
        self._found: RandomState | None = None

    def __repr__(self) -> str:
        return f"Backbone({self.name!r}, site {str(self.address)!r}, {self._layout or 'not run yet'})"

    @property
    def layout(self) -> Layout:
        """How representations become rows.

        Raises:
            SiteError: nothing has been run yet.
        """
        return self._after_first_run()[0]

    def _after_first_run(self) -> tuple[Layout, tuple[int, ...]]:
        if self._layout is None:
            raise SiteError("The layout is known once inputs have run: call backbone.represent(prepared).")
        return self._layout, self._z_shape

    @property
    def z_shape(self) -> tuple[int, ...]:
        """Shape of one input's representation, without the batch axis.

        Raises:
            SiteError: nothing has been run yet.
        """
        return self._after_first_run()[1]

    @property
    def width(self) -> int:
        """`D`, the length of a row; raises SiteError before the first run."""
        return self.layout.width(self.z_shape)

    @property
    def positions(self) -> int:
        """`P`, the number of rows of one input; raises SiteError before the first run."""
        return self.layout.positions_per_input(self.z_shape)

    @contextmanager
    def session(self, *, gradients: bool = False) -> Iterator[Backbone]:
        """Puts the model into eval mode, and restores its state at the end. Sessions nest; the outermost one counts.

        Args:
            gradients: Gradients flow through everything in the block; by default they are off.
        """
        if self._found is not None:
            yield self
            return
        with ExitStack() as stack:
            self._found = stack.enter_context(as_found(self.model))
            stack.callback(setattr, self, "_found", None)
            stack.enter_context(torch.set_grad_enabled(gradients))
            yield self

    def draw_inputs(self, n: int, *, seed: int) -> Tensor:
        """Inputs of the model's own, such as latents of a generator, (n, …) on the CPU; a seed always draws the same.

        Raises:
            BackboneError: the model's inputs cannot be drawn.
            InputError: `n` is less than 1.
        """
        if self.sample_inputs is None:
            raise BackboneError(
                f"{self.name} has no inputs of its own to draw. Give data, or, if it is a generator, type "
                'wrap(model, backbone="generator", latents="normal").'
            )
        if n < 1:
            raise InputError(f"Expected at least 1 input to draw, found {n}.")
        return self.sample_inputs(n, Generator().manual_seed(seed)).detach().cpu()

    def prepare(self, batch: Any) -> Tensor:
        """A batch of pictures as the model takes it: preprocessed, on its device, in its precision.

        Raises:
            InputError: the batch is not what `preprocess` takes, or not of `input_shape`.
        """
        with self.session():
            prepared = self.preprocess(batch)
            if self.input_shape is not None and tuple(prepared.shape[1:]) != self.input_shape:
                raise InputError(
                    f"Expected inputs of shape {self.input_shape} for {self.name}, "
                    f"found {tuple(prepared.shape[1:])}."
                )
            device, dtype = device_and_dtype(self.model)
            return prepared.to(device, dtype if prepared.is_floating_point() else None)

    def outputs(self, prepared: Tensor) -> Any:
        """The bare model's outputs."""
        with self.session():
            return self._forward(prepared)

    def represent(self, prepared: Tensor) -> Tensor:
        """The representation of these inputs, (B, ...).

        The first call runs the whole forward, to count the calls of the site; later ones stop at the site.

        Raises:
            SiteError: the site does not run, runs more than once, or carries no floating tensor of one shape.
            BackboneError: the model raised.
        """
        with self.session():
            if self._layout is None:
                return self.dry_run(prepared)
            site = self._attached(prepared, Attachment(self.model, self.address, stop=True))[0]
            self.check_shape(site.captured)
            return site.captured

    def run_through(self, prepared: Tensor) -> tuple[Tensor, Any]:
        """Representation (B, ...) and the bare model's outputs, from one forward; raises as `represent`."""
        with self.session():
            if self._layout is None:
                self.dry_run(prepared)
            site, outputs = self._attached(prepared, Attachment(self.model, self.address))
            self.check_shape(site.captured)
            return site.captured, outputs

    def rewritten(self, prepared: Tensor, rewrite: Rewrite) -> Any:
        """The outputs with the site overwritten by `rewrite(z)`, of the same shape (B, ...).

        Raises:
            SiteError: the rewrite returned another shape, or the site is at fault as in `represent`.
            BackboneError: the model raised. Errors of `rewrite` itself pass through.
        """
        with self.session():
            if self._layout is None:
                self.dry_run(prepared)
            return self._attached(prepared, Attachment(self.model, self.address, rewrite=rewrite))[1]

    def tail(self, z: Tensor) -> Any | None:
        """The outputs from `z` alone, without the layers before the site; None if that is not possible.

        It is possible if the site is the input of the module whose output is the model's (`has_tail`).
        """
        if not self.has_tail:
            return None
        with self.session():
            return guarded(self.name, z, lambda: self._site_module()(z.clone()))  # it may work in place

    def dry_run(self, prepared: Tensor) -> Tensor:
        """Runs the whole forward once to set layout, shape and tail; returns the representation."""
        with self.session():
            state = RandomState(self.model)
            site, outputs = self._attached(prepared, Attachment(self.model, self.address))
            self.draws_random_numbers = not state.unchanged()
            z = site.captured
            self.meet_outputs(outputs)
            refuse_other_batch(z, len(prepared), self.address)
            module = None if self.address.input else self._site_module()
            layout = infer_layout(z, self.layout_name, self.model, module=module)
            whole_by_itself = self.run is None or self.address.path != ""
            self.has_tail = whole_by_itself and is_tail(self._site_module(), self.address, z, outputs)
            if self._site_was_chosen and self.address.input and not self.has_tail:
                raise no_tail(self.name, self.address)
            self._layout, self._z_shape = layout, tuple(z.shape[1:])
            return z

    def fingerprint(self) -> str:
        """A digest of all weights and buffers: names, shapes, types and bytes."""
        return weights_digest(self.model)

    def architecture(self) -> str:
        """The model's class and its number of parameters."""
        return architecture(self.model)

    def _forward(self, prepared: Tensor) -> Any:
        if self.draws_random_numbers and self._found is not None:
            # a model with noise of its own gets the same noise in every run of a session, edited or not
            self._found.restore()
        run = self.run or (lambda model, inputs: model(inputs))
        return guarded(self.name, prepared, lambda: run(self.model, prepared))

    def _attached(self, prepared: Tensor, site: Attachment) -> tuple[Attachment, Any]:
        outputs = None
        try:
            with site:
                outputs = self._forward(prepared)
        except BackboneError as error:
            if site.rewrite_error is not None and error.__cause__ is site.rewrite_error:
                raise site.rewrite_error from None
            raise
        return site, outputs

    def _site_module(self) -> nn.Module:
        return check_path(self.model, self.address.path)

    def check_shape(self, z: Tensor) -> None:
        """Refuses representations whose shape differs from the first one's, unless the layout takes any shape.

        Raises:
            SiteError: the shape differs.
        """
        self.layout.refuse_other_shape(z, self._z_shape)


def adapt_module(
    model: nn.Module, site: str | Address | None = None, *, preprocess: Any = None, layout: str | None = None
) -> Backbone:
    """Adapts any `torch.nn.Module` whose forward takes one tensor of inputs."""
    return Backbone(model, site, preprocess=preprocess, layout=layout)
