"""Samples that are image files: all of a folder, or a list of paths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from interpret_inn.data.base import OrderedSamples, Targets
from interpret_inn.data.digests import digest, joined
from interpret_inn.data.image_files import FOREIGN_SUFFIXES, SUFFIXES, decode, is_grey
from interpret_inn.data.process import progress
from interpret_inn.data.tables import Table, match_files, parse_column, read_table
from interpret_inn.errors import DataError

_THREADS = min(8, os.cpu_count() or 1)
"""Threads that read and decode files; Pillow decodes outside Python's lock."""


class FileSamples(OrderedSamples):
    """Image files, each a PIL image: all of them grey (L) if all files are, otherwise RGB.

    All files are read once at the start; see `survey`. Use `from_folder` or `from_list`.

    Args:
        root: Folder that the names are relative to.
        names: Paths of the files, all of them readable.
        digests: Of their contents.
        grey: Whether all of them are grey.
        skipped: Files that were left out, each with the reason.
    """

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        *,
        digests: list[bytes],
        grey: bool,
        skipped: Sequence[str] = (),
    ) -> None:
        super().__init__(len(names), names=names, skipped=skipped)
        self._root, self._paths = root, [root / name for name in names]
        self._digests, self._mode = digests, "L" if grey else "RGB"

    @classmethod
    def from_folder(cls, folder: Path, csv: str | Path | None = None) -> FileSamples:
        """The images in a folder and in the folders in it, in the order of their paths.

        Files that cannot be decoded to the end are left out and named in `skipped`. If the folder holds at least two
        folders with images, these are the labels of the images in them. The columns of a CSV file become labels, too.

        Args:
            folder: The folder; hidden files and folders in it are passed over.
            csv: A CSV file with a heading, one column of which names the images: a path, or a name in the folder.

        Raises:
            DataError: no readable image in the folder, or a CSV file that does not fit.
        """
        files, skipped = _listed(folder)
        targets, notes = _folder_labels(files)
        if csv is not None and files:
            files, targets, missing, note = _table_labels(_found(folder, csv), files, targets)
            skipped += missing
            notes += (note,)
        seen = read_files([folder / name for name in files])
        skipped += [f"{files[at]}: cannot be read ({reason})" for at, reason in seen.broken.items()]
        whole = [at for at in range(len(files)) if at not in seen.broken]
        if not whole:
            reasons = f" Skipped: {'; '.join(skipped[:3])}." if skipped else ""
            raise DataError(f"Expected at least one readable image in {folder}, found none.{reasons}")
        names = [files[at] for at in whole]
        found = cls(folder, names, digests=seen.digests, grey=seen.grey, skipped=skipped)
        found.notes = notes
        found.targets = {name: [column[at] for at in whole] for name, column in targets.items()} or None
        return found

    @classmethod
    def from_list(cls, paths: Sequence[str | Path]) -> FileSamples:
        """Files that the caller has listed, in this order. None may be left out: labels may belong to them.

        Raises:
            DataError: a file cannot be read.
        """
        names = [str(path) for path in paths]
        seen = read_files([Path(name).expanduser() for name in names])
        if seen.broken:
            said = "; ".join(f"{names[at]} ({reason})" for at, reason in list(seen.broken.items())[:5])
            raise DataError(
                f"Expected {len(names)} image files, but {len(seen.broken)} cannot be read: {said}. "
                "Repair them or take them out of the list."
            )
        found = cls(Path(), names, digests=seen.digests, grey=seen.grey)
        found._paths = [path.expanduser() for path in found._paths]
        return found

    def _read(self, indices: Sequence[int]) -> list[Image.Image]:
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            return list(pool.map(self._picture, indices))

    def _picture(self, index: int) -> Image.Image:
        path = self._paths[index]
        try:
            content = path.read_bytes()
            same = digest(content) == self._digests[index]
            picture = decode(content) if same else None
        except Exception as error:
            raise DataError(f"{path} could be read before, but not any more: {_reason(error)}") from error
        if picture is None:
            raise DataError(f"{path} has changed since it was read first. Start again with the new files.")
        return picture.convert(self._mode)

    def _compute_fingerprint(self) -> str:
        return joined(self._digests, f"files {self._mode}")


class FilesRead(NamedTuple):
    """The result of reading all files.

    Attributes:
        digests: Of the contents of whole files, in order.
        grey: Whether all whole files are grey.
        broken: By index, what is wrong with the others.
    """

    digests: list[bytes]
    grey: bool
    broken: dict[int, str]


def read_files(paths: Sequence[Path]) -> FilesRead:
    """Reads and decodes all files once."""

    def examine(path: Path) -> tuple[bytes, bool] | str:
        try:
            content = path.read_bytes()
            return digest(content), is_grey(content)
        except Exception as error:  # Pillow raises many kinds for damaged files
            return _reason(error)

    found = FilesRead([], True, {})
    grey = True
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:
        examined = pool.map(examine, paths)
        for at, result in enumerate(progress(examined, "looking through images", total=len(paths))):
            if isinstance(result, str):
                found.broken[at] = result
            else:
                found.digests.append(result[0])
                grey = grey and result[1]
    return found._replace(grey=grey)


def _listed(folder: Path) -> tuple[list[str], list[str]]:
    """Relative paths of the images, sorted, and why images in other formats are skipped."""
    files: list[str] = []
    foreign: list[str] = []
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        for name in names:
            suffix = Path(name).suffix.lower()
            relative = (Path(root) / name).relative_to(folder).as_posix()
            if name.startswith("."):
                continue
            if suffix in SUFFIXES:
                files.append(relative)
            elif suffix in FOREIGN_SUFFIXES:
                foreign.append(f"{relative}: {suffix} files are not read; convert it to PNG or JPEG")
    return sorted(files), sorted(foreign)


def _folder_labels(files: list[str]) -> tuple[Targets, tuple[str, ...]]:
    """The topmost folder of every image as its label, if there are at least two; and notes."""
    labels = [name.split("/", 1)[0] if "/" in name else None for name in files]
    classes = {label for label in labels if label is not None}
    if len(classes) >= 2:
        return {"label": list(labels)}, ()
    if classes:
        return {}, (f"There is only one folder, {min(classes)!r}, so folders are not taken as labels.",)
    return {}, ()


def _found(folder: Path, csv: str | Path) -> Table:
    """The table, at the path given or in the folder."""
    path = Path(csv)
    return read_table(path if path.is_file() or path.is_absolute() else folder / path)


def _table_labels(
    table: Table, files: list[str], targets: Targets
) -> tuple[list[str], Targets, list[str], str]:
    """Joins the columns of a table to the files: files kept, all labels, reasons of what is left out, and a note."""
    match = match_files(table, files)
    kept = [(at, row) for at, row in enumerate(match.row_of) if row is not None]
    skipped = [f"{files[at]}: not in {table.name}" for at, row in enumerate(match.row_of) if row is None]
    skipped += [f"{name}: in {table.name}, but not in the folder" for name in match.unused]
    joined_targets = {name: [column[at] for at, _ in kept] for name, column in targets.items()}
    for name, cells in table.columns.items():
        if name != match.column:
            joined_targets[name] = parse_column([cells[row] for _, row in kept])
    note = f"The column {match.column!r} of {table.name} names the images; it matches {len(kept)} of them."
    return [files[at] for at, _ in kept], joined_targets, skipped, note


def _reason(error: Exception) -> str:
    """Pillow's message without the name of the object that it read from."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).split(" <_io", 1)[0]
    return "not an image" if text == "cannot identify image file" else text or type(error).__name__
