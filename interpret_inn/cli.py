"""The command `interpret-inn`. Options come from flags, or from a YAML file given with `--config`."""

from __future__ import annotations

import re
import shlex
import sys
import time
import warnings
from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from interpret_inn._version import __version__
from interpret_inn.configuration import Command, TextOrNull, fields_of, section
from interpret_inn.errors import LONGEST_SHOWN, ArtefactError, InnError, InnWarning, shown
from interpret_inn.refused_values import PlainPath
from interpret_inn.translating.settings import FitSettings

if TYPE_CHECKING:
    from interpret_inn.interpreter import Interpreter

_PATH = PlainPath(path_type=Path)
_SEED = click.IntRange(0, 2**63 - 1)
_SIDE, _CHANNELS = 224, 3
"""Inputs of models whose configuration does not say their size: those of ImageNet."""
_EVERY = 5.0
"""Seconds between two lines that say how far a long command is."""
_LONGEST = 4000
"""Characters of a message that are printed; the rest would scroll the beginning away."""


class Program(click.Group):
    """All commands take their options in the same way."""

    command_class = Command


@click.group(
    cls=Program,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 110},
)
@click.version_option(__version__, "--version", message="interpret-inn %(version)s")
def program() -> None:
    """Looks inside pretrained vision networks."""


@program.command()
@click.option(
    "--out", type=_PATH, default="interpret-inn-demo", help="Folder for report.html and report.json."
)
@click.option("--seed", type=_SEED, default=0, help="Of the colours, the classifier and the fit.")
def demo(out: Path, seed: int) -> None:
    """Train a small classifier of coloured digits, explain it, and write the report."""
    from interpret_inn.demo import demo as run

    print("Training a small classifier on coloured digits, then explaining it: about a minute.", flush=True)
    run(out, seed=seed)
    print(f"Wrote {out / 'report.html'} and {out / 'report.json'}.")


@program.command()
@click.argument("model", metavar="model")
@click.option(
    "--size",
    type=click.IntRange(1),
    help="Side of the square input; by default as the model's configuration says.",
)
def sites(model: str, size: int | None) -> None:
    """List the places in a model, named as in timm:resnet50, that can be explained."""
    import torch

    import interpret_inn as inn

    backbone = inn.wrap(model).backbone
    height, width = (size, size) if size else backbone.preprocess.size or (_SIDE, _SIDE)
    example = torch.zeros(1, backbone.preprocess.channels or _CHANNELS, height, width)
    with backbone.session():
        print(inn.sites(backbone.model, example))


@program.command()
@click.argument("model", metavar="model")
@click.argument("data", metavar="data", type=_PATH)
@click.argument("out", metavar="out", type=_PATH)
@click.option(
    "--site", type=TextOrNull(), help="Where to read; by default the pooled vector before the classifier."
)
@click.option(
    "--layout", type=TextOrNull(), help="vector, flat, pooled or positions; by default from the shape."
)
@section(
    "preprocess",
    "Fields of inn.Preprocess that differ from the model's own, as in --preprocess.mean '[0.5, 0.5, 0.5]' "
    "--preprocess.std '[0.5, 0.5, 0.5]' --preprocess.size '[224, 224]'.",
)
@click.option("--source", default="labels", help="Name of the concept source.")
@section("options", "Options of the concept source; single ones as in --options.csv labels.csv.")
@section("sizes", "Number of axes by concept, as in --sizes.digit 3; by default estimated.", values=int)
@fields_of(FitSettings, "settings")
@click.option("--seed", type=_SEED, default=0, help="Of everything that is drawn.")
def fit(
    model: str,
    data: Path,
    out: Path,
    site: str | None,
    layout: str | None,
    preprocess: dict[str, Any],
    source: str,
    options: dict[str, Any],
    sizes: dict[str, int],
    seed: int,
    **settings: Any,
) -> None:
    """Fit an interpreter to a folder of labelled images and save it.

    The model is a name such as timm:resnet50 (weights that are on this machine; timm:resnet50?download fetches
    them). A module of your own needs Python: inn.wrap. The data are a folder of images in one subfolder a class, or
    with their labels in a CSV file (--options.csv). The interpreter is saved in the folder `out`.
    """
    import interpret_inn as inn
    from interpret_inn.explaining.verdicts import verdict_text
    from interpret_inn.saving import require_place

    taken = sorted({"data", "name"} & set(options))
    if taken:
        raise click.UsageError(
            f"Expected options of the concept source, found {taken[0]!r}: give data and --source."
        )
    chosen = {name.removeprefix("settings__"): value for name, value in settings.items()}
    FitSettings(**chosen)  # refuses values out of range before anything is loaded
    require_place(out)
    interpreter = inn.wrap(model, site, layout=layout, preprocess=preprocess or None)
    built = inn.concept_source(source, data=data, **options)
    interpreter.fit(built, seed=seed, sizes=sizes or None, **chosen)
    interpreter.save(out)
    for line in interpreter.evaluation.summaries:
        axes = "axis" if line.size == 1 else "axes"
        print(f"{line.name} ({line.size} {axes}): {verdict_text(line.name, interpreter.evaluation.verdicts)}")
    print(f"Saved in {out}.")


@program.command()
@click.argument("artefact", metavar="artefact", type=_PATH)
@click.argument("data", metavar="data", type=_PATH)
@click.option("--out", type=_PATH, default="report.html", help="The page; its JSON is written beside it.")
@click.option("--model", help="Name of the model that was fitted; always needed.")
@click.option("--examples", type=int, default=16, help="Images that are shown one by one.")
@click.option(
    "--localizer",
    type=TextOrNull(),
    default="auto",
    help="Name of what shows where factors act; null for none.",
)
def report(
    artefact: Path, data: Path, out: Path, model: str | None, examples: int, localizer: str | None
) -> None:
    """Explain a folder of images with an interpreter that `fit` saved, and write the report."""
    written = _loaded(artefact, model).report(data, examples=examples, localizer=localizer).save(out)
    print(f"Wrote {' and '.join(map(str, written))}.")


@program.command()
@click.argument("artefact", metavar="artefact", type=_PATH)
@click.argument("data", metavar="data", type=_PATH)
@click.option("--model", help="Name of the model that was fitted; always needed.")
def check(artefact: Path, data: Path, model: str | None) -> None:
    """Measure round trips and agreement of a saved interpreter on all images; exit with 1 if a check fails."""
    from interpret_inn.data import samples
    from interpret_inn.explaining.records import plain

    interpreter = _loaded(artefact, model)
    images = samples(data)
    checks = interpreter.check(images, progress=_Progress(len(images)))
    print(dumps(plain(checks) | {"passed": checks.passed}, indent=1))
    if not checks.passed:
        sys.exit(1)


@program.command()
@click.option("--json", is_flag=True, help="Print JSON.")
def plugins(json: bool) -> None:
    """List the plugins: name, version, state and hooks."""
    import interpret_inn as inn

    table = inn.plugins()
    print(dumps(table.to_dict(), indent=1) if json else table)


class _Progress:
    """Says on stderr, every few seconds, how many images are done; of a short run it says nothing."""

    def __init__(self, total: int) -> None:
        self.total, self.said = total, time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self.said >= _EVERY:
            self.said = now
            print(f"interpret-inn: {done:,} of {self.total:,} images checked", file=sys.stderr, flush=True)


def _loaded(artefact: Path, model: str | None) -> Interpreter:
    """The saved interpreter with the model that the user names; the name in the folder is only shown."""
    import interpret_inn as inn
    from interpret_inn.saving import read_artefact

    if model is None:
        raise ArtefactError(_asked_for_model(artefact, read_artefact(artefact).about["model"]["name"]))
    return inn.load(artefact, model)


def _asked_for_model(artefact: Path, name: str) -> str:
    """What to type; a name that a shell might act on is shown, but not as something to paste."""
    plain = (
        len(name) <= LONGEST_SHOWN
        and re.fullmatch(r"[\w.:/@?=-]+", name, re.ASCII)
        and not name.startswith("-")
    )
    network = " Its ?download uses the network." if "?download" in name else ""
    return (
        f"Expected --model, found none. The interpreter at {artefact} says that it was fitted for "
        f"{shlex.quote(ascii(name[:LONGEST_SHOWN])[1:-1])}. "
        + (
            "Check that name, and type it after --model."
            if plain
            else "Type the name of your model after --model."
        )
        + network
    )


_show_other_warning = warnings.showwarning


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; errors of the library are printed without a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            with program.make_context("interpret-inn", given) as context:
                program.invoke(context)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        vars(error)["message"] = shown(error.message, _LONGEST)  # final for type checkers
        error.show()
        sys.exit(error.exit_code)
    except InnError as error:
        print(f"interpret-inn: {shown(error, _LONGEST)}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interpret-inn: stopped. The same command goes on with a fit where it was.", file=sys.stderr)
        sys.exit(130)


def _show_warning(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
    """Prints warnings of the library as notes; others, which are for programmers, in Python's own form."""
    if issubclass(category, InnWarning):
        print(f"interpret-inn: note: {shown(message, _LONGEST)}", file=sys.stderr)
    else:
        _show_other_warning(message, category, *place, **options)
