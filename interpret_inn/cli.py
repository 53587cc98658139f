"""The command `interpret-inn`. Options come from flags, or from a YAML file given with `--config`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import Any

from interpret_inn.errors import InnError, InnWarning
from interpret_inn.translating.settings import FitSettings


def demo(out: Path = Path("interpret-inn-demo"), seed: int = 0) -> None:
    """Train a small classifier of coloured digits, explain it, and write the report.

    Args:
        out: Folder for report.html and report.json.
        seed: Of the colours, the classifier and the fit.
    """
    from interpret_inn.demo import demo as run

    print("Training a small classifier on coloured digits, then explaining it: about a minute.", flush=True)
    run(out, seed=seed)
    print(f"Wrote {out / 'report.html'} and {out / 'report.json'}.")


def sites(model: str, size: int | None = None) -> None:
    """List the places in a model that can be explained.

    Args:
        model: Name of the model, such as timm:resnet50.
        size: Side of the square input that it is tried with; by default as its configuration says.
    """
    import torch

    import interpret_inn as inn

    backbone = inn.wrap(model).backbone
    height, width = (size, size) if size else backbone.preprocess.size or (224, 224)
    example = torch.zeros(1, backbone.preprocess.channels or 3, height, width)
    with backbone.session():
        print(inn.sites(backbone.model, example))


def fit(
    model: str,
    data: Path,
    out: Path,
    site: str | None = None,
    layout: str | None = None,
    source: str = "labels",
    options: dict[str, Any] | None = None,
    sizes: dict[str, int] | None = None,
    settings: FitSettings = FitSettings(),  # noqa: B008 - a frozen record; jsonargparse shows its defaults
    seed: int = 0,
) -> None:
    """Fit an interpreter to a folder of labelled images and save it.

    Args:
        model: Name of the model, such as timm:resnet50.
        data: Folder of images in one subfolder a class; labels may stand in a CSV file (options.csv).
        out: Folder to save the interpreter in.
        site: Where to read; by default the pooled vector before the classifier.
        layout: vector, flat, pooled or positions; by default from the shape.
        source: Name of the concept source.
        options: Its options, such as --options.csv labels.csv.
        sizes: Number of axes by concept; by default estimated.
        settings: Of the fit.
        seed: Of everything that is drawn.
    """
    import dataclasses

    import interpret_inn as inn
    from interpret_inn.saving import require_place

    require_place(out)
    interpreter = inn.wrap(model, site, layout=layout)
    built = inn.concept_source(source, data=data, **(options or {}))
    interpreter.fit(built, seed=seed, sizes=sizes, **dataclasses.asdict(settings))
    interpreter.save(out)
    for line in interpreter.judgement.summaries:
        print(f"{line.name} ({line.size} axes): {line.verdict}")
    print(f"Saved in {out}.")


def report(
    artefact: Path,
    data: Path,
    out: Path = Path("report.html"),
    model: str | None = None,
    examples: int = 16,
    localizer: str | None = "auto",
) -> None:
    """Explain images with a saved interpreter and write the report.

    Args:
        artefact: Folder that `fit` wrote.
        data: Folder of images.
        out: The page; its JSON is written beside it.
        model: Name of the model; by default the one that was fitted.
        examples: Images that are shown one by one.
        localizer: Name of the localizer that shows where factors act; null for none.
    """
    import interpret_inn as inn

    written = inn.load(artefact, model).report(data, examples=examples, localizer=localizer).save(out)
    print(f"Wrote {' and '.join(map(str, written))}.")


def check(artefact: Path, data: Path, model: str | None = None) -> None:
    """Measure round trips and agreement of a saved interpreter; exit with 1 where a check fails.

    Args:
        artefact: Folder that `fit` wrote.
        data: Folder of images.
        model: Name of the model; by default the one that was fitted.
    """
    import interpret_inn as inn
    from interpret_inn.explaining.records import plain

    checks = inn.load(artefact, model).check(data)
    print(dumps(plain(checks) | {"passed": checks.passed}, indent=1))
    if not checks.passed:
        sys.exit(1)


def plugins(json: bool = False) -> None:
    """List the plugins: name, version, state and hooks.

    Args:
        json: Print JSON.
    """
    import interpret_inn as inn

    table = inn.plugins()
    print(dumps(table.to_dict(), indent=1) if json else table)


_COMMANDS: dict[str, Any] = {
    "demo": demo, "sites": sites, "fit": fit, "report": report, "check": check, "plugins": plugins,
}  # fmt: skip
_show_other_warning = warnings.showwarning


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; errors of the library are printed without a traceback."""
    from jsonargparse import ArgumentParser, auto_cli

    class Exact(ArgumentParser):
        """Takes options only as they are spelt; a shortened one may mean another tomorrow."""

        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options | {"allow_abbrev": False})

    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["plugins"]:
        given = ["--json=true" if word == "--json" else word for word in given]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            auto_cli(
                _COMMANDS,
                args=given,
                parser_class=Exact,
                prog="interpret-inn",
                description="Looks inside pretrained vision networks.",
            )
    except InnError as error:
        print(f"interpret-inn: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interpret-inn: stopped. A fit goes on where it was when asked for again.", file=sys.stderr)
        sys.exit(130)


def _show_warning(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
    """Warnings of the library in words; others, which are for programmers, as ever."""
    if issubclass(category, InnWarning):
        print(f"interpret-inn: note: {message}", file=sys.stderr)
    else:
        _show_other_warning(message, category, *place, **options)
