"""Copies of training samples in the test split are reported."""

import numpy as np
import pytest
import torch
from torch import nn

import interpret_inn as inn


def notes(rows, labels):
    interpreter = inn.wrap(
        nn.Sequential(nn.Identity(), nn.Linear(6, 2)).eval(), "1:in", preprocess="identity"
    )
    source = inn.concept_source("labels", data=rows, labels={"a": labels})
    interpreter.fit(source, cache=None, checkpoint=None, steps=2, every=1)
    return " ".join(interpreter.fitted.notes)


def test_copies_are_counted_and_the_way_out_is_named():
    rows = torch.randn(200, 6, generator=torch.Generator().manual_seed(0))
    labels = np.arange(200) % 2
    assert "cannot be told from" not in notes(rows, labels)
    with pytest.warns(inn.InnWarning, match="test samples are copies of training samples"):
        found = notes(torch.cat((rows, rows)), np.concatenate((labels, labels)))
    assert "test samples are copies of training samples" in found and "groups=…" in found
