"""Plain objects as concept sources: defaults for what they lack, errors for members that would never be called."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

from torch import Generator, Tensor

from interpret_inn.errors import PluginError
from interpret_inn.renamed import renamed_in
from interpret_inn.types.concept_sources import ConceptSource
from interpret_inn.types.members import near_name, near_names, own_names
from interpret_inn.types.sources import Pairs

NEEDED = ("name", "concepts", "samples", "sample_pairs")
"""What a source must have."""
OPTIONAL = (
    "settings",
    "notes",
    "key",
    "ordered",
    "prepare",
    "sample_weights",
    "counterfactual_pairs",
    "illustrations",
)
"""What `ConceptSource` has a default for."""

_NO_MEMBER = "no_author_would_call_a_member_so"
"""An object that has this answers every name."""

MOVED = renamed_in("ConceptSource")
"""Members that sources once had, and what to write in their place."""


def lacks_members(given: object) -> list[str]:
    """Names the needed members that an object does not have."""
    return [member for member in NEEDED if not hasattr(given, member)]


def as_source(given: Any) -> ConceptSource:
    """The object itself if it is a `ConceptSource`, else a source that asks it, with defaults for what it lacks.

    Raises:
        PluginError: needed members are missing, or a member has nearly the name of a source's, or an old name.
    """
    missing = lacks_members(given)
    if missing:
        raise PluginError(
            f"Expected a concept source with {', '.join(NEEDED)}, {missing_text(given, missing)}"
        )
    if not isinstance(given, _Completed):
        refuse_strange_members(given)
    return completed(given)


def missing_text(given: object, missing: Sequence[str]) -> str:
    """What was found instead of a source, to go on after "Expected …,": near names are named, too."""
    found = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
    sentences = [f"found {found} without {', '.join(missing)}."]
    if isinstance(given, type):
        sentences.append("Give an object of the class.")
    meant = {own: near_name(own, missing) for own in sorted(own_names(given, ConceptSource))}
    sentences += [
        f"{own!r} is nearly {near!r}: rename it." for own, near in meant.items() if near is not None
    ]
    return " ".join(sentences)


def is_meant_as_source(given: object) -> bool:
    """Whether an object has a needed member, or a name near to one; `name` alone counts if its own class defines it."""
    own = own_names(given, ConceptSource)
    if isinstance(given, ConceptSource) or any(hasattr(given, member) for member in NEEDED[1:]):
        return True
    return any(name in NEEDED or near_name(name, NEEDED[1:]) is not None for name in own)


def wrong_members(source: ConceptSource) -> Iterator[str]:
    """What is wrong with the types of optional members, a sentence for each; `settings` are not looked at."""
    owner = f"of the concept source {source.name!r}"
    if not are_sentences(source.notes):
        yield f"Expected notes {owner} to be a sequence of sentences, found {source.notes!r:.80}."
    if not isinstance(source.key, str):
        yield f"Expected key {owner} to be a string, found {type(source.key).__name__}."
    if not isinstance(source.ordered, bool):
        yield f"Expected ordered {owner} to be True or False, found {source.ordered!r:.80}."
    for name in ("prepare", "sample_weights", "counterfactual_pairs", "illustrations"):
        if not callable(getattr(source, name)):
            yield f"Expected {name} {owner} to be a method, found {type(getattr(source, name)).__name__}."


def are_sentences(notes: object) -> bool:
    """Whether these are a sequence of texts, and not one text."""
    if isinstance(notes, str) or not isinstance(notes, Sequence):
        return False
    return all(isinstance(note, str) for note in notes)


def completed(given: Any) -> ConceptSource:
    """As `as_source`, for an object that is known to have what is needed."""
    return given if isinstance(given, ConceptSource) else _Completed(given)


def refuse_strange_members(given: Any) -> None:
    """Refuses members that would never be read.

    Raises:
        PluginError: a member has nearly the name of a source's, or an old name; the error says what to write.
    """
    for sentence in strange_members(given):
        raise PluginError(sentence)


def strange_members(given: Any) -> Iterator[str]:
    """All members that `refuse_strange_members` would refuse, a sentence for each."""
    owner = f"the concept source {getattr(given, 'name', type(given).__name__)!r}"
    own = own_names(given, ConceptSource)
    for name, instead in MOVED.items():
        if name in own and _is_old_member(given, name):
            yield f"{name!r} of {owner} is not read any more. Write {instead} instead."
    # names near to the other old ones, such as `size` and `module`, are an author's own
    distinct = {} if "extra_loss" in own else {"extra_loss": MOVED["extra_loss"]}
    yield from near_names(given, ConceptSource, owner=owner, gone=distinct)


def _is_old_member(given: Any, name: str) -> bool:
    """Whether a member is of the old protocol: a function, or for `sizes` also whole numbers by concept."""
    found = getattr(given, name, None)
    if name != "sizes" or not isinstance(found, Mapping):
        return callable(found)
    concepts = {getattr(concept, "name", None) for concept in given.concepts}
    return (
        bool(found) and set(found) <= concepts and all(isinstance(size, Integral) for size in found.values())
    )


def _has(given: Any, name: str) -> bool:
    """Whether an object has an optional member; if its `__getattr__` answers every name, it must be defined."""
    if not hasattr(given, name):
        return False
    if not hasattr(given, _NO_MEMBER):
        return True
    return inspect.getattr_static(given, name, _NO_MEMBER) is not _NO_MEMBER


class _Completed(ConceptSource):
    """A plain object as a concept source. Each access asks the object, as its concepts and notes may change.

    Attributes:
        given: The object.
    """

    def __init__(self, given: Any) -> None:
        self.given = given

    def __getattribute__(self, name: str) -> Any:
        if name in NEEDED or name in OPTIONAL:
            given = object.__getattribute__(self, "given")
            if name in NEEDED or _has(given, name):
                return getattr(given, name)
        return object.__getattribute__(self, name)

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        """Never called: `__getattribute__` gives the object's own member."""
        raise NotImplementedError
