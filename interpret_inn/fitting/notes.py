"""Notes on a fit for its user: odd outputs, copies in the data, concepts that say the same, inputs left out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Literal

from interpret_inn.backbones import Backbone
from interpret_inn.errors import InnError, PluginError, warn
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.store import CHUNK, FitData
from interpret_inn.translating.settings import OF_TRAINING, FitSettings
from interpret_inn.types import Concept, Remark
from interpret_inn.types.results import Note

_EXAMINED = 64
"""Inputs whose outputs are examined: enough to tell a range and a spread, in one forward."""


def odd_outputs(backbone: Backbone, pool: Pool, *, most: int | Literal["auto"] = "auto") -> list[str]:
    """What `examine` of the backbone finds odd about the model's outputs for the first inputs, with a warning for each.

    Args:
        backbone: The frozen network and its site.
        pool: The first inputs of its first source are run.
        most: Inputs that fit in memory together; "auto": 64.

    Raises:
        PluginError: `examine` failed.
    """
    if backbone.examine is None:
        return []
    source = pool.parts[0].source
    count = min(_EXAMINED, len(source.samples), max(1, most) if isinstance(most, int) else _EXAMINED)
    prepared = backbone.prepare(source.samples.take(range(count)))
    outputs = backbone.outputs(prepared)
    try:
        told = backbone.examine(prepared, outputs)
        found = [told] if isinstance(told, str) else list(told)
    except InnError:
        raise
    except Exception as error:
        raise PluginError(
            f"`examine` of the backbone {backbone.name!r} failed: {type(error).__name__}: {error}"
        ) from error
    for sentence in found:
        warn(sentence)
    return found


def unprepared(backbone: Backbone, pool: Pool) -> list[str]:
    """A note that images are only scaled, if no preprocessing was given."""
    if backbone.preprocess_given or backbone.prepare(pool.parts[0].source.samples.take([0])).ndim != 4:
        return []
    return [
        "Images are only scaled to [0, 1], as no preprocessing was given. If the model was trained on images that were "
        'resized or normalised, type wrap(model, preprocess={"mean": …, "std": …}); type preprocess={} if scaling '
        "alone is right."
    ]


def about_data(pool: Pool, *, validates: bool) -> list[str]:
    """What the user should know of the data and the pairs."""
    found = _left_out(pool)
    for note in pool.notes:
        warn(note)
    found.extend(pool.notes)
    if not validates:
        found.append("The validation split was too small for pairs, so the fit ran all its steps.")
    for entry in pool.parts:
        found.extend([*entry.source.notes, *entry.plan.notes])
    return found


def fixed_concepts(concepts: Sequence[Concept]) -> list[str]:
    """Says which concepts are functions of others, and what an effect of them then means.

    Args:
        concepts: With their values for the same samples; those without values are left out.
    """
    found: list[str] = []
    for one, other in combinations([concept for concept in concepts if concept.values is not None], 2):
        fixed = one.is_fixed_by(other), other.is_fixed_by(one)
        if all(fixed):
            names = (one.name, other.name)
            text = f"{one.name} and {other.name} say the same: no method can tell them apart. Leave one out."
            found.append(Note(text, "same", names))
        elif any(fixed):
            kind, of = (one.name, other.name) if fixed[0] else (other.name, one.name)
            text = (
                f"{kind} is fixed by {of}: each value of {of} has one value of {kind}. The factor {kind} is what {of} "
                f"leaves over, and an effect of it is that of this rest, not of {kind} as a whole. Fit {kind} without "
                f"{of} for the whole."
            )
            found.append(Note(text, "fixed", (kind, of)))
    return found


def skipped_steps(skipped: int, taken: int) -> list[str]:
    """Says how many training steps were skipped as they were not finite; `taken` counts all steps."""
    if not skipped:
        return []
    note = (
        f"{skipped} of {taken} training steps were skipped, as their loss or its gradient was NaN or infinite. Type a "
        "lower learning_rate=, or look at the losses that concept sources add."
    )
    warn(note)
    return [note]


def copies(data: FitData) -> list[str]:
    """Says how many test samples are exact copies of training samples."""

    def digests(split: str) -> list[bytes]:
        chunks = data.pool.indices(split).split(CHUNK)
        return [hashlib.blake2b(row.numpy().tobytes()).digest() for part in chunks for row in data.rows(part)]

    known, tested = set(digests("train")), digests("test")
    count = sum(digest in known for digest in tested)
    if not count:
        return []
    note = (
        f"{count} of {len(tested)} test samples are copies of training samples (in the data, or because sources "
        "overlap), so scores are too good. Type groups=… to keep copies together, or give all sources the same data."
    )
    warn(note)
    return [note]


def unsaid(heard: Iterable[tuple[str, str]], notes: Iterable[str]) -> list[str]:
    """Warnings of a fit that none of its notes repeats, each once, with its place if it has one.

    >>> unsaid([("One.", ""), ("Two.", "In the validation split"), ("Two.", "In the test split")], ["One."])
    ['Two. (In the validation split.)']
    """
    said, found = set(notes), []
    for message, place in heard:
        if message not in said:
            said.add(message)
            found.append(f"{message} ({place}.)" if place else message)
    return found


def _left_out(pool: Pool) -> list[str]:
    """Says how many inputs could not be read, with the first reasons."""
    skipped = [reason for entry in pool.unique() for reason in entry.source.samples.skipped]
    if not skipped:
        return []
    some = "; ".join(skipped[:3]) + ("; …" if len(skipped) > 3 else "")
    what = "1 input was" if len(skipped) == 1 else f"{len(skipped)} inputs were"
    note = Remark(f"{what} left out of the fit: {some}.")
    warn(note)
    return [note]


def idle_settings(settings: FitSettings, given: Iterable[str], *, conditional: bool = False) -> list[str]:
    """Says which settings of the caller had no effect, as nothing was trained.

    Args:
        settings: Of the fit.
        given: Names of those that the caller gave.
        conditional: Whether the flow is a conditional one.
    """
    if conditional:
        idle = sorted(set(given) & set(OF_TRAINING))
        why = "A conditional flow has a closed form"
        instead = "Type flow='joint' for a flow that is trained."
    elif settings.blocks == 0:
        idle = sorted(set(given) & set(OF_TRAINING) - {"blocks"})
        why = "The flow only rotates (blocks=0)"
        instead = "A flow with couplings (blocks=2, or a source that trains them) is trained."
    else:
        return []
    said = f"{why} and nothing is trained, so that {', '.join(idle)} did nothing. {instead}"
    return [Remark(said)] if idle else []
