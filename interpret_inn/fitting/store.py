"""Encodes every sample once and keeps the rows, in memory or on disk, for all later work."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from interpret_inn.backbones import Backbone
from interpret_inn.data import Joined, Part
from interpret_inn.data.digests import digest
from interpret_inn.data.process import ProgressFactory, cache_folder, progress, silent
from interpret_inn.errors import InputError, warn
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.rows import StoredRows, allocated
from interpret_inn.fitting.shards import FORMAT, Damaged, ShardFolder, as_tensor
from interpret_inn.translating.encoding import BatchRunner, reading_size
from interpret_inn.types import Remark, Samples
from interpret_inn.types.numbers import TINY

__all__ = ["CHUNK", "FitData", "Storage", "StoredRows", "encode"]

CHUNK = 1024
"""Samples whose rows are read from the store at once."""
_SAME_ROWS = 0.02
"""Rows that differ by a smaller share of their norm are the same: reduced precision of another device gives as much."""

Storage = Literal["auto"] | str | Path | None
"""Where something is kept on disk: "auto" in the user's cache, or in this folder; None: nowhere."""


def encode(
    backbone: Backbone,
    samples: Samples,
    *,
    batch_size: int | Literal["auto"] = "auto",
    cache: Storage = "auto",
    progress: ProgressFactory | None = progress,
) -> StoredRows:
    """Runs every sample through the backbone once, up to the site, and keeps the rows.

    With a cache, rows that were computed before for the same weights, site, layout, preprocessing and contents
    are used again, and an interrupted run goes on after its last whole file.

    Args:
        backbone: The frozen network and its site.
        samples: What to encode.
        batch_size: Inputs a forward. `"auto"` begins with what a DataLoader asked for, or with 64 (fewer
            of large inputs), and halves it whenever memory runs out.
        cache: `"auto"`: the user's cache folder (`cache_folder`); a folder; or None: memory only.
        progress: Makes a progress bar from a total and a description; None: no bar.

    Raises:
        InputError: representations that are not finite, preprocessing that gives something else every
            time, or a `batch_size` that is no whole number from 1.
        DataError: the samples cannot be read, or change from read to read.
        StoreError: the cache cannot be written to, or memory does not suffice.
        BackboneError: not even one input at a time fits in memory; or as `backbone.represent`.
    """
    if batch_size != "auto" and (
        isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1
    ):
        raise InputError(f'Expected batch_size="auto" or a number from 1, found {batch_size!r}.')
    with backbone.session():
        first = samples.take([0])
        runner = BatchRunner(
            backbone, samples, reading_size(samples, first, batch_size), batch_size == "auto"
        )
        prepared, probe = _probe(backbone, runner, first)
        positions = probe.shape[1] if backbone.layout.name == "positions" else None
        bar = progress or silent
        if cache is None:
            rows = allocated(len(samples), *probe.shape[1:])
            for at, part in _counted(runner, range(len(samples)), bar):
                rows[at : at + len(part)] = part
            return StoredRows(rows, positions=positions)
        folder = _folder(backbone, samples, prepared, probe, cache)
        missing = _missing(folder, probe)
        if missing:
            _fill(folder, missing, runner, bar)
            folder.write_manifest(_about(backbone, samples))
    return StoredRows(folder, positions=positions)


def _probe(backbone: Backbone, runner: BatchRunner, first: Any) -> tuple[Tensor, Tensor]:
    """The first input, prepared, and its rows (1, P, D). Running it also makes the layout known."""
    prepared = backbone.prepare(first)
    if digest(prepared) != digest(backbone.prepare(first)):
        raise InputError(
            "The preprocessing gives something else every time for the same input (random augmentation?). "
            "Pass a preprocessing without random transforms."
        )
    return prepared, runner.first(first)


def _counted(runner: BatchRunner, span: range, factory: ProgressFactory) -> Iterator[tuple[int, Tensor]]:
    """Places and rows of these samples, a batch at a time, with a progress bar."""
    bar = factory(len(span), "encoding")
    try:
        for at, rows in runner.run(span):
            yield at, rows
            bar.update(len(rows))
    finally:
        bar.close()


def _folder(
    backbone: Backbone, samples: Samples, prepared: Tensor, probe: Tensor, cache: str | Path
) -> ShardFolder:
    """The folder for these rows; its name is a digest of everything that they depend on."""
    parts = [
        backbone.fingerprint(),
        str(backbone.address),
        json.dumps(dataclasses.asdict(backbone.layout), sort_keys=True),
        json.dumps(backbone.preprocess.to_dict(), sort_keys=True, default=str),
        digest(prepared).hex(),  # a preprocessing function may have changed under its name
        samples.fingerprint(),
        f"format {FORMAT}",
    ]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    root = cache_folder() if cache == "auto" else Path(cache).expanduser()
    positions, width = probe.shape[1:]
    path = root / "representations" / key
    return ShardFolder.plan(path, count=len(samples), positions=positions, width=width)


def _missing(folder: ShardFolder, probe: Tensor) -> list[int]:
    """The files to compute: missing and damaged ones, or all of them if the model gives other rows now."""
    missing = []
    for shard in range(folder.shards):
        try:
            if not folder.check(shard):
                missing.append(shard)
        except (Damaged, OSError) as error:
            warn(Remark(f"Stored rows are damaged and computed again: {error}."))
            missing.append(shard)
    if 0 not in missing and not _agrees(as_tensor(folder.rows(0)[:1]), probe):
        said = (
            f"Stored rows in {folder.path} are not what the model gives now, though its weights are the same "
            "(its forward has changed?). They are computed again."
        )
        warn(Remark(said))
        return list(range(folder.shards))
    return missing


def _agrees(stored: Tensor, found: Tensor) -> bool:
    """Whether rows are the same up to what another device, batch size or reduced precision changes."""
    return float((stored - found).norm()) <= _SAME_ROWS * float(found.norm()) + TINY


def _fill(folder: ShardFolder, missing: list[int], runner: BatchRunner, factory: ProgressFactory) -> None:
    """Computes and writes files; the samples of neighbouring files are read in one run."""
    folder.require_room(sum(len(folder.span(shard)) for shard in missing))
    runs: list[list[int]] = []
    for shard in missing:
        if runs and runs[-1][-1] == shard - 1:
            runs[-1].append(shard)
        else:
            runs.append([shard])
    buffer = allocated(min(folder.step, folder.count), folder.positions, folder.width)
    for run in runs:
        span = range(folder.span(run[0]).start, folder.span(run[-1]).stop)
        for at, rows in _counted(runner, span, factory):
            _pour(folder, buffer, at, rows)


def _pour(folder: ShardFolder, buffer: Tensor, at: int, rows: Tensor) -> None:
    """Puts rows that begin at sample `at` in the buffer, and writes it whenever it is full."""
    while len(rows):
        shard, place = divmod(at, folder.step)
        size = len(folder.span(shard))
        part = rows[: size - place]
        buffer[place : place + len(part)] = part
        if place + len(part) == size:
            folder.write(shard, buffer[:size])
        at, rows = at + len(part), rows[len(part) :]


def _about(backbone: Backbone, samples: Samples) -> dict[str, Any]:
    return {
        "model": backbone.name,
        "site": str(backbone.address),
        "layout": backbone.layout.name,
        "skipped": len(samples.skipped),
    }


class FitData(NamedTuple):
    """The data of a fit, available until the process ends; none of it is saved.

    Attributes:
        pool: The sources as one.
        stored: Rows of each distinct set of samples, in the order of the pool's rows.
        sizes: Numbers of axes that the caller of the fit gave, by concept.
    """

    pool: Pool
    stored: tuple[StoredRows, ...]
    sizes: Mapping[str, int] = MappingProxyType({})

    def rows(self, indices: Tensor) -> Tensor:
        """Rows of the representation, float (n, P, D), P = 1 without positions; indices int64 (n,)."""
        parts: list[Tensor] = []
        places: list[Tensor] = []
        for entry, stored in zip(self.pool.unique(), self.stored, strict=True):
            mine = torch.nonzero((indices >= entry.offset) & (indices < entry.offset + len(stored))).flatten()
            rows = stored.rows(indices[mine] - entry.offset)
            parts.append(rows[:, None] if rows.ndim == 2 else rows)
            places.append(mine)
        return torch.cat(parts)[torch.cat(places).argsort()]

    def test_inputs(self) -> Samples:
        """The inputs of the test split, those of all sources one after the other, in the groups of the split."""
        parts = [Part(e.source.samples, e.split.test.tolist(), groups=e.groups) for e in self.pool.unique()]
        return parts[0] if len(parts) == 1 else Joined(parts)

    def inputs_at(self, rows: Tensor) -> Samples:
        """The inputs of some rows, int64 (n,), at least one, ascending."""
        parts: list[Samples] = []
        for entry in self.pool.unique():
            mine = rows[(rows >= entry.offset) & (rows < entry.offset + len(entry.source.samples))]
            if len(mine):
                parts.append(Part(entry.source.samples, (mine - entry.offset).tolist(), groups=entry.groups))
        return parts[0] if len(parts) == 1 else Joined(parts)
