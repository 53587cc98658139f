"""The plans of sources for one fit: each source is asked once, and its plan is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from numbers import Integral

import torch
from torch import Generator, Tensor

from interpret_inn.backbones import Backbone
from interpret_inn.data.process import derived_seed
from interpret_inn.errors import PluginError
from interpret_inn.fitting.model_of_axes import ModelOfAxes
from interpret_inn.fitting.output_gradients import output_gradients
from interpret_inn.fitting.pool import Pool, PooledSource, named_failure
from interpret_inn.fitting.store import FitData
from interpret_inn.flows import Whitening, owners
from interpret_inn.types import Concept, ConceptSource, Plan, Preparation
from interpret_inn.types.completing import are_sentences

_ORTHOGONAL = 1e-3
"""Products of a rotation's columns may be off by this much: float32 sums over a few hundred axes round."""


def planned(
    backbone: Backbone, data: FitData, whitening: Whitening, white: Tensor, *, seed: int
) -> list[Plan]:
    """The plan of each source, in their order.

    Args:
        backbone: The frozen network and its site.
        data: The samples and their rows.
        whitening: Of the representation.
        white: The whitened leading axes of all samples, float (N, P, d).
        seed: Of the fit.

    Raises:
        PluginError: a source raised an error of another library, or gave no plan.
    """
    view = ModelOfAxes(backbone, data, whitening)
    plans = []
    for entry in data.pool.parts:
        if not prepares(entry.source):
            plans.append(Plan())  # spares the large copy that `prepare` would be given
            continue
        context = _preparation(entry, view, backbone, data, whitening, white, seed)
        with named_failure(entry.source, "to prepare the fit"):
            plan = entry.source.prepare(context)
        plans.append(checked_plan(entry.source, plan))
    return plans


def prepares(source: ConceptSource) -> bool:
    """Whether a source has a `prepare` of its own, which sees the training split of the fit."""
    return getattr(source.prepare, "__func__", None) is not ConceptSource.prepare


def checked_plan(source: ConceptSource, plan: object) -> Plan:
    """The plan, if it is one.

    Raises:
        PluginError: it is none, or a field of it cannot be used; the source and the field are named.
    """
    if not isinstance(plan, Plan):
        raise PluginError(
            f"The concept source {source.name!r} gave {type(plan).__name__} as its plan; expected prepare(context) to "
            "return an interpret_inn.types.Plan, Plan() for nothing."
        )
    for sentence in _wrong_fields(source, plan):
        raise PluginError(f"The concept source {source.name!r} gave {sentence}")
    return plan


def rotated(axes: Tensor, pool: Pool, sizes: tuple[int, ...]) -> Tensor:
    """The axes after each source has rotated the axes of its own factors and the residual among each other.

    Args:
        axes: float (d, d), the axes of the factors one after the other as columns.
        pool: The sources.
        sizes: Axes of each factor, the residual last.

    Raises:
        PluginError: a source raised, or gave a matrix that is not orthogonal; see `orthogonal`.
    """
    owner = owners(sizes).to(axes.device)
    for entry in pool.parts:
        if entry.plan.rotation is None:
            continue
        mine = torch.isin(owner, torch.tensor([*entry.columns.tolist(), len(sizes) - 1]).to(owner))
        span = axes[:, mine]
        with named_failure(entry.source, f"to rotate {span.shape[1]} axes"):
            # a copy, so that no source changes the fit's
            given = torch.as_tensor(entry.plan.rotation(span.clone()))
        try:
            matrix = orthogonal(given, span.shape[1]).to(span)
        except ValueError as error:
            raise PluginError(
                f"The concept source {entry.source.name!r} rotated {span.shape[1]} axes by {error}"
            ) from None
        axes = axes.clone()
        axes[:, mine] = span @ matrix
    return axes


def orthogonal(given: Tensor, axes: int) -> Tensor:
    """The orthogonal matrix nearest to one that is orthogonal up to rounding, float64 (m, m).

    It is the polar factor `UVᵀ` of `USVᵀ`. Codes are as exact as the rotation is orthogonal; this removes the rounding
    errors of float32.

    Args:
        given: What a source's `rotation` returned.
        axes: `m`.

    Raises:
        ValueError: another shape, complex values, values that are not finite, or a matrix too far from orthogonal. Its
            text continues "rotated 5 axes by".
    """
    wanted = f"expected an orthogonal one, {(axes, axes)}."
    if given.shape != (axes, axes):
        raise ValueError(f"a matrix of shape {tuple(given.shape)}; {wanted}")
    if given.is_complex():
        raise ValueError(f"a matrix of {given.dtype}; {wanted}")
    matrix = given.detach().cpu().double()  # some devices have no float64
    if not bool(matrix.isfinite().all()):
        raise ValueError(f"a matrix with values that are NaN or infinite; {wanted}")
    apart = float((matrix.T @ matrix - torch.eye(axes).to(matrix)).abs().max())
    if apart > _ORTHOGONAL:
        raise ValueError(f"a matrix M with max|MᵀM − I| = {apart:.2g}, more than {_ORTHOGONAL:g}; {wanted}")
    left, _, right = torch.linalg.svd(matrix)
    return torch.as_tensor(left @ right)


def _preparation(
    entry: PooledSource, view: ModelOfAxes, backbone: Backbone, data: FitData, whitening: Whitening, white: Tensor,
    seed: int,
) -> Preparation:  # fmt: skip
    """What one source may look at: the training split alone."""
    variances = whitening.scales[: whitening.leading].reciprocal().square() - whitening.noise**2
    gradients = partial(
        output_gradients, backbone, entry, whitening, seed=derived_seed(seed, "output gradients")
    )
    return Preparation(
        white=white[data.pool.indices("train")].flatten(0, 1),  # a copy, so that no source changes the fit's
        variances=variances.clamp_min(0),
        output_gradients=gradients,
        model=view,
        generator=Generator().manual_seed(derived_seed(seed, f"preparation of {entry.source.name}")),
    )


def _wrong_fields(source: ConceptSource, plan: Plan) -> Iterator[str]:
    """What is wrong with the fields of a plan; each text continues "The concept source … gave"."""
    concepts = source.concepts if plan.concepts is None else plan.concepts
    if not isinstance(concepts, Sequence) or not all(isinstance(one, Concept) for one in concepts):
        yield f"{plan.concepts!r:.80} as concepts of its plan; expected a sequence of Concept, or None for its own."
        return
    own = {concept.name for concept in concepts}
    whole = isinstance(plan.sizes, Mapping) and all(map(_is_size, plan.sizes.values()))
    if not whole or not set(plan.sizes) <= own:
        yield (
            f"sizes {plan.sizes!r:.200}; expected a whole number of axes, at least 1, by the names of its own "
            f"concepts, {sorted(own)!r:.200}."
        )
    if not are_sentences(plan.notes):
        yield f"{plan.notes!r:.80} as notes of its plan; expected a sequence of sentences."
    if not isinstance(plan.key, str):
        yield f"{type(plan.key).__name__} as the key of its plan; expected a string."
    for name in ("rotation", "modules", "loss"):
        found = getattr(plan, name)
        if found is not None and not callable(found):
            yield f"{type(found).__name__} as the {name} of its plan; expected a function, or None."
    if plan.modules is not None and plan.loss is None:
        yield "modules in its plan that no loss trains; expected Plan(modules=…, loss=…) together."


def _is_size(size: object) -> bool:
    return isinstance(size, Integral) and not isinstance(size, bool) and int(size) >= 1
