"""What a source works out for a set of samples is worked out once."""

import torch

from interpret_inn.data.per_split import PerSplit


def test_each_of_the_last_sets_is_worked_out_once():
    asked = []
    known = PerSplit(lambda among: asked.append(among) or sum(among.tolist()))
    splits = [torch.arange(n) for n in range(1, 5)]
    for _ in range(3):
        assert [known(split) for split in splits] == [0, 1, 3, 6]
    assert len(asked) == 4
    known(torch.arange(9))
    known(splits[0])  # left out for the fifth
    assert len(asked) == 6


def test_the_order_counts_and_a_set_that_its_owner_changes_is_another():
    known = PerSplit(lambda among: among.tolist())
    among = torch.tensor([0, 1])
    assert known(among) == [0, 1]
    assert known(among.flip(0)) == [1, 0]
    among[0] = 7
    assert known(among) == [7, 1]
    assert known(torch.tensor([0, 1])) == [0, 1]
