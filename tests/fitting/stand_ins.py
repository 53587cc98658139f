"""Stand-ins for a backbone, which counts what it sees, and for samples; and the files of a folder."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


@dataclass
class FakeLayout:
    name: str

    def to_rows(self, z):
        return (z.flatten(0, 1) if self.name == "positions" else z.flatten(1)), None


class FakePreprocess:
    def to_dict(self):
        return {"mean": [0.5]}


class FakeBackbone:
    """Doubles its inputs, and counts how many it saw."""

    name, address = "fake", "layer4"

    def __init__(self, layout="vector", factor=2.0, most=None, dtype=torch.float32):
        self.layout, self.preprocess = FakeLayout(layout), FakePreprocess()
        self.factor, self.most, self.dtype = factor, most, dtype
        self.seen, self.sizes, self.weights = 0, [], "w"
        self.stop_after = None

    def session(self):
        return nullcontext()

    def prepare(self, batch):
        return torch.as_tensor(np.asarray(batch))

    def represent(self, prepared):
        if self.most is not None and len(prepared) > self.most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        self.seen += len(prepared)
        self.sizes.append(len(prepared))
        if self.stop_after is not None and self.seen > self.stop_after:
            raise KeyboardInterrupt
        return prepared.to(self.dtype) * self.factor

    def fingerprint(self):
        return self.weights


class Bare:
    """Samples of a plugin that know only what the protocol asks for."""

    groups = names = None
    skipped = ()

    def __init__(self, values, says=None):
        self.values, self.says = values, says

    def __len__(self):
        return self.says or len(self.values)

    def batches(self, batch_size):
        yield from self.values.split(batch_size)

    def take(self, indices):
        return self.values[indices]

    def fingerprint(self):
        return "bare"


def files(folder):
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())
