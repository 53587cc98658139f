"""Options of the command line as plain data: text, numbers, booleans, null, lists and mappings.

Nothing here imports, builds or opens what a value names. Only `--config` opens a file, and no value in that file
opens another one. The command itself reads and writes at the paths that a file names; it uses the network only for a
flag or argument that was typed.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from interpret_inn.errors import suggest
from interpret_inn.refused_values import UNUSABLE, refuse_download

_CORE = "tag:yaml.org,2002:"
_KEPT = ("str", "null", "bool", "int", "float", "seq", "map")
_WORDS: dict[type, str] = {int: "a whole number"}
_NULLS = ("null", "Null", "NULL", "~")
_QUOTES = ("'", '"')
_DEEPEST = 20
"""Names with dots between them in one flag; a mapping of thousands of levels would exceed Python's recursion."""
Function = TypeVar("Function", bound=Callable[..., Any])


class PlainLoader(yaml.SafeLoader):
    """YAML as plain data: the core schema of YAML 1.2, where `no` is text and 012 is no octal number.

    Tags that stand for other objects, aliases and repeated keys are refused.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's name for a table of the class
    yaml_constructors = {_CORE + name: yaml.SafeLoader.yaml_constructors[_CORE + name] for name in _KEPT}  # noqa: RUF012

    def refuse(self, what: str, place: Any) -> Any:
        """Raises, with the line and the column of a node or an event."""
        raise yaml.MarkedYAMLError(problem=f"found {what}", problem_mark=place.start_mark)

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuses aliases, which may stand for a structure of any size, or for the one that they lie in."""
        if self.check_event(yaml.AliasEvent):
            self.refuse("an alias; write the value itself", self.peek_event())  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)

    def construct_scalar(self, node: Any) -> Any:
        """Refuses text that cannot be printed and written."""
        value = super().construct_scalar(node)
        if isinstance(value, str) and UNUSABLE.search(value):
            self.refuse(f"text that cannot be used, {value[:80]!a}", node)
        return value

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuses a mapping with two equal keys, of which the second would win."""
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            self.refuse("a key twice in this mapping", node)
        return mapping


class TextLoader(PlainLoader):
    """The same, with each scalar as its text: the site 4.10 is not the number 4.1."""

    yaml_implicit_resolvers = {}  # noqa: RUF012


def _refuse_tag(loader: PlainLoader, node: yaml.Node) -> Any:
    loader.refuse(f"the tag {node.tag.replace(_CORE, '!!', 1)!r}, which is not plain data", node)


PlainLoader.add_constructor(None, _refuse_tag)
for _name, _pattern in {
    "null": "~|null|Null|NULL|",
    "bool": "true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?(?:0|[1-9][0-9]*)",
    "float": r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
}.items():
    PlainLoader.add_implicit_resolver(_CORE + _name, re.compile(f"^(?:{_pattern})$"), None)


def load_plain(text: str, loader: type[PlainLoader] = PlainLoader) -> Any:
    """Plain data from YAML.

    Raises:
        click.UsageError: the text is not YAML, or holds what is not plain data.
    """
    try:
        return yaml.load(text, loader)  # noqa: S506 - both loaders make plain data only
    except (yaml.YAMLError, ValueError, LookupError, RecursionError) as error:
        said = str(error)
        if isinstance(error, yaml.MarkedYAMLError):
            mark = error.problem_mark or error.context_mark
            said = f"{error.problem}{f' in line {mark.line + 1}' if mark else ''}"
        raise click.UsageError(f"expected plain YAML, but: {said}.") from error


def plain_value(text: str) -> Any:
    """The value of a flag's text: as YAML reads it, or the text itself if it is no YAML.

    >>> plain_value("3"), plain_value("[1, a]"), plain_value("#1 of it: x"), plain_value("null")
    (3, [1, 'a'], '#1 of it: x', None)
    """
    try:
        value = load_plain(text)
    except click.UsageError:
        return text
    if isinstance(value, str):
        return value if text.startswith(_QUOTES) else text
    return text if value is None and text.strip() not in _NULLS else value


class Section(click.ParamType):  # type: ignore[type-arg]  # older versions of click take no argument here
    """A mapping whose keys are not known beforehand, such as the options of a concept source.

    Attributes:
        values: The type of all values; None: any plain data.
    """

    name = "mapping"

    def __init__(self, values: type | None = None) -> None:
        self.values = values

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """The mapping, from the YAML of a flag or from what a file holds."""
        found = plain_value(value) if isinstance(value, str) else value
        if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
            self.fail(f"expected a mapping such as '{{name: value}}', found {value!r}.", param, ctx)
        return found

    def check(self, found: dict[str, Any], param: click.Parameter, ctx: click.Context) -> None:
        """Refuses values of another type."""
        for key, value in found.items():
            if self.values is not None and type(value) is not self.values:
                self.fail(f"expected {_WORDS[self.values]} for {key!r}, found {value!r}.", param, ctx)


class TextOrNull(click.ParamType):  # type: ignore[type-arg]
    """Text, or None if it is `null`."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | None:  # noqa: ARG002
        """Reads the word null."""
        return None if value in _NULLS else value


class Command(click.Command):
    """A command that takes its options from flags and from the YAML files of `--config`; flags win."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        kind = click.Path(exists=True, dir_okay=False, path_type=Path)
        self.params.append(
            click.Option(
                ["--config"], type=kind, multiple=True, is_eager=True, expose_value=False, callback=_read_files,
                metavar="FILE", help="YAML file with these options, as plain data; flags win over it.",
            )
        )  # fmt: skip

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Takes out `--options.NAME VALUE`, which click does not know; the callback of `section` reads it later."""
        free = {param.name for param in self.params if isinstance(param.type, Section)}
        rest, words = [], iter(args)
        for word in words:
            name, dot, path = word.removeprefix("--").partition(".")
            if word == "--":
                rest += [word, *words]
            elif not (word.startswith("--") and dot and name in free):
                rest.append(word)
            else:
                key, given, value = path.partition("=")
                text = value if given else next(words, None)
                if text is None:
                    raise click.BadOptionUsage(word, f"Option '{word}' requires an argument.", ctx)
                keys = key.split(".")
                if len(keys) > _DEEPEST:
                    said = f"Expected at most {_DEEPEST} names with dots between them, found {len(keys)} in "
                    raise click.BadOptionUsage(word, f"{said}'{word[:40]}…'.", ctx)
                ctx.meta.setdefault(_dotted(name), []).append((keys, plain_value(text)))
        return super().parse_args(ctx, rest)


def section(name: str, help: str, values: type | None = None) -> Callable[[Function], Function]:
    """An option `--NAME` for a mapping, of which single values may also be given as `--NAME.KEY`."""
    kind = Section(values)
    return click.option(
        f"--{name}", type=kind, multiple=True, callback=_together, metavar="MAPPING", help=help
    )


def fields_of(record: type, name: str) -> Callable[[Function], Function]:
    """An option `--NAME.FIELD` for each field of a dataclass, with its default and the words of its docstring.

    The function gets them as `NAME__FIELD`.
    """
    text = inspect.getdoc(record) or ""
    words = dict(re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", text, re.MULTILINE))

    def add(function: Function) -> Function:
        for field, default in ((one, one.default) for one in reversed(dataclasses.fields(record))):
            option = click.option(
                f"--{name}.{field.name}", f"{name}__{field.name}", default=default,
                type=int if default is None else type(default), show_default=default is not None or "automatic",
                help=" ".join(words.get(field.name, "").split()),
            )  # fmt: skip
            function = option(function)
        return function

    return add


def _dotted(name: str) -> str:
    return f"{__name__}.{name}"


def _together(
    ctx: click.Context, param: click.Parameter, given: tuple[dict[str, Any], ...]
) -> dict[str, Any]:
    """One mapping of what files say, `--NAME` and `--NAME.KEY`; later ones win."""
    kind, name = param.type, str(param.name)
    found: dict[str, Any] = {}
    for mapping in (*(ctx.default_map or {}).get(name, ()), *given):
        found |= mapping
    for path, value in ctx.meta.get(_dotted(name), ()):
        inner = found
        for key in path[:-1]:
            inner[key] = dict(inner[key]) if isinstance(inner.get(key), dict) else {}
            inner = inner[key]
        inner[path[-1]] = value
    if isinstance(kind, Section):
        kind.check(found, param, ctx)
    return found


def _read_files(ctx: click.Context, param: click.Parameter, files: tuple[Path, ...]) -> None:
    """Makes the options in files the defaults of the command."""
    for file in files:
        try:
            text = file.read_text("utf-8-sig")
            both = (load_plain(text), load_plain(text, TextLoader))
            refuse_download(both[1])
            for where, plain, written in _items(ctx.command, *both):
                _set_default(ctx, *where, plain, written)
        except (OSError, ValueError, click.UsageError) as error:
            said = error.format_message() if isinstance(error, click.UsageError) else str(error)
            raise click.BadParameter(f"{file}: {said}", ctx, param) from error


def _items(
    command: click.Command, plain: Any, written: Any
) -> Iterator[tuple[tuple[str, click.Parameter], Any, Any]]:
    """Everything that a file says: the option's name, the option, and the value as data and as written."""
    known = {_place(param): param for param in command.params if param.name != "config"}
    heads = {place.partition(".")[0] for place in known if "." in place}
    if not isinstance(plain, dict):
        raise click.UsageError(f"expected a mapping of options, found {plain!r:.80}.")
    for (key, text), value in zip(written.items(), plain.values(), strict=True):
        inside = {str(key): (value, text)}
        if key in heads:
            if not isinstance(value, dict):
                raise click.UsageError(f"expected a mapping for {key}, found {value!r:.80}.")
            both = zip(value.values(), text.values(), strict=True)
            inside = {f"{key}.{name}": items for name, items in zip(text, both, strict=True)}
        for place, (item, as_written) in inside.items():
            if place not in known:
                near = (
                    {name for name in known if name.startswith(f"{key}.")}
                    if key in heads
                    else {*known, *heads}
                )
                raise click.UsageError(
                    f"expected options of `{command.name}`, found {place!r}. {suggest(place, sorted(near))}"
                )
            yield (place, known[place]), item, as_written


def _place(param: click.Parameter) -> str:
    """How an option is called in a file: `settings.steps`."""
    return param.opts[0].removeprefix("--")


def _set_default(ctx: click.Context, place: str, param: click.Parameter, plain: Any, written: Any) -> None:
    """One value of a file as a default of the command, which click then reads as it reads a flag."""
    defaults = ctx.default_map = dict(ctx.default_map or {})
    name = str(param.name)
    if isinstance(param.type, Section):
        if plain is not None:
            defaults[name] = (*defaults.get(name, ()), param.type.convert(plain, param, ctx))
    elif isinstance(plain, (dict, list)):
        raise click.UsageError(f"expected {param.type.name} for {place}, found {plain!r:.80}.")
    elif plain is not None or isinstance(param.type, TextOrNull):
        defaults[name] = "null" if plain is None else str(written)
