"""Misspelt members: of a base class, where they would never be called, and of a record that plugins use."""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from interpret_inn.errors import InputError, PluginError, RenamedError, suggest
from interpret_inn.renamed import renamed_in
from interpret_inn.renamed import sentence as sentence_on

_Class = TypeVar("_Class", bound=type)

NEAR = 0.84
"""Similarity (`difflib`, 0 to 1) from which a name may be a member misspelt: one wrong letter in six, or a letter too
many or too few in five, is above it; `seating` and `settings` (0.8) are below."""
_SHORT = 5
"""Members of fewer letters have innocent neighbours (`name`, `names`; `key`, `keys`): only a swap is a misspelling."""
_LONG = 7
"""In members of so many letters one wrong letter inside is a misspelling, and hardly another word: `settimgs`."""
_ENDINGS = ("d", "r", "ed", "er", "by")
"""A member with one of these is another word: `prepared`, `preparer`, `ordered_by`."""
_NO_VOWELS = str.maketrans("", "", "aeiou")
_FOREIGN = frozenset({*sys.stdlib_module_names, "torch", "numpy"})
"""Packages whose classes are mixed in and whose members are not the author's."""


def refuse_unknown_options(call: str, function: Callable[..., Any], options: Iterable[str]) -> None:
    """Refuses an option that a function does not take, and names the nearest one that it does.

    Args:
        call: The function as users write it.
        function: The function; one that takes any option is not looked at.
        options: Names that were given.

    Raises:
        InputError: the function takes no such option.

    >>> refuse_unknown_options("traverse", lambda inputs, steps=9: None, ["step"])
    Traceback (most recent call last):
    interpret_inn.errors.InputError: traverse takes no option 'step'. Did you mean 'steps'?
    """
    parameters = inspect.signature(function).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return
    for option in options:
        if option not in parameters:
            known = [name for name in parameters if name != "self"]
            raise InputError(f"{call} takes no option {option!r}. {suggest(option, known, limit=len(known))}")


def with_named_options(cls: _Class) -> _Class:
    """Decorates a class whose public methods refuse unknown options as `refuse_unknown_options` does."""
    for name, method in list(vars(cls).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(cls, name, _refusing(name, method))
    return cls


def _refusing(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*arguments: Any, **options: Any) -> Any:
        refuse_unknown_options(name, method, options)
        return method(*arguments, **options)

    return call


def refuse_near_names(obj: Any, base: type, *, owner: str, gone: Mapping[str, str] | None = None) -> None:
    """Refuses a public attribute whose name is nearly the name of a member of `base`.

    A member of `base` is optional, so a misspelt one is not missed: `setings` would be kept and never read. Other
    names are the author's own, and so is a near name beside the member itself (`sample_pair`, which draws one, in
    the class that defines `sample_pairs`). What `base` defines, what comes from `torch.nn.Module` or the standard
    library, and names that begin with an underscore are not looked at.

    Args:
        obj: An instance of `base`, or any object that has its members; a class is looked at without its instances.
        base: The class whose public names are the members.
        owner: Whose it is, as the error calls it: "the concept source 'brightness' of the plugin mine".
        gone: Names that `base` had in earlier versions, and what to write instead. They are refused, and
            so are names near to them.

    Raises:
        PluginError: a name is near to a member, or gone.

    Example:
        >>> class Base:
        ...     notes = ()
        >>> class Mine(Base):
        ...     note = ("Photographs of one day.",)
        >>> refuse_near_names(Mine(), Base, owner="the source 'mine'")
        Traceback (most recent call last):
        interpret_inn.errors.PluginError: 'note' of the source 'mine' is nearly 'notes', and nothing would read it. \
Rename it to 'notes', or choose a name that is not so near, such as '_note'.
    """
    for sentence in near_names(obj, base, owner=owner, gone=gone):
        raise PluginError(sentence)


def near_names(obj: Any, base: type, *, owner: str, gone: Mapping[str, str] | None = None) -> Iterator[str]:
    """All that `refuse_near_names` would refuse, a sentence for each name; arguments as there."""
    gone = gone or {}
    members = public_members(base)
    foreign = _foreign_names(obj, base)
    levels = list(_own_levels(obj, base))
    for depth, names in enumerate(levels):
        # a member that an instance or a derived class defines stands beside the names of the classes above it
        beside = set().union(*(levels if depth == 0 else levels[: depth + 1]))
        for name in sorted(names - members - foreign):
            old = name if name in gone else near_name(name, gone)
            near = near_name(name, members - beside)
            if old is not None:
                which = f"{name!r}" if old == name else f"{name!r}, which is nearly {old!r},"
                yield f"{which} of {owner} is not read any more. Write {gone[old]} instead."
            elif near is not None:
                yield (
                    f"{name!r} of {owner} is nearly {near!r}, and nothing would read it. Rename it to {near!r}, or "
                    f"choose a name that is not so near, such as '_{name}'."
                )


def own_names(obj: Any, base: type) -> frozenset[str]:
    """Public names that the author gave: what the instance and its own classes define, and no foreign base does."""
    return frozenset(set().union(*_own_levels(obj, base)) - _foreign_names(obj, base))


def public_members(base: type) -> frozenset[str]:
    """The public names that a class and its bases define, those that are only annotated too."""
    names: set[str] = set()
    for cls in base.__mro__:
        if not _is_foreign(cls):
            names |= {*vars(cls), *_annotated(cls)}
    return frozenset(name for name in names if not name.startswith("_"))


def names_nearest(cls: _Class) -> _Class:
    """Decorates a record that authors of plugins read or build: errors name the member that is nearest.

    Reading an unknown member raises AttributeError, as ever, and RenamedError if the name is an old one. An unknown
    keyword of the constructor raises PluginError.

    Example:
        >>> @names_nearest
        ... class Disc:
        ...     def __init__(self, radius=0):
        ...         self.radius = radius
        >>> Disc(radios=1)
        Traceback (most recent call last):
        interpret_inn.errors.PluginError: Disc takes no 'radios'. Did you mean 'radius'?
    """
    start = cls.__init__  # type: ignore[misc]  # of this class, and of no other
    taken, old = [*inspect.signature(start).parameters][1:], renamed_in(cls.__name__)

    @functools.wraps(start)
    def checked(self: Any, *given: Any, **named: Any) -> None:
        for name in named:
            if name not in taken:
                raise PluginError(f"{cls.__name__} takes no {name!r}. {suggest(name, taken)}")
        start(self, *given, **named)

    def missing(self: Any, name: str) -> Any:
        if name in old:
            raise RenamedError(sentence_on(cls.__name__, name))
        members = sorted(public_members(type(self)))
        raise AttributeError(f"{type(self).__name__} has no {name!r}. {suggest(name, members)}")

    cls.__init__ = checked  # type: ignore[misc]
    cls.__getattr__ = missing  # type: ignore[attr-defined]  # hidden from type checkers, which refuse unknown names
    return cls


def near_name(name: str, members: Iterable[str]) -> str | None:
    """The member that a name is a misspelling of, or None.

    Letters' case and underscores do not count. Two neighbouring letters that are swapped are a misspelling of any
    member. Members of five letters and more are also misspelt by a name of the same first letter that adds, drops or
    mistakes a few letters, but takes no consonant for another: that makes a word of its own, as `nodes` beside `notes`
    and `sampler` beside `samples`. Inside a name of seven letters and more, it is one wrong letter all the same.

    >>> near_name("setings", ["settings", "notes"])
    'settings'
    >>> near_name("names", ["name", "samples"]) is None
    True
    >>> near_name("prepared", ["prepare"]) is None
    True
    """
    plain = _plain(name)
    by_plain = {_plain(member): member for member in sorted(members)}
    for each, member in by_plain.items():
        if plain == each or _is_swap(plain, each):
            return member
    near = difflib.get_close_matches(plain, [one for one in by_plain if _alike(plain, one)], n=1, cutoff=NEAR)
    return by_plain[near[0]] if near else None


def _own_levels(obj: Any, base: type) -> Iterator[set[str]]:
    """Public names of the instance, then of each of its own classes."""
    of_instance = {} if isinstance(obj, type) else getattr(obj, "__dict__", {})
    yield _public(
        of_instance if isinstance(of_instance, dict) else ()
    )  # `__getattr__` may answer with anything
    for cls in _classes(obj):
        if cls not in base.__mro__ and not _is_foreign(cls):
            yield _public({*vars(cls), *_annotated(cls), *getattr(cls, "__dataclass_fields__", ())})


def _foreign_names(obj: Any, base: type) -> set[str]:
    """Public names that classes of torch, NumPy or the standard library define or set in their instances."""
    names: set[str] = set()
    for cls in _classes(obj):
        if cls not in base.__mro__ and _is_foreign(cls):
            names |= _public({*vars(cls), *_annotated(cls)})
    return names


def _classes(obj: Any) -> tuple[type, ...]:
    return obj.__mro__ if isinstance(obj, type) else type(obj).__mro__


def _is_foreign(cls: type) -> bool:
    """Whether torch, NumPy or the standard library defines a class.

    Its module alone does not say so: a class that an author makes by `type(…)` or `types.new_class` has the module
    `abc` or `types`, where that call ends.
    """
    if cls.__module__.partition(".")[0] not in _FOREIGN:
        return False
    if cls.__module__ == "builtins" or "<locals>" in cls.__qualname__:  # these cannot be looked up
        return True
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is cls


def _annotated(cls: type) -> Iterable[str]:
    """Names that a class annotates itself; none if Python (from 3.14 on) cannot evaluate the annotations."""
    try:
        return inspect.get_annotations(cls)
    except Exception:
        return ()


def _public(names: Iterable[str]) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _alike(plain: str, member: str) -> bool:
    """Whether a name may be a misspelling of a member that it is similar to; see `near_name`."""
    if len(member) < _SHORT or plain[:1] != member[:1] or plain.removeprefix(member) in _ENDINGS:
        return False
    inside = len(member) >= _LONG and len(plain) == len(member) and plain[-1] == member[-1]
    if inside and sum(a != b for a, b in zip(plain, member, strict=True)) == 1:
        return True
    one, other = plain.translate(_NO_VOWELS), member.translate(_NO_VOWELS)
    return _is_within(one, other) or _is_within(other, one)


def _is_within(short: str, long: str) -> bool:
    """Whether all letters of one stand in the other in the same order."""
    left = iter(long)
    return all(letter in left for letter in short)


def _is_swap(one: str, other: str) -> bool:
    if len(one) != len(other):
        return False
    apart = [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(apart) != 2 or apart[1] != apart[0] + 1:
        return False
    first, second = apart
    return one[first] == other[second] and one[second] == other[first]
